/* The order of a flush's calls, and what is left after an error: a sink that writes down what it is
 * asked. */
#include "consumer/flush.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consumer/source.h"
#include "tests/support/mr_test.h"

enum { MAX_TABLES = 4, MAX_SPANS = 4 };

static struct {
    char log[1024];
    size_t used;
    const char *fails_at; /* a call's name; what it answers is `fault` */
    struct mr_err fault;
    struct mr_batch batch;
    struct mr_batch_table tables[MAX_TABLES];
    struct mr_batch_table *list[MAX_TABLES];
    struct mr_table table[MAX_TABLES];
    struct mr_target targets[MAX_TABLES];
    struct mr_batch_span spans[MAX_SPANS];
    struct mr_letter letters[2];
    struct mr_session session;
    struct mr_load_memories memories;
    struct mr_flush_result result;
    struct mr_err err;
    struct mr_load_fault bad[4]; /* what every load finds */
    size_t n_bad;
    enum mr_code bad_code;
    struct mr_route_rule rule;
    struct mr_source source;
    struct mr_partition parts[MAX_SPANS];
    struct mr_record held[8];
    int64_t letters_at[8]; /* offsets of the second put_letters */
    struct mr_arena arena;
    struct mr_row rows[MAX_TABLES][8]; /* at offsets 1, 2 .. */
    struct mr_retries *retries;
    const char *refuses; /* a table's name: it takes no row of offset 3 */
} f;

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int n = vsnprintf(f.log + f.used, sizeof f.log - f.used, format, args);
    va_end(args);
    MR_CHECK(n > 0 && f.used + (size_t)n < sizeof f.log);
    f.used += (size_t)n;
}

static int answer(const char *call, struct mr_err *err)
{
    if (f.fails_at == NULL || strcmp(f.fails_at, call) != 0)
        return 0;
    *err = f.fault;
    return -(int)f.fault.code;
}

static int begin(struct mr_session *session, struct mr_table *const *tables, size_t n_tables,
                 const struct mr_span *spans, size_t n_spans, struct mr_err *err)
{
    MR_CHECK(session == &f.session);
    note("begin(");
    for (size_t i = 0; i < n_tables; i++)
        note("%s%s.%s", i > 0 ? " " : "", tables[i]->schema, tables[i]->name);
    note(";");
    for (size_t i = 0; i < n_spans; i++)
        note(" %s/%d/%d", spans[i].stream, spans[i].partition, spans[i].slot);
    note(") ");
    return answer("begin", err);
}

static int put_letters(struct mr_session *session, const struct mr_letter *letters, size_t n,
                       struct mr_err *err)
{
    MR_CHECK(session == &f.session);
    note(letters == f.letters ? "letters(%zu) " : "found(%zu) ", n);
    for (size_t i = 0; letters != f.letters && i < n; i++)
        f.letters_at[i] = letters[i].offset;
    return answer("letters", err);
}

static int put_positions(struct mr_session *session, const struct mr_span *spans, size_t n,
                         struct mr_err *err)
{
    MR_CHECK(session == &f.session);
    note("positions(");
    for (size_t i = 0; i < n; i++)
        note("%s%lld", i > 0 ? " " : "", (long long)spans[i].next);
    note(") ");
    return answer("positions", err);
}

static int commit(struct mr_session *session, struct mr_err *err)
{
    MR_CHECK(session == &f.session);
    note("commit ");
    return answer("commit", err);
}

static void rollback(struct mr_session *session)
{
    MR_CHECK(session == &f.session);
    note("rollback ");
}

static int savepoint(struct mr_session *session, struct mr_err *err)
{
    (void)session;
    (void)err;
    note("< ");
    return 0;
}

static int to_savepoint(struct mr_session *session, struct mr_err *err)
{
    (void)session;
    (void)err;
    note("undo ");
    return 0;
}

static int release(struct mr_session *session, struct mr_err *err)
{
    (void)session;
    (void)err;
    note("> ");
    return 0;
}

