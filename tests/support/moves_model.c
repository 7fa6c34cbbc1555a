/* The draw, and what is known. */
#include "tests/support/moves_model.h"

#include <string.h>

enum { N_CHANGES = 24 };

unsigned moves_model_below(struct moves_model *model, unsigned n)
{
    model->rng ^= model->rng << 13;
    model->rng ^= model->rng >> 7;
    model->rng ^= model->rng << 17;
    return (unsigned)(model->rng >> 33) % n;
}

static bool chance(struct moves_model *model, unsigned one_in)
{
    return moves_model_below(model, one_in) == 0;
}

/* ---- the source ---- */

struct source {
    struct moves_model *model;
    struct moves_record records[MOVES_MAX_RECORDS]; /* in the source's order */
    size_t n;
    int value[MOVES_MAX_KEYS + 1][MOVES_COLUMNS]; /* [key][0] = 0: no such row */
};

static struct moves_record *record_add(struct source *source, enum moves_op op, int key)
{
    struct moves_model *model = source->model;
    struct moves_record *record = &source->records[source->n++];
    unsigned home = (unsigned)key * 7 % model->shape.n_partitions;
    *record = (struct moves_record){.op = op, .key = key, .change = model->n_changes};
    record->partition =
        model->shape.scattered ? moves_model_below(model, model->shape.n_partitions) : home;
    return record;
}

static int key_draw(struct source *source, bool live)
{
    int first = (int)moves_model_below(source->model, MOVES_MAX_KEYS);
    for (int i = 0; i < MOVES_MAX_KEYS; i++) {
        int key = 1 + (first + i) % MOVES_MAX_KEYS;
        if ((source->value[key][0] != 0) == live)
            return key;
    }
    return 0;
}

/* The row as it is now under `key`; what did not change may be unavailable. */
static void put_add(struct source *source, int key, int old_key, const bool *changed)
{
    struct moves_model *model = source->model;
    bool whole = model->shape.scattered && model->shape.lag; /* a guard orders rows, not columns */
    struct moves_record *record = record_add(source, MOVES_PUT, key);
    record->other = old_key;
    for (int c = 0; c < MOVES_COLUMNS; c++) {
        record->value[c] = source->value[key][c];
        record->masked[c] = !changed[c] && !chance(model, 3) && (old_key != 0 || !whole);
    }
    record->skipped = old_key != 0 && model->skips && chance(model, 6);
}

static void change_some(struct source *source, int key, bool *changed)
{
    for (int c = 0; c < MOVES_COLUMNS; c++) {
        changed[c] = source->value[key][c] == 0 || chance(source->model, 3);
        if (changed[c])
            source->value[key][c] = ++source->model->n_values;
    }
}

static void delete_add(struct source *source, int key, int new_key)
{
    struct moves_record *record = record_add(source, MOVES_DELETE, key);
    record->other = new_key;
    if (!source->model->shape.guard) { /* with one a tombstone is none of the rows' */
        struct moves_record *tombstone = &source->records[source->n++];
        *tombstone = *record;
        tombstone->other = 0;
        tombstone->tombstone = true;
    }
}

static void row_move(struct source *source, int from, int to)
{
    bool changed[MOVES_COLUMNS];
    memcpy(source->value[to], source->value[from], sizeof source->value[to]);
    memset(source->value[from], 0, sizeof source->value[from]);
    change_some(source, to, changed);
    delete_add(source, from, to);
    put_add(source, to, from, changed);
}

/* Two rows change places by a key that is free; each step is a change of its own. */
static void rows_swap(struct source *source, int a, int b, int by)
{
    row_move(source, a, by);
    source->model->n_changes++;
    row_move(source, b, a);
    source->model->n_changes++;
    row_move(source, by, b);
}

static void change_draw(struct source *source)
{
    struct moves_model *model = source->model;
    int live = key_draw(source, true);
    int other = key_draw(source, true);
    int free = key_draw(source, false);
    unsigned kind = moves_model_below(model, 20);
    bool changed[MOVES_COLUMNS];
    model->n_changes++;
    if (live == 0 || (kind < 4 && free != 0)) {
        change_some(source, free, changed);
        put_add(source, free, 0, changed);
    } else if (kind < 9) {
        change_some(source, live, changed);
        put_add(source, live, 0, changed);
    } else if (kind < 17 && free != 0) {
        if (kind == 16 && other != live)
            rows_swap(source, live, other, free);
        else
            row_move(source, live, free);
    } else if (kind == 19 && chance(model, 3) &&
               (model->shape.n_partitions == 1 || (model->shape.guard && !model->skips))) {
        /* O-11: a fold does not see the floor of a truncate that was loaded before */
        memset(source->value, 0, sizeof source->value);
        record_add(source, MOVES_TRUNCATE, 0);
    } else {
        memset(source->value[live], 0, sizeof source->value[live]);
        delete_add(source, live, 0);
    }
}

