/* Owns when old dead letters are removed. */
#include "consumer/letter_keeper.h"

#include <string.h>
#include <time.h>

#include "base/log.h"
#include "consumer/meters.h"

#include "base/ban.h"

static uint64_t age_of(const struct mr_letter_keeper *keeper, enum mr_letter_state state)
{
    return state == MR_LETTER_NEW ? keeper->opts.new_ms : keeper->opts.closed_ms;
}

/* A counter that is made at the start shows its first letter in a rate. */
static void count(struct mr_letter_keeper *keeper, enum mr_letter_state state, uint64_t n)
{
    const char *labels[] = {mr_letter_state_name(state)};

    mr_counter_add(mr_metrics_series(keeper->opts.metrics, MR_M_LETTERS_PURGED, labels), n);
    keeper->n_purged[state] += n;
}

/* The wall clock, but for its leaps ahead: letters do not grow old by them. */
static int64_t believed_ms(struct mr_letter_keeper *keeper)
{
    int64_t mono_ms = (int64_t)mr_mono_ms(&keeper->opts.env);
    int64_t ahead_ms = mr_wall_ms(&keeper->opts.env) - mono_ms;

    if (!keeper->clock_known || ahead_ms < keeper->wall_ahead_ms)
        keeper->wall_ahead_ms = ahead_ms;
    keeper->clock_known = true;
    return mono_ms + keeper->wall_ahead_ms;
}

/* 1: there may be more. */
static int piece(struct mr_letter_keeper *keeper, enum mr_letter_state state, struct mr_err *err)
{
    int64_t now_ms = believed_ms(keeper);
    uint64_t age_ms = age_of(keeper, state);
    uint64_t n = 0;

    if (age_ms == 0 || now_ms < 0 || age_ms > (uint64_t)now_ms)
        return 0;
    int rc = keeper->letters->ops->purge(keeper->letters, 1u << state, now_ms - (int64_t)age_ms,
                                         MR_KEEPER_PIECE, &n, err);
    if (rc < 0)
        return rc;
    count(keeper, state, n);
    return n >= MR_KEEPER_PIECE ? 1 : 0;
}

static void purged_tell(struct mr_letter_keeper *keeper)
{
    for (int i = 0; i < MR_N_LETTER_STATES; i++) {
        if (keeper->n_purged[i] > 0)
            mr_log(MR_INFO, "letters_purged",
                   mr_kv_str("state", mr_letter_state_name((enum mr_letter_state)i)),
                   mr_kv_u64("letters", keeper->n_purged[i]));
        keeper->n_purged[i] = 0;
    }
}

static void tell(struct mr_letter_keeper *keeper, int rc, const struct mr_err *err)
{
    if (rc != 1)
        purged_tell(keeper);
    if (rc < 0 && !keeper->failing)
        mr_log(MR_WARN, "letters_not_purged", mr_kv_err(err));
    keeper->failing = rc < 0;
}

uint64_t mr_letter_keeper_turn(struct mr_letter_keeper *keeper)
{
    const struct mr_sink *sink = keeper->opts.sink;
    char target_id[MR_TARGET_ID_BYTES];
    struct mr_err err = MR_ERR_INIT;
    bool more = false;
    int rc = keeper->set_up ? 0 : sink->ops->setup(keeper->opts.sink, target_id, &err);

    keeper->set_up = rc == 0;
    for (int i = 0; rc >= 0 && i < MR_N_LETTER_STATES; i++) {
        rc = piece(keeper, (enum mr_letter_state)i, &err);
        more = more || rc == 1;
    }
    if (rc >= 0)
        rc = more ? 1 : 0;
    tell(keeper, rc, &err);
    return rc == 1
               ? MR_KEEPER_PAUSE_MS
               : MR_KEEPER_REST_MS + mr_rng_below(&keeper->opts.env.rng, MR_KEEPER_REST_MS / 5 + 1);
}

/* True when it is to stop. */
static bool keeper_wait(struct mr_letter_keeper *keeper, uint64_t wait_ms)
{
    struct timespec deadline;

    mr_clock_deadline(&deadline, (uint32_t)wait_ms);
    mr_lock_take(&keeper->lock);
    while (!keeper->stopping && mr_cond_wait_until(&keeper->changed, &keeper->lock, &deadline))
        continue;
    bool stopping = keeper->stopping;
    mr_lock_drop(&keeper->lock);
    return stopping;
}

static void *keeper_main(void *arg)
{
    struct mr_letter_keeper *keeper = arg;

    while (!keeper_wait(keeper, mr_letter_keeper_turn(keeper)))
        continue;
    purged_tell(keeper); /* of a turn that was not the last */
    return NULL;
}

int mr_letter_keeper_start(struct mr_letter_keeper *keeper,
                           const struct mr_letter_keeper_opts *opts, struct mr_err *err)
{
    memset(keeper, 0, sizeof *keeper);
    keeper->opts = *opts;
    if (opts->closed_ms == 0 && opts->new_ms == 0)
        return 0;
    if (mr_letters_of_sink(opts->sink, &keeper->letters, err) < 0) {
        if (err->code == MR_NO_MEMORY)
            return -MR_NO_MEMORY;
        mr_err_clear(err); /* standard output keeps none */
        return 0;
    }
    mr_lock_init(&keeper->lock, 32);
    mr_cond_init(&keeper->changed);
    for (int i = 0; i < MR_N_LETTER_STATES; i++)
        if (age_of(keeper, (enum mr_letter_state)i) > 0)
            count(keeper, (enum mr_letter_state)i, 0);
    keeper->started = mr_thread_start(&keeper->thread, "letters", keeper_main, keeper) == 0;
    return keeper->started ? 0 : mr_err_set(err, MR_NO_MEMORY, "cannot start a thread");
}

void mr_letter_keeper_stop(struct mr_letter_keeper *keeper)
{
    if (keeper->letters == NULL)
        return;
    if (keeper->started) {
        mr_lock_take(&keeper->lock);
        keeper->stopping = true;
        mr_cond_wake_all(&keeper->changed);
        mr_lock_drop(&keeper->lock);
        pthread_join(keeper->thread, NULL);
    }
    mr_cond_release(&keeper->changed);
    mr_lock_release(&keeper->lock);
    keeper->letters->ops->close(keeper->letters);
    memset(keeper, 0, sizeof *keeper);
}