static int constraints_now(struct mr_session *session, const struct mr_table *table,
                           struct mr_err *err)
{
    (void)table;
    MR_CHECK(session == &f.session);
    note("constraints ");
    return answer("constraints", err);
}

static const struct mr_sink_ops sink_ops = {.name = "scripted",
                                            .savepoint = savepoint,
                                            .rollback_to_savepoint = to_savepoint,
                                            .release_savepoint = release,
                                            .constraints_now = constraints_now,
                                            .begin = begin,
                                            .put_letters = put_letters,
                                            .put_positions = put_positions,
                                            .commit = commit,
                                            .rollback = rollback};

static int load(struct mr_load *load, struct mr_err *err)
{
    MR_CHECK(load->session == &f.session);
    const char *name = load->rows->table->name;
    note("load(%s) ", name);
    for (size_t i = 0; f.refuses != NULL && i < load->rows->n_rows; i++) {
        load->session->refused = mr_refused_for(&load->rows->rows[i]);
        if (strcmp(f.refuses, name) == 0 && load->rows->rows[i].offset == 3)
            return mr_err_set_db(err, MR_CLASS_POISON, "23514", "scripted");
    }
    load->memory->direct_misses++;
    load->stats->n_upserted += load->rows->n_rows;
    for (size_t i = 0; i < f.n_bad; i++) {
        struct mr_err why = MR_ERR_INIT;
        struct mr_row row = {.span_idx = f.bad[i].span_idx, .offset = f.bad[i].offset};
        mr_err_set(&why, f.bad_code, "scripted");
        MR_CHECK_OK(mr_load_fault_add(load->faults, &row, &why, err));
    }
    return answer(load->rows->table->name, err);
}

static const struct mr_load_ops load_ops = {.name = "scripted", .run = load};

static void table_add(const char *schema, const char *name, uint32_t idx, size_t n_rows)
{
    size_t i = f.batch.n_tables++;

    f.table[i].schema = schema;
    f.table[i].name = name;
    f.targets[i].load = &load_ops;
    f.targets[i].rule = &f.rule;
    f.targets[i].idx = idx;
    snprintf(f.targets[i].label, sizeof f.targets[i].label, "%s.%s", schema, name);
    f.tables[i].target = &f.targets[i];
    f.tables[i].rows.table = &f.table[i];
    f.tables[i].rows.n_rows = n_rows;
    f.tables[i].rows.rows = f.rows[i];
    f.tables[i].rows.arena = &f.arena;
    for (size_t r = 0; r < 8; r++)
        f.rows[i][r].offset = (int64_t)r + 1;
    atomic_store(&f.table[i].refs, 1);
    f.list[i] = &f.tables[i];
}

static void span_add(const char *stream, int32_t partition, int16_t slot, int64_t next)
{
    struct mr_batch_span *span = &f.spans[f.batch.n_spans++];
    span->span = (struct mr_span){
        .stream = stream, .partition = partition, .slot = slot, .slots = 1, .next = next};
}

static int run(void)
{
    f.used = 0;
    f.log[0] = '\0';
    mr_err_clear(&f.err);
    struct mr_flush flush = {&f.session, &f.batch, &f.memories, &f.source,
                             NULL,       NULL,     f.retries,   0};
    return mr_flush_run(&flush, &f.result, &f.err);
}

static void headers_json(struct mr_source *source, const struct mr_record *record,
                         struct mr_buf *out)
{
    MR_CHECK(source == &f.source && record->part != NULL);
    mr_buf_str(out, "[]");
}

static const struct mr_source_ops source_ops = {.headers_json = headers_json};

static void held_add(size_t span, int64_t offset)
{
    struct mr_partition *part = &f.parts[span];

    if (f.spans[span].part == NULL) {
        mr_lock_init(&part->lock, 35);
        f.spans[span].part = part;
        part->partition = (int32_t)span;
        snprintf(part->stream, sizeof part->stream, "t");
    }
    f.held[f.batch.n_held++] = (struct mr_record){
        .part = part, .stream = part->stream, .partition = part->partition, .offset = offset};
}

