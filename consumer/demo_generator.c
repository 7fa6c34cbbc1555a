/* Owns the sequence of changes: which row of which table changes how, and the record's bytes. Must
 * not know brokers or targets. Invariant: everything comes from the seed and the count, no clock.
 */
#include "consumer/demo_generator.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "consumer/demo_envelope.h"
#include "schemas/avro_lib.h"

#include "base/ban.h"

enum {
    N_SCHEMAS = 7,
    FRAME_BYTES = 5,
    N_DELETED = 64,
    CUT_BYTES = 3,
    STEP_US = 1237,     /* between two changes of the source */
    KEEP_OF_3 = 2,      /* an update leaves two of three columns alone */
    UNAVAILABLE_OF = 4, /* one of four toasted columns that were left alone is not told */
    REUSE_OF = 3,       /* one of three new rows takes a deleted key */
    SNAPSHOT_OF = 10,   /* the first tenth of the records */
    MAX_JSON_BYTES = 1024 * 1024,
    LSN_STEP = 56
};
#define FIRST_US INT64_C(1767225600000000) /* 2026-01-01 00:00:00 */

/* What is done next, by weight. */
static const struct chance {
    uint16_t table;
    char op;
    uint16_t weight;
} stream_chances[] =
    {
        {MR_DEMO_ORDERS, 'c', 14},      {MR_DEMO_ORDERS, 'u', 30},
        {MR_DEMO_ORDERS, 'd', 3},       {MR_DEMO_ORDER_ITEMS, 'c', 20},
        {MR_DEMO_ORDER_ITEMS, 'u', 12}, {MR_DEMO_ORDER_ITEMS, 'd', 3},
        {MR_DEMO_CUSTOMERS, 'c', 5},    {MR_DEMO_CUSTOMERS, 'u', 10},
        {MR_DEMO_CUSTOMERS, 'd', 3},
},
  snapshot_chances[] = {
      {MR_DEMO_CUSTOMERS, 'r', 20},
      {MR_DEMO_ORDERS, 'r', 40},
      {MR_DEMO_ORDER_ITEMS, 'r', 40},
};

struct key_pair {
    int64_t parts[2];
};

struct mr_demo_generator {
    struct mr_demo_generator_opts opts;
    struct mr_rng rng;
    struct mr_demo_model model;
    struct mr_avro_lib *encoders[N_SCHEMAS]; /* by mr_demo_schema_at's index */
    int64_t next_id[MR_DEMO_N_TABLES];       /* of customers and orders */
    uint32_t *lines;                         /* by order id: how many items it ever had */
    size_t n_lines;
    struct key_pair deleted[MR_DEMO_N_TABLES][N_DELETED];
    size_t n_deleted[MR_DEMO_N_TABLES];
    struct mr_buf texts, json, key, value;
    uint64_t n_made;
    uint64_t n_changes;
    bool tombstone_next; /* of the record whose key is in `key` */
    bool broken_made;
    bool mend_next; /* of order `mend_idx`, whose change was cut off */
    size_t mend_idx;
    struct mr_demo_record last;
};

/* ---- opening ---- */

static int encoder_new(size_t idx, struct mr_avro_lib **out, struct mr_err *err)
{
    struct mr_buf text = MR_BUF_INIT;

    mr_demo_schema_text(mr_demo_schema_at(idx), &text);
    int rc = mr_buf_ok(&text) ? mr_avro_lib_new(mr_buf_cstr(&text), text.len, out, err)
                              : mr_err_set(err, MR_NO_MEMORY, "a schema of the demo");
    mr_buf_release(&text);
    return rc;
}

int mr_demo_generator_new(const struct mr_demo_generator_opts *opts, struct mr_demo_generator **out,
                          struct mr_err *err)
{
    struct mr_demo_generator *gen = calloc(1, sizeof *gen);
    int rc = 0;

    if (gen == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "the demo's generator");
    gen->opts = *opts;
    gen->texts.limit = gen->json.limit = gen->key.limit = gen->value.limit = MAX_JSON_BYTES;
    mr_rng_init(&gen->rng, opts->seed);
    mr_demo_model_init(&gen->model);
    for (size_t t = 0; t < MR_DEMO_N_TABLES; t++)
        gen->next_id[t] = 1;
    for (size_t i = 0; rc == 0 && i < N_SCHEMAS; i++)
        rc = encoder_new(i, &gen->encoders[i], err);
    if (rc < 0)
        mr_demo_generator_free(gen);
    else
        *out = gen;
    return rc;
}

