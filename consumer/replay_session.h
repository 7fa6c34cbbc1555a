/* A replay's transaction: a session of the target as it is, but that its letters stand in for the
 * positions. Begin locks them, a letter that is put is the new reason of the one that is replayed,
 * and where a flush would move positions the letters are settled: rows and states are one
 * transaction, as rows and positions are (contract.md G-01). millrace's positions stay where they
 * are. Thread: the session's. */
#ifndef MR_CONSUMER_REPLAY_SESSION_H
#define MR_CONSUMER_REPLAY_SESSION_H

#include "consumer/replay_source.h"
#include "sinks/letters.h"

struct mr_replay_session {
    struct mr_sink_ops ops; /* the real ones but for three: the session's while it is lent */
    const struct mr_sink_ops *real;
    struct mr_letters *letters;
    const char *by;
    /* of the flush in hand, one each, in its records' order */
    const struct mr_replay_record *const *records;
    struct mr_letter_mark *marks;
    size_t n;
    /* asked before they are settled; an error ends the transaction */
    int (*check)(void *arg, struct mr_err *err);
    void *check_arg;
};

/* From now on `session` is a replay's; `replay` must outlive it. */
void mr_replay_session_lend(struct mr_replay_session *replay, struct mr_session *session,
                            struct mr_letters *letters, const char *by);

#endif
