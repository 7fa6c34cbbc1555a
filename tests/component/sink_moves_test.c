/* Rows that change their keys, in streams drawn at random, against every kind of sink that can keep
 * their values (contract.md U-30 to U-32, G-04's "never another value"): each batch is loaded by
 * strategy `upsert`, and then every row has its true values, or its record was reported as orphan.
 * MR_SEED=<n> repeats one stream of each shape. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/kept_case.h"
#include "tests/support/moves_model.h"
#include "tests/support/mr_test.h"

enum { N_SQLITE = 150, N_POSTGRESQL = 12, GUARDS = 1000, KEYS = 10 };

static struct moves_model model;
static uint64_t run; /* of the streams: each has keys and guards of its own */
static char story[65536];
static size_t story_len;
static size_t n_orphans;
static bool all_known; /* nothing of the stream can be an orphan */
static size_t n_moved; /* masked rows that changed their keys, and are there */

MR_SETUP
{
    kept_case_start();
}

MR_TEARDOWN
{
    kept_case_stop();
}

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void tell(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(story + story_len, sizeof story - story_len, format, args);
    va_end(args);
    story_len += n > 0 && (size_t)n < sizeof story - story_len ? (size_t)n : 0;
}

static int64_t id_of(int key)
{
    return key == 0 ? 0 : (int64_t)run * KEYS + key;
}

static const char *value_text(const struct moves_record *record, int col, char *out, size_t cap)
{
    (void)snprintf(out, cap, record->masked[col] ? "~" : "%d", record->value[col]);
    return out;
}

static void truncate_feed(void)
{
    struct mr_buf guard = MR_BUF_INIT;
    if (kept_case.guard == 0) {
        mr_rows_truncate(&kept_case.rows);
        return;
    }
    mr_case.f.ops->emit->integer(&guard, &mr_case.table->columns[3].type, kept_case.guard);
    const struct mr_slice written = {guard.data + 4, guard.len - 4};
    MR_CHECK_OK(mr_rows_truncate_below(&kept_case.rows, written, &mr_case.f.err));
    mr_buf_release(&guard);
}

static void feed(size_t at)
{
    const struct moves_record *record = &model.records[at];
    char a[16];
    char b[16];
    static const char *const names[] = {"put", "delete", "truncate"};
    tell("  p%u @%d %s %d", record->partition, record->change, names[record->op], record->key);
    if (record->other != 0)
        tell(record->op == MOVES_PUT ? " from %d" : " to %d", record->other);
    if (record->op == MOVES_PUT)
        tell(" (%s,%s) = (%d,%d)", value_text(record, 0, a, sizeof a),
             value_text(record, 1, b, sizeof b), record->value[0], record->value[1]);
    tell("%s%s\n", record->tombstone ? " tombstone" : "", record->skipped ? " put aside" : "");
    if (record->skipped)
        return;
    if (model.shape.guard)
        kept_case.guard = (int64_t)run * GUARDS + record->change;
    if (record->op == MOVES_TRUNCATE) {
        truncate_feed();
        return;
    }
    bool put = record->op == MOVES_PUT;
    kept_case_add((struct kept_change){.id = id_of(record->key),
                                       .old_id = put ? id_of(record->other) : 0,
                                       .new_id = put ? 0 : id_of(record->other),
                                       .a = put ? value_text(record, 0, a, sizeof a) : NULL,
                                       .b = put ? value_text(record, 1, b, sizeof b) : NULL,
                                       .span = record->partition,
                                       .offset = (int64_t)run * GUARDS + (int64_t)at + 1,
                                       .delete = !put});
}

static void fail(uint64_t seed, const char *what, int key, const int *value)
{
    printf("%s", story);
    MR_FAIL("MR_SEED=%llu: %s: key %d has (%d,%d); %u partitions%s%s%s", (unsigned long long)seed,
            what, key, value[0], value[1], model.shape.n_partitions,
            model.shape.guard ? ", guard" : "", model.shape.scattered ? ", scattered" : "",
            model.shape.lag ? ", lag" : "");
}

static void orphans_take(uint64_t seed)
{
    for (size_t i = 0; i < kept_case.n_orphans; i++) {
        size_t at = (size_t)(kept_case.orphans[i] - (int64_t)run * GUARDS - 1);
        tell("  orphan @%d\n", model.records[at].change);
        moves_model_orphan(&model, at);
    }
    n_orphans += kept_case.n_orphans;
    if (kept_case.n_orphans > 0 && all_known)
        fail(seed, "an orphan whose values were there", 0, (int[]){0, 0});
}

