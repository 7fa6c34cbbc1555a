/* How long dead letters are kept (dlq.retention, dlq.retention_new): by a clock that stands still,
 * and on letters that are numbers. On real targets: tests/component/sink_letters_test.c and
 * tests/integration/test_letter_retention.py. */
#include "consumer/letter_keeper.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "consumer/meters.h"
#include "tests/support/mr_test.h"

enum { CLOSED = 1 << MR_LETTER_REPLAYED | 1 << MR_LETTER_DISCARDED };

static struct {
    struct mr_sink sink;
    struct mr_letters letters;
    struct mr_clock_fake clock;
    struct mr_letter_keeper keeper;
    struct mr_metrics *metrics;
    FILE *log;
    uint64_t n_left[MR_N_LETTER_STATES];
    uint32_t n_setups;
    uint32_t n_calls;
    uint32_t states;
    size_t most;
    int64_t before_ms;
    bool away;
} f;

static int setup(struct mr_sink *sink, char *target_id, struct mr_err *err)
{
    (void)sink;
    f.n_setups++;
    *target_id = '\0';
    return f.away ? mr_err_set(err, MR_TARGET_AWAY, "scripted") : 0;
}

/* NOLINTNEXTLINE(readability-function-size): six parameters, the interface of letters.h */
static int purge(struct mr_letters *letters, uint32_t states, int64_t before_ms, size_t max,
                 uint64_t *n_done, struct mr_err *err)
{
    (void)letters;
    f.n_calls++;
    f.states |= states;
    f.before_ms = before_ms;
    *n_done = 0;
    if (f.away)
        return mr_err_set(err, MR_TARGET_AWAY, "scripted");
    for (int i = 0; i < MR_N_LETTER_STATES; i++)
        if ((states & 1u << i) != 0) {
            uint64_t n = f.n_left[i] < max - *n_done ? f.n_left[i] : max - *n_done;
            f.n_left[i] -= n;
            *n_done += n;
        }
    f.most = *n_done > f.most ? (size_t)*n_done : f.most;
    return 0;
}

static const struct mr_sink_ops sink_ops = {.name = "scripted", .setup = setup};
static const struct mr_letters_ops ops = {.name = "scripted", .purge = purge};

MR_SETUP
{
    memset(&f, 0, sizeof f);
    f.log = tmpfile();
    MR_CHECK(f.log != NULL);
    mr_log_setup(MR_INFO, MR_LOG_LOGFMT, fileno(f.log));
    mr_clock_fake_init(&f.clock, 1000000);
    f.clock.wall_offset_ms = 1700000000000;
    f.sink.ops = &sink_ops;
    f.letters.ops = &ops;
    f.metrics = mr_metrics_new(mr_meters, MR_N_METERS);
    f.keeper.letters = &f.letters;
    f.keeper.opts.sink = &f.sink;
    f.keeper.opts.metrics = f.metrics;
    f.keeper.opts.env.clock = &f.clock.base;
    mr_rng_init(&f.keeper.opts.env.rng, 1);
}

MR_TEARDOWN
{
    mr_log_setup(MR_ERROR, MR_LOG_LOGFMT, STDERR_FILENO);
    fclose(f.log);
    mr_metrics_free(f.metrics);
}

static uint64_t turn(void)
{
    return mr_letter_keeper_turn(&f.keeper);
}

static uint64_t purged(enum mr_letter_state state)
{
    const char *labels[] = {mr_letter_state_name(state)};

    return mr_counter_value(mr_metrics_series(f.metrics, MR_M_LETTERS_PURGED, labels));
}

/* How often the log has a text. */
static int told(const char *what)
{
    static char text[16384];
    int n = 0;

    rewind(f.log);
    text[fread(text, 1, sizeof text - 1, f.log)] = '\0';
    for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what))
        n++;
    MR_CHECK_INT(fseek(f.log, 0, SEEK_END), 0);
    return n;
}

MR_TEST("each age is of its own letters, and is reckoned from the injected clock")
{
    turn();
    MR_CHECK_U64(f.n_calls, 0);
    f.keeper.opts.closed_ms = 60000;
    turn();
    MR_CHECK_U64(f.states, CLOSED);
    MR_CHECK_INT(f.before_ms, mr_wall_ms(&f.keeper.opts.env) - 60000);
    f.keeper.opts.closed_ms = 0;
    f.keeper.opts.new_ms = 1000;
    f.states = 0;
    turn();
    MR_CHECK_U64(f.states, 1u << MR_LETTER_NEW);
    MR_CHECK_INT(f.before_ms, mr_wall_ms(&f.keeper.opts.env) - 1000);
    int64_t before_ms = f.before_ms;
    f.clock.now_us += 5000000;
    turn();
    MR_CHECK_INT(f.before_ms, before_ms + 5000);
}

