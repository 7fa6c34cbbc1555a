/* What every kind of target that keeps dead letters promises of them (sinks/letters.h). */
#include <stdio.h>
#include <string.h>

#include "sinks/letters.h"
#include "tests/support/mr_test.h"
#include "tests/support/sink_cases.h"

static struct mr_letters *letters;
static char found[512];

MR_SETUP
{
    letters = NULL;
    mr_case_start();
}

MR_TEARDOWN
{
    if (letters != NULL)
        letters->ops->close(letters);
    mr_case_stop();
}

static const char *text(const char *sql)
{
    struct mr_buf whole = MR_BUF_INIT;
    static char kept[1024];

    for (const char *at = sql; *at != '\0'; at++) {
        if (*at == '@')
            mr_buf_str(&whole, mr_sink_fixture_control(&mr_case.f, "dead_letters"));
        else
            mr_buf_byte(&whole, (uint8_t)*at);
    }
    snprintf(kept, sizeof kept, "%s", mr_buf_cstr(&whole));
    mr_buf_release(&whole);
    return kept;
}

static void begin(void)
{
    MR_CHECK_OK(mr_case.f.ops->begin(mr_case.f.session, NULL, 0, NULL, 0, &mr_case.f.err));
}

static void commit(void)
{
    MR_CHECK_OK(mr_case.f.ops->commit(mr_case.f.session, &mr_case.f.err));
}

/* `n` letters at offsets 10, 20 .. of topics b and a by turns, as a flush puts them. */
static void put(size_t n)
{
    struct mr_letter list[8];

    for (size_t i = 0; i < n; i++)
        list[i] =
            (struct mr_letter){.stream = i % 2 == 0 ? "b" : "a",
                               .partition = 1,
                               .offset = 10 * ((int64_t)i + 1),
                               .key = i == 1 ? (struct mr_slice){NULL, 0} : mr_slice_str("k\xff"),
                               .value = i == 2 ? mr_slice_str("") : mr_slice_str("v"),
                               .headers_json = "[{\"k\": \"h\", \"v\": \"YQ==\"}]",
                               .timestamp_ms = i == 0 ? -1 : 1700000000123,
                               .code = i < 2 ? "avro.trailing" : "db.23514",
                               .sqlstate = i < 2 ? "" : "23514",
                               .detail = "why",
                               .target_table = i == 0 ? "" : "public.t"};
    begin();
    MR_CHECK_OK(mr_case.f.ops->put_letters(mr_case.f.session, list, n, &mr_case.f.err));
    commit();
    MR_CHECK_OK(mr_letters_of_sink(mr_case.f.sink, &letters, &mr_case.f.err));
}

static const struct mr_letter_filter any = {.since_ms = -1, .until_ms = -1};

/* Ids of what a filter finds: "2 1 ". */
static const char *find(const struct mr_letter_filter *filter)
{
    struct mr_kept_letter kept;
    size_t at = 0;
    int rc;

    found[0] = '\0';
    MR_CHECK_OK(letters->ops->find(letters, filter, &mr_case.f.err));
    while ((rc = letters->ops->next(letters, &kept, &mr_case.f.err)) == 1)
        at += (size_t)snprintf(found + at, sizeof found - at, "%s ", kept.id);
    MR_CHECK_INT(rc, 0);
    return found;
}

MR_CONFORM(filters, "letters are found by id, topic, code, state and time, in either order")
{
    static const char *const ids[] = {"3", "1", "77"};

    put(4);
    mr_sink_fixture_exec(&mr_case.f, text("UPDATE @ SET state = 'replayed' WHERE id = 4"));
    mr_sink_fixture_exec(&mr_case.f, text("UPDATE @ SET created_at = '2020-01-01 00:00:00+00' "
                                          "WHERE id = 1"));
    MR_CHECK_STR(find(&any), "4 3 2 1 ");
    struct mr_letter_filter f = any;
    f.limit = 2;
    MR_CHECK_STR(find(&f), "4 3 ");
    f.in_log_order = true;
    MR_CHECK_STR(find(&f), "2 4 ");
    f.limit = 0;
    MR_CHECK_STR(find(&f), "2 4 1 3 ");
    f.topic = "b";
    MR_CHECK_STR(find(&f), "1 3 ");
    f.code = "db.23514";
    MR_CHECK_STR(find(&f), "3 ");
    f = any;
    f.states = 1u << MR_LETTER_NEW;
    MR_CHECK_STR(find(&f), "3 2 1 ");
    f.ids = ids;
    f.n_ids = 3;
    MR_CHECK_STR(find(&f), "3 1 ");
    f = any;
    f.until_ms = 1600000000000;
    MR_CHECK_STR(find(&f), "1 ");
    f = any;
    f.since_ms = 1600000000000;
    MR_CHECK_STR(find(&f), "4 3 2 ");
    f.since_ms = 1577836800000; /* that very time */
    MR_CHECK_STR(find(&f), "4 3 2 1 ");
}

