/* The rows, and the batches that load them. */
#include "tests/support/kept_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sinks/load_split.h"
#include "tests/support/mr_test.h"

struct kept_case kept_case;
static const uint16_t all_idx[] = {0, 1, 2, 3};
static const uint16_t key_idx[] = {0};
const struct mr_colset kept_all = {4, all_idx};
static const struct mr_colset key = {1, key_idx};
const struct mr_span kept_spans[] = {{.stream = "s.t", .partition = 0},
                                     {.stream = "s.t", .partition = 1},
                                     {.stream = "other", .partition = 0}};
const uint32_t kept_rank[] = {0, 1, 2};

void kept_case_start(void)
{
    mr_case_start();
    memset(&kept_case, 0, sizeof kept_case);
    mr_arena_init(&kept_case.arena, 0, 0);
    kept_case.route = (struct mr_route){.keep_moved = true, .moved_tomb_ttl_ms = 60000};
    mr_load_faults_init(&kept_case.faults);
}

void kept_case_stop(void)
{
    if (kept_case.rows.table != NULL)
        mr_rows_release(&kept_case.rows);
    mr_load_faults_release(&kept_case.faults);
    mr_arena_release(&kept_case.arena);
    mr_case_stop();
}

void kept_case_open(void)
{
    if (kept_case.rows.table != NULL)
        mr_rows_release(&kept_case.rows);
    mr_case_open("t");
    mr_rows_init(&kept_case.rows, mr_case.table, &key, true, &kept_case.arena, 7);
    kept_case.rows.guard =
        (struct mr_guard_use){.on = kept_case.guard != 0,
                              .single = true,
                              .before = mr_case.f.kind == MR_KIND_SQLITE ? 1 : 0,
                              .col = 3,
                              .tomb_ttl_ms = 60000,
                              .position = kept_case.route.guard != MR_GUARD_FIELDS};
}

/* Table t(id int8, a text, b text, g int8). */
void kept_case_make(void)
{
    const struct mr_shape_column columns[] = {
        {.name = "id", .type = MR_CASE_TYPE(MR_T_INT8), .key = true},
        {.name = "a", .type = MR_CASE_TYPE(MR_T_TEXT)},
        {.name = "b", .type = MR_CASE_TYPE(MR_T_TEXT)},
        {.name = "g", .type = MR_CASE_TYPE(MR_T_INT8)}};
    MR_CHECK_OK(mr_case_apply(MR_DDL_CREATE, "t", columns, 4, 1));
    kept_case_open();
}

static const char *key_text(int64_t id, struct mr_slice *out)
{
    static char texts[4][32];
    static int at;
    char *text = texts[at++ % 4];
    (void)snprintf(text, sizeof texts[0], "k%lld", (long long)id);
    *out = mr_slice_str(text);
    return text;
}

static void key_tuple(struct mr_buf *out, int64_t id)
{
    mr_buf_u16(out, 1);
    mr_case.f.ops->emit->integer(out, &mr_case.table->columns[0].type, id);
}

void kept_case_text(struct mr_buf *out, uint16_t col, const char *text)
{
    if (text == NULL)
        mr_buf_u32(out, UINT32_MAX);
    else
        mr_case.f.ops->emit->text(out, &mr_case.table->columns[col].type, text, strlen(text));
}

const char *kept_case_mask(const char *text, uint64_t bit, uint64_t *mask)
{
    if (text == NULL || strcmp(text, "~") != 0)
        return text;
    *mask |= bit;
    return NULL;
}

void kept_case_add(struct kept_change change)
{
    static int64_t offset;
    struct mr_buf tuple = MR_BUF_INIT;
    struct mr_buf own = MR_BUF_INIT;
    struct mr_buf old = MR_BUF_INIT;
    struct mr_buf new = MR_BUF_INIT;
    uint64_t mask = 0;
    struct mr_row_past past = {.cols = NULL};
    struct mr_row row = {.op = change.delete ? MR_ROW_DELETE : MR_ROW_UPSERT,
                         .span_idx = change.span,
                         .flags = change.insert ? MR_ROW_INSERT : 0,
                         .offset = change.offset != 0 ? change.offset : ++offset};
    const struct mr_coltype *number = &mr_case.table->columns[3].type;
    key_tuple(&own, change.id);
    if (change.delete && kept_case.guard != 0) {
        mr_buf_u16(&tuple, 1);
        mr_case.f.ops->emit->integer(&tuple, number, kept_case.guard);
    } else if (!change.delete) {
        mr_buf_u16(&tuple, 4);
        mr_case.f.ops->emit->integer(&tuple, &mr_case.table->columns[0].type, change.id);
        kept_case_text(&tuple, 1, kept_case_mask(change.a, KEPT_A, &mask));
        kept_case_text(&tuple, 2, kept_case_mask(change.b, KEPT_B, &mask));
        mr_case.f.ops->emit->integer(&tuple, number, kept_case.guard);
        row.cols = &kept_all;
    }
    row.tuple = (struct mr_slice){tuple.data, tuple.len};
    row.key_tuple = (struct mr_slice){own.data, own.len};
    row.mask = mask != 0 ? &mask : NULL;
    (void)key_text(change.id, &row.key);
    if (change.old_id != 0) {
        key_tuple(&old, change.old_id);
        (void)key_text(change.old_id, &past.old_key);
        past.old_key_tuple = (struct mr_slice){old.data, old.len};
    }
    if (change.new_id != 0) {
        key_tuple(&new, change.new_id);
        past.new_key_tuple = (struct mr_slice){new.data, new.len};
    }
    row.past = change.old_id != 0 || change.new_id != 0 ? &past : NULL;
    MR_CHECK_OK(mr_rows_add(&kept_case.rows, &row, &mr_case.f.err));
    mr_buf_release(&tuple);
    mr_buf_release(&own);
    mr_buf_release(&old);
    mr_buf_release(&new);
}

