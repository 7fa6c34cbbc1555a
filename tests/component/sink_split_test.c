/* Batches with rows that the target refuses, against every kind of sink that can refuse them: the
 * bad records are found, the others land, in their order (contract.md, section 8). */
#include <stdio.h>
#include <string.h>

#include "sinks/load_split.h"
#include "tests/support/kept_case.h"
#include "tests/support/mr_test.h"

enum { N_MANY = 1000, N_SEQUENCES = 150, N_CHANGES = 14, N_KEYS = 4 };
enum { N_BAD = 10, N_LIED = 256, LOG2_LIED = 8 };

/* What a target says of a load that it refuses. */
enum lie { LIE_FIRST, LIE_LAST, LIE_ANY, LIE_OTHER, N_LIES };

static struct {
    uint64_t n_parts;  /* that were loaded */
    struct mr_rng rng; /* of the sequences */
    bool constraints_now;
    enum lie lie;
    struct mr_refused refused; /* by the load that is split */
    char faults[256];
} state;

static int run_counted(struct mr_load *load, struct mr_err *err)
{
    state.n_parts++;
    return mr_load_upsert.run(load, err);
}

/* Refuses as the target does, but names the record that it likes. */
static int run_lying(struct mr_load *load, struct mr_err *err)
{
    const struct mr_rows *rows = load->rows;
    int rc = run_counted(load, err);
    if (rc == 0)
        return 0;
    size_t any = mr_rng_below(&state.rng, rows->n_rows);
    size_t at = state.lie == LIE_FIRST ? 0 : state.lie == LIE_LAST ? rows->n_rows - 1 : any;
    load->session->refused = mr_refused_for(&rows->rows[at]);
    load->session->refused.span_idx += state.lie == LIE_OTHER ? 1 : 0;
    return rc;
}
static const struct mr_load_ops lying = {.name = "upsert", .reduce = true, .run = run_lying};
static const struct mr_load_ops counted = {.name = "upsert", .reduce = true, .run = run_counted};

/* The same refusals as an internal error of the server. */
static int run_internal(struct mr_load *load, struct mr_err *err)
{
    int rc = run_counted(load, err);
    return rc == -MR_DB ? mr_err_set_db(err, MR_CLASS_PAUSE, "XX000", "cache lookup failed") : rc;
}
static const struct mr_load_ops internal = {.name = "upsert", .reduce = true, .run = run_internal};

MR_SETUP
{
    memset(&state, 0, sizeof state);
    kept_case_start();
}

MR_TEARDOWN
{
    kept_case_stop();
}

static void make(const char *columns)
{
    char sql[256];
    (void)snprintf(sql, sizeof sql, "CREATE TABLE t(id bigint NOT NULL PRIMARY KEY, %s, g bigint)",
                   columns);
    mr_sink_fixture_exec(&mr_case.f, sql);
    kept_case_open();
}

/* Loads what was added, taken apart where it must be; "23514@3 " for each record at fault. */
static const char *split(const struct mr_load_ops *ops)
{
    size_t used = 0;
    struct mr_load load = kept_case_load();
    load.refused = state.refused;
    load.internal_too = true;
    load.constraints_now = state.constraints_now;
    mr_case_begin();
    MR_CHECK_OK(mr_load_split(&load, ops, &mr_case.f.err));
    mr_case_commit();
    state.faults[0] = '\0';
    for (size_t i = 0; i < kept_case.faults.n_items; i++) {
        const struct mr_load_fault *fault = &kept_case.faults.items[i];
        MR_CHECK_INT(fault->class, MR_CLASS_POISON);
        int n = snprintf(state.faults + used, sizeof state.faults - used, "%s@%lld ",
                         fault->sqlstate, (long long)fault->offset);
        used += n > 0 && used + (size_t)n < sizeof state.faults ? (size_t)n : 0;
    }
    kept_case_reset();
    return state.faults;
}

static void put_at(int64_t offset, int64_t id, const char *a, const char *b)
{
    kept_case_add((struct kept_change){.id = id, .a = a, .b = b, .offset = offset});
}

/* */
MR_CONFORM(alone, "a row that a CHECK refuses is found, and the others land")
{
    make("a text CHECK (a <> 'bad'), b text");
    for (int64_t i = 1; i <= 9; i++)
        put_at(i, i, i == 4 ? "bad" : "good", "x");
    MR_CHECK_STR(split(&mr_load_upsert), "23514@4 ");
    MR_CHECK_STR(kept_query("SELECT count(*), min(a), max(a) FROM t"), "8|good|good\n");
}

/* */
MR_CONFORM(folded, "of a key's records only the refused one is left out, whatever came after it")
{
    make("a text CHECK (a <> 'bad'), b text");
    put_at(1, 1, "first", "x");
    put_at(2, 1, "bad", "y");
    MR_CHECK_STR(split(&mr_load_upsert), "23514@2 ");
    kept_check("1|first|x\n");
    put_at(3, 1, "second", "y");
    put_at(4, 1, "bad", "z");
    put_at(5, 1, "~", "later"); /* masked: what the refused one said of a is not known to it */
    put_at(6, 2, "bad", "q");   /* it is no state that the target would ever have seen */
    put_at(7, 2, "fine", "q");
    MR_CHECK_STR(split(&mr_load_upsert), "23514@4 ");
    kept_check("1|second|later\n2|fine|q\n");
}

