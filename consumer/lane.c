/* Owns the meeting of three threads at a lane: poll parks and drains it, fill hands batches over,
 * write takes them. Who does what next is decided in protocol/lane.c. */
#include "consumer/lane.h"

#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/log.h"

#include "base/ban.h"

/* The share of a batch follows the number of lanes that have partitions, and its rows what the
 * target bore last. The filling batch is empty. */
static void batch_limit(struct mr_lane *lane)
{
    const struct mr_lane_shared *shared = lane->shared;
    size_t max_bytes = shared->batch.max_bytes;
    size_t share = shared->batch_bytes == NULL ? max_bytes : atomic_load(shared->batch_bytes);

    mr_batch_limit(lane->filling, share < max_bytes ? share : max_bytes,
                   atomic_load(&lane->max_rows));
}

int mr_lane_init(struct mr_lane *lane, uint32_t id, const struct mr_lane_shared *shared,
                 struct mr_env env, struct mr_err *err) MR_NO_TSA
{
    memset(lane, 0, sizeof *lane);
    lane->id = id;
    mr_letter_topic_init(&lane->letters, shared->letter_topic, id);
    lane->shared = shared;
    lane->fill_env = env;
    lane->fill_env.rng = mr_rng_split(&env.rng);
    lane->write_env = env;
    lane->write_env.rng = mr_rng_split(&env.rng);
    mr_lock_init(&lane->lock, 30);
    mr_cond_init(&lane->changed);
    mr_err_clear(&lane->reset_err);
    mr_err_clear(&lane->last_err);
    mr_err_clear(&lane->failure);
    lane->filling = &lane->batches[0];
    atomic_init(&lane->max_rows, shared->batch.max_rows);
    lane->plans = mr_plans_new(shared->sink, lane->fill_env);
    lane->transcode = mr_transcode_new(env);
    lane->locators = mr_locators_new(shared->targets, lane->fill_env);
    lane->decoder = mr_decoder_new();
    lane->unread = calloc(MR_LANE_READ_RECORDS, sizeof *lane->unread);
    for (int i = 0; i < 2; i++) {
        struct mr_batch_opts opts = shared->batch;
        opts.seed = mr_rng_u64(&lane->fill_env.rng);
        mr_batch_init(&lane->batches[i], &opts);
    }
    batch_limit(lane);
    if (lane->plans == NULL || lane->locators == NULL || lane->transcode == NULL ||
        lane->decoder == NULL || lane->unread == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "no memory for lane %u", id);
    mr_plans_count_into(lane->plans, shared->metrics);
    mr_plans_show_life(lane->plans, &lane->fill_moved_ms);
    return 0;
}

int mr_lane_start(struct mr_lane *lane, struct mr_err *err)
{
    char name[16] = "fill-0";

    name[5] = (char)('0' + lane->id % 10);
    if (mr_thread_start(&lane->fill_thread, name, mr_lane_fill_main, lane) < 0)
        return mr_err_set(err, MR_NO_MEMORY, "cannot start a thread for lane %u", lane->id);
    memcpy(name, "write-", 6);
    name[6] = (char)('0' + lane->id % 10);
    name[7] = '\0';
    if (mr_thread_start(&lane->write_thread, name, mr_lane_write_main, lane) < 0) {
        mr_lane_drain(lane, true);
        pthread_join(lane->fill_thread, NULL);
        return mr_err_set(err, MR_NO_MEMORY, "cannot start a thread for lane %u", lane->id);
    }
    lane->started = true;
    return 0;
}

void mr_lane_release(struct mr_lane *lane) MR_NO_TSA
{
    struct mr_source *source = lane->shared->source;

    if (lane->started) {
        mr_lock_take(&lane->lock);
        lane->closing = true;
        lane->stopping = true;
        lane->abandoned = true;
        mr_cond_wake_all(&lane->changed);
        mr_lock_drop(&lane->lock);
        source->ops->wake_lane(source, lane->id);
        pthread_join(lane->fill_thread, NULL);
        pthread_join(lane->write_thread, NULL);
    }
    for (size_t i = lane->at_unread; i < lane->n_unread; i++)
        source->ops->release_record(source, &lane->unread[i]);
    for (int i = 0; i < 2; i++) {
        mr_batch_reset(&lane->batches[i], source);
        mr_batch_release(&lane->batches[i]);
    }
    if (lane->session != NULL)
        lane->session->ops->session_close(lane->session);
    mr_letter_topic_release(&lane->letters);
    mr_plans_free(lane->plans);
    mr_locators_free(lane->locators);
    mr_decoder_free(lane->decoder);
    mr_transcode_free(lane->transcode);
    free(lane->unread);
    mr_load_memories_release(&lane->memories);
    mr_cond_release(&lane->changed);
    mr_lock_release(&lane->lock);
}