MR_TEST("a wall clock that leaps ahead makes no letter older, and one that is set back keeps them")
{
    f.keeper.opts.closed_ms = 60000;
    turn();
    int64_t before_ms = f.before_ms;
    f.clock.wall_offset_ms += 400 * INT64_C(86400000);
    f.clock.now_us += 1000000;
    turn();
    MR_CHECK_INT(f.before_ms, before_ms + 1000);
    f.clock.wall_offset_ms -= 500 * INT64_C(86400000);
    turn();
    MR_CHECK_INT(f.before_ms, before_ms + 1000 - 100 * INT64_C(86400000));
}

MR_TEST("letters go in small pieces with a pause between, and then there is a long rest")
{
    f.keeper.opts.closed_ms = 60000;
    f.n_left[MR_LETTER_REPLAYED] = 2 * (uint64_t)MR_KEEPER_PIECE + 7;
    f.n_left[MR_LETTER_DISCARDED] = 3;
    f.n_left[MR_LETTER_NEW] = 9;
    MR_CHECK_U64(turn(), MR_KEEPER_PAUSE_MS);
    MR_CHECK_U64(purged(MR_LETTER_REPLAYED), MR_KEEPER_PIECE);
    MR_CHECK_INT(told("letters_purged"), 0);
    MR_CHECK_U64(turn(), MR_KEEPER_PAUSE_MS);
    uint64_t rest_ms = turn();
    MR_CHECK(rest_ms >= MR_KEEPER_REST_MS && rest_ms <= MR_KEEPER_REST_MS / 5 * 6);
    MR_CHECK_U64(f.most, MR_KEEPER_PIECE);
    MR_CHECK_U64(purged(MR_LETTER_REPLAYED), 2 * (uint64_t)MR_KEEPER_PIECE + 7);
    MR_CHECK_U64(purged(MR_LETTER_DISCARDED), 3);
    MR_CHECK_U64(purged(MR_LETTER_NEW), 0);
    MR_CHECK_U64(f.n_left[MR_LETTER_NEW], 9);
    MR_CHECK_INT(told("event=letters_purged state=replayed letters=1007"), 1);
    MR_CHECK_INT(told("event=letters_purged"), 2);
    turn();
    MR_CHECK_INT(told("event=letters_purged"), 2); /* nothing went: nothing is told */
}

MR_TEST("instances do not rest equally long")
{
    f.keeper.opts.closed_ms = 60000;
    uint64_t one = turn();
    uint64_t another = turn();
    MR_CHECK(one != another);
}

MR_TEST("a target that is away is asked once a turn and told of once, until it answered")
{
    f.keeper.opts.closed_ms = f.keeper.opts.new_ms = 60000;
    f.away = true;
    MR_CHECK(turn() >= MR_KEEPER_REST_MS);
    MR_CHECK_U64(f.n_setups, 1);
    MR_CHECK_U64(f.n_calls, 0);
    turn();
    MR_CHECK_INT(told("event=letters_not_purged"), 1);
    f.away = false;
    turn();
    turn();
    MR_CHECK_U64(f.n_setups, 3); /* the control tables are made once */
    MR_CHECK_U64(f.n_calls, 6);
    f.away = true;
    turn();
    turn();
    MR_CHECK_U64(f.n_calls, 8);
    MR_CHECK_INT(told("event=letters_not_purged"), 2);
    MR_CHECK_INT(told("err=target.away"), 2);
}

MR_TEST("what went before an error is told with it")
{
    f.keeper.opts.closed_ms = 60000;
    f.n_left[MR_LETTER_REPLAYED] = MR_KEEPER_PIECE;
    turn();
    f.away = true;
    turn();
    MR_CHECK_INT(told("event=letters_purged state=replayed letters=500"), 1);
    MR_CHECK_INT(told("event=letters_not_purged"), 1);
}

MR_TEST("an age beyond the clock's beginning removes nothing")
{
    f.keeper.opts.closed_ms = UINT64_MAX;
    turn();
    MR_CHECK_U64(f.n_calls, 0);
}

MR_TEST("a keeper without an age starts no thread, and stops")
{
    struct mr_letter_keeper keeper;
    struct mr_letter_keeper_opts opts = {.sink = NULL};
    struct mr_err err = MR_ERR_INIT;

    MR_CHECK_OK(mr_letter_keeper_start(&keeper, &opts, &err));
    MR_CHECK(!keeper.started);
    mr_letter_keeper_stop(&keeper);
}