void kept_put(int64_t id, const char *a, const char *b)
{
    kept_case_add((struct kept_change){.id = id, .a = a, .b = b});
}

/* The two halves of a change of the key, and the tombstone. */
void kept_leave(int64_t from, int64_t to)
{
    kept_case_add((struct kept_change){.id = from, .new_id = to, .delete = true});
    if (kept_case.guard == 0)
        kept_case_add((struct kept_change){.id = from, .delete = true});
}

void kept_arrive(int64_t from, int64_t to, const char *a, const char *b)
{
    kept_case_add((struct kept_change){.id = to, .old_id = from, .a = a, .b = b});
}

static int run_small(struct mr_load *load, struct mr_err *err)
{
    int rc = mr_load_upsert.run(load, err);
    if (rc == 0 && load->rows->n_rows > kept_case.most)
        rc = mr_err_set_db(err, MR_CLASS_POISON, "23514", "%zu rows", load->rows->n_rows);
    return rc;
}
const struct mr_load_ops kept_case_small = {.name = "upsert", .reduce = true, .run = run_small};

static int load_run(struct mr_load *load)
{
    if (!kept_case.parts)
        return mr_load_upsert.run(load, &mr_case.f.err);
    kept_case.most = 1 + mr_rng_below(&kept_case.rng, 4);
    return mr_load_split(load, &kept_case_small, &mr_case.f.err);
}

struct mr_load kept_case_load(void)
{
    return (struct mr_load){.session = mr_case.f.session,
                            .rows = &kept_case.rows,
                            .route = &kept_case.route,
                            .memory = &kept_case.memory,
                            .stats = &kept_case.stats,
                            .faults = &kept_case.faults,
                            .rank = kept_rank,
                            .spans = kept_spans};
}

void kept_case_reset(void)
{
    mr_load_faults_reset(&kept_case.faults);
    mr_rows_reset(&kept_case.rows);
    mr_arena_reset(&kept_case.arena);
}

size_t kept_flush(void)
{
    struct mr_load load = kept_case_load();
    mr_case_begin();
    MR_CHECK_OK(load_run(&load));
    mr_case_commit();
    size_t n_faults = kept_case.faults.n_items;
    kept_case.n_orphans = 0;
    for (size_t i = 0; i < n_faults; i++) {
        MR_CHECK_INT(kept_case.faults.items[i].code, MR_UNAVAILABLE_ORPHAN);
        if (i < KEPT_MAX_ORPHANS)
            kept_case.orphans[kept_case.n_orphans++] = kept_case.faults.items[i].offset;
    }
    kept_case_reset();
    return n_faults;
}

void kept_case_guarded(int64_t guard)
{
    kept_case.guard = guard;
    kept_case.route.guard = MR_GUARD_LSN;
    kept_case_make();
}

void kept_case_moving(void)
{
    kept_case_make();
    kept_put(1, "x", "BIG");
    (void)kept_flush();
    kept_leave(1, 2);
    (void)kept_flush();
}

void kept_case_settle(void)
{
    MR_CHECK_OK(mr_rows_settle(&kept_case.rows, kept_rank, &mr_case.f.err));
}

const char *kept_query(const char *sql)
{
    return mr_sink_fixture_query(&mr_case.f, sql);
}

void kept_check(const char *expected)
{
    MR_CHECK_STR(kept_query("SELECT id, a, b FROM t ORDER BY id"), expected);
}

int kept_n_tombs(void)
{
    char sql[256];
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM %s WHERE kind = 'row'",
                   mr_sink_fixture_control(&mr_case.f, "tombs"));
    return (int)strtol(kept_query(sql), NULL, 10);
}