void mr_demo_generator_free(struct mr_demo_generator *gen)
{
    if (gen == NULL)
        return;
    for (size_t i = 0; i < N_SCHEMAS; i++)
        mr_avro_lib_free(gen->encoders[i]);
    mr_demo_model_release(&gen->model);
    mr_buf_release(&gen->texts);
    mr_buf_release(&gen->json);
    mr_buf_release(&gen->key);
    mr_buf_release(&gen->value);
    free(gen->lines);
    free(gen);
}

struct mr_demo_model *mr_demo_generator_model(struct mr_demo_generator *gen)
{
    return &gen->model;
}

uint64_t mr_demo_generator_count(const struct mr_demo_generator *gen)
{
    return gen->n_made;
}

/* ---- bytes ---- */

static int encode(struct mr_demo_generator *gen, uint32_t id, struct mr_buf *out,
                  struct mr_err *err)
{
    size_t idx = 0;

    while (idx + 1 < N_SCHEMAS && mr_demo_schema_at(idx)->id != id)
        idx++;
    if (!mr_buf_ok(&gen->json))
        return mr_err_set(err, MR_NO_MEMORY, "a record of the demo");
    mr_buf_reset(out);
    mr_buf_byte(out, 0); /* F-03 */
    mr_buf_u32(out, id);
    return mr_avro_lib_encode(gen->encoders[idx], (const char *)gen->json.data, gen->json.len, out,
                              err);
}

static int encode_key(struct mr_demo_generator *gen, uint16_t table,
                      const struct mr_demo_value *values, struct mr_err *err)
{
    mr_buf_reset(&gen->json);
    mr_demo_key_json(&mr_demo_tables[table], values, &gen->json);
    return encode(gen, mr_demo_tables[table].key_id, &gen->key, err);
}

static int encode_value(struct mr_demo_generator *gen, struct mr_demo_change *change,
                        struct mr_err *err)
{
    bool grown = gen->n_made >= gen->opts.n_records / 2;

    change->version = grown && change->table->value_ids[0] != change->table->value_ids[1] ? 1 : 0;
    gen->n_changes++;
    change->ts_us = FIRST_US + (int64_t)gen->n_changes * STEP_US;
    change->transaction = 700 + gen->n_changes / 3;
    change->lsn = (UINT64_C(24) << 20) + gen->n_changes * LSN_STEP;
    mr_buf_reset(&gen->json);
    mr_demo_envelope_json(change, &gen->json);
    return encode(gen, change->table->value_ids[change->version], &gen->value, err);
}

static void give(struct mr_demo_generator *gen, uint16_t table, char op, struct mr_demo_record *out)
{
    uint64_t hash = mr_hash(gen->key.data, gen->key.len, 0);

    gen->n_made++;
    gen->last = (struct mr_demo_record){
        .table = table,
        .partition = (int32_t)(hash % mr_demo_tables[table].n_partitions),
        .op = op,
        .key = {gen->key.data, gen->key.len},
        .value = {op == 't' ? NULL : gen->value.data, op == 't' ? 0 : gen->value.len},
    };
    *out = gen->last;
}

/* ---- values ---- */

static struct mr_demo_inventor inventor(struct mr_demo_generator *gen)
{
    int64_t customers = gen->next_id[MR_DEMO_CUSTOMERS] - 1;

    mr_buf_reset(&gen->texts);
    return (struct mr_demo_inventor){
        .rng = &gen->rng,
        .texts = &gen->texts,
        .now_us = FIRST_US + (int64_t)gen->n_changes * STEP_US,
        .max_reference = customers > 0 ? customers : 1,
    };
}

/* The columns that a version does not have are null in a new row, and stay as they are. */
static bool is_told(const struct mr_demo_generator *gen, const struct mr_demo_column *column)
{
    return column->since == 0 || gen->n_made >= gen->opts.n_records / 2;
}

static void invent_row(struct mr_demo_generator *gen, const struct mr_demo_table *table,
                       const struct key_pair *key, struct mr_demo_value *values)
{
    bool invented[MR_DEMO_MAX_COLUMNS] = {false};
    struct mr_demo_inventor from = inventor(gen);

    for (uint16_t i = 0; i < table->n_columns; i++) {
        const struct mr_demo_column *column = &table->columns[i];
        values[i] = (struct mr_demo_value){.text = NULL};
        if (i < table->n_key)
            values[i].number = key->parts[i];
        else if (!is_told(gen, column))
            values[i].is_null = true;
        else
            mr_demo_value_invent(&from, column, &values[i]);
        invented[i] = i >= table->n_key && is_told(gen, column);
    }
    mr_demo_values_settle(table, values, &gen->texts, invented);
}

