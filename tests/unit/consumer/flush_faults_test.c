/* What becomes of records that a load finds bad, or that must wait for rows of other tables. */
#include "tests/support/flush_case.inc"

static void bad_add(uint32_t span_idx, int64_t offset)
{
    f.bad[f.n_bad++] = (struct mr_load_fault){.span_idx = span_idx, .offset = offset};
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
        mr_flush_faults_stops(&f.result.faults, &f.batch, 0);
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

static void one_waits(void)
{
    struct mr_partition_stop stop;

    MR_CHECK_INT(run(), -MR_DB);
    MR_CHECK(f.result.stopped);
    MR_CHECK_INT(f.err.class, MR_CLASS_RETRY);
    mr_flush_faults_stops(&f.result.faults, &f.batch, f.now_ms);
    mr_partition_stop_arm(&f.parts[0]);
    MR_CHECK_INT(f.parts[0].fill_stop_at, 3);
    mr_partition_stop_take(&f.parts[0], &stop);
    MR_CHECK_STR(stop.why.sqlstate, "23503");
    MR_CHECK_STR(stop.why.detail, "waits for its parent: scripted");
    MR_CHECK_INT(stop.why.class, MR_CLASS_RETRY);
}

/* */
MR_TEST("a record without its parent is one to wait at for fk_wait, then a bad one")
{
    two_tables();
    held_add(0, 3);
    f.refuses = "a";
    f.refuses_with = "23503";
    f.rule.fk_wait_ms = 1000;
    f.now_ms = 500;
    one_waits();
    /* what is behind it is not looked at */
    MR_CHECK(strstr(f.log, "begin(s.a s.b; t/0/0) < load(a) > < load(a) undo > load(b) "
                           "positions(8) rollback ") != NULL);
    f.now_ms = 1499;
    one_waits();
    f.now_ms = 1500;
    MR_CHECK_OK(run());
    MR_CHECK_INT(f.letters_at[0], 3);
    MR_CHECK_STR(f.result.faults.letters[0].code, "db.23503");
    MR_CHECK_U64(f.result.faults.n_letters, 1);
}

/* */
MR_TEST("fk_wait = 0 gives a record a second try, since its own batch may bring the parent")
{
    two_tables();
    held_add(0, 3);
    f.refuses = "a";
    f.refuses_with = "23503";
    one_waits();
    MR_CHECK_OK(run());
    MR_CHECK_INT(f.letters_at[0], 3);
}

/* */
MR_TEST("a delete behind a record whose wait is over has one more turn, when that has gone")
{
    struct mr_partition_stop stop;
    const struct mr_parent_clock began = {.from = 2, .to = 8, .since_ms = 0};

    two_tables();
    held_add(0, 3);
    f.refuses = "a";
    f.refuses_with = "23503";
    f.rows[1][2].op = MR_ROW_DELETE;
    f.rule.fk_wait_ms = 1000;
    f.now_ms = 5000;
    mr_partition_wait_note(&f.parts[0], &began, 2);
    f.spans[0].span.expected = 1; /* the record at 2 is in this batch */
    MR_CHECK_INT(run(), -MR_DB);
    MR_CHECK(f.result.stopped);
    mr_flush_faults_stops(&f.result.faults, &f.batch, f.now_ms);
    mr_partition_stop_arm(&f.parts[0]);
    MR_CHECK_INT(f.parts[0].fill_stop_at, 3);
    mr_partition_stop_take(&f.parts[0], &stop);
    f.rows[1][2].op = MR_ROW_UPSERT; /* another one has had its time */
    MR_CHECK_OK(run());
    MR_CHECK_INT(f.letters_at[0], 3);
    f.rows[1][2].op = MR_ROW_DELETE;
    f.spans[0].span.expected = 3; /* it was put aside */
    MR_CHECK_OK(run());
    MR_CHECK_INT(f.letters_at[0], 3);
}

/* Q-24, poison.flood */
MR_TEST("records that wait are no bad ones to the breaker")
{
    struct mr_breaker breaker;

    mr_breaker_init(&breaker, &(struct mr_breaker_opts){0.0, 0, 60000});
    two_tables();
    held_add(0, 3);
    f.rule.breaker = &breaker;
    f.rule.fk_wait_ms = 1000;
    f.refuses = "a";
    f.refuses_with = "23503";
    one_waits();
    MR_CHECK(!mr_breaker_is_open(&breaker));
    f.now_ms = 1000;
    MR_CHECK_INT(run(), -MR_POISON_FLOOD);
    MR_CHECK(mr_breaker_is_open(&breaker));
    mr_breaker_release(&breaker);
}

/* P1, poison.flood: with parts untried the batch must not land, whoever makes room meanwhile */
MR_TEST("a search that ended early halts the route, also where there is room for more by then")
{
    struct mr_breaker breaker;

    mr_breaker_init(&breaker, &(struct mr_breaker_opts){0.0, 0, 60000});
    two_tables();
    held_add(0, 3);
    f.rule.breaker = &breaker;
    f.refuses = "a";
    f.resumed = &breaker;
    MR_CHECK_INT(run(), -MR_POISON_FLOOD);
    MR_CHECK(f.result.stopped);
    MR_CHECK(strstr(f.log, "commit") == NULL);
    f.resumed = NULL; /* tried again, there is room for it */
    MR_CHECK_OK(run());
    MR_CHECK_INT(f.letters_at[0], 3);
    mr_breaker_release(&breaker);
}
