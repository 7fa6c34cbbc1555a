/* Owns what poll tells the client about partitions: assignment, pause, seek, forwarding. Each call
 * asks for a partition's queue anew: a topic that was deleted and made again has new ones.
 *
 * Order of a release: seek while paused, forward, resume. A pause sets the fetch position to where
 * the application is thought to be; a seek forgets that thought, so a later pause keeps the sought
 * position; a resume leaves an absolute position alone (rdkafka_partition.c,
 * rd_kafka_toppar_pause_resume and rd_kafka_toppar_seek, the same in 2.3 and 2.8). Every seek,
 * pause and resume raises the partition's version, and older messages are dropped where a queue is
 * read. */
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "base/log.h"
#include "consumer/kafka_err.h"
#include "consumer/kafka_source.h"

#include "base/ban.h"

enum {
    SEEK_TIMEOUT_MS = 500,
    MEND_TIMEOUT_MS = 1000,
    MEND_TRIES = 10,
    DRAIN_MESSAGES = 100,
    WAKE_TIMEOUT_MS = 20
};
/* A partition that refuses that many seeks, one each 50 ms, is started anew even if its error was
 * not seen: it may have been drained. */
enum { REFUSED_TO_RESTART = 40 };

/* ---- the table ---- */

static size_t key_of(const char *stream, int32_t partition, uint8_t *out)
{
    size_t len = strnlen(stream, MR_STREAM_NAME_BYTES - 1);

    mr_put_u32(out, (uint32_t)partition);
    memcpy(out + 4, stream, len);
    return len + 4;
}

struct mr_kafka_part *mr_kafka_part_find(struct mr_kafka *kafka, const char *stream,
                                         int32_t partition)
{
    uint8_t key[MR_STREAM_NAME_BYTES + 4];
    size_t len = key_of(stream, partition, key);

    mr_lock_take(&kafka->lock);
    struct mr_kafka_part *part = mr_map_find(&kafka->by_key, key, len);
    mr_lock_drop(&kafka->lock);
    return part;
}

static bool part_add(struct mr_kafka *kafka, struct mr_kafka_part *part) MR_REQUIRES(kafka->lock)
{
    if (kafka->n_parts == kafka->cap_parts) {
        size_t cap = kafka->cap_parts == 0 ? 64 : kafka->cap_parts * 2;
        struct mr_kafka_part **more = realloc(kafka->parts, cap * sizeof(*more));
        if (more == NULL)
            return false;
        kafka->parts = more;
        kafka->cap_parts = cap;
    }
    if (mr_map_put(&kafka->by_key, part->key, part->key_len, part) < 0)
        return false;
    kafka->parts[kafka->n_parts++] = part;
    return true;
}

static struct mr_kafka_part *part_get(struct mr_kafka *kafka, const struct mr_source_part *from)
{
    struct mr_kafka_part *part = mr_kafka_part_find(kafka, from->stream, from->partition);

    if (part != NULL)
        return part;
    part = calloc(1, sizeof *part);
    if (part == NULL)
        return NULL;
    memcpy(part->stream, from->stream, sizeof part->stream);
    part->stream[sizeof part->stream - 1] = '\0';
    part->partition = from->partition;
    atomic_store(&part->sought_epoch, -1);
    atomic_store(&part->cut_epoch, -1);
    part->key_len = key_of(part->stream, part->partition, part->key);
    mr_lock_take(&kafka->lock);
    bool added = part_add(kafka, part);
    mr_lock_drop(&kafka->lock);
    if (added)
        return part;
    free(part);
    return NULL;
}

/* Only poll adds, so poll may walk without the lock. */
void mr_kafka_parts_release(struct mr_kafka *kafka) MR_NO_TSA
{
    for (size_t i = 0; i < kafka->n_parts; i++)
        free(kafka->parts[i]);
    free(kafka->parts);
    mr_map_release(&kafka->by_key);
}

