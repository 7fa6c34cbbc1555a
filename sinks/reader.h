/* Reads a table of a target back as text, by the target's own client and none of the loading code:
 * for comparisons (`millrace demo` at its end). One const ops table a kind of target. A reader is
 * one connection of its own, read-only; thread: its owner's. */
#ifndef MR_SINKS_READER_H
#define MR_SINKS_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/err.h"

enum { MR_READER_MAX_COLUMNS = 64 };

struct mr_reader_column {
    const char *name;
    bool is_bool; /* shown as true and false, whatever the target stores */
};

/* One table's rows, all columns as text. Borrowed until the next begin or close. */
struct mr_reader_query {
    const char *schema; /* PostgreSQL; targets without schemas leave it aside */
    const char *table;
    const struct mr_reader_column *columns; /* at most MR_READER_MAX_COLUMNS */
    size_t n_columns;
    size_t n_key; /* rows come in the order of the first columns */
};

struct mr_reader; /* each kind embeds it as its first member */

struct mr_reader_ops {
    const char *name;
    int (*open)(const char *url, const struct mr_env *env, struct mr_reader **out,
                struct mr_err *err);
    int (*begin)(struct mr_reader *reader, const struct mr_reader_query *query, struct mr_err *err);
    int (*next)(struct mr_reader *reader, const char *const **values, struct mr_err *err);
    void (*close)(struct mr_reader *reader);
};

struct mr_reader {
    const struct mr_reader_ops *ops;
};

extern const struct mr_reader_ops mr_reader_postgresql;
extern const struct mr_reader_ops mr_reader_sqlite;

/* Opens by the URL; borrowed, as is `env`. Gives: mr_reader_close(). Errors: config.invalid for a
 * kind that cannot be read back (stdout:), target.*, db.*. */
int mr_reader_open(const char *url, const struct mr_env *env, struct mr_reader **out,
                   struct mr_err *err);
/* Begins with the table's rows; -MR_TARGET_MISSING (or the server's own refusal) without the table.
 */
int mr_reader_begin(struct mr_reader *reader, const struct mr_reader_query *query,
                    struct mr_err *err);
/* 1 with the next row, 0 behind the last one, or an error. values[i] is NULL for NULL; borrowed
 * until the next call. */
int mr_reader_next(struct mr_reader *reader, const char *const **values, struct mr_err *err);
void mr_reader_close(struct mr_reader *reader); /* NULL is fine */

#endif