static void bad_add(uint32_t span_idx, int64_t offset)
{
    f.bad[f.n_bad++] = (struct mr_load_fault){.span_idx = span_idx, .offset = offset};
}

MR_SETUP
{
    memset(&f, 0, sizeof f);
    mr_flush_result_init(&f.result);
    f.source.ops = &source_ops;
    f.batch.held = f.held;
    f.session.ops = &sink_ops;
    f.batch.tables = f.list;
    f.batch.spans = f.spans;
    f.batch.letters = f.letters;
    mr_err_clear(&f.fault);
    mr_arena_init(&f.arena, 0, 0);
}

/* No other thread is left. */
static MR_NO_TSA void stops_free(void)
{
    for (size_t i = 0; i < MAX_SPANS; i++)
        free(f.parts[i].stop);
}

MR_TEARDOWN
{
    mr_load_memories_release(&f.memories);
    mr_flush_result_release(&f.result);
    mr_arena_release(&f.arena);
    stops_free();
}

static void two_tables(void)
{
    table_add("s", "b", 1, 3);
    table_add("s", "a", 0, 4);
    span_add("t", 0, 0, 8);
    f.batch.n_letters = 2;
}

/* G-01, P-22 */
MR_TEST("rows of every table, letters and positions go into one transaction, tables by name")
{
    two_tables();
    table_add("r", "z", 2, 1);
    MR_CHECK_OK(run());
    MR_CHECK_STR(f.log, "begin(r.z s.a s.b; t/0/0) load(z) load(a) load(b) letters(2) "
                        "positions(8) commit ");
    MR_CHECK_U64(f.result.stats.n_upserted, 8);
    MR_CHECK(f.result.failed == NULL);
}

MR_TEST("positions are locked by stream, partition and slot, and the batch keeps its own order")
{
    table_add("s", "a", 0, 1);
    span_add("u", 0, 0, 1);
    span_add("t", 10, 0, 2);
    span_add("t", 9, 1, 3);
    span_add("t", 9, 0, 4);
    MR_CHECK_OK(run());
    MR_CHECK_STR(f.log, "begin(s.a; t/9/0 t/9/1 t/10/0 u/0/0) load(a) positions(4 3 2 1) commit ");
    MR_CHECK_STR(f.batch.spans[0].span.stream, "u"); /* rows point at spans by their index */
}

MR_TEST("a table without rows is neither locked nor loaded; positions alone are a flush too")
{
    table_add("s", "a", 0, 0);
    span_add("t", 0, 0, 24);
    MR_CHECK_OK(run());
    MR_CHECK_STR(f.log, "begin(; t/0/0) positions(24) commit ");
}

MR_TEST("after an error at any step the transaction is rolled back once, and nothing follows")
{
    static const struct {
        const char *at;
        const char *log;
    } cases[] = {
        {"begin", "begin(s.a s.b; t/0/0) rollback "},
        {"a", "begin(s.a s.b; t/0/0) load(a) rollback "},
        {"b", "begin(s.a s.b; t/0/0) load(a) load(b) rollback "},
        {"letters", "begin(s.a s.b; t/0/0) load(a) load(b) letters(2) rollback "},
        {"positions", "begin(s.a s.b; t/0/0) load(a) load(b) letters(2) positions(8) rollback "},
        {"commit",
         "begin(s.a s.b; t/0/0) load(a) load(b) letters(2) positions(8) commit rollback "}};

    two_tables();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        f.fails_at = cases[i].at;
        mr_err_set(&f.fault, MR_TARGET_AWAY, "scripted");
        MR_CHECK_INT(run(), -MR_TARGET_AWAY);
        MR_CHECK_INT(f.err.code, MR_TARGET_AWAY);
        MR_CHECK_STR(f.log, cases[i].log);
    }
    f.fails_at = NULL;
    MR_CHECK_OK(run()); /* the same batch lands afterwards */
}

