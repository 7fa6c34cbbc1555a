/* Owns the source in memory. One mutex, one condition: it is a test's, not fast. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/support/source_fake_log.h"

struct fake_source *fake_source_of(struct mr_source *source)
{
    return (struct fake_source *)source;
}

static void violate(struct fake_source *fake, const char *what, const struct fake_part *part)
{
    if (*fake->violation == '\0')
        snprintf(fake->violation, sizeof fake->violation, "%s: %s/%d", what,
                 part != NULL ? part->stream : "-", part != NULL ? part->partition : -1);
}

struct fake_part *fake_source_find(struct fake_source *fake, const char *stream, int32_t partition)
{
    for (uint32_t i = 0; i < fake->n_parts; i++)
        if (fake->parts[i].partition == partition && strcmp(fake->parts[i].stream, stream) == 0)
            return &fake->parts[i];
    return NULL;
}

int64_t fake_source_high(const struct fake_part *part)
{
    return part->base + (int64_t)part->n_log;
}

static void until(struct timespec *out, uint32_t timeout_ms)
{
    clock_gettime(CLOCK_REALTIME, out);
    out->tv_sec += timeout_ms / 1000;
    out->tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (out->tv_nsec >= 1000000000) {
        out->tv_sec++;
        out->tv_nsec -= 1000000000;
    }
}

/* ---- the source's side ---- */

static const char *fake_version(void)
{
    return "fake";
}

static int fake_open(const struct mr_source_opts *opts, struct mr_source **out, struct mr_err *err)
{
    struct fake_source *fake = calloc(1, sizeof *fake);

    (void)err;
    fake->base.ops = &mr_source_fake;
    pthread_mutex_init(&fake->mutex, NULL);
    pthread_cond_init(&fake->changed, NULL);
    fake->n_lanes = opts->n_lanes;
    *out = &fake->base;
    return 0;
}

static void fake_close(struct mr_source *source, uint32_t timeout_ms)
{
    struct fake_source *fake = fake_source_of(source);

    (void)timeout_ms;
    for (uint32_t i = 0; i < fake->n_parts; i++) {
        for (size_t m = 0; m < fake->parts[i].n_log; m++) {
            free(fake->parts[i].log[m].key);
            free(fake->parts[i].log[m].value);
        }
        free(fake->parts[i].log);
    }
    pthread_mutex_destroy(&fake->mutex);
    pthread_cond_destroy(&fake->changed);
    free(fake);
}

static void fake_poll(struct mr_source *source, uint32_t timeout_ms, struct mr_source_event *event)
{
    struct fake_source *fake = fake_source_of(source);
    struct timespec end;

    until(&end, timeout_ms);
    memset(event, 0, sizeof *event);
    mr_err_clear(&event->err);
    pthread_mutex_lock(&fake->mutex);
    while (fake->at_event == fake->n_events && !fake->woken_poll)
        if (pthread_cond_timedwait(&fake->changed, &fake->mutex, &end) != 0)
            break;
    fake->woken_poll = false;
    if (fake->at_event < fake->n_events) {
        struct fake_event *e = &fake->events[fake->at_event++];
        struct fake_part *part = &fake->parts[e->part];
        event->kind = e->kind;
        if (e->kind == MR_SOURCE_FAULT) {
            mr_err_set(&event->err, e->code, "scripted");
            pthread_mutex_unlock(&fake->mutex);
            return;
        }
        event->parts = calloc(1, sizeof *event->parts);
        event->n_parts = 1;
        snprintf(event->parts->stream, sizeof event->parts->stream, "%s", part->stream);
        event->parts->partition = part->partition;
    }
    pthread_mutex_unlock(&fake->mutex);
}

static void fake_wake_client(struct mr_source *source)
{
    (void)source;
}

static void fake_wake_poll(struct mr_source *source)
{
    struct fake_source *fake = fake_source_of(source);

    pthread_mutex_lock(&fake->mutex);
    fake->woken_poll = true;
    pthread_cond_broadcast(&fake->changed);
    pthread_mutex_unlock(&fake->mutex);
}

static void fake_wake_lane(struct mr_source *source, uint32_t lane)
{
    struct fake_source *fake = fake_source_of(source);

    pthread_mutex_lock(&fake->mutex);
    fake->n_wakes++;
    if (fake->reading[lane])
        fake->woken[lane] = true;
    pthread_cond_broadcast(&fake->changed);
    pthread_mutex_unlock(&fake->mutex);
}

enum fake_change { FAKE_ASSIGN, FAKE_UNASSIGN, FAKE_HOLD, FAKE_RELEASE };

static void change_one(struct fake_source *fake, struct mr_source_part *sp, enum fake_change change)
{
    struct fake_part *part = fake_source_find(fake, sp->stream, sp->partition);

    if (fake->reading[sp->lane])
        violate(fake, "changed while its lane reads", part);
    if (change == FAKE_ASSIGN || change == FAKE_UNASSIGN)
        part->assigned = change == FAKE_ASSIGN;
    else if (!part->assigned)
        violate(fake, "hold or release without assignment", part);
    if (change != FAKE_RELEASE) {
        part->lane = -1;
        return;
    }
    if (fake->refuse_seeks > 0) {
        fake->refuse_seeks--;
        sp->rc = -MR_AGAIN;
        return;
    }
    fake->n_seeks++;
    part->at = sp->offset;
    part->lane = (int)sp->lane;
    part->end_told = false;
    sp->rc = 0;
}