MR_CONFORM(bytes, "a letter comes back as it was put, with its bytes only where they are wanted")
{
    struct mr_letter_filter f = any;
    struct mr_kept_letter kept;

    put(3);
    f.in_log_order = true;
    f.with_bytes = true;
    MR_CHECK_OK(letters->ops->find(letters, &f, &mr_case.f.err));
    MR_CHECK_INT(letters->ops->next(letters, &kept, &mr_case.f.err), 1);
    MR_CHECK_STR(kept.id, "2");
    MR_CHECK(kept.letter.key.data == NULL && mr_slice_eq(kept.letter.value, mr_slice_str("v")));
    MR_CHECK_STR(kept.letter.stream, "a");
    MR_CHECK_INT(kept.letter.partition, 1);
    MR_CHECK_INT(kept.letter.offset, 20);
    MR_CHECK_INT(kept.letter.timestamp_ms, 1700000000123);
    MR_CHECK_STR(kept.letter.code, "avro.trailing");
    MR_CHECK_STR(kept.letter.detail, "why");
    MR_CHECK_STR(kept.letter.target_table, "public.t");
    MR_CHECK(strstr(kept.letter.headers_json, "YQ==") != NULL);
    MR_CHECK(kept.attempts == 1 && kept.state == MR_LETTER_NEW && *kept.changed_by == '\0');
    MR_CHECK(kept.created_ms > 1700000000000 && kept.n_bytes > 1);
    MR_CHECK_INT(letters->ops->next(letters, &kept, &mr_case.f.err), 1);
    MR_CHECK(mr_slice_eq(kept.letter.key, mr_slice_str("k\xff")));
    MR_CHECK(kept.letter.timestamp_ms == -1 && *kept.letter.target_table == '\0');
    MR_CHECK_INT(letters->ops->next(letters, &kept, &mr_case.f.err), 1);
    MR_CHECK(kept.letter.value.data != NULL && kept.letter.value.len == 0);
    MR_CHECK_INT(letters->ops->next(letters, &kept, &mr_case.f.err), 0);
    f.with_bytes = false;
    MR_CHECK_OK(letters->ops->find(letters, &f, &mr_case.f.err));
    MR_CHECK_INT(letters->ops->next(letters, &kept, &mr_case.f.err), 1);
    MR_CHECK(kept.letter.value.data == NULL && kept.n_bytes > 1);
    MR_CHECK_STR(kept.letter.headers_json, "[]");
}

MR_CONFORM(ids, "what is no id of a letter is refused before anything is asked")
{
    static const char *const wrong[] = {"", "x", "1x", "-1", "1 OR 1=1", "9999999999999999999"};
    uint64_t n;

    put(1);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct mr_letter_filter f = any;
        f.ids = &wrong[i];
        f.n_ids = 1;
        MR_CHECK_INT(letters->ops->find(letters, &f, &mr_case.f.err), -MR_CONFIG_USAGE);
        MR_CHECK_INT(letters->ops->discard(letters, &wrong[i], 1, "me", &n, &mr_case.f.err),
                     -MR_CONFIG_USAGE);
    }
    mr_err_clear(&mr_case.f.err);
}

#define STATES "SELECT id, state, attempts, code, changed_by FROM @ ORDER BY id"

MR_CONFORM(closed, "a letter is discarded once, by somebody, and removed when that is long ago")
{
    static const char *const all[] = {"1", "2", "3"};
    uint64_t n = 0;

    put(3);
    MR_CHECK_OK(letters->ops->discard(letters, all, 2, "me@here", &n, &mr_case.f.err));
    MR_CHECK_U64(n, 2);
    MR_CHECK_OK(letters->ops->discard(letters, all, 3, "you", &n, &mr_case.f.err));
    MR_CHECK_U64(n, 1);
    MR_CHECK_STR(mr_sink_fixture_query(&mr_case.f, text(STATES)),
                 "1|discarded|1|avro.trailing|me@here\n2|discarded|1|avro.trailing|me@here\n"
                 "3|discarded|1|db.23514|you\n");
    mr_sink_fixture_exec(
        &mr_case.f, text("UPDATE @ SET updated_at = '2020-01-01 00:00:00+00' WHERE id IN (1, 2)"));
    mr_sink_fixture_exec(&mr_case.f, text("UPDATE @ SET state = 'new' WHERE id = 1"));
    MR_CHECK_OK(letters->ops->purge(letters, 1u << MR_LETTER_DISCARDED, 1600000000000, 10, &n,
                                    &mr_case.f.err));
    MR_CHECK_U64(n, 1);
    MR_CHECK_STR(find(&any), "3 1 ");
    uint32_t states = (1u << MR_N_LETTER_STATES) - 1;
    MR_CHECK_OK(letters->ops->purge(letters, states, 4000000000000, 1, &n, &mr_case.f.err));
    MR_CHECK_U64(n, 1); /* bounded */
}

