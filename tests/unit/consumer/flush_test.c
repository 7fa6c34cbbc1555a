/* The order of a flush's calls, and what is left after an error. */
#include "tests/support/flush_case.inc"

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

/* Table `idx` of those added refers to the one of this name. */
static void refer(size_t idx, const char *name)
{
    f.refs[idx] = (struct mr_ref){"s", name};
    f.table[idx].references = &f.refs[idx];
    f.table[idx].n_references = 1;
    f.related = true;
}

static void three_generations(void)
{
    table_add("s", "b", 0, 4); /* a refers to b, b to c; the locks are taken by name */
    table_add("s", "a", 1, 4);
    table_add("s", "c", 2, 4);
    table_add("s", "d", 3, 4);
    span_add("t", 0, 0, 8);
    refer(0, "c");
    refer(1, "b");
}

/* */
MR_TEST("parents are loaded before their children, and lose rows after them")
{
    three_generations();
    MR_CHECK_OK(run());
    MR_CHECK_STR(f.log, "begin(s.a s.b s.c s.d; t/0/0) load(c) load(b) load(a) load(d) "
                        "positions(8) commit ");
    f.rows[0][1].op = f.rows[1][2].op = f.rows[2][1].op = f.rows[3][1].op = MR_ROW_DELETE;
    MR_CHECK_OK(run());
    MR_CHECK_STR(f.log, "begin(s.a s.b s.c s.d; t/0/0) load(c, not its deletes) "
                        "load(b, not its deletes) load(a) load(d) deletes(b) deletes(c) "
                        "positions(8) commit ");
}

/* */
MR_TEST("tables that refer to each other are emptied first of all, children first")
{
    three_generations();
    f.tables[0].rows.truncated = f.tables[2].rows.truncated = true;
    MR_CHECK_OK(run());
    MR_CHECK_STR(f.log, "begin(s.a s.b s.c s.d; t/0/0) truncate(b) truncate(c) load(c) load(b) "
                        "load(a) load(d) positions(8) commit ");
}

/* P-22 */
MR_TEST("guards of tables that refer to each other are locked by name, whatever order they load in")
{
    three_generations();
    for (size_t i = 0; i < 3; i++)
        f.tables[i].rows.guard.on = f.tables[i].rows.reduce = true;
    f.tables[2].rows.truncated = true;
    f.tables[3].rows.guard.on = true; /* appended to */
    MR_CHECK_OK(run());
    MR_CHECK_STR(f.log, "begin(s.a s.b s.c s.d; t/0/0) guards(a) guards(b) guards(c) truncate(c) "
                        "load(c) load(b) load(a) load(d) positions(8) commit ");
    f.fails_at = "guards";
    mr_err_set(&f.fault, MR_TARGET_AWAY, "scripted");
    MR_CHECK_INT(run(), -MR_TARGET_AWAY);
    MR_CHECK(f.result.failed == &f.targets[1]);
}

/* */
MR_TEST("a circle of tables is loaded with what can be put off put off")
{
    two_tables();
    refer(0, "a");
    refer(1, "b");
    MR_CHECK_OK(run());
    MR_CHECK_STR(f.log, "begin(s.a s.b; t/0/0) later(a) later(b) load(a) load(b) letters(2) "
                        "positions(8) commit ");
    f.refs[0].name = "b";
    f.table[1].n_references = 0;
    MR_CHECK_OK(run());
    MR_CHECK_STR(f.log, "begin(s.a s.b; t/0/0) later(b) load(a) load(b) letters(2) "
                        "positions(8) commit ");
}

/* */
MR_TEST("a table that is taken apart deletes in the source's order, and its parents after it")
{
    three_generations();
    held_add(0, 3);
    f.refuses = "b";
    f.rows[0][1].op = f.rows[2][1].op = MR_ROW_DELETE;
    MR_CHECK_OK(run());
    MR_CHECK(strstr(f.log, "load(c, not its deletes) load(b, not its deletes) rollback ") != NULL);
    MR_CHECK(strstr(f.log, "load(a) load(d) deletes(c) found(1) positions(8) commit ") != NULL);
    MR_CHECK(strstr(f.log, "deletes(b)") == NULL);
}

/* */
MR_TEST("a foreign key that the COMMIT refuses is looked for in all tables")
{
    three_generations();
    f.fails_at = "commit";
    mr_err_set_db(&f.fault, MR_CLASS_POISON, "23503", "no parent");
    mr_err_in(&f.fault, "s.a", NULL);
    MR_CHECK_INT(run(), -MR_DB);
    MR_CHECK(f.result.failed == &f.targets[1]);
    for (size_t i = 0; i < 4; i++)
        MR_CHECK(f.tables[i].split && f.tables[i].constraints_now);
}