/* deletes, and rows that come again */
MR_CONFORM(again, "a refused state does not hide the delete before it")
{
    make("a text CHECK (a <> 'bad'), b text");
    put_at(1, 1, "old", "x");
    MR_CHECK_STR(split(&mr_load_upsert), "");
    kept_case_add((struct kept_change){.id = 1, .delete = true, .offset = 2});
    put_at(3, 1, "bad", "y");
    MR_CHECK_STR(split(&mr_load_upsert), "23514@3 ");
    kept_check("");
}

/* Section 8: at most 2 log2(n) + 1 extra loads for each bad record */
MR_CONFORM(few, "one bad row of a thousand is found in few loads")
{
    make("a text CHECK (a <> 'bad'), b text");
    for (int64_t i = 1; i <= N_MANY; i++)
        put_at(i, i, i == 700 ? "bad" : "good", "x");
    MR_CHECK_STR(split(&counted), "23514@700 ");
    MR_CHECK_STR(kept_query("SELECT count(*) FROM t"), "999\n");
    MR_CHECK(state.n_parts <= 1 + 2 * 10 + 1);
}

/* Each hundredth is bad. */
static void put_many(void)
{
    for (int64_t i = 1; i <= N_MANY; i++)
        kept_case_add((struct kept_change){.id = i,
                                           .a = i % (N_MANY / N_BAD) == 50 ? "bad" : "good",
                                           .b = "x",
                                           .offset = i,
                                           .insert = true});
}

static const char all_internal[] = "XX000@50 XX000@150 XX000@250 XX000@350 XX000@450 XX000@550 "
                                   "XX000@650 XX000@750 XX000@850 XX000@950 ";
static const char all_bad[] = "23514@50 23514@150 23514@250 23514@350 23514@450 23514@550 "
                              "23514@650 23514@750 23514@850 23514@950 ";

/* */
MR_CONFORM(named, "where the target names the rows that it refuses, each is found in three loads")
{
    make("a text CHECK (a <> 'bad'), b text");
    put_many();
    MR_CHECK_STR(split(&counted), all_bad);
    MR_CHECK_STR(kept_query("SELECT count(*) FROM t"), "990\n");
    MR_CHECK_INT(state.n_parts, 1 + 3 * N_BAD);
}

/* */
MR_CONFORM(begun, "the record that was named when all were loaded is where the search begins")
{
    make("a text CHECK (a <> 'bad'), b text");
    put_many();
    state.refused = (struct mr_refused){true, 0, 50};
    MR_CHECK_STR(split(&counted), all_bad);
    MR_CHECK_INT(state.n_parts, 3 * N_BAD);
}

/* the index says it, not the row's own check */
MR_CONFORM(named_taken, "a row whose value is taken is named as well")
{
    make("a text, b text UNIQUE");
    for (int64_t i = 1; i <= N_MANY; i++) {
        char b[16];
        (void)snprintf(b, sizeof b, "%lld", (long long)(i == 700 ? 300 : i));
        kept_case_add((struct kept_change){.id = i, .a = "x", .b = b, .offset = i, .insert = true});
    }
    (void)split(&counted);
    MR_CHECK_STR(kept_query("SELECT count(*), max(id) FROM t WHERE id <> 700"), "999|1000\n");
}

/* Section 8 */
MR_CONFORM(lied, "a target that names the wrong records costs loads, and no more than a few")
{
    make("a text CHECK (a <> 'bad'), b text");
    mr_rng_init(&state.rng, 1);
    for (state.lie = LIE_FIRST; state.lie < N_LIES; state.lie++) {
        state.n_parts = 0;
        for (int64_t i = 1; i <= N_LIED; i++)
            put_at(i, i, i == 70 || i == 71 || i == 200 ? "bad" : "good", "x");
        MR_CHECK_STR(split(&lying), "23514@70 23514@71 23514@200 ");
        MR_CHECK_STR(kept_query("SELECT count(*) FROM t"), "253\n");
        MR_CHECK(state.n_parts <= 1 + 2 * 3 * LOG2_LIED + 6 * 3 + 18);
    }
}

/* */
MR_CONFORM(internal, "a value at which the server itself fails is found as one that it refuses")
{
    make("a text CHECK (a <> 'bad'), b text");
    for (int64_t i = 1; i <= 9; i++)
        put_at(i, i, i == 4 ? "bad" : "good", "x");
    MR_CHECK_STR(split(&internal), "XX000@4 ");
    MR_CHECK_STR(kept_query("SELECT count(*), min(a), max(a) FROM t"), "8|good|good\n");
}

