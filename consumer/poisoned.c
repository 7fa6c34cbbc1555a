/* Owns the memory of keys with dead letters. What becomes of a record, fill and flush decide. */
#include "consumer/poisoned.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#include "base/ban.h"

struct mr_poisoned_key {
    uint64_t hash; /* of the partition and the key; the map's key is these eight bytes */
    struct mr_partition *part;
    struct mr_poisoned_key *older, *newer;
    int64_t from, to;     /* offsets of its first and last letter that are not overtaken */
    int64_t overtaken_by; /* -1: they are not */
    uint64_t at_ms;       /* of the last letter */
};

void mr_poisoned_init(struct mr_poisoned *set, size_t most) MR_NO_TSA
{
    memset(set, 0, sizeof *set);
    mr_lock_init(&set->lock, 36);
    mr_map_init(&set->by_hash, 0);
    set->most = most;
}

void mr_poisoned_release(struct mr_poisoned *set) MR_NO_TSA
{
    while (set->oldest != NULL) {
        struct mr_poisoned_key *one = set->oldest;
        set->oldest = one->newer;
        free(one);
    }
    mr_map_release(&set->by_hash);
    mr_lock_release(&set->lock);
}

static uint64_t hash_of(const struct mr_partition *part, struct mr_slice key)
{
    return mr_hash(key.data, key.len, part->letters_seed);
}

static uint64_t filter_bit(uint64_t hash)
{
    return UINT64_C(1) << (hash >> 58);
}

bool mr_poisoned_maybe(const struct mr_partition *part, struct mr_slice key)
{
    uint64_t filter = atomic_load_explicit(&part->letters_filter, memory_order_relaxed);

    return filter != 0 && key.data != NULL && key.len <= MR_POISONED_KEY_BYTES &&
           (filter & filter_bit(hash_of(part, key))) != 0;
}

static void unlink_one(struct mr_poisoned *set, struct mr_poisoned_key *one) MR_REQUIRES(set->lock)
{
    *(one->older != NULL ? &one->older->newer : &set->oldest) = one->newer;
    *(one->newer != NULL ? &one->newer->older : &set->newest) = one->older;
}

static void append(struct mr_poisoned *set, struct mr_poisoned_key *one) MR_REQUIRES(set->lock)
{
    one->older = set->newest;
    one->newer = NULL;
    *(set->newest != NULL ? &set->newest->newer : &set->oldest) = one;
    set->newest = one;
}

static void drop(struct mr_poisoned *set, struct mr_poisoned_key *one) MR_REQUIRES(set->lock)
{
    mr_map_remove(&set->by_hash, &one->hash, sizeof one->hash);
    unlink_one(set, one);
    set->n--;
    free(one);
}

/* NULL where the key has none that counts still. */
static struct mr_poisoned_key *find(struct mr_poisoned *set, const struct mr_partition *part,
                                    struct mr_slice key, uint64_t now_ms) MR_REQUIRES(set->lock)
{
    uint64_t hash = hash_of(part, key);
    struct mr_poisoned_key *one = mr_map_find(&set->by_hash, &hash, sizeof hash);

    if (one == NULL || now_ms < one->at_ms || now_ms - one->at_ms < MR_POISONED_MS)
        return one;
    drop(set, one);
    return NULL;
}

static struct mr_poisoned_key *make(struct mr_poisoned *set, struct mr_partition *part,
                                    struct mr_slice key, int64_t offset) MR_REQUIRES(set->lock)
{
    if (set->n >= set->most && set->oldest != NULL) {
        mr_log(MR_WARN, "poisoned_key_forgotten", mr_kv_str("topic", set->oldest->part->stream),
               mr_kv_i64("partition", set->oldest->part->partition),
               mr_kv_i64("offset", set->oldest->to));
        drop(set, set->oldest);
    }
    struct mr_poisoned_key *one = calloc(1, sizeof *one);
    if (one == NULL)
        return NULL;
    one->hash = hash_of(part, key);
    one->part = part;
    one->from = offset;
    one->to = offset;
    one->overtaken_by = -1;
    if (mr_map_put(&set->by_hash, &one->hash, sizeof one->hash, one) < 0) {
        free(one);
        return NULL;
    }
    append(set, one);
    set->n++;
    atomic_fetch_or(&part->letters_filter, filter_bit(one->hash));
    return one;
}

/* Letters come again when a batch is read again: then the first is where it was, and what has been
 * overtaken since counts anew. What was to overtake them and is a letter itself overtook nothing.
 */
static void letter_note(struct mr_poisoned_key *one, int64_t offset)
{
    if (one->overtaken_by >= 0 && offset > one->overtaken_by) {
        one->from = offset;
        one->to = offset;
        one->overtaken_by = -1;
    }
    if (offset == one->overtaken_by)
        one->overtaken_by = -1;
    one->from = offset < one->from ? offset : one->from;
    one->to = offset > one->to ? offset : one->to;
}

void mr_poisoned_add(struct mr_poisoned *set, struct mr_partition *part, struct mr_slice key,
                     int64_t offset, uint64_t now_ms)
{
    if (key.data == NULL || key.len > MR_POISONED_KEY_BYTES)
        return;
    mr_lock_take(&set->lock);
    struct mr_poisoned_key *one = find(set, part, key, now_ms);
    if (one != NULL) {
        letter_note(one, offset);
        unlink_one(set, one);
        append(set, one);
    } else {
        one = make(set, part, key, offset);
    }
    if (one != NULL)
        one->at_ms = now_ms;
    mr_lock_drop(&set->lock);
    if (one == NULL)
        mr_log(MR_WARN, "poisoned_key_forgotten", mr_kv_str("topic", part->stream),
               mr_kv_i64("partition", part->partition), mr_kv_i64("offset", offset));
}