/* ---- pieces ---- */

static rd_kafka_topic_partition_list_t *list_of(const struct mr_source_part *parts, size_t n)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);

    for (size_t i = 0; i < n; i++)
        rd_kafka_topic_partition_list_add(list, parts[i].stream, parts[i].partition);
    return list;
}

/* Where a partition's records go; NULL: they stay in its own queue, which nobody reads. */
static void forward(struct mr_kafka *kafka, const char *stream, int32_t partition,
                    rd_kafka_queue_t *to)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_get_partition(kafka->rk, stream, partition);

    if (queue == NULL)
        return;
    rd_kafka_queue_forward(queue, to);
    rd_kafka_queue_destroy(queue);
}

/* Throws away what waits in the queue of a held partition: errors there have no version, so the
 * client would hand them out after the next seek. It moves the client's position: a seek follows.
 */
static void drain(struct mr_kafka *kafka, const struct mr_source_part *part)
{
    rd_kafka_message_t *messages[DRAIN_MESSAGES];
    rd_kafka_queue_t *queue =
        rd_kafka_queue_get_partition(kafka->rk, part->stream, part->partition);
    ssize_t n = 0;

    if (queue == NULL)
        return;
    do {
        n = rd_kafka_consume_batch_queue(queue, 0, messages, DRAIN_MESSAGES);
        for (ssize_t i = 0; i < n; i++)
            rd_kafka_message_destroy(messages[i]);
    } while (n == DRAIN_MESSAGES);
    rd_kafka_queue_destroy(queue);
}