/* */
MR_TEST("an unknown commit keeps its code, and the session is made ready")
{
    two_tables();
    f.fails_at = "commit";
    mr_err_set(&f.fault, MR_COMMIT_UNKNOWN, "cut");
    MR_CHECK_INT(run(), -MR_COMMIT_UNKNOWN);
    MR_CHECK(strstr(f.log, "commit rollback") != NULL);
    MR_CHECK(f.result.failed == NULL);
}

MR_TEST("a load that fails names its target, and the error the table")
{
    two_tables();
    f.fails_at = "b";
    mr_err_set_db(&f.fault, MR_CLASS_HALT, "42501", "not yours");
    MR_CHECK_INT(run(), -MR_DB);
    MR_CHECK(f.result.failed == &f.targets[0]);
    MR_CHECK_STR(f.err.table, "s.b");
    MR_CHECK_STR(f.err.sqlstate, "42501");
    f.fails_at = NULL;
    MR_CHECK_OK(run());
    MR_CHECK(f.result.failed == NULL);
}

/* */
MR_TEST("a load that is refused for a row is taken apart there in a transaction of its own")
{
    two_tables();
    held_add(0, 3);
    f.refuses = "a";
    MR_CHECK_OK(run());
    MR_CHECK_STR(f.log, "begin(s.a s.b; t/0/0) load(a) rollback "
                        "begin(s.a s.b; t/0/0) < load(a) > < load(a) undo > < load(a) > "
                        "load(b) letters(2) found(1) positions(8) commit ");
    MR_CHECK_INT(f.letters_at[0], 3);
    MR_CHECK_STR(f.result.faults.letters[0].code, "db.23514");
    MR_CHECK_U64(f.result.stats.n_upserted, 6);
    MR_CHECK_OK(run()); /* tried again, it is taken apart at once */
    MR_CHECK_U64(f.result.faults.n_letters, 1);
}

/* */
MR_TEST("what only the COMMIT refuses is taken apart with all constraints held against each part")
{
    table_add("s", "a", 0, 1);
    span_add("t", 0, 0, 8);
    f.fails_at = "commit";
    mr_err_set_db(&f.fault, MR_CLASS_POISON, "23505", "twice");
    MR_CHECK_INT(run(), -MR_DB); /* it did not help: an error as any other */
    MR_CHECK_STR(f.log, "begin(s.a; t/0/0) load(a) positions(8) commit rollback "
                        "begin(s.a; t/0/0) < load(a) constraints > positions(8) commit rollback ");
    MR_CHECK(f.result.at_commit);
}

/* */
MR_TEST(
    "a key that another writer took first is tried again five times, then looked for as a fault")
{
    struct mr_retries retries = {{0}};

    table_add("s", "a", 0, 1);
    span_add("t", 0, 0, 8);
    f.retries = &retries;
    f.fails_at = "letters";
    f.batch.letters = f.letters;
    f.batch.n_letters = 1;
    mr_err_set_db(&f.fault, MR_CLASS_POISON, "23505", "twice");
    f.fault.on_key = true;
    for (int i = 0; i < 5; i++) {
        MR_CHECK_INT(run(), -MR_DB);
        MR_CHECK_INT(f.err.class, MR_CLASS_RETRY);
        MR_CHECK_INT(f.result.first, MR_FIRST_QUICK);
        MR_CHECK_STR(f.log, "begin(s.a; t/0/0) load(a) letters(1) rollback ");
        MR_CHECK(!f.tables[0].split);
    }
    MR_CHECK_INT(run(), -MR_DB);
    MR_CHECK_INT(f.err.class, MR_CLASS_POISON);
    MR_CHECK_INT(f.result.first, MR_FIRST_NOTHING);
    MR_CHECK(f.tables[0].split);
}

/* */
MR_TEST("a violation of another index is looked for as a record's fault at once")
{
    struct mr_retries retries = {{0}};

    table_add("s", "a", 0, 1);
    span_add("t", 0, 0, 8);
    f.retries = &retries;
    f.fails_at = "commit";
    mr_err_set_db(&f.fault, MR_CLASS_POISON, "23505", "twice");
    MR_CHECK_INT(run(), -MR_DB);
    MR_CHECK_INT(f.err.class, MR_CLASS_POISON);
    MR_CHECK(f.tables[0].split);
}

