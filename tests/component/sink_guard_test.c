/* Guards against every kind of sink that can compare (contract.md section 3.1, R-09, R-22): batches
 * of rows, each loaded by strategy `upsert` in a transaction of its own. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sinks/load_split.h"
#include "tests/support/mr_test.h"
#include "tests/support/sink_cases.h"

enum { NONE = -1 }; /* no guard */

static struct mr_rows rows;
static struct mr_arena arena;
static struct mr_load_memory memory;
static struct mr_load_stats stats;
static struct mr_load_faults faults;
static struct mr_route route;
static const uint16_t all_idx[] = {0, 1, 2};
static const uint16_t key_idx[] = {0};
static const struct mr_colset all = {3, all_idx};
static const struct mr_colset key = {1, key_idx};

MR_SETUP
{
    mr_case_start();
    mr_arena_init(&arena, 0, 0);
    memset(&rows, 0, sizeof rows);
    memset(&memory, 0, sizeof memory);
    memset(&stats, 0, sizeof stats);
    mr_load_faults_init(&faults);
}

MR_TEARDOWN
{
    if (rows.table != NULL)
        mr_rows_release(&rows);
    mr_load_faults_release(&faults);
    mr_arena_release(&arena);
    mr_case_stop();
}

/* Table t(id int8, a text, _guard bigint or bytea). */
static void table_make(bool single, uint64_t ttl_ms)
{
    const struct mr_shape_column columns[] = {
        {.name = "id", .type = MR_CASE_TYPE(MR_T_INT8), .key = true},
        {.name = "a", .type = MR_CASE_TYPE(MR_T_TEXT)},
        {.name = "_guard", .type = MR_CASE_TYPE(single ? MR_T_INT8 : MR_T_BYTEA)}};
    MR_CHECK_OK(mr_case_apply(MR_DDL_CREATE, "t", columns, 3, 1));
    mr_case_open("t");
    mr_rows_init(&rows, mr_case.table, &key, true, &arena, 7);
    rows.guard = (struct mr_guard_use){.on = true,
                                       .single = single,
                                       .before = mr_case.f.kind == MR_KIND_SQLITE ? 1 : 0,
                                       .col = 2,
                                       .tomb_ttl_ms = ttl_ms};
}

static void guard_emit(struct mr_buf *out, int64_t guard)
{
    const struct mr_emit_ops *emit = mr_case.f.ops->emit;
    const struct mr_coltype *to = &mr_case.table->columns[2].type;
    uint8_t octets[16] = {0};
    if (guard == NONE) {
        mr_buf_u32(out, UINT32_MAX);
    } else if (rows.guard.single) {
        emit->integer(out, to, guard);
    } else {
        mr_put_u64(octets + 8, (uint64_t)guard);
        emit->bytes(out, to, octets, sizeof octets);
    }
}

static void add(int64_t id, const char *a, int64_t guard, uint32_t flags)
{
    static int64_t offset;
    const struct mr_emit_ops *emit = mr_case.f.ops->emit;
    const struct mr_column *columns = mr_case.table->columns;
    struct mr_buf tuple = MR_BUF_INIT;
    struct mr_buf key_tuple = MR_BUF_INIT;
    mr_buf_u16(&key_tuple, 1);
    emit->integer(&key_tuple, &columns[0].type, id);
    mr_buf_u16(&tuple, a != NULL ? 3 : 1);
    if (a != NULL) {
        emit->integer(&tuple, &columns[0].type, id);
        emit->text(&tuple, &columns[1].type, a, strlen(a));
    }
    guard_emit(&tuple, guard);
    struct mr_row row = {.op = a != NULL ? MR_ROW_UPSERT : MR_ROW_DELETE,
                         .flags = flags,
                         .cols = a != NULL ? &all : NULL,
                         .tuple = {tuple.data, tuple.len},
                         .key = {key_tuple.data, key_tuple.len},
                         .key_tuple = {key_tuple.data, key_tuple.len},
                         .offset = ++offset};
    MR_CHECK_OK(mr_rows_add(&rows, &row, &mr_case.f.err));
    mr_buf_release(&tuple);
    mr_buf_release(&key_tuple);
}

static void put(int64_t id, const char *a, int64_t guard)
{
    add(id, a, guard, 0);
}

static void read(int64_t id, const char *a, int64_t guard)
{
    add(id, a, guard, MR_ROW_READ | MR_ROW_INSERT);
}

static void delete(int64_t id, int64_t guard)
{
    add(id, NULL, guard, 0);
}

static void truncate_below(int64_t guard)
{
    struct mr_buf written = MR_BUF_INIT;
    guard_emit(&written, guard);
    struct mr_slice payload = {written.data + 4, written.len - 4};
    MR_CHECK_OK(mr_rows_truncate_below(&rows, payload, &mr_case.f.err));
    mr_buf_release(&written);
}