static void invent_update(struct mr_demo_generator *gen, const struct mr_demo_table *table,
                          struct mr_demo_value *values, bool *unavailable)
{
    bool invented[MR_DEMO_MAX_COLUMNS] = {false};
    struct mr_demo_inventor from = inventor(gen);

    for (uint16_t i = 0; i < table->n_columns; i++) {
        const struct mr_demo_column *column = &table->columns[i];
        unavailable[i] = false;
        if (column->fixed || !is_told(gen, column))
            continue;
        invented[i] = mr_rng_below(&gen->rng, 3) >= KEEP_OF_3;
        if (invented[i])
            mr_demo_value_invent(&from, column, &values[i]);
        else if (column->toasted && !values[i].is_null)
            unavailable[i] = mr_rng_below(&gen->rng, UNAVAILABLE_OF) == 0;
    }
    mr_demo_values_settle(table, values, &gen->texts, invented);
}

/* ---- keys ---- */

static int line_of(struct mr_demo_generator *gen, int64_t order, int64_t *out, struct mr_err *err)
{
    if ((size_t)order >= gen->n_lines) {
        size_t n = 2 * (size_t)order + 1024;
        uint32_t *grown = realloc(gen->lines, n * sizeof *grown);
        if (grown == NULL)
            return mr_err_set(err, MR_NO_MEMORY, "the demo's orders");
        memset(grown + gen->n_lines, 0, (n - gen->n_lines) * sizeof *grown);
        gen->lines = grown;
        gen->n_lines = n;
    }
    *out = ++gen->lines[order];
    return 0;
}

/* A key for a new row: at times one that was deleted before, so that a row comes back. */
static int new_key(struct mr_demo_generator *gen, uint16_t table, struct key_pair *out,
                   struct mr_err *err)
{
    const struct mr_demo_rows *orders = &gen->model.tables[MR_DEMO_ORDERS];
    bool full = table != MR_DEMO_ORDER_ITEMS && gen->next_id[table] == MR_DEMO_MAX_ID;

    if (gen->n_deleted[table] > 0 && (full || mr_rng_below(&gen->rng, REUSE_OF) == 0)) {
        *out = gen->deleted[table][--gen->n_deleted[table]];
        return 0;
    }
    if (table == MR_DEMO_ORDER_ITEMS) {
        size_t idx = (size_t)mr_rng_below(&gen->rng, orders->n_rows);
        out->parts[0] = orders->rows[idx]->values[0].number;
        return line_of(gen, out->parts[0], &out->parts[1], err);
    }
    *out = (struct key_pair){{gen->next_id[table]++, 0}};
    return 0;
}

static void note_deleted(struct mr_demo_generator *gen, uint16_t table,
                         const struct mr_demo_value *values)
{
    size_t at = gen->n_deleted[table] < N_DELETED ? gen->n_deleted[table]++
                                                  : (size_t)mr_rng_below(&gen->rng, N_DELETED);

    gen->deleted[table][at] = (struct key_pair){
        {values[0].number, mr_demo_tables[table].n_key > 1 ? values[1].number : 0}};
}

/* ---- changes ---- */

static size_t any_row(struct mr_demo_generator *gen, uint16_t table)
{
    return (size_t)mr_rng_below(&gen->rng, gen->model.tables[table].n_rows);
}

static int insert(struct mr_demo_generator *gen, uint16_t t, char op, struct mr_err *err)
{
    struct mr_demo_value values[MR_DEMO_MAX_COLUMNS];
    struct key_pair key;
    struct mr_demo_change change = {.table = &mr_demo_tables[t], .op = op, .after = values};
    int rc = new_key(gen, t, &key, err);

    if (rc < 0)
        return rc;
    invent_row(gen, change.table, &key, values);
    rc = encode_key(gen, t, values, err);
    if (rc == 0)
        rc = encode_value(gen, &change, err);
    return rc == 0 ? mr_demo_model_add(&gen->model, t, values, err) : rc;
}

enum update { UPDATE_USUAL, UPDATE_LOST, UPDATE_WHOLE };

/* LOST: the model does not learn of it. WHOLE: every column is told. */
static int update(struct mr_demo_generator *gen, uint16_t t, size_t idx, enum update how,
                  struct mr_err *err)
{
    struct mr_demo_value values[MR_DEMO_MAX_COLUMNS];
    bool unavailable[MR_DEMO_MAX_COLUMNS];
    const struct mr_demo_table *table = &mr_demo_tables[t];
    const struct mr_demo_row *row = gen->model.tables[t].rows[idx];
    struct mr_demo_change change = {
        .table = table,
        .op = 'u',
        .before = table->identity_full ? row->values : NULL,
        .after = values,
        .unavailable = how == UPDATE_WHOLE ? NULL : unavailable,
    };