static struct mr_poisoned_span span_of(struct mr_poisoned *set, const struct mr_poisoned_note *note)
    MR_REQUIRES(set->lock)
{
    uint64_t hash = hash_of(note->part, note->key);
    const struct mr_poisoned_key *one = mr_map_find(&set->by_hash, &hash, sizeof hash);

    if (one == NULL)
        return (struct mr_poisoned_span){.known = false};
    return (struct mr_poisoned_span){true, one->from, one->to, one->overtaken_by};
}

static bool is_same(const struct mr_poisoned_span *a, const struct mr_poisoned_span *b)
{
    return a->known && b->known && a->from == b->from && a->to == b->to &&
           a->overtaken_by == b->overtaken_by;
}

void mr_poisoned_try(struct mr_poisoned *set, struct mr_poisoned_note *note, uint64_t now_ms)
{
    mr_lock_take(&set->lock);
    note->before = span_of(set, note);
    mr_lock_drop(&set->lock);
    mr_poisoned_add(set, note->part, note->key, note->offset, now_ms);
    mr_lock_take(&set->lock);
    note->after = span_of(set, note);
    mr_lock_drop(&set->lock);
}

void mr_poisoned_undo(struct mr_poisoned *set, const struct mr_poisoned_note *note)
{
    uint64_t hash = hash_of(note->part, note->key);

    mr_lock_take(&set->lock);
    struct mr_poisoned_span now = span_of(set, note);
    struct mr_poisoned_key *one = mr_map_find(&set->by_hash, &hash, sizeof hash);
    if (one != NULL && is_same(&now, &note->after)) {
        if (note->before.known) {
            one->from = note->before.from;
            one->to = note->before.to;
            one->overtaken_by = note->before.overtaken_by;
        } else {
            drop(set, one);
        }
    }
    mr_lock_drop(&set->lock);
}

void mr_poisoned_landed(struct mr_poisoned *set, const struct mr_partition *part,
                        struct mr_slice key, int64_t offset)
{
    if (!mr_poisoned_maybe(part, key))
        return;
    uint64_t hash = hash_of(part, key);
    mr_lock_take(&set->lock);
    struct mr_poisoned_key *one = mr_map_find(&set->by_hash, &hash, sizeof hash);
    if (one != NULL && one->from == offset && one->to == offset)
        drop(set, one);
    mr_lock_drop(&set->lock);
}

bool mr_poisoned_holds(struct mr_poisoned *set, const struct mr_partition *part,
                       struct mr_slice key, int64_t offset, uint64_t now_ms)
{
    if (!mr_poisoned_maybe(part, key))
        return false;
    mr_lock_take(&set->lock);
    const struct mr_poisoned_key *one = find(set, part, key, now_ms);
    bool holds =
        one != NULL && offset > one->from && (one->overtaken_by < 0 || offset <= one->overtaken_by);
    mr_lock_drop(&set->lock);
    return holds;
}

bool mr_poisoned_overtake(struct mr_poisoned *set, const struct mr_partition *part,
                          struct mr_slice key, int64_t offset, struct mr_overtaken *out)
{
    if (!mr_poisoned_maybe(part, key))
        return false;
    mr_lock_take(&set->lock);
    uint64_t hash = hash_of(part, key);
    struct mr_poisoned_key *one = mr_map_find(&set->by_hash, &hash, sizeof hash);
    /* the same record again: its batch did not land before */
    bool overtakes =
        one != NULL && offset > one->to && (one->overtaken_by < 0 || one->overtaken_by == offset);
    if (overtakes) {
        one->overtaken_by = offset;
        *out = (struct mr_overtaken){.stream = part->stream,
                                     .partition = part->partition,
                                     .from = one->from,
                                     .to = one->to,
                                     .by = offset,
                                     .key = key};
    }
    mr_lock_drop(&set->lock);
    return overtakes;
}

bool mr_poisoned_is_after(struct mr_poisoned *set, const struct mr_partition *part,
                          struct mr_slice key, int64_t offset)
{
    if (!mr_poisoned_maybe(part, key))
        return false;
    mr_lock_take(&set->lock);
    uint64_t hash = hash_of(part, key);
    const struct mr_poisoned_key *one = mr_map_find(&set->by_hash, &hash, sizeof hash);
    bool after = one != NULL && offset > one->from;
    mr_lock_drop(&set->lock);
    return after;
}

void mr_poisoned_forget(struct mr_poisoned *set, struct mr_partition *part)
{
    if (atomic_load(&part->letters_filter) == 0)
        return;
    mr_lock_take(&set->lock);
    for (struct mr_poisoned_key *one = set->oldest; one != NULL;) {
        struct mr_poisoned_key *next = one->newer;
        if (one->part == part)
            drop(set, one);
        one = next;
    }
    mr_lock_drop(&set->lock);
    atomic_store(&part->letters_filter, 0);
}

void mr_poisoned_learn(struct mr_poisoned *set, struct mr_partition *part,
                       const struct mr_poison *poison, uint64_t now_ms)
{
    uint64_t age_ms = poison->age_ms > 0 ? (uint64_t)poison->age_ms : 0;
    struct mr_overtaken ignored;

    mr_poisoned_add(set, part, poison->key, poison->offset, now_ms > age_ms ? now_ms - age_ms : 0);
    if (poison->overtaken_by >= 0)
        mr_poisoned_overtake(set, part, poison->key, poison->overtaken_by, &ignored);
}