/* Pauses; records that were fetched go nowhere. */
static void quiet(struct mr_kafka *kafka, const struct mr_source_part *parts, size_t n)
{
    rd_kafka_topic_partition_list_t *list = list_of(parts, n);

    for (size_t i = 0; i < n; i++)
        forward(kafka, parts[i].stream, parts[i].partition, NULL);
    rd_kafka_pause_partitions(kafka->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
}

static int error_take(rd_kafka_error_t *error, const char *what, struct mr_err *err)
{
    if (error == NULL)
        return 0;
    mr_kafka_err_set(err, rd_kafka_error_code(error), what, rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return -(int)err->code;
}

/* ---- fact 2 of kafka_source.h ---- */

static bool mend_one(struct mr_kafka *kafka, struct mr_kafka_part *part)
{
    int code = RD_KAFKA_RESP_ERR__TIMED_OUT;

    for (int i = 0; i < MEND_TRIES && code == RD_KAFKA_RESP_ERR__TIMED_OUT; i++) {
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
        rd_kafka_topic_partition_t *elem =
            rd_kafka_topic_partition_list_add(list, part->stream, part->partition);
        elem->offset = atomic_load(&part->next);
        rd_kafka_error_t *error = rd_kafka_seek_partitions(kafka->rk, list, MEND_TIMEOUT_MS);
        code = error != NULL ? (int)rd_kafka_error_code(error) : (int)elem->err;
        if (error != NULL)
            rd_kafka_error_destroy(error);
        rd_kafka_topic_partition_list_destroy(list);
    }
    /* a partition that is being stopped delivers nothing more */
    return code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR__STATE ||
           code == RD_KAFKA_RESP_ERR__PREV_IN_PROGRESS;
}

/* Between the client's pause for a rebalance and its resume: nothing that is valid is in the
 * queues, so once the reads under way have ended, nobody moves a position. Seeks the partitions
 * back that flow and that the client would resume behind a record not yet read. */
static void mend(struct mr_kafka *kafka) MR_NO_TSA
{
    for (uint32_t i = 0; i < kafka->opts.n_lanes; i++)
        mr_kafka_lane_settle(&kafka->lanes[i]);
    for (size_t i = 0; i < kafka->n_parts; i++) {
        struct mr_kafka_part *part = kafka->parts[i];
        if (!part->flowing || !atomic_exchange(&part->astray, false))
            continue;
        if (mend_one(kafka, part))
            continue;
        struct mr_source_part held = {.partition = part->partition};
        memcpy(held.stream, part->stream, sizeof held.stream);
        quiet(kafka, &held, 1);
        part->flowing = false;
        kafka->broken = true;
        mr_err_set(&kafka->failure, MR_SOURCE_FATAL, "the client does not answer to a seek");
        mr_err_at(&kafka->failure, part->stream, part->partition, atomic_load(&part->next));
    }
}

/* ---- assignment ----
 * Always by increments: kafka_conf.c asks for cooperative-sticky and nothing else. The client is
 * not asked for its protocol, since its answer never comes if its group membership ends meanwhile.
 */

int mr_kafka_assign(struct mr_source *source, const struct mr_source_part *parts, size_t n,
                    struct mr_err *err)
{
    struct mr_kafka *kafka = mr_kafka_of(source);
    rd_kafka_topic_partition_list_t *list = list_of(parts, n);
    int rc = 0;

    for (size_t i = 0; i < n; i++) {
        struct mr_kafka_part *part = part_get(kafka, &parts[i]);
        if (part == NULL) {
            rc = mr_err_set(err, MR_NO_MEMORY, "no memory for partition %d of %s",
                            parts[i].partition, parts[i].stream);
            goto out;
        }
        part->lane = parts[i].lane;
        part->flowing = false;
        part->n_refused = 0;
        atomic_store(&part->astray, false);
        atomic_store(&part->dead, false);
        atomic_store(&part->assigned, true);
        /* paused before it is assigned, so nothing is fetched from this offset */
        list->elems[i].offset = 0;
    }
    quiet(kafka, parts, n);
    mend(kafka);
    rc = error_take(rd_kafka_incremental_assign(kafka->rk, list), "assign", err);
out:
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}

int mr_kafka_unassign(struct mr_source *source, const struct mr_source_part *parts, size_t n,
                      struct mr_err *err)
{
    struct mr_kafka *kafka = mr_kafka_of(source);
    rd_kafka_topic_partition_list_t *list = list_of(parts, n);

    quiet(kafka, parts, n);
    for (size_t i = 0; i < n; i++) {
        struct mr_kafka_part *part = mr_kafka_part_find(kafka, parts[i].stream, parts[i].partition);
        if (part == NULL)
            continue;
        part->flowing = false;
        atomic_store(&part->assigned, false);
    }
    mend(kafka);
    int rc = error_take(rd_kafka_incremental_unassign(kafka->rk, list), "unassign", err);
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}

int mr_kafka_hold(struct mr_source *source, const struct mr_source_part *parts, size_t n,
                  struct mr_err *err)
{
    struct mr_kafka *kafka = mr_kafka_of(source);
    int rc = 0;

    quiet(kafka, parts, n);
    for (size_t i = 0; i < n; i++) {
        struct mr_kafka_part *part = mr_kafka_part_find(kafka, parts[i].stream, parts[i].partition);
        if (part == NULL || !atomic_load(&part->assigned))
            rc = mr_err_set(err, MR_SOURCE_TOPIC_MISSING, "hold of an unassigned partition");
        else
            part->flowing = false;
    }
    return rc;
}

/* Fact 4 of kafka_source.h. Should a rebalance be waiting for its answer just then, the client
 * takes this for it; poll's own answer, which follows, is accepted all the same. */
static void restart(struct mr_kafka *kafka, struct mr_kafka_part *part)
{
    struct mr_err err = MR_ERR_INIT;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(list, part->stream, part->partition)->offset = 0;
    mend(kafka);
    if (error_take(rd_kafka_incremental_unassign(kafka->rk, list), "unassign", &err) == 0)
        error_take(rd_kafka_incremental_assign(kafka->rk, list), "assign", &err);
    if (err.code != MR_OK)
        mr_log(MR_WARN, "kafka_restart_failed", mr_kv_err(&err));
    rd_kafka_topic_partition_list_destroy(list);
    part->n_refused = 0;
    atomic_store(&part->dead, false);
}

static int seek_one(struct mr_kafka *kafka, const struct mr_source_part *part, struct mr_err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *elem =
        rd_kafka_topic_partition_list_add(list, part->stream, part->partition);
    int code;

    elem->offset = part->offset;
    rd_kafka_topic_partition_set_leader_epoch(elem, part->leader_epoch);
    rd_kafka_error_t *error = rd_kafka_seek_partitions(kafka->rk, list, SEEK_TIMEOUT_MS);
    code = error != NULL ? (int)rd_kafka_error_code(error) : (int)elem->err;
    if (error != NULL)
        rd_kafka_error_destroy(error);
    rd_kafka_topic_partition_list_destroy(list);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    if (mr_kafka_err_is_not_ready(code))
        return mr_err_set(err, MR_AGAIN, "seek: %s", rd_kafka_err2name((rd_kafka_resp_err_t)code));
    return mr_kafka_err_set(err, code, "seek", NULL);
}

static int resume_one(struct mr_kafka *kafka, const struct mr_source_part *part, struct mr_err *err)
{
    rd_kafka_topic_partition_list_t *list = list_of(part, 1);
    int rc = 0;

    rd_kafka_resume_partitions(kafka->rk, list);
    if (list->elems[0].err != RD_KAFKA_RESP_ERR_NO_ERROR)
        rc = mr_err_set(err, MR_AGAIN, "resume: %s", rd_kafka_err2name(list->elems[0].err));
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}

static int release_one(struct mr_kafka *kafka, const struct mr_source_part *from,
                       struct mr_err *err)
{
    struct mr_kafka_part *part = mr_kafka_part_find(kafka, from->stream, from->partition);

    if (part == NULL || !atomic_load(&part->assigned))
        return mr_err_set(err, MR_AGAIN, "release of an unassigned partition");
    drain(kafka, from);
    atomic_store(&part->sought, from->offset);
    atomic_store(&part->sought_epoch, from->leader_epoch);
    int rc = seek_one(kafka, from, err);
    if (rc == -MR_AGAIN && (atomic_load(&part->dead) || ++part->n_refused >= REFUSED_TO_RESTART))
        restart(kafka, part);
    if (rc < 0)
        return rc;
    part->n_refused = 0;
    atomic_store(&part->dead, false);
    atomic_store(&part->next, from->offset);
    atomic_store(&part->astray, false);
    forward(kafka, from->stream, from->partition, kafka->lanes[part->lane].queue);
    rc = resume_one(kafka, from, err);
    if (rc == 0)
        part->flowing = true;
    else
        quiet(kafka, from, 1);
    return rc;
}

/* A thread of the client that had nothing to fetch sleeps for up to a second, and neither a seek
 * nor a resume wakes it; a request to the leader does. Its answer is of no interest. */
static void leaders_wake(struct mr_kafka *kafka, const struct mr_source_part *parts, size_t n)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);

    for (size_t i = 0; i < n; i++)
        if (parts[i].rc == 0)
            rd_kafka_topic_partition_list_add(list, parts[i].stream, parts[i].partition)->offset =
                RD_KAFKA_OFFSET_END;
    if (list->cnt > 0)
        (void)rd_kafka_offsets_for_times(kafka->rk, list, WAKE_TIMEOUT_MS);
    rd_kafka_topic_partition_list_destroy(list);
}

int mr_kafka_release(struct mr_source *source, struct mr_source_part *parts, size_t n,
                     struct mr_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < n; i++) {
        parts[i].rc = release_one(mr_kafka_of(source), &parts[i], err);
        if (parts[i].rc < 0)
            rc = parts[i].rc;
    }
    leaders_wake(mr_kafka_of(source), parts, n);
    return rc;
}
