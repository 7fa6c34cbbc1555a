/* Dead letters of a topic that were replayed into the target: noted in the transaction of their
 * rows, so that nothing lands twice where the process ends before the topic says it, too; forgotten
 * once the topic does. Of two replays of the same letter one waits for the other here. Thread: that
 * of the letters. */
#ifndef MR_SINKS_REPLAYED_H
#define MR_SINKS_REPLAYED_H

#include "sinks/sink.h"

enum { MR_REPLAYED_READ = 100000 };

struct mr_replayed {
    const char *id;  /* of the letter */
    int64_t version; /* of it in the topic: one that is put aside again is another */
    /* of what is read: */
    int64_t at_ms;
    const char *by;
};

/* False for standard output, where letters of a topic may be looked at, but not replayed to. */
bool mr_replayed_is_kept(const struct mr_sink *sink);
/* In the session's transaction; `by` is the lot's. Errors: -MR_AGAIN where another transaction has
 * noted one of them. */
int mr_replayed_note(struct mr_session *session, const struct mr_replayed *letters, size_t n,
                     const char *by, struct mr_err *err);
/* In a transaction of its own. */
int mr_replayed_forget(struct mr_sink *sink, const struct mr_replayed *letters, size_t n,
                       struct mr_err *err);

struct mr_replayed_taker {
    void (*take)(void *arg, const struct mr_replayed *letter); /* borrowed */
    void *arg;
};
/* All of the pipeline's that are noted, MR_REPLAYED_READ at most. */
int mr_replayed_read(struct mr_sink *sink, const struct mr_replayed_taker *taker,
                     struct mr_err *err);

struct mr_replayed_ops {
    int (*note)(struct mr_session *session, const struct mr_replayed *letters, size_t n,
                const char *by, struct mr_err *err);
    int (*forget)(struct mr_sink *sink, const struct mr_replayed *letters, size_t n,
                  struct mr_err *err);
    int (*read)(struct mr_sink *sink, const struct mr_replayed_taker *taker, struct mr_err *err);
};
extern const struct mr_replayed_ops mr_replayed_postgresql;
extern const struct mr_replayed_ops mr_replayed_sqlite;

#endif
