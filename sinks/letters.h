/* Dead letters as they are kept: found, read, closed and replayed (design.md section 6). One const
 * ops table a place to keep them: a table of the target (pg_letters.c, sqlite_letters.c), or a
 * topic of the source (consumer/topic_letters.c). Whoever has the letters open is one thread.
 *
 * Reading is find, then next until 0. What a find gives is in memory at once where the place cannot
 * stream it: callers find ids without bytes first, and the bytes of a page of ids then.
 *
 * A replay's transaction, on a session that has begun: lock -> (the load) -> settle -> the
 * session's commit -> settled. */
#ifndef MR_SINKS_LETTERS_H
#define MR_SINKS_LETTERS_H

#include "sinks/sink.h"

enum mr_letter_state {
    MR_LETTER_NEW, /* waits: for a replay, or to be discarded */
    MR_LETTER_REPLAYED,
    MR_LETTER_DISCARDED,
    MR_N_LETTER_STATES
};
enum { MR_LETTER_PAGE_IDS = 1000 }; /* that a find is given at most */

const char *mr_letter_state_name(enum mr_letter_state state); /* "new" ... */
/* -1 where no state has that name. */
int mr_letter_state_of(const char *name);

/* Which letters; what is not said takes all. */
struct mr_letter_filter {
    const char *const *ids; /* at most MR_LETTER_PAGE_IDS; NULL: any */
    size_t n_ids;
    const char *topic; /* NULL: any */
    const char *code;  /* NULL: any */
    uint32_t states;   /* bits 1 << state; 0: any */
    int64_t since_ms;  /* put aside then or later; Unix, -1: open */
    int64_t until_ms;  /* put aside before; -1: open */
    size_t limit;      /* the first so many; 0: all */
    bool in_log_order; /* by topic, partition, offset, id; else the newest first */
    bool with_bytes;   /* key, value and headers, too */
    bool brief;        /* detail, SQLSTATE, table and the record's time may be left out */
};

/* A letter as it is kept. Texts and bytes live until the next call on the letters. */
struct mr_kept_letter {
    const char *id;          /* as a user writes it: a number, or what the place has instead */
    struct mr_letter letter; /* without bytes: key and value are null, headers_json is "[]" */
    uint64_t n_bytes;        /* of key, value and headers, whether they are here or not */
    uint32_t attempts;
    enum mr_letter_state state;
    int64_t created_ms;
    int64_t updated_ms;
    const char *changed_by; /* who closed it; "" */
};

/* What becomes of a letter in a replay. */
struct mr_letter_mark {
    const char *id;
    uint32_t attempts;             /* as it was read: another number is another replay's work */
    const struct mr_letter *again; /* NULL: its record has landed; else why it failed again */
    bool whole; /* with all columns, or as a delete: earlier letters of its key count no more */
};

/* A letter that does not carry all columns must not be replayed before the letters of its key that
 * came before it. */
struct mr_letter_before {
    const char *id;
    const char *stream;
    int32_t partition;
    int64_t offset;
    struct mr_slice key;   /* data NULL: the letter has none, and none is before it */
    const char *before_id; /* what was found; NULL: none */
    int64_t before_offset;
};

struct mr_letters; /* each kind embeds it as its first member */

struct mr_letters_ops {
    const char *name;
    void (*close)(struct mr_letters *letters);
    /* Begins anew. Errors: config.usage for an id that none can be; target.*, db.*, kafka's. */
    int (*find)(struct mr_letters *letters, const struct mr_letter_filter *filter,
                struct mr_err *err);
    /* 1 with the next letter, 0 behind the last one, or an error. */
    int (*next)(struct mr_letters *letters, struct mr_kept_letter *out, struct mr_err *err);
    /* Discards those that are new still; each alone is atomic. */
    int (*discard)(struct mr_letters *letters, const char *const *ids, size_t n, const char *by,
                   uint64_t *n_done, struct mr_err *err);
    /* Removes at most `max` letters of these states that were last changed before then, and none
     * that another transaction has locked. */
    int (*purge)(struct mr_letters *letters, uint32_t states, int64_t before_ms, size_t max,
                 uint64_t *n_done, struct mr_err *err);
    /* For each of these letters, MR_LETTER_PAGE_IDS at most, the last one of its partition and key
     * before it that is new and none of these itself; none where a record of the key that carries
     * all columns is known to have landed in between. Texts go to the arena. Ends a find. */
    int (*before)(struct mr_letters *letters, struct mr_letter_before *of, size_t n,
                  struct mr_arena *arena, struct mr_err *err);
    /* Keeps the letters for this transaction alone. -MR_AGAIN when one is no longer as it was read:
     * closed, or tried again by somebody else. */
    int (*lock)(struct mr_letters *letters, struct mr_session *session,
                const struct mr_letter_mark *marks, size_t n, struct mr_err *err);
    /* Those whose record has landed are replayed; the others stay new with one attempt more and
     * the new reason. */
    int (*settle)(struct mr_letters *letters, struct mr_session *session,
                  const struct mr_letter_mark *marks, size_t n, const char *by, struct mr_err *err);
    /* The transaction is durable: for places outside of it. */
    int (*settled)(struct mr_letters *letters, const struct mr_letter_mark *marks, size_t n,
                   struct mr_err *err);
};

struct mr_letters {
    const struct mr_letters_ops *ops;
};

/* The table of a target. The sink is borrowed, and was set up; gives: ops->close. Errors:
 * config.usage for a sink that keeps none to be read (stdout:). */
int mr_letters_of_sink(struct mr_sink *sink, struct mr_letters **out, struct mr_err *err);

/* Its ids are numbers. Errors: config.usage. */
int mr_letter_id_get(const char *id, int64_t *out, struct mr_err *err);
/* By their own find: for places that know no letter by its key, and not what has landed. */
int mr_letters_before_plain(struct mr_letters *letters, struct mr_letter_before *of, size_t n,
                            struct mr_arena *arena, struct mr_err *err);
/* What places inside of the transaction answer. */
int mr_letters_settled_plain(struct mr_letters *letters, const struct mr_letter_mark *marks,
                             size_t n, struct mr_err *err);

extern const struct mr_letters_ops mr_letters_postgresql;
extern const struct mr_letters_ops mr_letters_sqlite;
int mr_pg_letters_open(struct mr_sink *sink, struct mr_letters **out, struct mr_err *err);
int mr_sq_letters_open(struct mr_sink *sink, struct mr_letters **out, struct mr_err *err);

#endif