void mr_lane_fail(struct mr_lane *lane, const struct mr_err *err)
{
    mr_lock_take(&lane->lock);
    if (!atomic_load(&lane->failed)) {
        lane->failure = *err;
        atomic_store(&lane->failed, true);
    }
    mr_lock_drop(&lane->lock);
    lane->shared->source->ops->wake_poll(lane->shared->source);
}

/* ---- thread: poll ---- */

void mr_lane_park(struct mr_lane *lane)
{
    struct mr_source *source = lane->shared->source;

    mr_lock_take(&lane->lock);
    lane->n_parks++;
    while (lane->reading && !MR_MUTATION(PARK_WITHOUT_WAIT)) {
        /* a wake-up can come before the read that it is meant for: repeat it until it is seen */
        mr_lock_drop(&lane->lock);
        source->ops->wake_lane(source, lane->id);
        mr_lock_take(&lane->lock);
        if (lane->reading)
            mr_cond_wait(&lane->changed, &lane->lock, 10);
    }
    mr_lock_drop(&lane->lock);
}

void mr_lane_unpark(struct mr_lane *lane)
{
    mr_lock_take(&lane->lock);
    lane->n_parks--;
    mr_cond_wake_all(&lane->changed);
    mr_lock_drop(&lane->lock);
}

void mr_lane_drain(struct mr_lane *lane, bool stopping)
{
    mr_lock_take(&lane->lock);
    lane->draining = true;
    lane->stopping = lane->stopping || stopping;
    mr_cond_wake_all(&lane->changed);
    mr_lock_drop(&lane->lock);
    lane->shared->source->ops->wake_lane(lane->shared->source, lane->id);
}

void mr_lane_undrain(struct mr_lane *lane)
{
    mr_lock_take(&lane->lock);
    if (!lane->stopping)
        lane->draining = false;
    mr_cond_wake_all(&lane->changed);
    mr_lock_drop(&lane->lock);
}

bool mr_lane_wait_empty(struct mr_lane *lane, uint32_t timeout_ms)
{
    struct mr_source *source = lane->shared->source;
    struct mr_env env = {.clock = lane->fill_env.clock};
    uint64_t end_ms = mr_mono_ms(&env) + timeout_ms;
    bool empty = false;

    mr_lock_take(&lane->lock);
    for (;;) {
        bool idle = !lane->reading && lane->to_write == NULL;
        empty = idle && (mr_batch_is_empty(lane->filling) || lane->reset_wanted);
        bool stuck = lane->reset_wanted || lane->writer_state == MR_WRITER_WAITING;
        uint64_t now_ms = mr_mono_ms(&env);
        if (empty || stuck || now_ms >= end_ms)
            break;
        if (lane->reading) {
            mr_lock_drop(&lane->lock);
            source->ops->wake_lane(source, lane->id);
            mr_lock_take(&lane->lock);
        }
        mr_cond_wait(&lane->changed, &lane->lock, 20);
    }
    mr_lock_drop(&lane->lock);
    return empty;
}

bool mr_lane_forget(struct mr_lane *lane)
{
    mr_lock_take(&lane->lock);
    lane->abandoned = true; /* a batch that waits for its backoff is given up */
    mr_cond_wake_all(&lane->changed);
    for (int i = 0; i < 50 && lane->to_write != NULL && lane->writer_state == MR_WRITER_WAITING;
         i++)
        mr_cond_wait(&lane->changed, &lane->lock, 10);
    bool left = lane->to_write != NULL && !lane->written;
    if (lane->to_write == NULL) /* else the writer takes it back with the batch */
        lane->abandoned = false;
    mr_lock_drop(&lane->lock);
    mr_batch_reset(lane->filling, lane->shared->source);
    batch_limit(lane);
    return !left;
}

