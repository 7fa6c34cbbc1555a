/* Owns what a test does to the fake source: its logs, its events, its refusals. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/source_fake_log.h"

void fake_source_partition(struct fake_source *fake, const char *stream, int32_t partition,
                           int64_t low)
{
    pthread_mutex_lock(&fake->mutex);
    struct fake_part *part = &fake->parts[fake->n_parts++];
    snprintf(part->stream, sizeof part->stream, "%s", stream);
    part->partition = partition;
    part->low = low;
    part->base = low;
    part->lane = -1;
    part->committed = -1;
    pthread_mutex_unlock(&fake->mutex);
}

static uint8_t *copy(struct mr_slice from)
{
    uint8_t *to = from.data != NULL ? malloc(from.len + 1) : NULL;

    if (to != NULL)
        memcpy(to, from.data, from.len);
    return to;
}

static struct fake_message *message_add(struct fake_part *part)
{
    if (part->n_log == part->cap_log) {
        part->cap_log = part->cap_log == 0 ? 64 : part->cap_log * 2;
        part->log = realloc(part->log, part->cap_log * sizeof *part->log);
    }
    struct fake_message *message = &part->log[part->n_log++];
    memset(message, 0, sizeof *message);
    part->end_told = false;
    return message;
}

int64_t fake_source_append(struct fake_source *fake, const char *stream, int32_t partition,
                           struct mr_slice key, struct mr_slice value)
{
    pthread_mutex_lock(&fake->mutex);
    struct fake_part *part = fake_source_find(fake, stream, partition);
    struct fake_message *message = message_add(part);
    message->exists = true;
    message->key = copy(key);
    message->key_len = key.len;
    message->value = copy(value);
    message->value_len = value.len;
    int64_t offset = fake_source_high(part) - 1;
    pthread_cond_broadcast(&fake->changed);
    pthread_mutex_unlock(&fake->mutex);
    return offset;
}

void fake_source_gap(struct fake_source *fake, const char *stream, int32_t partition, int64_t n)
{
    pthread_mutex_lock(&fake->mutex);
    struct fake_part *part = fake_source_find(fake, stream, partition);
    while (n-- > 0)
        message_add(part);
    pthread_cond_broadcast(&fake->changed);
    pthread_mutex_unlock(&fake->mutex);
}

void fake_source_retain(struct fake_source *fake, const char *stream, int32_t partition,
                        int64_t low)
{
    pthread_mutex_lock(&fake->mutex);
    fake_source_find(fake, stream, partition)->low = low;
    pthread_mutex_unlock(&fake->mutex);
}

void fake_source_compact(struct fake_source *fake, const char *stream, int32_t partition,
                         int64_t offset)
{
    pthread_mutex_lock(&fake->mutex);
    struct fake_part *part = fake_source_find(fake, stream, partition);
    part->log[offset - part->base].exists = false;
    pthread_mutex_unlock(&fake->mutex);
}

static void event_add(struct fake_source *fake, enum mr_source_event_kind kind, const char *stream,
                      int32_t partition)
{
    pthread_mutex_lock(&fake->mutex);
    struct fake_part *part = fake_source_find(fake, stream, partition);
    fake->events[fake->n_events++] =
        (struct fake_event){.kind = kind, .part = (uint32_t)(part - fake->parts)};
    pthread_cond_broadcast(&fake->changed);
    pthread_mutex_unlock(&fake->mutex);
}

void fake_source_assign(struct fake_source *fake, const char *stream, int32_t partition)
{
    event_add(fake, MR_SOURCE_ASSIGNED, stream, partition);
}

void fake_source_revoke(struct fake_source *fake, const char *stream, int32_t partition, bool lost)
{
    event_add(fake, lost ? MR_SOURCE_LOST : MR_SOURCE_REVOKED, stream, partition);
}

void fake_source_refuse_seeks(struct fake_source *fake, uint32_t n)
{
    pthread_mutex_lock(&fake->mutex);
    fake->refuse_seeks = n;
    pthread_mutex_unlock(&fake->mutex);
}

void fake_source_fault(struct fake_source *fake, enum mr_code code)
{
    pthread_mutex_lock(&fake->mutex);
    fake->events[fake->n_events++] = (struct fake_event){.kind = MR_SOURCE_FAULT, .code = code};
    pthread_cond_broadcast(&fake->changed);
    pthread_mutex_unlock(&fake->mutex);
}

void fake_source_away(struct fake_source *fake, bool away)
{
    pthread_mutex_lock(&fake->mutex);
    fake->away = away;
    pthread_mutex_unlock(&fake->mutex);
}

void fake_source_silence(struct fake_source *fake, const char *stream, int32_t partition,
                         bool silent)
{
    pthread_mutex_lock(&fake->mutex);
    fake_source_find(fake, stream, partition)->silent = silent;
    pthread_mutex_unlock(&fake->mutex);
}

uint32_t fake_source_asked_ms(struct fake_source *fake, const char *stream, int32_t partition)
{
    pthread_mutex_lock(&fake->mutex);
    uint32_t asked_ms = fake_source_find(fake, stream, partition)->asked_ms;
    pthread_mutex_unlock(&fake->mutex);
    return asked_ms;
}

void fake_source_fail_reads(struct fake_source *fake, uint32_t n, enum mr_code code)
{
    pthread_mutex_lock(&fake->mutex);
    fake->n_errors = n;
    fake->error = code;
    pthread_cond_broadcast(&fake->changed);
    pthread_mutex_unlock(&fake->mutex);
}

int64_t fake_source_committed(struct fake_source *fake, const char *stream, int32_t partition)
{
    pthread_mutex_lock(&fake->mutex);
    int64_t committed = fake_source_find(fake, stream, partition)->committed;
    pthread_mutex_unlock(&fake->mutex);
    return committed;
}

bool fake_source_is_held(struct fake_source *fake, const char *stream, int32_t partition)
{
    pthread_mutex_lock(&fake->mutex);
    bool held = fake_source_find(fake, stream, partition)->lane < 0;
    pthread_mutex_unlock(&fake->mutex);
    return held;
}

uint32_t fake_source_n_seeks(struct fake_source *fake)
{
    pthread_mutex_lock(&fake->mutex);
    uint32_t n = fake->n_seeks;
    pthread_mutex_unlock(&fake->mutex);
    return n;
}

uint32_t fake_source_n_reads(struct fake_source *fake)
{
    pthread_mutex_lock(&fake->mutex);
    uint32_t n = fake->n_reads;
    pthread_mutex_unlock(&fake->mutex);
    return n;
}

uint32_t fake_source_n_wakes(struct fake_source *fake)
{
    pthread_mutex_lock(&fake->mutex);
    uint32_t n = fake->n_wakes;
    pthread_mutex_unlock(&fake->mutex);
    return n;
}

uint32_t fake_source_n_outstanding(struct fake_source *fake)
{
    pthread_mutex_lock(&fake->mutex);
    uint32_t n = fake->n_outstanding;
    pthread_mutex_unlock(&fake->mutex);
    return n;
}

const char *fake_source_violation(struct fake_source *fake)
{
    return *fake->violation != '\0' ? fake->violation : NULL;
}
