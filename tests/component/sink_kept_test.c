/* Rows whose key changes across the border of two batches, against every kind of sink that can keep
 * their values (contract.md U-32): batches of rows, each loaded by strategy `upsert` in a
 * transaction of its own. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sinks/load.h"
#include "tests/support/mr_test.h"
#include "tests/support/sink_cases.h"

enum { A = 2, B = 4, N_MANY = 150 };

static struct mr_rows rows;
static struct mr_arena arena;
static struct mr_load_memory memory;
static struct mr_load_stats stats;
static struct mr_load_faults faults;
static struct mr_route route;
static const uint16_t all_idx[] = {0, 1, 2, 3};
static const uint16_t key_idx[] = {0};
static const struct mr_colset all = {4, all_idx};
static const struct mr_colset key = {1, key_idx};
static const struct mr_span spans[] = {{.stream = "s.t", .partition = 0},
                                       {.stream = "s.t", .partition = 1},
                                       {.stream = "other", .partition = 0}};
static const uint32_t rank[] = {0, 1, 2};
static int64_t guard; /* of the rows that follow; 0: the table has none */

MR_SETUP
{
    mr_case_start();
    mr_arena_init(&arena, 0, 0);
    memset(&rows, 0, sizeof rows);
    memset(&memory, 0, sizeof memory);
    memset(&stats, 0, sizeof stats);
    route = (struct mr_route){.keep_moved = true, .moved_tomb_ttl_ms = 60000};
    guard = 0;
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

static void rows_open(void)
{
    if (rows.table != NULL)
        mr_rows_release(&rows);
    mr_case_open("t");
    mr_rows_init(&rows, mr_case.table, &key, true, &arena, 7);
    rows.guard = (struct mr_guard_use){.on = guard != 0,
                                       .single = true,
                                       .before = mr_case.f.kind == MR_KIND_SQLITE ? 1 : 0,
                                       .col = 3,
                                       .tomb_ttl_ms = 60000};
}

/* Table t(id int8, a text, b text, g int8). */
static void table_make(void)
{
    const struct mr_shape_column columns[] = {
        {.name = "id", .type = MR_CASE_TYPE(MR_T_INT8), .key = true},
        {.name = "a", .type = MR_CASE_TYPE(MR_T_TEXT)},
        {.name = "b", .type = MR_CASE_TYPE(MR_T_TEXT)},
        {.name = "g", .type = MR_CASE_TYPE(MR_T_INT8)}};
    MR_CHECK_OK(mr_case_apply(MR_DDL_CREATE, "t", columns, 4, 1));
    rows_open();
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

static void put_text(struct mr_buf *out, uint16_t col, const char *text)
{
    if (text == NULL)
        mr_buf_u32(out, UINT32_MAX);
    else
        mr_case.f.ops->emit->text(out, &mr_case.table->columns[col].type, text, strlen(text));
}

struct change {
    int64_t id;
    int64_t old_id; /* of a row with a new key; 0 */
    int64_t new_id; /* of a delete, where the row goes on; 0 */
    const char *a;  /* "~": masked */
    const char *b;
    uint32_t span;
    bool delete;
};

static const char *unmasked(const char *text, uint64_t bit, uint64_t *mask)
{
    if (text == NULL || strcmp(text, "~") != 0)
        return text;
    *mask |= bit;
    return NULL;
}

static void add(struct change change)
{
    static int64_t offset;
    struct mr_buf tuple = MR_BUF_INIT;
    struct mr_buf own = MR_BUF_INIT;
    struct mr_buf old = MR_BUF_INIT;
    uint64_t mask = 0;
    struct mr_row_past past = {.cols = NULL};
    struct mr_row row = {.op = change.delete ? MR_ROW_DELETE : MR_ROW_UPSERT,
                         .span_idx = change.span,
                         .offset = ++offset};
    const struct mr_coltype *number = &mr_case.table->columns[3].type;
    key_tuple(&own, change.id);
    if (change.delete && guard != 0) {
        mr_buf_u16(&tuple, 1);
        mr_case.f.ops->emit->integer(&tuple, number, guard);
    } else if (!change.delete) {
        mr_buf_u16(&tuple, 4);
        mr_case.f.ops->emit->integer(&tuple, &mr_case.table->columns[0].type, change.id);
        put_text(&tuple, 1, unmasked(change.a, A, &mask));
        put_text(&tuple, 2, unmasked(change.b, B, &mask));
        mr_case.f.ops->emit->integer(&tuple, number, guard);
        row.cols = &all;
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
    if (change.new_id != 0)
        (void)key_text(change.new_id, &past.new_key);
    row.past = change.old_id != 0 || change.new_id != 0 ? &past : NULL;
    MR_CHECK_OK(mr_rows_add(&rows, &row, &mr_case.f.err));
    mr_buf_release(&tuple);
    mr_buf_release(&own);
    mr_buf_release(&old);
}

static void put(int64_t id, const char *a, const char *b)
{
    add((struct change){.id = id, .a = a, .b = b});
}

/* The two halves of a change of the key, and the tombstone. */
static void leave(int64_t from, int64_t to)
{
    add((struct change){.id = from, .new_id = to, .delete = true});
    if (guard == 0)
        add((struct change){.id = from, .delete = true});
}

static void arrive(int64_t from, int64_t to, const char *a, const char *b)
{
    add((struct change){.id = to, .old_id = from, .a = a, .b = b});
}

/* Loads what was added; how many records were at fault is returned. */
static size_t flush(void)
{
    struct mr_load load = {mr_case.f.session, &rows, &route, &memory, &stats, &faults, rank, spans};
    mr_case_begin();
    MR_CHECK_OK(mr_load_upsert.run(&load, &mr_case.f.err));
    mr_case_commit();
    size_t n_faults = faults.n_items;
    for (size_t i = 0; i < n_faults; i++)
        MR_CHECK_INT(faults.items[i].code, MR_UNAVAILABLE_ORPHAN);
    mr_load_faults_reset(&faults);
    mr_rows_reset(&rows);
    mr_arena_reset(&arena);
    return n_faults;
}

static const char *query(const char *sql)
{
    return mr_sink_fixture_query(&mr_case.f, sql);
}

static void check(const char *expected)
{
    MR_CHECK_STR(query("SELECT id, a, b FROM t ORDER BY id"), expected);
}

static int n_tombs(void)
{
    char sql[256];
    int n = 0;
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM %s WHERE kind = 'row'",
                   mr_sink_fixture_control(&mr_case.f, "tombs"));
    (void)sscanf(query(sql), "%d", &n);
    return n;
}

/* U-32 */
MR_CONFORM(border, "a row whose key changes across a batch's border keeps what was not sent again")
{
    table_make();
    put(1, "x", "BIG");
    put(7, "other", "row");
    MR_CHECK_U64(flush(), 0);
    leave(1, 2);
    MR_CHECK_U64(flush(), 0);
    check("7|other|row\n");
    MR_CHECK_INT(n_tombs(), 1);
    arrive(1, 2, "moved", "~");
    MR_CHECK_U64(flush(), 0);
    check("2|moved|BIG\n7|other|row\n");
    MR_CHECK_INT(n_tombs(), 0);
}

/* U-32 */
MR_CONFORM(again, "a tombstone in a batch of its own takes nothing away")
{
    table_make();
    put(1, "x", "BIG");
    (void)flush();
    add((struct change){.id = 1, .new_id = 2, .delete = true});
    (void)flush();
    add((struct change){.id = 1, .delete = true});
    (void)flush();
    arrive(1, 2, "~", "~");
    MR_CHECK_U64(flush(), 0);
    check("2|x|BIG\n");
}

/* U-32: never the values of another row */
MR_CONFORM(whose, "a tomb is for the one change that left it")
{
    table_make();
    put(1, "x", "BIG");
    (void)flush();
    leave(1, 2);
    (void)flush();
    arrive(1, 3, "another key", "~");
    add((struct change){.id = 2, .old_id = 1, .a = "other partition", .b = "~", .span = 1});
    MR_CHECK_U64(flush(), 2);
    add((struct change){.id = 2, .old_id = 1, .a = "other topic", .b = "~", .span = 2});
    arrive(9, 2, "another old key", "~");
    MR_CHECK_U64(flush(), 2);
    check("");
    MR_CHECK_INT(n_tombs(), 1);
    arrive(1, 2, "it", "~");
    MR_CHECK_U64(flush(), 0);
    check("2|it|BIG\n");
    add((struct change){.id = 2, .delete = true});
    arrive(1, 2, "used up", "~");
    MR_CHECK_U64(flush(), 1);
    check("");
}

/* U-32: "fold included, also of a key that was never in the target" */
MR_CONFORM(fold, "what is kept is the state just before the delete, of the batch and of the target")
{
    table_make();
    put(1, "x", "BIG");
    put(3, "p", "q");
    (void)flush();
    put(1, "x2", "~"); /* b from the target */
    leave(1, 2);
    put(5, "new", "ROW"); /* never in the target */
    leave(5, 6);
    add((struct change){.id = 3, .delete = true});
    put(3, "r", "s"); /* not what the target has */
    leave(3, 4);
    MR_CHECK_U64(flush(), 0);
    check("");
    arrive(1, 2, "~", "~");
    arrive(5, 6, "~", "~");
    arrive(3, 4, "~", "~");
    MR_CHECK_U64(flush(), 0);
    check("2|x2|BIG\n4|r|s\n6|new|ROW\n");
}

/* U-32, U-30 */
MR_CONFORM(chain, "a row that moves twice takes its values along, wherever the borders are")
{
    table_make();
    put(1, "x", "BIG");
    put(11, "y", "LARGE");
    (void)flush();
    leave(1, 2);
    (void)flush();
    arrive(1, 2, "x2", "~"); /* from the tomb into the next tomb */
    leave(2, 3);
    leave(11, 12);
    arrive(11, 12, "~", "~"); /* in the target still */
    leave(12, 13);
    MR_CHECK_U64(flush(), 0);
    check("");
    arrive(2, 3, "~", "~");
    arrive(12, 13, "~", "~");
    MR_CHECK_U64(flush(), 0);
    check("3|x2|BIG\n13|y|LARGE\n");
    MR_CHECK_INT(n_tombs(), 0);
}

MR_CONFORM(whole, "a change within one batch leaves no tomb, whether its row is whole or not")
{
    table_make();
    put(1, "x", "BIG");
    put(3, "y", "LARGE");
    (void)flush();
    leave(1, 2);
    arrive(1, 2, "x", "~");
    leave(3, 4);
    arrive(3, 4, "y", "sent again");
    MR_CHECK_U64(flush(), 0);
    check("2|x|BIG\n4|y|sent again\n");
    MR_CHECK_INT(n_tombs(), 0);
}

/* U-32: a replay, say, or a row that was put aside */
MR_CONFORM(absent, "a delete that finds no row takes away what a former one left")
{
    table_make();
    put(1, "x", "BIG");
    (void)flush();
    leave(1, 2);
    (void)flush();
    leave(1, 2);
    MR_CHECK_U64(flush(), 0);
    MR_CHECK_INT(n_tombs(), 0);
    arrive(1, 2, "x", "~");
    MR_CHECK_U64(flush(), 1);
    check("");
}

MR_CONFORM(later, "of two moves of a key in one batch the later one leaves the tomb")
{
    table_make();
    put(1, "x", "BIG");
    (void)flush();
    leave(1, 2);
    put(1, "y", "LARGE");
    leave(1, 3);
    MR_CHECK_U64(flush(), 0);
    MR_CHECK_INT(n_tombs(), 1);
    arrive(1, 3, "~", "~");
    MR_CHECK_U64(flush(), 0);
    check("3|y|LARGE\n");
}

/* U-32 with R-20 */
MR_CONFORM(truncated, "behind a truncate the target's rows are none that move")
{
    table_make();
    put(1, "x", "BIG");
    put(3, "x", "BIG");
    (void)flush();
    mr_rows_truncate(&rows);
    put(1, "y", "NEW");
    leave(1, 2);
    leave(3, 4);
    MR_CHECK_U64(flush(), 0);
    rows_open(); /* a truncate is a change of the table */
    arrive(1, 2, "~", "~");
    arrive(3, 4, "~", "~");
    MR_CHECK_U64(flush(), 1);
    check("2|y|NEW\n");
}

MR_CONFORM(many, "more rows move at once than one statement reads")
{
    table_make();
    for (int64_t i = 1; i <= N_MANY; i++)
        put(i, "x", i % 2 == 0 ? "even" : "odd");
    (void)flush();
    for (int64_t i = 1; i <= N_MANY; i++)
        leave(i, 1000 + i);
    (void)flush();
    MR_CHECK_INT(n_tombs(), N_MANY);
    for (int64_t i = 1; i <= N_MANY; i++)
        arrive(i, 1000 + i, "~", "~");
    MR_CHECK_U64(flush(), 0);
    MR_CHECK_STR(
        query("SELECT count(*), min(id), max(id), sum(CASE WHEN b = CASE id % 2 WHEN 0 THEN "
              "'even' ELSE 'odd' END THEN 1 ELSE 0 END) FROM t"),
        "150|1001|1150|150\n");
    MR_CHECK_INT(n_tombs(), 0);
}

/* U-32 with section 3.1: a guard made of the source's position names the change */
MR_CONFORM(guarded, "with a guard the halves of a change find each other across partitions")
{
    guard = 10;
    route.guard = MR_GUARD_LSN;
    table_make();
    put(1, "x", "BIG");
    put(3, "y", "LARGE");
    (void)flush();
    guard = 20;
    leave(1, 2);
    leave(3, 4);
    (void)flush();
    add((struct change){.id = 2, .old_id = 1, .a = "moved", .b = "~", .span = 1});
    guard = 21; /* of another change */
    add((struct change){.id = 4, .old_id = 3, .a = "moved", .b = "~", .span = 1});
    MR_CHECK_U64(flush(), 1);
    check("2|moved|BIG\n");
    route.guard = MR_GUARD_FIELDS; /* two changes may have the same */
    guard = 20;
    add((struct change){.id = 4, .old_id = 3, .a = "moved", .b = "~", .span = 1});
    MR_CHECK_U64(flush(), 1);
}

MR_CONFORM(newer, "with a guard a row that is newer than the delete is not the one that moved")
{
    guard = 30;
    route.guard = MR_GUARD_LSN;
    table_make();
    put(1, "newer", "VALUE");
    (void)flush();
    guard = 20;
    leave(1, 2);
    put(5, "another", "row");
    (void)flush();
    check("1|newer|VALUE\n5|another|row\n");
    MR_CHECK_INT(n_tombs(), 0);
}

MR_CONFORM(expired, "a tomb lasts as long as the route says")
{
    const struct timespec moment = {.tv_nsec = 5000000};
    table_make();
    route.moved_tomb_ttl_ms = 0;
    put(1, "x", "BIG");
    put(3, "x", "BIG");
    (void)flush();
    leave(1, 2);
    (void)flush();
    MR_CHECK_INT(n_tombs(), 1);
    (void)nanosleep(&moment, NULL); /* a tomb's age is the server's */
    leave(3, 4);
    (void)flush();
    MR_CHECK(n_tombs() <= 1);
    arrive(1, 2, "x", "~");
    MR_CHECK_U64(flush(), 1);
}

/* P5: its bytes would be read as another type's */
MR_TEST("postgresql: what was kept of a column is not for one of another type")
{
    mr_case_run(MR_KIND_POSTGRESQL, table_make);
    put(1, "x", "BIG");
    put(3, "y", "LARGE");
    (void)flush();
    leave(1, 2);
    leave(3, 4);
    (void)flush();
    (void)query("ALTER TABLE t ALTER COLUMN b TYPE varchar(9)");
    rows_open();
    arrive(1, 2, "~", "sent");
    arrive(3, 4, "sent", "~");
    MR_CHECK_U64(flush(), 1);
    check("2|x|sent\n");
}

/* P4 */
MR_CONFORM(undone,
           "what is rolled back leaves and uses up no tomb, and the batch can be tried again")
{
    table_make();
    put(1, "x", "BIG");
    (void)flush();
    leave(1, 2);
    struct mr_load load = {mr_case.f.session, &rows, &route, &memory, &stats, &faults, rank, spans};
    mr_case_begin();
    MR_CHECK_OK(mr_load_upsert.run(&load, &mr_case.f.err));
    mr_case.f.ops->rollback(mr_case.f.session);
    MR_CHECK_INT(n_tombs(), 0);
    MR_CHECK_U64(flush(), 0);
    arrive(1, 2, "x", "~");
    mr_case_begin();
    MR_CHECK_OK(mr_load_upsert.run(&load, &mr_case.f.err));
    mr_case.f.ops->rollback(mr_case.f.session);
    MR_CHECK_INT(n_tombs(), 1);
    MR_CHECK_U64(flush(), 0);
    check("2|x|BIG\n");
}