static void compare(uint64_t seed)
{
    char sql[128];
    int seen[MOVES_MAX_KEYS + 1] = {0};
    int value[MOVES_COLUMNS] = {0};
    (void)snprintf(sql, sizeof sql, "SELECT id, a, b FROM t WHERE id / %d = %llu ORDER BY id", KEYS,
                   (unsigned long long)run);
    for (const char *at = kept_query(sql); *at != '\0'; at = strchr(at, '\n') + 1) {
        char *end;
        int key = (int)(strtoll(at, &end, 10) - id_of(0) - (int64_t)run * KEYS);
        value[0] = (int)strtol(end + 1, &end, 10);
        value[1] = (int)strtol(end + 1, &end, 10);
        if (!moves_model_allows(&model, key, value))
            fail(seed, "another value", key, value);
        const struct moves_record *record = &model.records[model.last[key] - 1];
        n_moved += record->other != 0 && (record->masked[0] || record->masked[1]) ? 1 : 0;
        seen[key] = 1;
    }
    memset(value, 0, sizeof value);
    for (int key = 1; key <= MOVES_MAX_KEYS; key++) {
        bool there = model.last[key] > 0 && model.records[model.last[key] - 1].op == MOVES_PUT;
        if (there && seen[key] == 0)
            fail(seed, "no row, and no orphan", key, value);
    }
}

static void load(uint64_t seed)
{
    if (!model.shape.guard)
        kept_case_settle();
    bool truncated = kept_case.rows.truncated;
    (void)kept_flush();
    if (truncated) /* is a change of the table */
        kept_case_open();
    tell("--\n");
    moves_model_load(&model);
    orphans_take(seed);
    compare(seed);
}

static void stream_run(uint64_t seed, const struct moves_shape *shape)
{
    moves_model_draw(&model, seed, shape);
    unsigned one_in = 1 + moves_model_below(&model, 7);
    bool switches = moves_model_below(&model, 4) == 0;
    all_known = !switches && !model.skips && !shape->lag;
    run++;
    story_len = 0;
    story[0] = '\0';
    kept_case.route.keep_moved = true;
    for (size_t at = 0; at < model.n_records; at++) {
        feed(at);
        moves_model_come(&model, at);
        if (at + 1 < model.n_records && moves_model_below(&model, one_in) != 0)
            continue;
        load(seed);
        if (switches) {
            kept_case.route.keep_moved = moves_model_below(&model, 2) == 0;
            tell("rows are%s kept\n", kept_case.route.keep_moved ? "" : " not");
        }
    }
}

static const struct moves_shape *shape_run;

static void streams(bool parts)
{
    const char *given = getenv("MR_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : 1;
    const char *more = getenv("MR_STREAMS");
    size_t n = mr_case.f.kind == MR_KIND_SQLITE ? N_SQLITE : N_POSTGRESQL;
    if (more != NULL)
        n = strtoul(more, NULL, 10);
    kept_case.guard = shape_run->guard ? 1 : 0;
    kept_case.route.guard = shape_run->guard ? MR_GUARD_LSN : MR_GUARD_NONE;
    kept_case.parts = parts;
    mr_rng_init(&kept_case.rng, seed);
    run = n_orphans = n_moved = 0;
    kept_case_make();
    for (size_t i = 0; i < (given != NULL ? 1 : n); i++)
        stream_run(seed + i, shape_run);
    printf("%zu streams: %zu masked rows came under another key, %zu orphans\n", n, n_moved,
           n_orphans);
    MR_CHECK(given != NULL || n_moved > n / 8);
}

#define MOVES_AS(id, sentence, taken_apart, ...)                                                   \
    MR_CONFORM(id, sentence)                                                                       \
    {                                                                                              \
        static const struct moves_shape shape = {__VA_ARGS__};                                     \
        shape_run = &shape;                                                                        \
        streams(taken_apart);                                                                      \
    }
/* Whole, and as the parts of a batch that the target refuses. */
#define MOVES(id, sentence, ...)                                                                   \
    MOVES_AS(id, sentence, false, __VA_ARGS__)                                                     \
    MOVES_AS(id##_parts, "taken apart: " sentence, true, __VA_ARGS__)

/* U-30, U-31, U-32 */
MOVES(alone, "rows that change their keys in one partition have their own values, or none",
      .n_partitions = 1)
MOVES(keyed, "rows that change their keys between partitions have their own values, or none",
      .n_partitions = 3, .lag = true)
/* U-32 with section 3.1 */
MOVES(guarded, "the same with a guard", .n_partitions = 3, .guard = true, .lag = true)
MOVES(guarded_alone, "the same with a guard and one partition", .n_partitions = 1, .guard = true)
/* */
MOVES(scattered, "the same with a guard where a key is in any partition", .n_partitions = 3,
      .guard = true, .scattered = true)
/* Not taken apart: parts keep tombs that the whole folds away, which the model does not know. */
MOVES_AS(scattered_lag, "the same where partitions lag: values that were the newest known, or none",
         false, .n_partitions = 3, .guard = true, .scattered = true, .lag = true)