/* V-13 */
MR_TEST("a begin that finds a table changed names the target by the sink's name of it")
{
    static const struct {
        const char *table;
        int failed; /* index; -1: none */
    } cases[] = {{"s.b", 0}, {"s.a", 1}, {"b", 0}, {"x.b", -1}, {"", -1}, {"s", -1}};

    two_tables();
    f.fails_at = "begin";
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mr_err_clear(&f.fault);
        mr_err_set(&f.fault, MR_TABLE_CHANGED, "scripted");
        mr_err_in(&f.fault, cases[i].table, NULL);
        MR_CHECK_INT(run(), -MR_TABLE_CHANGED);
        MR_CHECK(f.result.failed == (cases[i].failed >= 0 ? &f.targets[cases[i].failed] : NULL));
    }
}

MR_TEST("dots in names are no reason for the wrong table")
{
    table_add("s", "a.b", 0, 1);
    table_add("s.a", "b", 1, 1);
    table_add("s", "c", 2, 1);
    f.fails_at = "begin";
    mr_err_set(&f.fault, MR_TABLE_CHANGED, "scripted");
    mr_err_in(&f.fault, "c", NULL);
    MR_CHECK_INT(run(), -MR_TABLE_CHANGED);
    MR_CHECK(f.result.failed == &f.targets[2]);
    mr_err_in(&f.fault, "a.b", NULL);
    MR_CHECK_INT(run(), -MR_TABLE_CHANGED);
    MR_CHECK(f.result.failed == &f.targets[0]);
}

/* case 158 */
MR_TEST("a begin that halts is the only table's fault; an outage is nobody's")
{
    table_add("s", "a", 0, 1);
    span_add("t", 0, 0, 1);
    f.fails_at = "begin";
    mr_err_set_db(&f.fault, MR_CLASS_HALT, "42501", "permission denied");
    MR_CHECK_INT(run(), -MR_DB);
    MR_CHECK(f.result.failed == &f.targets[0]);
    mr_err_set(&f.fault, MR_TARGET_AWAY, "down");
    MR_CHECK_INT(run(), -MR_TARGET_AWAY);
    MR_CHECK(f.result.failed == NULL);
}

/* */
MR_TEST("a constraint that fails at COMMIT is the fault of the table that the target names")
{
    two_tables();
    f.fails_at = "commit";
    mr_err_set_db(&f.fault, MR_CLASS_HALT, "23503", "no parent");
    MR_CHECK_INT(run(), -MR_DB);
    MR_CHECK(f.result.failed == NULL);
    mr_err_in(&f.fault, "s.b", NULL);
    MR_CHECK_INT(run(), -MR_DB);
    MR_CHECK(f.result.failed == &f.targets[0]);
    mr_err_set_db(&f.fault, MR_CLASS_POISON, "23505", "twice");
    MR_CHECK_INT(run(), -MR_DB);
    MR_CHECK(f.result.failed == &f.targets[0]);
    mr_err_set(&f.fault, MR_TARGET_AWAY, "down");
    MR_CHECK_INT(run(), -MR_TARGET_AWAY);
    MR_CHECK(f.result.failed == NULL);
}

MR_TEST("what a strategy learns is kept for its target, whatever other targets come and go")
{
    table_add("s", "a", 40, 1);
    MR_CHECK_OK(run());
    MR_CHECK_OK(run());
    MR_CHECK(f.memories.n_items > 40);
    MR_CHECK_U64(f.memories.items[40].direct_misses, 2);
    table_add("s", "b", 300, 1);
    MR_CHECK_OK(run());
    MR_CHECK_U64(f.memories.items[40].direct_misses, 3);
    MR_CHECK_U64(f.memories.items[300].direct_misses, 1);
    for (size_t i = 0; i < f.memories.n_items; i++)
        if (i != 40 && i != 300)
            MR_CHECK_U64(f.memories.items[i].direct_misses, 0);
}

