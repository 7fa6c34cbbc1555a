/* Which letters a topic has and what became of them: what its records say, one after the other,
 * without their bytes. In a partition the later record holds; between partitions (the topic got
 * more of them meanwhile) the younger one. Nothing here asks a broker. Thread: its owner's. */
#ifndef MR_CONSUMER_TOPIC_INDEX_H
#define MR_CONSUMER_TOPIC_INDEX_H

#include "base/map.h"
#include "consumer/letter_wire.h"

enum { MR_TOPIC_LETTERS = 1000000 }; /* that are remembered */

struct mr_topic_place {
    int32_t partition;
    int64_t offset;
};

struct mr_topic_letter {
    const char *id;
    const char *stream; /* where its record was */
    const char *code;
    const char *by; /* who closed it; "" */
    int32_t partition;
    int64_t offset;
    struct mr_topic_place at; /* where the topic has it */
    int64_t version;          /* its time there: another for one that is put aside again */
    int64_t created_ms;
    int64_t updated_ms;
    uint64_t n_bytes;
    uint32_t attempts;
    enum mr_letter_state state;
    int64_t noted_version; /* with which the target noted it last */
    bool noted;            /* replayed, and the topic does not say so yet */
    bool gone;             /* taken away */
    bool purged;           /* was new until a purge closed it */
};

struct mr_topic_index {
    struct mr_map by_id;
    struct mr_map texts; /* streams and codes, each once */
    struct mr_arena arena;
    struct mr_topic_letter **items; /* in the order in which they were met */
    size_t n;
    size_t cap;
    size_t most;
    uint64_t n_left_out; /* records of letters beyond that */
    bool mixed;          /* a letter was met in two partitions */
};

void mr_topic_index_init(struct mr_topic_index *index, uint64_t seed, size_t most);
void mr_topic_index_release(struct mr_topic_index *index);

/* What a record says; `kind` is not MR_WIRE_FOREIGN. 1 where it is left out: of a letter beyond
 * `most`. Errors: internal.no_memory. */
int mr_topic_index_add(struct mr_topic_index *index, enum mr_wire_kind kind,
                       const struct mr_kept_letter *kept, const struct mr_topic_place *at,
                       struct mr_err *err);
/* NULL: none, or gone. */
struct mr_topic_letter *mr_topic_index_find(const struct mr_topic_index *index, const char *id);

/* Those that the filter takes, in its order: gives an array (free()). Errors: config.usage for an
 * id that none can be, internal.no_memory. */
int mr_topic_index_select(const struct mr_topic_index *index, const struct mr_letter_filter *filter,
                          struct mr_topic_letter ***out, size_t *n, struct mr_err *err);

#endif