bool mr_lane_has(struct mr_lane *lane, const struct mr_partition *part)
{
    mr_lock_take(&lane->lock);
    bool has = mr_batch_has(lane->filling, part) ||
               (lane->to_write != NULL && !lane->written && mr_batch_has(lane->to_write, part));
    mr_lock_drop(&lane->lock);
    return has;
}

bool mr_lane_take_reset(struct mr_lane *lane, struct mr_err *err, struct mr_target **target)
{
    mr_lock_take(&lane->lock);
    bool wanted = lane->reset_wanted;
    if (wanted) {
        *err = lane->reset_err;
        *target = lane->reset_target;
        lane->reset_wanted = false;
        mr_cond_wake_all(&lane->changed);
    }
    mr_lock_drop(&lane->lock);
    return wanted;
}

bool mr_lane_reset_wanted(struct mr_lane *lane)
{
    mr_lock_take(&lane->lock);
    bool wanted = lane->reset_wanted;
    mr_lock_drop(&lane->lock);
    return wanted;
}

bool mr_lane_is_loaded(struct mr_lane *lane)
{
    mr_lock_take(&lane->lock);
    bool loaded = !mr_batch_is_empty(lane->filling) || (lane->to_write != NULL && !lane->written);
    mr_lock_drop(&lane->lock);
    return loaded;
}

bool mr_lane_is_writing(struct mr_lane *lane)
{
    mr_lock_take(&lane->lock);
    bool writing = lane->to_write != NULL && !lane->written;
    mr_lock_drop(&lane->lock);
    return writing;
}

void mr_lane_abandon(struct mr_lane *lane)
{
    mr_lock_take(&lane->lock);
    lane->abandoned = true;
    mr_cond_wake_all(&lane->changed);
    mr_lock_drop(&lane->lock);
}

void mr_lane_interrupt(struct mr_lane *lane)
{
    mr_lock_take(&lane->lock);
    struct mr_session *session = lane->session;
    if (session != NULL)
        session->ops->session_interrupt(session);
    mr_lock_drop(&lane->lock);
}

/* ---- thread: fill ---- */

void mr_lane_moved(struct mr_lane *lane)
{
    atomic_store(&lane->fill_moved_ms, mr_mono_ms(&lane->fill_env));
}

/* One who waits for poll or for the writer is not stuck himself. */
static void fill_wait(struct mr_lane *lane) MR_REQUIRES(lane->lock)
{
    mr_cond_wait(&lane->changed, &lane->lock, MR_LANE_READ_MS);
    mr_lane_moved(lane);
}

void mr_lane_leave(struct mr_lane *lane)
{
    mr_lock_take(&lane->lock);
    lane->reading = false;
    lane->inside = false;
    mr_cond_wake_all(&lane->changed);
    mr_lock_drop(&lane->lock);
}

void mr_lane_ask(struct mr_lane *lane)
{
    mr_lane_leave(lane);
    mr_lane_moved(lane);
    atomic_store(&lane->fill_asks, true);
}

bool mr_lane_enter(struct mr_lane *lane)
{
    bool ok = true;

    mr_lane_moved(lane); /* each record of an array may have waited for the registry */
    atomic_store(&lane->fill_asks, false);
    mr_lock_take(&lane->lock);
    while (lane->n_parks > 0 && !lane->stopping && !lane->reset_wanted)
        fill_wait(lane);
    if (lane->n_parks > 0 || lane->stopping || lane->reset_wanted)
        ok = false;
    lane->reading = ok;
    lane->inside = ok;
    mr_lock_drop(&lane->lock);
    return ok;
}

bool mr_lane_hand_over(struct mr_lane *lane)
{
    bool done = false;

    mr_lock_take(&lane->lock);
    lane->reading = false;
    lane->inside = false;
    mr_cond_wake_all(&lane->changed);
    while (lane->to_write != NULL && !lane->reset_wanted && lane->n_parks == 0 && !lane->stopping)
        fill_wait(lane);
    bool free_to = lane->to_write == NULL && !lane->reset_wanted && lane->n_parks == 0;
    /* poll may have emptied it while this waited */
    if (free_to && !mr_batch_is_empty(lane->filling)) {
        lane->to_write = lane->filling;
        lane->filling = lane->filling == &lane->batches[0] ? &lane->batches[1] : &lane->batches[0];
        batch_limit(lane);
        mr_cond_wake_all(&lane->changed);
        done = true;
    }
    mr_lock_drop(&lane->lock);
    return done;
}
