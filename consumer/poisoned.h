/* Keys with a dead letter, remembered for 24 h (design.md section 6): an update that does not carry
 * all columns would keep values of the target that the letter's record has changed, so it is a dead
 * letter too, until a record of the key comes that carries them all. A key is the record's own key
 * bytes in its partition. Whoever claims a partition learns its keys from the control tables, where
 * each letter says by which offset it was overtaken. Beyond MR_POISONED_KEYS keys the one whose
 * letter is oldest is forgotten (event `poisoned_key_forgotten`); longer keys than
 * MR_POISONED_KEY_BYTES are not remembered. Threads: any. */
#ifndef MR_CONSUMER_POISONED_H
#define MR_CONSUMER_POISONED_H

#include "base/clock.h"
#include "base/lock.h"
#include "base/map.h"
#include "consumer/partitions.h"
#include "sinks/poisoned.h"

enum { MR_POISONED_KEYS = 65536 };

struct mr_poisoned_key; /* poisoned.c */

/* What is known of a key. */
struct mr_poisoned_span {
    bool known;
    int64_t from, to;     /* offsets of its first and last letter that are not overtaken */
    int64_t overtaken_by; /* -1: they are not */
};

struct mr_poisoned {
    struct mr_lock lock; /* rank 36 */
    struct mr_map by_hash MR_GUARDED_BY(lock);
    struct mr_poisoned_key *oldest MR_GUARDED_BY(lock); /* by when they were added */
    struct mr_poisoned_key *newest MR_GUARDED_BY(lock);
    size_t n MR_GUARDED_BY(lock);
    size_t most;
};

void mr_poisoned_init(struct mr_poisoned *set, size_t most);
void mr_poisoned_release(struct mr_poisoned *set);

/* False for all keys of a partition without any letter, and for most others: nothing more is to be
 * asked of such a record. */
bool mr_poisoned_maybe(const struct mr_partition *part, struct mr_slice key);

/* The key's record at this offset is a dead letter. Memory that is out forgets it, with an event.
 * `now_ms` is monotonic here and below. */
void mr_poisoned_add(struct mr_poisoned *set, struct mr_partition *part, struct mr_slice key,
                     int64_t offset, uint64_t now_ms);
/* As mr_poisoned_add, of a letter that is durable only when its flush commits: `note` says how to
 * take it back, unless something was added since. Its key is borrowed. */
struct mr_poisoned_note {
    struct mr_partition *part;
    struct mr_slice key;
    int64_t offset;
    struct mr_poisoned_span before, after; /* poisoned.c's */
};
void mr_poisoned_try(struct mr_poisoned *set, struct mr_poisoned_note *note, uint64_t now_ms);
void mr_poisoned_undo(struct mr_poisoned *set, const struct mr_poisoned_note *note);
/* The key's record at this offset landed after all, though a flush before had found it bad. */
void mr_poisoned_landed(struct mr_poisoned *set, const struct mr_partition *part,
                        struct mr_slice key, int64_t offset);
/* Must an update without all columns at this offset be a dead letter? Of a record that overtakes:
 * was there a letter to be overtaken? */
bool mr_poisoned_holds(struct mr_poisoned *set, const struct mr_partition *part,
                       struct mr_slice key, int64_t offset, uint64_t now_ms);
/* A record with all columns, or a delete, comes at this offset. True where it overtakes letters:
 * `out` says which, so that the flush can tell the control tables. */
bool mr_poisoned_overtake(struct mr_poisoned *set, const struct mr_partition *part,
                          struct mr_slice key, int64_t offset, struct mr_overtaken *out);
/* Did the key have a letter before this offset? */
bool mr_poisoned_is_after(struct mr_poisoned *set, const struct mr_partition *part,
                          struct mr_slice key, int64_t offset);

/* What is known of the partition is no longer true: another process may have had it. */
void mr_poisoned_forget(struct mr_poisoned *set, struct mr_partition *part);
/* A letter as the control tables have it, in the order of offsets. */
void mr_poisoned_learn(struct mr_poisoned *set, struct mr_partition *part,
                       const struct mr_poison *poison, uint64_t now_ms);

#endif