static void two_partitions(void)
{
    table_add("s", "a", 0, 4);
    span_add("t", 0, 0, 8);
    span_add("t", 1, 0, 8);
    held_add(0, 5);
    held_add(1, 5);
    held_add(0, 6);
    held_add(1, 7);
    f.bad_code = MR_UNAVAILABLE_ORPHAN;
}

/* U-31, P4 */
MR_TEST("records that a load finds bad are put aside in its own transaction, and the rest lands")
{
    two_partitions();
    bad_add(1, 7);
    bad_add(0, 5);
    MR_CHECK_OK(run());
    MR_CHECK_STR(f.log, "begin(s.a; t/0/0 t/1/0) load(a) found(2) positions(8 8) commit ");
    MR_CHECK_INT(f.letters_at[0], 5);
    MR_CHECK_INT(f.letters_at[1], 7);
    MR_CHECK_STR(f.result.faults.letters[0].code, "unavailable.orphan");
    MR_CHECK_STR(f.result.faults.letters[0].target_table, "s.a");
    MR_CHECK_INT(f.result.faults.letters[1].partition, 1);
    MR_CHECK_OK(run()); /* tried again, it is found again */
    MR_CHECK_U64(f.result.faults.n_letters, 2);
}

/* U-31 */
MR_TEST("on_bad_record = skip leaves such a record out without a letter")
{
    two_partitions();
    bad_add(0, 5);
    f.rule.on_bad = MR_ON_BAD_SKIP;
    MR_CHECK_OK(run());
    MR_CHECK_STR(f.log, "begin(s.a; t/0/0 t/1/0) load(a) positions(8 8) commit ");
    MR_CHECK_U64(f.result.faults.n_items, 1);
}

/* U-31 */
MR_TEST("on_bad_record = stop, or a HALT, rolls back and names the first record of each partition")
{
    for (int halt = 0; halt < 2; halt++) {
        struct mr_partition_stop stop;
        f.batch.n_tables = f.batch.n_spans = f.batch.n_held = f.n_bad = 0;
        two_partitions();
        bad_add(0, 6);
        bad_add(1, 7);
        bad_add(0, 5);
        f.rule.on_bad = halt != 0 ? MR_ON_BAD_DEAD_LETTER : MR_ON_BAD_STOP;
        f.bad_code = halt != 0 ? MR_UNAVAILABLE_ORPHAN_HALT : MR_UNAVAILABLE_ORPHAN;
        MR_CHECK_INT(run(), -(int)f.bad_code);
        MR_CHECK_STR(f.log, "begin(s.a; t/0/0 t/1/0) load(a) positions(8 8) rollback ");
        MR_CHECK(f.result.stopped);
        mr_flush_faults_stops(&f.result.faults);
        for (size_t i = 0; i < 2; i++) {
            mr_partition_stop_arm(&f.parts[i]);
            MR_CHECK_INT(f.parts[i].fill_stop_at, i == 0 ? 5 : 7);
            mr_partition_stop_take(&f.parts[i], &stop);
            MR_CHECK(stop.target == &f.targets[0]);
            MR_CHECK_INT(stop.why.offset, i == 0 ? 5 : 7);
            MR_CHECK_INT(stop.why.class, halt != 0 ? MR_CLASS_HALT : MR_CLASS_POISON);
            MR_CHECK_INT(f.parts[i].fill_stop_at, -1);
        }
    }
}

/* U-31, G-03 */
MR_TEST("who lost its partition is fenced, and stops at nothing")
{
    two_partitions();
    bad_add(0, 5);
    f.rule.on_bad = MR_ON_BAD_STOP;
    f.fails_at = "positions";
    mr_err_set(&f.fault, MR_FENCED, "scripted");
    MR_CHECK_INT(run(), -MR_FENCED);
    MR_CHECK_INT(f.err.class, MR_CLASS_FENCED);
    MR_CHECK(!f.result.stopped);
    MR_CHECK_STR(f.log, "begin(s.a; t/0/0 t/1/0) load(a) positions(8 8) rollback ");
}
