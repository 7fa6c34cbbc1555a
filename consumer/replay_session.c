/* Owns the three calls in which a replay's transaction differs from a flush's. */
#include "consumer/replay_session.h"

#include <string.h>

#include "base/ban.h"

static struct mr_replay_session *replay_of(const struct mr_session *session)
{
    /* ops is its first member; NOLINTNEXTLINE(performance-no-int-to-ptr): it is const for others */
    return (struct mr_replay_session *)(uintptr_t)session->ops;
}

/* NOLINTNEXTLINE(readability-function-size): the parameters are the interface's */
static int replay_begin(struct mr_session *session, struct mr_table *const *tables, size_t n_tables,
                        const struct mr_span *spans, size_t n_spans, struct mr_err *err)
{
    struct mr_replay_session *replay = replay_of(session);

    (void)n_spans; /* places of letters, no positions that anybody owns */
    for (size_t i = 0; i < replay->n; i++)
        replay->marks[i].again = NULL; /* a flush that is taken apart begins anew */
    int rc = replay->real->begin(session, tables, n_tables, spans, 0, err);
    if (rc < 0)
        return rc;
    return replay->letters->ops->lock(replay->letters, session, replay->marks, replay->n, err);
}

static bool is_of(const struct mr_letter *letter, const struct mr_replay_record *record)
{
    const struct mr_letter *kept = &record->kept.letter;

    return letter->offset == kept->offset && letter->partition == kept->partition &&
           strcmp(letter->stream, kept->stream) == 0;
}

static int replay_put_letters(struct mr_session *session, const struct mr_letter *letters, size_t n,
                              struct mr_err *err)
{
    struct mr_replay_session *replay = replay_of(session);

    for (size_t i = 0; i < n; i++) {
        size_t at = 0;
        while (at < replay->n && !is_of(&letters[i], replay->records[at]))
            at++;
        if (at == replay->n)
            return mr_err_set(err, MR_BUG, "a dead letter of a record that is not replayed");
        replay->marks[at].again = &letters[i];
    }
    return 0;
}

static int replay_put_positions(struct mr_session *session, const struct mr_span *spans, size_t n,
                                struct mr_err *err)
{
    struct mr_replay_session *replay = replay_of(session);

    (void)n;
    /* none are moved; what is pending on the session goes out with it */
    int rc = replay->check(replay->check_arg, err);
    if (rc == 0)
        rc = replay->real->put_positions(session, spans, 0, err);
    if (rc < 0)
        return rc;
    return replay->letters->ops->settle(replay->letters, session, replay->marks, replay->n,
                                        replay->by, err);
}

void mr_replay_session_lend(struct mr_replay_session *replay, struct mr_session *session,
                            struct mr_letters *letters, const char *by)
{
    *replay = (struct mr_replay_session){
        .ops = *session->ops, .real = session->ops, .letters = letters, .by = by};
    replay->ops.begin = replay_begin;
    replay->ops.put_letters = replay_put_letters;
    replay->ops.put_positions = replay_put_positions;
    session->ops = &replay->ops;
}