    memcpy(values, row->values, table->n_columns * sizeof values[0]);
    invent_update(gen, table, values, unavailable);
    int rc = encode_key(gen, t, values, err);
    if (rc == 0)
        rc = encode_value(gen, &change, err);
    if (rc < 0 || how == UPDATE_LOST)
        return rc;
    return mr_demo_model_replace(&gen->model, t, idx, values, err);
}

static int delete_row(struct mr_demo_generator *gen, uint16_t t, struct mr_err *err)
{
    size_t idx = any_row(gen, t);
    const struct mr_demo_row *row = gen->model.tables[t].rows[idx];
    struct mr_demo_change change = {.table = &mr_demo_tables[t], .op = 'd', .before = row->values};
    int rc = encode_key(gen, t, row->values, err);

    if (rc == 0)
        rc = encode_value(gen, &change, err);
    if (rc < 0)
        return rc;
    note_deleted(gen, t, row->values);
    mr_demo_model_remove(&gen->model, t, idx);
    gen->tombstone_next = true;
    return 0;
}

/* ---- the sequence ---- */

static struct chance choose(struct mr_demo_generator *gen)
{
    bool snapshot = gen->n_made < gen->opts.n_records / SNAPSHOT_OF;
    const struct chance *chances = snapshot ? snapshot_chances : stream_chances;
    size_t n = snapshot ? sizeof snapshot_chances / sizeof snapshot_chances[0]
                        : sizeof stream_chances / sizeof stream_chances[0];
    struct chance chosen = chances[n - 1];
    const struct mr_demo_rows *tables = gen->model.tables;

    int64_t dice = (int64_t)mr_rng_below(&gen->rng, 100);
    for (size_t i = 0; i < n; i++) {
        dice -= chances[i].weight;
        if (dice < 0) {
            chosen = chances[i];
            break;
        }
    }
    if (chosen.table == MR_DEMO_ORDER_ITEMS && tables[MR_DEMO_ORDERS].n_rows == 0)
        chosen.table = MR_DEMO_ORDERS;
    bool adds = chosen.op == 'c' || chosen.op == 'r';
    if (!adds && tables[chosen.table].n_rows == 0)
        chosen.op = 'c';
    else if (adds && (tables[chosen.table].n_rows >= MR_DEMO_MAX_ROWS ||
                      gen->next_id[chosen.table] >= MR_DEMO_MAX_ID))
        chosen.op = 'd';
    return chosen;
}

/* The record that a broken producer or a cut file would leave: valid up to its last bytes. The
 * source has no such change, so the model stays. A whole change of the same order follows: until
 * one does, the updates of a dead-lettered key that do not tell all columns are dead letters too
 * (design.md, 6). */
static int make_broken(struct mr_demo_generator *gen, struct mr_demo_record *out,
                       struct mr_err *err)
{
    gen->mend_idx = any_row(gen, MR_DEMO_ORDERS);
    int rc = update(gen, MR_DEMO_ORDERS, gen->mend_idx, UPDATE_LOST, err);
    if (rc < 0)
        return rc;
    gen->broken_made = gen->mend_next = true;
    gen->value.len -= CUT_BYTES;
    give(gen, MR_DEMO_ORDERS, 'u', out);
    out->broken = true;
    return 0;
}

int mr_demo_generator_next(struct mr_demo_generator *gen, struct mr_demo_record *out,
                           struct mr_err *err)
{
    if (gen->tombstone_next) {
        gen->tombstone_next = false;
        give(gen, gen->last.table, 't', out);
        return 0;
    }
    if (!gen->broken_made && gen->n_made >= gen->opts.n_records / 5 * 3 &&
        gen->model.tables[MR_DEMO_ORDERS].n_rows > 0)
        return make_broken(gen, out, err);
    struct chance chosen = {.table = MR_DEMO_ORDERS, .op = 'u'};
    int rc;
    if (!gen->mend_next)
        chosen = choose(gen);
    if (gen->mend_next)
        rc = update(gen, MR_DEMO_ORDERS, gen->mend_idx, UPDATE_WHOLE, err);
    else if (chosen.op == 'u')
        rc = update(gen, chosen.table, any_row(gen, chosen.table), UPDATE_USUAL, err);
    else if (chosen.op == 'd')
        rc = delete_row(gen, chosen.table, err);
    else
        rc = insert(gen, chosen.table, chosen.op, err);
    gen->mend_next = false;
    if (rc == 0)
        give(gen, chosen.table, chosen.op, out);
    return rc;
}