static struct mr_load load_new(void)
{
    return (struct mr_load){.session = mr_case.f.session,
                            .rows = &rows,
                            .route = &route,
                            .memory = &memory,
                            .stats = &stats,
                            .faults = &faults};
}

/* Loads what was added; how many of the rows were too old is returned. */
static uint64_t flush(void)
{
    struct mr_load load = load_new();
    mr_case_begin();
    MR_CHECK_OK(mr_load_upsert.run(&load, &mr_case.f.err));
    mr_case_commit();
    uint64_t n_stale = rows.n_stale;
    mr_rows_reset(&rows);
    mr_arena_reset(&arena);
    return n_stale;
}

static void check(const char *expected)
{
    MR_CHECK_STR(mr_sink_fixture_query(&mr_case.f, "SELECT id, a FROM t ORDER BY id"), expected);
}

static int n_tombs(void)
{
    char sql[256];
    int n = 0;
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM %s",
                   mr_sink_fixture_control(&mr_case.f, "tombs"));
    (void)sscanf(mr_sink_fixture_query(&mr_case.f, sql), "%d", &n);
    return n;
}

/* case 83 */
MR_CONFORM(older, "an older update does not overwrite a newer row, in one batch or in two")
{
    table_make(true, 60000);
    put(1, "new", 200);
    put(1, "old", 150);
    MR_CHECK_U64(flush(), 1);
    check("1|new\n");
    put(1, "older", 199);
    put(2, "two", 5);
    MR_CHECK_U64(flush(), 1);
    check("1|new\n2|two\n");
    put(1, "newer", 201);
    put(2, "two again", 4);
    MR_CHECK_U64(flush(), 1);
    check("1|newer\n2|two\n");
}

/* O-07; case 84 */
MR_CONFORM(tomb, "an update that is older than the delete does not bring the row back")
{
    table_make(true, 60000);
    put(1, "x", 100);
    MR_CHECK_U64(flush(), 0);
    delete (1, 200);
    delete (2, 200); /* of a row that never was here */
    MR_CHECK_U64(flush(), 0);
    check("");
    MR_CHECK_INT(n_tombs(), 2);
    put(1, "late", 150);
    put(2, "late", 199);
    MR_CHECK_U64(flush(), 2);
    check("");
    put(1, "again", 201);
    MR_CHECK_U64(flush(), 0);
    check("1|again\n");
}

/* O-07 */
MR_CONFORM(old_delete, "a delete that is older than the row leaves it")
{
    table_make(true, 60000);
    put(1, "x", 100);
    (void)flush();
    delete (1, 99);
    MR_CHECK_U64(flush(), 1);
    check("1|x\n");
    delete (1, 100);
    MR_CHECK_U64(flush(), 0);
    check("");
}

/* O-06; case 86 */
MR_CONFORM(equal, "an equal guard applies once more, but not of a snapshot's row")
{
    table_make(true, 60000);
    put(1, "x", 100);
    (void)flush();
    put(1, "y", 100);
    MR_CHECK_U64(flush(), 0);
    check("1|y\n");
    read(1, "z", 100);
    MR_CHECK_U64(flush(), 1);
    check("1|y\n");
    read(1, "z", 101);
    MR_CHECK_U64(flush(), 0);
    check("1|z\n");
}

/* O-06 */
MR_CONFORM(unguarded, "a snapshot's row without a guard is loaded only where there is none")
{
    table_make(true, 60000);
    delete (3, 10);
    read(1, "r", NONE);
    read(2, "r", NONE);
    MR_CHECK_U64(flush(), 0);
    check("1|r\n2|r\n");
    read(1, "again", NONE);
    read(3, "r", NONE);
    put(2, "u", 1);
    MR_CHECK_U64(flush(), 2);
    check("1|r\n2|u\n");
}

/* O-10 */
MR_CONFORM(wide, "guards of several parts compare bytewise, signed numbers by value")
{
    table_make(false, 60000);
    put(1, "a", 255);
    put(2, "b", 256);
    delete (3, 256);
    (void)flush();
    put(1, "a2", 256);
    put(2, "b2", 255);
    put(3, "c", 255);
    MR_CHECK_U64(flush(), 2);
    check("1|a2\n2|b\n");
}

MR_CONFORM(negative, "a negative guard is older than zero")
{
    table_make(true, 60000);
    put(1, "zero", 0);
    delete (2, -5);
    (void)flush();
    put(1, "minus", -7);
    put(2, "minus", -7);
    put(3, "x", -9);
    MR_CHECK_U64(flush(), 2);
    check("1|zero\n3|x\n");
    put(2, "later", -4);
    MR_CHECK_U64(flush(), 0);
    check("1|zero\n2|later\n3|x\n");
}

