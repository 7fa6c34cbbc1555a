/* Owns the table of partitions and the wishes left for poll. It decides nothing: transitions are
 * protocol/partition.c's, their execution source.c's. */
#include "consumer/partitions.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#include "base/ban.h"

static size_t key_make(uint8_t key[MR_PARTITION_KEY_BYTES], const char *stream, int32_t partition)
{
    size_t len = strnlen(stream, MR_STREAM_NAME_BYTES - 1);

    memcpy(key, stream, len);
    mr_put_u32(key + len, (uint32_t)partition);
    return len + 4;
}

void mr_partitions_init(struct mr_partitions *set, uint64_t seed) MR_NO_TSA
{
    memset(set, 0, sizeof *set);
    mr_lock_init(&set->lock, 20);
    mr_map_init(&set->by_key, seed);
}

void mr_partitions_release(struct mr_partitions *set) MR_NO_TSA
{
    for (size_t i = 0; i < set->n_all; i++) {
        mr_lock_release(&set->all[i]->lock);
        free(set->all[i]->stop);
        free(set->all[i]);
    }
    free(set->all);
    mr_map_release(&set->by_key);
    mr_lock_release(&set->lock);
}

struct mr_partition *mr_partitions_find(struct mr_partitions *set, const char *stream,
                                        int32_t partition)
{
    uint8_t key[MR_PARTITION_KEY_BYTES];
    size_t len = key_make(key, stream, partition);

    mr_lock_take(&set->lock);
    struct mr_partition *part = mr_map_find(&set->by_key, key, len);
    mr_lock_drop(&set->lock);
    return part;
}

static struct mr_partition *part_new(const char *stream, int32_t partition, uint32_t lane) MR_NO_TSA
{
    struct mr_partition *part = calloc(1, sizeof *part);

    if (part == NULL)
        return NULL;
    memcpy(part->stream, stream, strnlen(stream, MR_STREAM_NAME_BYTES - 1));
    part->partition = partition;
    part->lane = lane;
    part->key_len = key_make(part->key, stream, partition);
    part->letters_seed = mr_hash(part->key, part->key_len, 1);
    part->state = MR_PART_GONE;
    part->fill_leader_epoch = -1;
    part->fill_held_at = -1;
    part->fill_stop_at = -1;
    mr_err_clear(&part->last_err);
    atomic_init(&part->state_seen, MR_PART_GONE);
    atomic_init(&part->committed_next, -1);
    atomic_init(&part->committed_ts_ms, -1);
    atomic_init(&part->end_seen, -1);
    atomic_init(&part->end_at_start, -1);
    mr_lock_init(&part->lock, 35);
    return part;
}

static bool grow(struct mr_partitions *set) MR_REQUIRES(set->lock)
{
    if (set->n_all < set->cap_all)
        return true;
    size_t cap = set->cap_all == 0 ? 64 : set->cap_all * 2;
    struct mr_partition **all = realloc(set->all, cap * sizeof *all);
    if (all == NULL)
        return false;
    set->all = all;
    set->cap_all = cap;
    return true;
}

struct mr_partition *mr_partitions_get(struct mr_partitions *set, const char *stream,
                                       int32_t partition, uint32_t lane)
{
    struct mr_partition *part = mr_partitions_find(set, stream, partition);

    if (part != NULL)
        return part;
    part = part_new(stream, partition, lane);
    if (part == NULL)
        return NULL;
    mr_lock_take(&set->lock);
    bool ok = set->n_all < MR_MAX_PARTITIONS && grow(set) &&
              mr_map_put(&set->by_key, part->key, part->key_len, part) == 0;
    if (ok)
        set->all[set->n_all++] = part;
    mr_lock_drop(&set->lock);
    if (!ok) {
        mr_lock_release(&part->lock);
        free(part);
        return NULL;
    }
    return part;
}

struct mr_partition *mr_partitions_at(struct mr_partitions *set, size_t idx)
{
    mr_lock_take(&set->lock);
    struct mr_partition *part = idx < set->n_all ? set->all[idx] : NULL;
    mr_lock_drop(&set->lock);
    return part;
}

void mr_partition_wish_set(struct mr_partition *part, const struct mr_partition_wish *wish)
{
    mr_lock_take(&part->lock);
    if (!atomic_load(&part->wished) || part->wish.generation != wish->generation) {
        part->wish = *wish;
        part->last_err = wish->err;
        atomic_store(&part->wished, true);
    }
    mr_lock_drop(&part->lock);
}

bool mr_partition_wish_take(struct mr_partition *part, struct mr_partition_wish *out)
{
    if (!atomic_load(&part->wished))
        return false;
    mr_lock_take(&part->lock);
    *out = part->wish;
    atomic_store(&part->wished, false);
    mr_lock_drop(&part->lock);
    return true;
}

void mr_partition_stop_set(struct mr_partition *part, const struct mr_partition_stop *stop)
{
    mr_lock_take(&part->lock);
    bool first = part->stop == NULL || part->stop->why.offset > stop->why.offset;
    if (part->stop == NULL)
        part->stop = malloc(sizeof *part->stop); /* NULL: the next flush finds it again */
    if (first && part->stop != NULL)
        *part->stop = *stop;
    mr_lock_drop(&part->lock);
}

void mr_partition_stop_arm(struct mr_partition *part)
{
    mr_lock_take(&part->lock);
    part->fill_stop_at = part->stop != NULL ? part->stop->why.offset : -1;
    mr_lock_drop(&part->lock);
}

static void stop_free(struct mr_partition *part) MR_REQUIRES(part->lock)
{
    free(part->stop);
    part->stop = NULL;
    part->fill_stop_at = -1;
}

void mr_partition_stop_take(struct mr_partition *part, struct mr_partition_stop *stop)
{
    mr_lock_take(&part->lock);
    if (part->stop != NULL)
        *stop = *part->stop;
    stop_free(part);
    mr_lock_drop(&part->lock);
}

void mr_partition_stop_forget(struct mr_partition *part)
{
    mr_lock_take(&part->lock);
    stop_free(part);
    mr_lock_drop(&part->lock);
}

void mr_partition_wait_note(struct mr_partition *part, const struct mr_parent_clock *batch,
                            int64_t at)
{
    mr_lock_take(&part->lock);
    mr_parent_wait_note(&part->wait, batch, at);
    mr_lock_drop(&part->lock);
}

void mr_partition_wait_read(struct mr_partition *part, struct mr_parent_wait *out)
{
    mr_lock_take(&part->lock);
    *out = part->wait;
    mr_lock_drop(&part->lock);
}

void mr_partition_wait_begin(struct mr_partition *part, int64_t next)
{
    mr_lock_take(&part->lock);
    if (part->wait.n > 0 && next < part->wait.clocks[0].from)
        part->wait.n = 0;
    mr_lock_drop(&part->lock);
}

void mr_partition_note_err(struct mr_partition *part, const struct mr_err *err)
{
    mr_lock_take(&part->lock);
    part->last_err = *err;
    mr_lock_drop(&part->lock);
}

void mr_partition_last_err(struct mr_partition *part, struct mr_err *out)
{
    mr_lock_take(&part->lock);
    *out = part->last_err;
    mr_lock_drop(&part->lock);
}

bool mr_partition_is_halted(struct mr_partition *part)
{
    struct mr_err err;

    if (atomic_load(&part->state_seen) != MR_PART_HALTED)
        return false;
    mr_partition_last_err(part, &err);
    return part->target != NULL || err.code != MR_OK;
}
