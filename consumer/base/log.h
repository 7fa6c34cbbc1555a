/* Event lines: one event name and keys from one list; never record contents, never secrets.
 * An event name is an interface: operators grep it, tests assert on it. Lines go to one sink
 * (standard error by default) as logfmt or JSON; the same event is limited to
 * MR_LOG_BURST lines a second, and those that come with every batch or record of an outage
 * (batch_retry, batch_dropped, record_rejected) to one line in MR_LOG_GROUP_MS for each error
 * code. What was dropped is said by a later line's `suppressed`. */
#ifndef MR_BASE_LOG_H
#define MR_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum mr_log_level { MR_DEBUG, MR_INFO, MR_WARN, MR_ERROR };
enum { MR_LOG_BURST = 20, MR_LOG_GROUP_MS = 10000, MR_LOG_LINE_BYTES = 4096 };

enum mr_kv_kind { MR_KV_STR, MR_KV_I64, MR_KV_U64, MR_KV_F64, MR_KV_BOOL, MR_KV_ERR, MR_KV_END };

struct mr_kv {
    const char *key; /* [a-z_0-9]+ */
    enum mr_kv_kind kind;
    union {
        const char *str;
        int64_t i64;
        uint64_t u64;
        double f64;
        bool boolean;
        /* Printed as err=, class=, owner= and, where known, topic=, partition=, offset=, table=,
         * column=, sqlstate=, detail=, remedy=. */
        const struct mr_err *err;
    } v;
};

static inline struct mr_kv mr_kv_str(const char *key, const char *v)
{
    return (struct mr_kv){key, MR_KV_STR, {.str = v}};
}
static inline struct mr_kv mr_kv_i64(const char *key, int64_t v)
{
    return (struct mr_kv){key, MR_KV_I64, {.i64 = v}};
}
static inline struct mr_kv mr_kv_u64(const char *key, uint64_t v)
{
    return (struct mr_kv){key, MR_KV_U64, {.u64 = v}};
}
static inline struct mr_kv mr_kv_f64(const char *key, double v)
{
    return (struct mr_kv){key, MR_KV_F64, {.f64 = v}};
}
static inline struct mr_kv mr_kv_bool(const char *key, bool v)
{
    return (struct mr_kv){key, MR_KV_BOOL, {.boolean = v}};
}
static inline struct mr_kv mr_kv_err(const struct mr_err *err)
{
    return (struct mr_kv){"err", MR_KV_ERR, {.err = err}};
}

/* mr_log(MR_WARN, "batch_retry", mr_kv_u64("lane", 3), mr_kv_err(err)); 1 to 15 pairs; an event
 * without pairs is mr_log_event(). Any thread. */
#define mr_log(level, event, ...)                                                                  \
    mr_log_write((level), (event),                                                                 \
                 (const struct mr_kv[]){__VA_ARGS__, {NULL, MR_KV_END, {.i64 = 0}}})

void mr_log_event(enum mr_log_level level, const char *event);
void mr_log_write(enum mr_log_level level, const char *event, const struct mr_kv *pairs);

/* Process-wide (the one exception to "no global state"; style.md section 3). Call before threads
 * start; level may change later. */
enum mr_log_format { MR_LOG_LOGFMT, MR_LOG_JSON };
void mr_log_setup(enum mr_log_level level, enum mr_log_format format, int fd);
void mr_log_set_level(enum mr_log_level level);
bool mr_log_enabled(enum mr_log_level level);

/* Writes one log_suppressed line for each event, and error code, whose dropped lines no later line
 * has told yet: of those whose window is over, and of all when the process ends. */
void mr_log_flush(bool ended);

/* Time stamps and limits by another clock, and all limits fresh; NULL: the system's. For tests. */
struct mr_clock;
void mr_log_set_clock(const struct mr_clock *clock);

/* Calls `hook` with each finished line (with its newline) instead of writing to the fd; NULL undoes
 * it. For tests and for the terminal's progress line. */
void mr_log_set_hook(void (*hook)(const char *line, size_t len, void *arg), void *arg);

#endif