static int change_all(struct mr_source *source, const struct mr_source_part *parts, size_t n,
                      enum fake_change change)
{
    struct fake_source *fake = fake_source_of(source);

    pthread_mutex_lock(&fake->mutex);
    for (size_t i = 0; i < n; i++) {
        struct mr_source_part sp = parts[i];
        change_one(fake, &sp, change);
    }
    pthread_cond_broadcast(&fake->changed);
    pthread_mutex_unlock(&fake->mutex);
    return 0;
}

static int fake_assign(struct mr_source *source, const struct mr_source_part *parts, size_t n,
                       struct mr_err *err)
{
    (void)err;
    return change_all(source, parts, n, FAKE_ASSIGN);
}

static int fake_unassign(struct mr_source *source, const struct mr_source_part *parts, size_t n,
                         struct mr_err *err)
{
    (void)err;
    return change_all(source, parts, n, FAKE_UNASSIGN);
}

static int fake_hold(struct mr_source *source, const struct mr_source_part *parts, size_t n,
                     struct mr_err *err)
{
    (void)err;
    return change_all(source, parts, n, FAKE_HOLD);
}

static int fake_release(struct mr_source *source, struct mr_source_part *parts, size_t n,
                        struct mr_err *err)
{
    struct fake_source *fake = fake_source_of(source);

    (void)err;
    pthread_mutex_lock(&fake->mutex);
    for (size_t i = 0; i < n; i++)
        change_one(fake, &parts[i], FAKE_RELEASE);
    pthread_cond_broadcast(&fake->changed);
    pthread_mutex_unlock(&fake->mutex);
    return 0;
}

static void fake_commit(struct mr_source *source, const struct mr_source_part *parts, size_t n,
                        const char *metadata)
{
    struct fake_source *fake = fake_source_of(source);

    pthread_mutex_lock(&fake->mutex);
    for (size_t i = 0; i < n; i++)
        fake_source_find(fake, parts[i].stream, parts[i].partition)->committed = parts[i].offset;
    snprintf(fake->metadata, sizeof fake->metadata, "%s", metadata);
    pthread_mutex_unlock(&fake->mutex);
}

static void fake_commit_wait(struct mr_source *source, const struct mr_source_part *parts, size_t n,
                             const char *metadata, uint32_t timeout_ms)
{
    (void)timeout_ms;
    fake_commit(source, parts, n, metadata);
}

static bool header_none(const void *owner, const char *name, struct mr_slice *value)
{
    (void)owner;
    (void)name;
    (void)value;
    return false;
}

static void record_fill(struct fake_source *fake, struct fake_part *part, struct mr_record *record)
{
    struct fake_message *m = &part->log[part->at - part->base];

    *record = (struct mr_record){
        .kind = MR_RECORD_DATA,
        .message = calloc(1, 1),
        .stream = part->stream,
        .partition = part->partition,
        .offset = part->at,
        .timestamp_ms = 1700000000000 + part->at,
        .leader_epoch = 0,
        .n_bytes = (uint32_t)(m->key_len + m->value_len + 100),
        .key = {m->key, m->key_len},
        .value = {m->value, m->value_len},
        .headers = {m, header_none},
    };
    fake->n_outstanding++;
    part->at++;
}

static struct mr_record error_make(const struct fake_source *fake, const struct fake_part *part)
{
    return (struct mr_record){.kind = MR_RECORD_ERROR,
                              .stream = part->stream,
                              .partition = part->partition,
                              .offset = part->at,
                              .rc = -(int)fake->error,
                              .timestamp_ms = -1,
                              .leader_epoch = -1};
}

static size_t records_take(struct fake_source *fake, uint32_t lane, struct mr_record *records,
                           size_t max)
{
    size_t n = 0;

    for (uint32_t i = 0; i < fake->n_parts && n < max; i++) {
        struct fake_part *part = &fake->parts[i];
        if (part->lane != (int)lane)
            continue;
        if (fake->n_errors > 0) {
            fake->n_errors--;
            records[n++] = error_make(fake, part);
            continue;
        }
        while (part->at < fake_source_high(part) && n < max) {
            if (part->log[part->at - part->base].exists)
                record_fill(fake, part, &records[n++]);
            else
                part->at++;
        }
        if (part->at == fake_source_high(part) && !part->end_told && n < max) {
            part->end_told = true;
            records[n++] = (struct mr_record){.kind = MR_RECORD_END,
                                              .stream = part->stream,
                                              .partition = part->partition,
                                              .offset = part->at,
                                              .timestamp_ms = -1,
                                              .leader_epoch = -1};
        }
    }
    return n;
}