static void case_trigger(void)
{
    make("a text, b text");
    mr_sink_fixture_exec(
        &mr_case.f, "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                    "IF NEW.a = 'bad' THEN RAISE 'COPY t, line 1' USING ERRCODE = 'XX000'; END IF; "
                    "RETURN NEW; END $$; CREATE TRIGGER refuse BEFORE INSERT ON t "
                    "FOR EACH ROW EXECUTE FUNCTION refuse()");
    kept_case_open();
    put_many();
    MR_CHECK_STR(split(&counted), all_internal);
    MR_CHECK_INT(state.n_parts, 1 + 3 * N_BAD);
}

/* */
MR_TEST_AT(trigger, "postgresql: a row at which a trigger ends in an internal error is named, too")
{
    mr_case_run(MR_KIND_POSTGRESQL, case_trigger);
}

/* */
MR_CONFORM(swapped, "values that move between keys under a second unique index land in their order")
{
    make("a text, b text UNIQUE");
    put_at(1, 1, "x", "one");
    put_at(2, 2, "x", "two");
    MR_CHECK_STR(split(&mr_load_upsert), "");
    put_at(3, 2, "y", "between");
    put_at(4, 1, "y", "two");
    put_at(5, 2, "y", "one");
    MR_CHECK_STR(split(&mr_load_upsert), "");
    kept_check("1|y|two\n2|y|one\n");
}

/* */
MR_CONFORM(taken, "a value that another key has for good is a fault of the record that wants it")
{
    make("a text, b text UNIQUE");
    put_at(1, 1, "x", "one");
    put_at(2, 2, "x", "one");
    put_at(3, 3, "x", "three");
    MR_CHECK_STR(split(&mr_load_upsert), "23505@2 ");
    kept_check("1|x|one\n3|x|three\n");
}

static void case_deferred(void)
{
    make("a text, b text UNIQUE DEFERRABLE INITIALLY DEFERRED");
    put_at(1, 1, "x", "one");
    put_at(2, 2, "x", "one");
    put_at(3, 3, "x", "three");
    state.constraints_now = true;
    MR_CHECK_STR(split(&mr_load_upsert), "23505@2 ");
    kept_check("1|x|one\n3|x|three\n");
}

MR_TEST_AT(deferred, "a constraint that is put off to the commit is asked about each part")
{
    mr_case_run(MR_KIND_POSTGRESQL, case_deferred);
}

/* ---- any sequence ---- */

struct truth {
    bool there;
    char a[16], b[16];
};

static uint64_t below(uint64_t n)
{
    return mr_rng_below(&state.rng, n);
}

static const char *maybe_masked(const char *text, bool may)
{
    return may && below(3) == 0 ? "~" : text;
}

static void write_one(struct truth *row, int64_t id, int64_t from)
{
    char a[16];
    char b[16];
    bool known = row->there;
    (void)snprintf(a, sizeof a, "a%u", (unsigned)below(1000));
    (void)snprintf(b, sizeof b, "b%u", (unsigned)below(1000));
    const char *as = maybe_masked(a, known);
    const char *bs = maybe_masked(b, known);
    kept_case_add((struct kept_change){.id = id, .old_id = from, .a = as, .b = bs});
    if (*as != '~')
        memcpy(row->a, a, sizeof a);
    if (*bs != '~')
        memcpy(row->b, b, sizeof b);
    row->there = true;
}

static void change_one(struct truth *rows)
{
    size_t at = below(N_KEYS);
    size_t to = below(N_KEYS);
    uint64_t what = below(4);
    if (what == 0 && rows[at].there) {
        kept_case_add((struct kept_change){.id = (int64_t)at + 1, .delete = true});
        rows[at].there = false;
    } else if (what == 1 && rows[at].there && !rows[to].there) {
        kept_leave((int64_t)at + 1, (int64_t)to + 1);
        rows[to] = rows[at];
        rows[at].there = false;
        write_one(&rows[to], (int64_t)to + 1, (int64_t)at + 1);
    } else {
        write_one(&rows[at], (int64_t)at + 1, 0);
    }
}

static void check(const struct truth *rows)
{
    char expected[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < N_KEYS; i++)
        if (rows[i].there)
            used += (size_t)snprintf(expected + used, sizeof expected - used, "%zu|%s|%s\n", i + 1,
                                     rows[i].a, rows[i].b);
    kept_check(expected);
}

/* taking apart is what batch borders are */
MR_CONFORM(any, "however a batch is taken apart, the table is what the source says")
{
    struct truth rows[N_KEYS] = {{.there = false}};
    kept_case_make();
    mr_rng_init(&state.rng, 1);
    for (int i = 0; i < N_SEQUENCES; i++) {
        for (uint64_t n = 1 + below(N_CHANGES); n > 0; n--)
            change_one(rows);
        kept_case.most = below(3);
        kept_case.most = kept_case.most > 0 ? kept_case.most : 1;
        MR_CHECK_STR(split(&kept_case_small), "");
        check(rows);
    }
}