/* */
MR_CONFORM(replaced, "a row that was deleted and made anew replaces only an older one")
{
    table_make(true, 60000);
    put(1, "x", 100);
    put(2, "x", 300);
    (void)flush();
    for (int64_t id = 1; id <= 2; id++) {
        delete (id, 200);
        put(id, "y", 210);
    }
    MR_CHECK_U64(flush(), 1);
    check("1|y\n2|x\n");
}

/* R-22; case 79 */
MR_CONFORM(floor, "a truncate with a guard deletes what is older, and keeps it away")
{
    table_make(true, 60000);
    put(1, "old", 50);
    put(2, "new", 150);
    (void)flush();
    put(3, "old", 60);
    put(4, "new", 160);
    truncate_below(100);
    put(5, "late", 90);
    put(6, "on time", 100);
    MR_CHECK_U64(flush(), 1);
    check("2|new\n4|new\n6|on time\n");
    put(1, "late", 99);
    put(7, "new", 170);
    MR_CHECK_U64(flush(), 1);
    check("2|new\n4|new\n6|on time\n7|new\n");
    truncate_below(80); /* an older one */
    MR_CHECK_U64(flush(), 0);
    put(8, "late", 99);
    MR_CHECK_U64(flush(), 1);
}

/* */
MR_CONFORM(floor_split,
           "a truncate with a guard takes effect whatever becomes of the records behind it")
{
    table_make(true, 60000);
    mr_rows_release(&rows);
    mr_sink_fixture_exec(&mr_case.f, mr_case.f.kind == MR_KIND_SQLITE
                                         ? "CREATE TRIGGER trg BEFORE INSERT ON t WHEN new.id=7 "
                                           "BEGIN SELECT RAISE(ABORT,'no'); END"
                                         : "ALTER TABLE t ADD CHECK (id <> 7)");
    mr_case_open("t");
    mr_rows_init(&rows, mr_case.table, &key, true, &arena, 7);
    rows.guard = (struct mr_guard_use){.on = true,
                                       .single = true,
                                       .before = mr_case.f.kind == MR_KIND_SQLITE ? 1 : 0,
                                       .col = 2,
                                       .tomb_ttl_ms = 60000};
    put(1, "old", 50);
    (void)flush();
    truncate_below(100);
    put(7, "bad", 170);
    struct mr_load load = load_new();
    mr_case_begin();
    MR_CHECK_OK(mr_load_split(&load, &mr_load_upsert, &mr_case.f.err));
    mr_case_commit();
    MR_CHECK_U64(faults.n_items, 1);
    mr_rows_reset(&rows);
    MR_CHECK_INT(n_tombs(), 1);
    check("");
}

/* O-07 */
MR_CONFORM(expired, "a tomb lasts as long as the route says")
{
    table_make(true, 0);
    delete (1, 200);
    (void)flush();
    const struct timespec moment = {.tv_nsec = 5000000};
    (void)nanosleep(&moment, NULL); /* a tomb's age is the server's */
    delete (2, 200);
    (void)flush();
    MR_CHECK(n_tombs() <= 1);
    put(1, "late", 150);
    MR_CHECK_U64(flush(), 0);
    check("1|late\n");
}

MR_CONFORM(undone, "what is rolled back leaves neither tomb nor row")
{
    table_make(true, 60000);
    delete (1, 200);
    put(2, "x", 5);
    struct mr_load load = load_new();
    mr_case_begin();
    MR_CHECK_OK(mr_load_upsert.run(&load, &mr_case.f.err));
    mr_case.f.ops->rollback(mr_case.f.session);
    MR_CHECK_INT(n_tombs(), 0);
    check("");
    MR_CHECK_U64(flush(), 0); /* the same batch once more */
    check("2|x\n");
}

/* P-22 */
MR_CONFORM(locked, "a table's guards are locked until the transaction ends, however often")
{
    static const char held[] = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND "
                               "database = (SELECT oid FROM pg_database WHERE datname = "
                               "current_database())";
    bool counted = mr_case.f.kind == MR_KIND_POSTGRESQL; /* SQLite has one lock, the file's */

    table_make(true, 60000);
    for (int lands = 0; lands < 2; lands++) {
        mr_case_begin();
        for (int i = 0; i < 2; i++)
            MR_CHECK_OK(
                mr_case.f.ops->guard_lock(mr_case.f.session, mr_case.table, &mr_case.f.err));
        if (counted) /* it goes along with the next statement */
            MR_CHECK_STR(mr_sink_fixture_query(&mr_case.f, held), "0\n");
        MR_CHECK_OK(mr_case.f.ops->put_positions(mr_case.f.session, NULL, 0, &mr_case.f.err));
        if (counted)
            MR_CHECK_STR(mr_sink_fixture_query(&mr_case.f, held), "1\n");
        if (lands != 0)
            mr_case_commit();
        mr_case.f.ops->rollback(mr_case.f.session);
        if (counted)
            MR_CHECK_STR(mr_sink_fixture_query(&mr_case.f, held), "0\n");
    }
}