static size_t fake_read(struct mr_source *source, uint32_t lane, struct mr_record *records,
                        size_t max, uint32_t timeout_ms)
{
    struct fake_source *fake = fake_source_of(source);
    struct timespec end;
    size_t n;

    until(&end, timeout_ms);
    pthread_mutex_lock(&fake->mutex);
    fake->n_reads++;
    fake->reading[lane] = true;
    while ((n = records_take(fake, lane, records, max)) == 0 && !fake->woken[lane])
        if (timeout_ms == 0 || pthread_cond_timedwait(&fake->changed, &fake->mutex, &end) != 0)
            break;
    fake->woken[lane] = false;
    fake->reading[lane] = false;
    pthread_mutex_unlock(&fake->mutex);
    return n;
}

static void fake_release_record(struct mr_source *source, struct mr_record *record)
{
    struct fake_source *fake = fake_source_of(source);

    if (record->message == NULL)
        return;
    pthread_mutex_lock(&fake->mutex);
    free(record->message);
    record->message = NULL;
    if (fake->n_outstanding == 0)
        violate(fake, "a record given back twice", NULL);
    else
        fake->n_outstanding--;
    pthread_mutex_unlock(&fake->mutex);
}

static void fake_headers_json(struct mr_source *source, const struct mr_record *record,
                              struct mr_buf *out)
{
    (void)source;
    (void)record;
    mr_buf_str(out, "[]");
}

static int32_t n_partitions(const struct fake_source *fake, const char *stream)
{
    int32_t n = 0;

    for (uint32_t i = 0; i < fake->n_parts; i++)
        n += strcmp(fake->parts[i].stream, stream) == 0;
    return n;
}

static int fake_facts(struct mr_source *source, const char *stream, int32_t partition,
                      enum mr_start start, int64_t start_ms, const char *our_metadata,
                      uint32_t timeout_ms, struct mr_log_facts *out, struct mr_err *err)
{
    struct fake_source *fake = fake_source_of(source);

    (void)start;
    (void)start_ms;
    pthread_mutex_lock(&fake->mutex);
    struct fake_part *part = fake_source_find(fake, stream, partition);
    int rc = 0;
    if (part != NULL)
        part->asked_ms = timeout_ms;
    if (part == NULL) {
        rc = mr_err_set(err, MR_SOURCE_TOPIC_MISSING, "no such partition");
    } else if (part->silent) {
        rc = mr_err_set(err, MR_SOURCE_AWAY, "no answer");
    } else {
        *out = (struct mr_log_facts){.low = part->low,
                                     .high = fake_source_high(part),
                                     .committed = part->committed,
                                     .committed_leader_epoch = -1,
                                     .committed_is_ours = part->committed >= 0 &&
                                                          strcmp(fake->metadata, our_metadata) == 0,
                                     .at_timestamp = -1,
                                     .n_partitions = n_partitions(fake, stream),
                                     .stream_id = "topic-id",
                                     .cluster_id = "cluster-id"};
    }
    pthread_mutex_unlock(&fake->mutex);
    return rc;
}

static int fake_n_partitions(struct mr_source *source, const char *stream, uint32_t timeout_ms,
                             int32_t *out, struct mr_err *err)
{
    struct fake_source *fake = fake_source_of(source);

    (void)timeout_ms;
    (void)err;
    pthread_mutex_lock(&fake->mutex);
    *out = n_partitions(fake, stream);
    pthread_mutex_unlock(&fake->mutex);
    return 0;
}

static int64_t fake_known_end(struct mr_source *source, const char *stream, int32_t partition)
{
    struct fake_source *fake = fake_source_of(source);

    pthread_mutex_lock(&fake->mutex);
    struct fake_part *part = fake_source_find(fake, stream, partition);
    int64_t end = part != NULL ? fake_source_high(part) : -1;
    pthread_mutex_unlock(&fake->mutex);
    return end;
}

static bool fake_answers(struct mr_source *source, uint32_t timeout_ms)
{
    struct fake_source *fake = fake_source_of(source);

    (void)timeout_ms;
    pthread_mutex_lock(&fake->mutex);
    bool answers = !fake->away;
    pthread_mutex_unlock(&fake->mutex);
    return answers;
}

static uint32_t fake_session_timeout(const struct mr_source *source)
{
    (void)source;
    return 200;
}

static void fake_stats(struct mr_source *source, struct mr_buf *out)
{
    (void)source;
    mr_buf_str(out, "{}");
}

const struct mr_source_ops mr_source_fake = {
    .name = "fake",
    .client_version = fake_version,
    .open = fake_open,
    .close = fake_close,
    .poll = fake_poll,
    .wake_poll = fake_wake_poll,
    .wake_client = fake_wake_client,
    .wake_lane = fake_wake_lane,
    .assign = fake_assign,
    .unassign = fake_unassign,
    .hold = fake_hold,
    .release = fake_release,
    .commit = fake_commit,
    .commit_wait = fake_commit_wait,
    .read = fake_read,
    .release_record = fake_release_record,
    .headers_json = fake_headers_json,
    .facts = fake_facts,
    .answers = fake_answers,
    .n_partitions = fake_n_partitions,
    .known_end = fake_known_end,
    .session_timeout_ms = fake_session_timeout,
    .stats_json = fake_stats,
};