/* SQLite has one writer: there a purge waits for the replay's end. */
MR_CONFORM(replaying, "an old letter that is being replayed is not removed, and young after it")
{
    struct mr_letter_mark mark = {.id = "2", .attempts = 1};
    uint32_t states = (1u << MR_N_LETTER_STATES) - 1;
    uint64_t n_beside = 0;
    uint64_t n = 0;

    put(3);
    mr_sink_fixture_exec(&mr_case.f, text("UPDATE @ SET updated_at = '2020-01-01 00:00:00+00'"));
    begin();
    MR_CHECK_OK(letters->ops->lock(letters, mr_case.f.session, &mark, 1, &mr_case.f.err));
    if (mr_case.f.kind == MR_KIND_POSTGRESQL)
        MR_CHECK_OK(
            letters->ops->purge(letters, states, 1600000000000, 10, &n_beside, &mr_case.f.err));
    MR_CHECK_OK(letters->ops->settle(letters, mr_case.f.session, &mark, 1, "me", &mr_case.f.err));
    commit();
    MR_CHECK_OK(letters->ops->purge(letters, states, 1600000000000, 10, &n, &mr_case.f.err));
    MR_CHECK_U64(n + n_beside, 2);
    MR_CHECK_U64(n_beside, mr_case.f.kind == MR_KIND_POSTGRESQL ? 2 : 0);
    MR_CHECK_STR(find(&any), "2 ");
}

/* G-01 */
MR_CONFORM(settled, "letters are settled in the session's transaction, or not at all")
{
    struct mr_letter again = {.stream = "a",
                              .code = "db.23505",
                              .sqlstate = "23505",
                              .detail = "still\xff",
                              .target_table = "t"};
    struct mr_letter_mark marks[] = {{.id = "1", .attempts = 1},
                                     {.id = "2", .attempts = 1, .again = &again}};

    put(3);
    for (int lands = 0; lands < 2; lands++) {
        begin();
        MR_CHECK_OK(letters->ops->lock(letters, mr_case.f.session, marks, 2, &mr_case.f.err));
        MR_CHECK_OK(
            letters->ops->settle(letters, mr_case.f.session, marks, 2, "me", &mr_case.f.err));
        if (lands == 1)
            commit();
        mr_case.f.ops->rollback(mr_case.f.session);
        MR_CHECK_STR(mr_sink_fixture_query(&mr_case.f, text("SELECT id, state FROM @ ORDER BY id")),
                     lands == 0 ? "1|new\n2|new\n3|new\n" : "1|replayed\n2|new\n3|new\n");
    }
    MR_CHECK_STR(mr_sink_fixture_query(&mr_case.f, text("SELECT id, attempts, code, sqlstate, "
                                                        "target_table FROM @ WHERE id = 2")),
                 "2|2|db.23505|23505|t\n");
    begin(); /* both were changed since they were read */
    for (int i = 0; i < 2; i++)
        MR_CHECK_INT(letters->ops->lock(letters, mr_case.f.session, &marks[i], 1, &mr_case.f.err),
                     -MR_AGAIN);
    mr_case.f.ops->rollback(mr_case.f.session);
    mr_err_clear(&mr_case.f.err);
}

MR_CONFORM(pipelines, "letters of another pipeline are not there")
{
    static const char *const one[] = {"1"};
    struct mr_letter_mark mark = {.id = "1", .attempts = 1};
    uint64_t n = 9;

    put(1);
    mr_sink_fixture_exec(&mr_case.f, text("UPDATE @ SET pipeline = 'another'"));
    MR_CHECK_STR(find(&any), "");
    MR_CHECK_OK(letters->ops->discard(letters, one, 1, "me", &n, &mr_case.f.err));
    MR_CHECK_U64(n, 0);
    MR_CHECK_OK(
        letters->ops->purge(letters, 1u << MR_LETTER_NEW, 4000000000000, 9, &n, &mr_case.f.err));
    MR_CHECK_U64(n, 0);
    begin();
    MR_CHECK_INT(letters->ops->lock(letters, mr_case.f.session, &mark, 1, &mr_case.f.err),
                 -MR_AGAIN);
    mr_case.f.ops->rollback(mr_case.f.session);
    mr_err_clear(&mr_case.f.err);
}

