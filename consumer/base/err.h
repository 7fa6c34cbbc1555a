/* Errors are values: a function returns 0 or -MR_<CODE>, and fills a struct mr_err that the caller
 * owns. A code has a class and an owner, in one table (err.def); the class alone decides what a
 * lane does, nobody compares texts. Text is formatted only when an error leaves the hot path.
 * Source: design.md section 6; contract.md section 8. Threads: any, on its own struct. */
#ifndef MR_BASE_ERR_H
#define MR_BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mr_class {
    MR_CLASS_FLOW,   /* full, empty, end: the caller acts, nothing is reported */
    MR_CLASS_RETRY,  /* back off and try again, without end for outages */
    MR_CLASS_PAUSE,  /* as RETRY for everything that goes to that target, /readyz fails */
    MR_CLASS_POISON, /* the record alone is put aside */
    MR_CLASS_HALT,   /* that table's partitions wait, the others go on */
    MR_CLASS_FENCED, /* another owner has the position: roll back, drop, claim again */
    MR_CLASS_FATAL,  /* refuse to start, or stop cleanly */
    MR_CLASS_BUG,    /* broken invariant: exit 70 */
    MR_N_CLASSES
};

enum mr_owner {
    MR_OWNER_SOURCE,
    MR_OWNER_REGISTRY,
    MR_OWNER_TARGET,
    MR_OWNER_CONFIG,
    MR_OWNER_INTERNAL,
    MR_N_OWNERS
};

enum mr_code {
    MR_OK = 0,
#define MR_CODE(name, printed, class, owner, text, remedy) MR_##name,
#include "base/err.def"
#undef MR_CODE
    MR_N_CODES
};

enum {
    MR_ERR_DETAIL_BYTES = 512,
    MR_ERR_NAME_BYTES = 256 /* Kafka's topic names have at most 249 bytes */
};

/* An error with its place. Empty strings and offset -1 mean "not known". Plain memory: copying
 * the struct copies the error. */
struct mr_err {
    enum mr_code code;
    enum mr_class class; /* of the code, or of the SQLSTATE where the code is MR_DB */
    enum mr_owner owner;
    char sqlstate[6];
    bool on_key; /* 23505 of the index of the route's own key: Q-15, else Q-16 */
    char topic[MR_ERR_NAME_BYTES];
    int32_t partition; /* -1: none */
    int64_t offset;    /* -1: none */
    char table[MR_ERR_NAME_BYTES];
    char column[MR_ERR_NAME_BYTES];
    char detail[MR_ERR_DETAIL_BYTES]; /* what exactly, formatted; never a secret */
};

#define MR_ERR_INIT {.code = MR_OK, .partition = -1, .offset = -1}

/* Clears `err` to MR_ERR_INIT. */
void mr_err_clear(struct mr_err *err);

/* Sets code, class and owner from the table and formats the detail (cut at MR_ERR_DETAIL_BYTES).
 * The place (topic, table, column ...) already in `err` is kept. `err` may be NULL.
 * Returns -code, so that callers write `return mr_err_set(err, MR_AVRO_TRAILING, "...")`. */
int mr_err_set(struct mr_err *err, enum mr_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#ifdef __clang_analyzer__
/* Lets clang-tidy see that the answer is the negative code; no compiler reads this. */
#define mr_err_set(err, code, ...) (mr_err_set(err, code, __VA_ARGS__), -(int)(code))
#endif

/* The server's refusal: code MR_DB with `sqlstate` (5 characters, "" if none), and the class that
 * the sink's table gives it. Returns -MR_DB. */
int mr_err_set_db(struct mr_err *err, enum mr_class class, const char *sqlstate, const char *fmt,
                  ...) __attribute__((format(printf, 4, 5)));

/* Adds a place and returns -err->code (the code it already has). NULL leaves a name as it is. */
int mr_err_at(struct mr_err *err, const char *topic, int32_t partition, int64_t offset);
int mr_err_in(struct mr_err *err, const char *table, const char *column);

/* The printed code: "avro.trailing", "db.23505". Writes at most `cap` bytes with the NUL into
 * `out` and returns `out`. */
const char *mr_err_printed(const struct mr_err *err, char *out, size_t cap);

/* One line for people: code, where, what, and what to do. Returns `out`. */
const char *mr_err_line(const struct mr_err *err, char *out, size_t cap);

/* The table's columns. `rc` may be the code or its negative. */
const char *mr_code_printed(int rc);
const char *mr_code_text(int rc);
const char *mr_code_remedy(int rc);
enum mr_class mr_code_class(int rc);
enum mr_owner mr_code_owner(int rc);
const char *mr_class_name(enum mr_class class); /* "RETRY" ... */
const char *mr_owner_name(enum mr_owner owner); /* "target" ... */

/* sysexits' code for a process that ends with this error (design.md section 8). */
int mr_err_exit_code(const struct mr_err *err);

#endif