/* Each partition in its own order, and these in the source's or in any. */
static void records_mix(struct source *source)
{
    struct moves_model *model = source->model;
    size_t next[8] = {0};
    unsigned partition = 0;
    while (model->n_records < source->n) {
        if (!model->shape.lag) {
            model->records[model->n_records] = source->records[model->n_records];
            model->n_records++;
            continue;
        }
        if (chance(model, 3))
            partition = moves_model_below(model, model->shape.n_partitions);
        size_t *at = &next[partition];
        while (*at < source->n && source->records[*at].partition != partition)
            (*at)++;
        if (*at < source->n)
            model->records[model->n_records++] = source->records[(*at)++];
        else
            partition = moves_model_below(model, model->shape.n_partitions);
    }
}

void moves_model_draw(struct moves_model *model, uint64_t seed, const struct moves_shape *shape)
{
    struct source source = {.model = model};
    *model = (struct moves_model){.rng = seed * UINT64_C(0x9e3779b97f4a7c15) + 1, .shape = *shape};
    for (int i = 0; i < 8; i++)
        (void)moves_model_below(model, 2);
    model->skips = chance(model, 3);
    while (source.n + 12 < MOVES_MAX_RECORDS && model->n_changes < N_CHANGES)
        change_draw(&source);
    records_mix(&source);
}

/* ---- what is known ---- */

static struct moves_record *last_of(struct moves_model *model, int key)
{
    return model->last[key] > 0 ? &model->records[model->last[key] - 1] : NULL;
}

/* Index + 1. */
static int half_find(const struct moves_model *model, size_t at)
{
    const struct moves_record *put = &model->records[at];
    for (size_t i = 0; i < at; i++) {
        const struct moves_record *record = &model->records[i];
        if (record->op == MOVES_DELETE && record->change == put->change &&
            record->key == put->other && record->other == put->key)
            return (int)i + 1;
    }
    return 0;
}

static void known_take(struct moves_model *model, struct moves_record *record)
{
    const struct moves_record *from = record->from > 0 ? &model->records[record->from - 1] : NULL;
    for (int c = 0; c < MOVES_COLUMNS; c++) {
        record->known[c] = record->value[c];
        if (record->op == MOVES_DELETE || record->masked[c])
            record->known[c] = from == NULL ? MOVES_UNKNOWN : from->known[c];
    }
}

/* The row came before its other half, in one batch. */
static void half_came(struct moves_model *model, size_t at)
{
    const struct moves_record *gone = &model->records[at];
    for (size_t i = model->n_loaded; gone->other != 0 && i < at; i++) {
        struct moves_record *record = &model->records[i];
        if (record->op == MOVES_PUT && record->change == gone->change && record->other == gone->key)
            record->from = (int)at + 1;
    }
}

void moves_model_come(struct moves_model *model, size_t at)
{
    struct moves_record *record = &model->records[at];
    struct moves_record *last = record->op == MOVES_TRUNCATE ? NULL : last_of(model, record->key);
    model->n_come = at + 1;
    if (record->skipped)
        return;
    if (record->op == MOVES_TRUNCATE) {
        model->floor = record->change > model->floor ? record->change : model->floor;
        for (int key = 1; key <= MOVES_MAX_KEYS; key++) {
            last = last_of(model, key);
            if (last != NULL && last->change < record->change)
                model->last[key] = 0;
        }
        return;
    }
    if (record->change < model->floor ||
        (model->shape.guard && model->tomb[record->key] > record->change) ||
        (model->shape.guard && last != NULL && last->change > record->change))
        return; /* too late */
    bool there = last != NULL && last->op == MOVES_PUT;
    record->from = there ? model->last[record->key] : 0;
    if (record->op == MOVES_DELETE)
        half_came(model, at);
    else if (record->other != 0)
        record->from = half_find(model, at);
    known_take(model, record);
    model->last[record->key] = (int)at + 1;
}

void moves_model_load(struct moves_model *model)
{
    for (int key = 1; key <= MOVES_MAX_KEYS; key++) {
        const struct moves_record *last = last_of(model, key);
        if (last != NULL && last->op == MOVES_DELETE)
            model->tomb[key] = last->change;
    }
    for (int again = 0; again < 4; again++) { /* a half may have come behind what it gives to */
        for (size_t i = model->n_loaded; i < model->n_come; i++)
            known_take(model, &model->records[i]);
    }
    model->n_loaded = model->n_come;
}

void moves_model_orphan(struct moves_model *model, size_t at)
{
    const struct moves_record *record = &model->records[at];
    if (model->last[record->key] == (int)at + 1)
        model->last[record->key] = 0;
}

bool moves_model_allows(const struct moves_model *model, int key, const int *value)
{
    const struct moves_record *last;
    bool truth = true;
    bool known = true;
    if (model->last[key] == 0)
        return false;
    last = &model->records[model->last[key] - 1];
    for (int c = 0; c < MOVES_COLUMNS; c++) {
        truth = truth && value[c] == last->value[c];
        known =
            known && (value[c] == last->value[c] ||
                      (model->shape.scattered && model->shape.lag && value[c] == last->known[c]));
    }
    return last->op == MOVES_PUT && (truth || known);
}
