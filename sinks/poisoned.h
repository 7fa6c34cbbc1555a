/* What the control tables keep of dead letters for the records that come after them: which letter
 * was overtaken by a later record of its key that carries all columns (design.md section 6). */
#ifndef MR_SINKS_POISONED_H
#define MR_SINKS_POISONED_H

#include <stdint.h>

#include "base/buf.h"

struct mr_err;
struct mr_sink;
struct mr_session;

enum { MR_POISONED_MS = 24 * 3600 * 1000, MR_POISONED_KEY_BYTES = 1024, MR_POISONED_READ = 16384 };

/* A letter that is not replayed, younger than MR_POISONED_MS, with a key. Borrowed. */
struct mr_poison {
    const char *stream;
    int32_t partition;
    int64_t offset;
    int64_t overtaken_by; /* -1: by none yet */
    int64_t age_ms;
    struct mr_slice key;
};
/* Takes one. */
struct mr_poison_taker {
    void (*take)(void *arg, const struct mr_poison *poison);
    void *arg;
};

/* Letters of a key from one offset to another, and the record that came after them. */
struct mr_overtaken {
    const char *stream;
    int32_t partition;
    int64_t from, to; /* both are letters */
    int64_t by;
    struct mr_slice key;
};

/* pg_poisoned.c, sqlite_poisoned.c: as in sink.h. */
int mr_pg_poisons_read(struct mr_sink *sink, const struct mr_poison_taker *taker,
                       struct mr_err *err);
int mr_pg_overtaken_put(struct mr_session *session, const struct mr_overtaken *overtaken, size_t n,
                        struct mr_err *err);
int mr_sq_poisons_read(struct mr_sink *sink, const struct mr_poison_taker *taker,
                       struct mr_err *err);
int mr_sq_overtaken_put(struct mr_session *session, const struct mr_overtaken *overtaken, size_t n,
                        struct mr_err *err);

#endif
