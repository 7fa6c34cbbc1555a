/* Owns the end of the consumer client: it leaves the group within the caller's time, whether the
 * client plays its part or not. Source: librdkafka's rdkafka.h, rd_kafka_consumer_close_queue(). */
#include <stdlib.h>

#include <librdkafka/rdkafka.h>

#include "base/log.h"
#include "consumer/kafka_source.h"

#include "base/ban.h"

enum { CLOSE_POLL_MS = 50 };

/* A revoke that came a second time: the client waits for no answer any more, and a request to a
 * group membership that is just ending is never answered (rdkafka_cgrp.c, rd_kafka_cgrp_terminated
 * drops what waits). */
static bool is_stale(struct mr_kafka *kafka, const struct mr_source_event *event)
{
    for (size_t i = 0; i < event->n_parts; i++) {
        const struct mr_kafka_part *part =
            mr_kafka_part_find(kafka, event->parts[i].stream, event->parts[i].partition);
        if (part != NULL && atomic_load(&part->assigned))
            return false;
    }
    return true;
}

/* Answers what the client asks while it leaves the group: everything is given back. */
static void close_event(struct mr_kafka *kafka, rd_kafka_event_t *from)
{
    struct mr_source_event event = {.kind = MR_SOURCE_NOTHING, .err = MR_ERR_INIT};
    struct mr_err err = MR_ERR_INIT;

    if (!mr_kafka_event_take(kafka, from, &event))
        return;
    if (event.kind == MR_SOURCE_REVOKED || event.kind == MR_SOURCE_LOST) {
        if (!is_stale(kafka, &event))
            mr_kafka_unassign(&kafka->base, event.parts, event.n_parts, &err);
    } else if (event.kind == MR_SOURCE_ASSIGNED) {
        mr_kafka_assign(&kafka->base, event.parts, event.n_parts, &err);
    }
    mr_source_event_release(&event);
}

/* An answer on a thread of its own: the client may end its membership while it is asked, and then
 * never returns from the call (librdkafka 2.8, seen once in 75 closes amid a rebalance). Who comes
 * last frees: the thread, if nobody waits for it any more. */
struct close_answer {
    struct mr_kafka *kafka;
    rd_kafka_event_t *from;
    pthread_t thread;
    struct mr_lock lock; /* rank 49 */
    struct mr_cond changed;
    bool done MR_GUARDED_BY(lock);
    _Atomic int n_users; /* the thread, and who closes */
};

static void close_answer_free(struct close_answer *answer)
{
    mr_cond_release(&answer->changed);
    mr_lock_release(&answer->lock);
    free(answer);
}

static void *close_answer_main(void *arg)
{
    struct close_answer *answer = arg;
    struct mr_kafka *kafka = answer->kafka;

    close_event(kafka, answer->from);
    rd_kafka_event_destroy(answer->from);
    mr_lock_take(&answer->lock);
    answer->done = true;
    mr_cond_wake_all(&answer->changed);
    mr_lock_drop(&answer->lock);
    if (atomic_fetch_sub(&answer->n_users, 1) == 1) {
        close_answer_free(answer);
        mr_kafka_free(kafka);
    }
    return NULL;
}

static bool close_awaited(struct close_answer *answer, uint64_t end_ms)
{
    const struct mr_env *env = &answer->kafka->opts.env;

    mr_lock_take(&answer->lock);
    for (uint64_t now_ms = mr_mono_ms(env); !answer->done && now_ms < end_ms;
         now_ms = mr_mono_ms(env))
        mr_cond_wait(&answer->changed, &answer->lock, (uint32_t)(end_ms - now_ms));
    bool done = answer->done;
    mr_lock_drop(&answer->lock);
    return done;
}

/* NULL when the client was answered; else what has not come back by then. */
static struct close_answer *close_answered(struct mr_kafka *kafka, rd_kafka_event_t *from,
                                           uint64_t end_ms)
{
    struct close_answer *answer = calloc(1, sizeof *answer);

    if (answer == NULL) {
        rd_kafka_event_destroy(from);
        return NULL;
    }
    answer->kafka = kafka;
    answer->from = from;
    atomic_init(&answer->n_users, 2);
    mr_lock_init(&answer->lock, 49);
    mr_cond_init(&answer->changed);
    if (mr_thread_start(&answer->thread, "kafka-close", close_answer_main, answer) < 0) {
        close_event(kafka, from); /* without a bound */
        rd_kafka_event_destroy(from);
        close_answer_free(answer);
        return NULL;
    }
    if (!close_awaited(answer, end_ms))
        return answer;
    pthread_join(answer->thread, NULL);
    close_answer_free(answer);
    return NULL;
}

/* Gives answer and source to the thread; false when it has come back meanwhile. */
static bool close_leave(struct close_answer *answer)
{
    pthread_detach(answer->thread);
    if (atomic_fetch_sub(&answer->n_users, 1) > 1)
        return true;
    close_answer_free(answer);
    return false;
}

void mr_kafka_close(struct mr_source *source, uint32_t timeout_ms)
{
    struct mr_kafka *kafka = mr_kafka_of(source);
    uint64_t end_ms = mr_mono_ms(&kafka->opts.env) + timeout_ms;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(kafka->rk);
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(kafka->rk, queue);
    struct close_answer *late = NULL;

    while (error == NULL && late == NULL && !rd_kafka_consumer_closed(kafka->rk)) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, CLOSE_POLL_MS);
        if (event != NULL)
            late = close_answered(kafka, event, end_ms);
        if (mr_mono_ms(&kafka->opts.env) >= end_ms) {
            mr_log(MR_WARN, "kafka_close_timed_out", mr_kv_u64("timeout_ms", timeout_ms));
            break;
        }
    }
    if (error != NULL)
        rd_kafka_error_destroy(error); /* a fatal error: there is no group to leave */
    rd_kafka_queue_destroy(queue);
    if (late == NULL || !close_leave(late))
        mr_kafka_free(kafka);
}
