/* Owns the way from a load's faults to dead letters and stops. Must not touch the target. */
#include "consumer/flush_faults.h"

#include <stdlib.h>
#include <string.h>

#include "consumer/dlq.h"

#include "base/ban.h"

enum { LETTERS_CHUNK_BYTES = 16 * 1024 };

void mr_flush_faults_init(struct mr_flush_faults *faults)
{
    memset(faults, 0, sizeof *faults);
    mr_load_faults_init(&faults->found);
    mr_arena_init(&faults->arena, LETTERS_CHUNK_BYTES, SIZE_MAX / 2);
}

void mr_flush_faults_release(struct mr_flush_faults *faults)
{
    mr_load_faults_release(&faults->found);
    mr_arena_release(&faults->arena);
    free(faults->items);
    free(faults->letters);
    free(faults->notes);
    memset(faults, 0, sizeof *faults);
}

void mr_flush_faults_reset(struct mr_flush_faults *faults)
{
    if (faults->found.n_items > 0) {
        mr_load_faults_reset(&faults->found);
        mr_arena_reset(&faults->arena);
    }
    free(faults->letters);
    faults->letters = NULL;
    free(faults->notes);
    faults->notes = NULL;
    faults->n_notes = 0;
    faults->n_letters = 0;
    faults->n_items = 0;
    faults->n_noted = 0;
}

/* ---- which record ---- */

struct place {
    uint32_t span_idx;
    int64_t offset;
    size_t fault;
};

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a;
    const struct place *y = b;

    if (x->span_idx != y->span_idx)
        return x->span_idx < y->span_idx ? -1 : 1;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

static uint32_t span_of(const struct mr_batch *batch, const struct mr_record *record)
{
    for (size_t i = 0; i < batch->n_spans; i++)
        if (batch->spans[i].part == record->part)
            return (uint32_t)i;
    return UINT32_MAX;
}

static int item_add(struct mr_flush_faults *faults, const struct mr_flush_fault *item,
                    struct mr_err *err)
{
    if (faults->n_items == faults->cap) {
        size_t cap = faults->cap == 0 ? 64 : faults->cap * 2;
        struct mr_flush_fault *items = realloc(faults->items, cap * sizeof *items);
        if (items == NULL)
            return mr_err_set(err, MR_NO_MEMORY, "%zu faults", faults->n_items);
        faults->items = items;
        faults->cap = cap;
    }
    faults->items[faults->n_items++] = *item;
    return 0;
}

int mr_flush_faults_note(struct mr_flush_faults *faults, const struct mr_batch *batch,
                         struct mr_target *target, struct mr_err *err)
{
    size_t n = faults->found.n_items - faults->n_noted;
    int rc = 0;

    if (n == 0)
        return 0;
    struct place *places = calloc(n, sizeof *places);
    if (places == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "%zu faults", n);
    for (size_t i = 0; i < n; i++) {
        const struct mr_load_fault *fault = &faults->found.items[faults->n_noted + i];
        places[i] = (struct place){fault->span_idx, fault->offset, faults->n_noted + i};
    }
    qsort(places, n, sizeof *places, compare_places);
    for (size_t i = 0; rc == 0 && i < batch->n_held; i++) {
        const struct mr_record *record = &batch->held[i];
        struct place want = {.span_idx = span_of(batch, record), .offset = record->offset};
        const struct place *found = bsearch(&want, places, n, sizeof *places, compare_places);
        if (found == NULL)
            continue;
        struct mr_flush_fault item = {.record = record, .target = target, .fault = found->fault};
        rc = item_add(faults, &item, err);
    }
    free(places);
    faults->n_noted = faults->found.n_items;
    return rc;
}

/* ---- what becomes of it ---- */

void mr_flush_faults_err(const struct mr_flush_faults *faults, size_t idx, struct mr_err *err)
{
    const struct mr_flush_fault *item = &faults->items[idx];
    const struct mr_load_fault *fault = &faults->found.items[item->fault];

    mr_err_clear(err);
    if (fault->code == MR_DB)
        mr_err_set_db(err, fault->class, fault->sqlstate, "%s", fault->detail);
    else
        mr_err_set(err, fault->code, "%s", fault->detail);
    mr_err_at(err, item->record->stream, item->record->partition, item->record->offset);
    mr_err_in(err, item->target->label, NULL);
}

bool mr_flush_faults_is_wait(const struct mr_flush_faults *faults, size_t idx)
{
    return faults->found.items[faults->items[idx].fault].class == MR_CLASS_RETRY;
}

bool mr_flush_faults_is_stop(const struct mr_flush_faults *faults, size_t idx)
{
    const struct mr_flush_fault *item = &faults->items[idx];

    return faults->found.items[item->fault].class != MR_CLASS_POISON ||
           item->target->rule->on_bad == MR_ON_BAD_STOP;
}

void mr_flush_faults_flood(struct mr_flush_faults *faults, size_t idx)
{
    for (; idx < faults->n_items; idx++) {
        struct mr_load_fault *fault = &faults->found.items[faults->items[idx].fault];
        if (mr_flush_faults_is_wait(faults, idx))
            continue;
        fault->code = MR_POISON_FLOOD;
        fault->class = MR_CLASS_HALT;
    }
}

static int letter_add(struct mr_flush_faults *faults, struct mr_source *source, size_t idx,
                      struct mr_err *err)
{
    const struct mr_flush_fault *item = &faults->items[idx];
    struct mr_err why;

    mr_flush_faults_err(faults, idx, &why);
    if (mr_letter_make(&faults->letters[faults->n_letters], &faults->arena, source, item->record,
                       item->target->label, &why) < 0)
        return mr_err_set(err, MR_NO_MEMORY, "no memory for a dead letter");
    faults->n_letters++;
    return 0;
}

int mr_flush_faults_settle(struct mr_flush_faults *faults, struct mr_source *source,
                           struct mr_err *err)
{
    for (size_t i = 0; i < faults->n_items; i++) {
        if (!mr_flush_faults_is_stop(faults, i))
            continue;
        mr_flush_faults_err(faults, i, err);
        return -(int)err->code;
    }
    if (faults->n_items == 0)
        return 0;
    faults->letters = calloc(faults->n_items, sizeof *faults->letters);
    if (faults->letters == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "%zu dead letters", faults->n_items);
    for (size_t i = 0; i < faults->n_items; i++) {
        int rc = 0;
        if (faults->items[i].target->rule->on_bad == MR_ON_BAD_DEAD_LETTER)
            rc = letter_add(faults, source, i, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static void wait_note(const struct mr_batch *batch, const struct mr_record *record, uint64_t now_ms)
{
    const struct mr_span *span = &batch->spans[span_of(batch, record)].span;
    struct mr_parent_clock clock = {.from = span->expected, .to = span->next, .since_ms = now_ms};

    mr_partition_wait_note(record->part, &clock, record->offset);
}

void mr_flush_faults_stops(const struct mr_flush_faults *faults, const struct mr_batch *batch,
                           uint64_t now_ms)
{
    for (size_t i = 0; i < faults->n_items; i++) {
        const struct mr_record *record = faults->items[i].record;
        struct mr_partition_stop stop = {.target = faults->items[i].target};
        if (!mr_flush_faults_is_stop(faults, i))
            continue;
        mr_flush_faults_err(faults, i, &stop.why);
        mr_partition_stop_set(record->part, &stop);
        if (mr_flush_faults_is_wait(faults, i))
            wait_note(batch, record, now_ms);
    }
}