/* What is before letter `id`, which has that place: "2@20", or "-". */
static const char *before(struct mr_letter_before of, bool plain)
{
    static char told[64];
    struct mr_arena arena;

    mr_arena_init(&arena, 0, 65536);
    of.stream = of.stream == NULL ? "b" : of.stream;
    of.partition = 1;
    MR_CHECK_OK(plain ? mr_letters_before_plain(letters, &of, 1, &arena, &mr_case.f.err)
                      : letters->ops->before(letters, &of, 1, &arena, &mr_case.f.err));
    snprintf(told, sizeof told, "-");
    if (of.before_id != NULL)
        snprintf(told, sizeof told, "%s@%lld", of.before_id, (long long)of.before_offset);
    mr_arena_release(&arena);
    return told;
}

/* design.md section 6: letters 1, 3, 5, 7 are of one key, and 2, 4, 6 of another topic. */
MR_CONFORM(before, "what is before a letter is new, of its key, and not overtaken")
{
    struct mr_letter_before last = {.id = "7", .offset = 70, .key = mr_slice_str("k\xff")};
    struct mr_letter_before other = {.id = "7", .offset = 70, .key = mr_slice_str("k")};
    struct mr_letter_before null_key = {.id = "2", .stream = "a", .offset = 20};
    struct mr_letter_before first = {.id = "1", .offset = 10, .key = mr_slice_str("k\xff")};

    put(7);
    for (int plain = 0; plain < 2; plain++) {
        MR_CHECK_STR(before(last, plain), "5@50");
        MR_CHECK_STR(before(first, plain), "-");
        MR_CHECK_STR(before(null_key, plain), "-");
    }
    MR_CHECK_STR(before(other, true), "-"); /* a table finds the key by the id */
    mr_sink_fixture_exec(&mr_case.f, text("UPDATE @ SET state = 'discarded' WHERE id = 5"));
    MR_CHECK_STR(before(last, false), "3@30");
    MR_CHECK_STR(before(last, true), "3@30");
    mr_sink_fixture_exec(&mr_case.f, text("UPDATE @ SET overtaken_by = 71 WHERE id = 3"));
    MR_CHECK_STR(before(last, false), "3@30");
    mr_sink_fixture_exec(&mr_case.f, text("UPDATE @ SET overtaken_by = 69 WHERE id = 3"));
    MR_CHECK_STR(before(last, false), "-"); /* nor is 1: what came at 69 overtook it, too */
    mr_sink_fixture_exec(&mr_case.f, text("UPDATE @ SET pipeline = 'another' WHERE id < 7"));
    MR_CHECK_STR(before(last, true), "-");
}

MR_CONFORM(before_many, "letters that are asked for together are not before each other")
{
    struct mr_letter_before of[] = {
        {.id = "5", .stream = "b", .partition = 1, .offset = 50, .key = mr_slice_str("k\xff")},
        {.id = "6", .stream = "a", .partition = 1, .offset = 60, .key = mr_slice_str("k\xff")},
        {.id = "3", .stream = "b", .partition = 1, .offset = 30, .key = mr_slice_str("k\xff")},
    };
    struct mr_arena arena;

    put(7);
    mr_arena_init(&arena, 0, 65536);
    for (int plain = 0; plain < 2; plain++) {
        MR_CHECK_OK(plain ? mr_letters_before_plain(letters, of, 3, &arena, &mr_case.f.err)
                          : letters->ops->before(letters, of, 3, &arena, &mr_case.f.err));
        MR_CHECK_STR(of[0].before_id, "1");
        MR_CHECK_STR(of[1].before_id, "4");
        MR_CHECK_STR(of[2].before_id, "1");
        MR_CHECK_INT(of[1].before_offset, 40);
    }
    mr_arena_release(&arena);
}

/* design.md section 6 */
MR_CONFORM(whole, "a replayed letter with all columns overtakes what was before it")
{
    struct mr_letter_before last = {.id = "7", .offset = 70, .key = mr_slice_str("k\xff")};

    put(7);
    for (int whole = 0; whole < 2; whole++) {
        const struct mr_letter_mark mark = {.id = whole ? "3" : "5", .attempts = 1, .whole = whole};
        begin();
        MR_CHECK_OK(
            letters->ops->settle(letters, mr_case.f.session, &mark, 1, "me", &mr_case.f.err));
        commit();
        MR_CHECK_STR(before(last, false), whole ? "-" : "3@30");
    }
}
