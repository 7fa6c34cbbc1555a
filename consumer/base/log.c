/* Owns the form of event lines, their limit a second, and the one place they go to. Must not hold
 * its lock while it formats or writes, nor print record contents (callers give keys, not bytes).
 * Invariants: a line is at most MR_LOG_LINE_BYTES, valid UTF-8 without control characters, ends
 * with a newline and leaves by one write(2); JSON stays valid where a line is cut. */
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/lock.h"

#include "base/ban.h"

enum {
    LOG_RANK = 80,
    LOG_MAX_EVENTS = 256,    /* events limited one by one; all further ones share one limit */
    LOG_EVENT_BYTES = 48,    /* longer names are compared by this many bytes */
    LOG_CODE_BYTES = 32,     /* likewise */
    LOG_RESERVE_BYTES = 96,  /* kept free for suppressed=, truncated= and the line's end */
    LOG_WINDOW_US = 1000000, /* MR_LOG_BURST lines of an event in each */
};

/* One event's share of the present window; of an event that is told by error codes: one code's. */
struct log_limit {
    char event[LOG_EVENT_BYTES];
    char code[LOG_CODE_BYTES];
    uint64_t window_us;
    uint32_t burst;
    uint64_t window_start_us;
    uint32_t n_lines;
    uint64_t n_suppressed;
};

/* Process-wide: the exception that style.md section 3 names. */
static struct {
    struct mr_lock lock;
    _Atomic int level;
    _Atomic int format;
    _Atomic int fd;
    const struct mr_clock *_Atomic clock;
    void (*hook)(const char *line, size_t len, void *arg) MR_GUARDED_BY(lock);
    void *hook_arg MR_GUARDED_BY(lock);
    struct log_limit limits[LOG_MAX_EVENTS] MR_GUARDED_BY(lock);
    size_t n_limits MR_GUARDED_BY(lock);
} target = {
    .lock = {.mutex = PTHREAD_MUTEX_INITIALIZER, .rank = LOG_RANK},
    .level = MR_INFO,
    .format = MR_LOG_LOGFMT,
    .fd = STDERR_FILENO,
    .clock = &mr_clock_system,
};

struct log_line {
    char bytes[MR_LOG_LINE_BYTES];
    size_t len;
    size_t limit; /* of `len` for the next text; may be one below `len` */
    bool json;
    bool cut;
};

void mr_log_setup(enum mr_log_level level, enum mr_log_format format, int fd)
{
    atomic_store(&target.level, (int)level);
    atomic_store(&target.format, (int)format);
    atomic_store(&target.fd, fd);
}

void mr_log_set_level(enum mr_log_level level)
{
    atomic_store_explicit(&target.level, (int)level, memory_order_relaxed);
}

bool mr_log_enabled(enum mr_log_level level)
{
    return (int)level >= atomic_load_explicit(&target.level, memory_order_relaxed);
}

void mr_log_set_hook(void (*hook)(const char *line, size_t len, void *arg), void *arg)
{
    mr_lock_take(&target.lock);
    target.hook = hook;
    target.hook_arg = arg;
    mr_lock_drop(&target.lock);
}

void mr_log_set_clock(const struct mr_clock *clock)
{
    atomic_store(&target.clock, clock != NULL ? clock : &mr_clock_system);
    mr_lock_take(&target.lock);
    target.n_limits = 0;
    mr_lock_drop(&target.lock);
}

/* All or nothing: a text that does not fit marks the line as cut. */
static bool line_put(struct log_line *line, const char *text, size_t n)
{
    if (line->cut || line->len > line->limit || n > line->limit - line->len) {
        line->cut = true;
        return false;
    }
    memcpy(line->bytes + line->len, text, n);
    line->len += n;
    return true;
}

static bool line_put_str(struct log_line *line, const char *text)
{
    return line_put(line, text, strlen(text));
}

/* One character of a quoted value, escaped alike for logfmt and JSON. Returns the bytes read. */
static size_t line_put_char(struct log_line *line, const uint8_t *at, size_t left)
{
    char text[8];
    uint8_t byte = at[0];
    if (byte == '"' || byte == '\\') {
        text[0] = '\\';
        text[1] = (char)byte;
        (void)line_put(line, text, 2);
        return 1;
    }
    if (byte == '\n' || byte == '\t' || byte == '\r') {
        (void)line_put(line, byte == '\n' ? "\\n" : byte == '\t' ? "\\t" : "\\r", 2);
        return 1;
    }
    size_t n = mr_utf8_step(at, left);
    if (n == 0) {
        (void)line_put_str(line, "\xef\xbf\xbd"); /* U+FFFD for a byte that is not UTF-8 */
        return 1;
    }
    /* Control characters would let a value steer the terminal; C1 are U+0080 to U+009F. */
    bool c1 = n == 2 && byte == 0xc2 && at[1] < 0xa0;
    if (byte < 0x20 || byte == 0x7f || c1) {
        (void)snprintf(text, sizeof text, "\\u%04x", (unsigned)(c1 ? at[1] : byte));
        (void)line_put(line, text, 6);
        return n;
    }
    (void)line_put(line, (const char *)at, n);
    return n;
}

static void line_put_quoted(struct log_line *line, const char *value)
{
    const uint8_t *at = (const uint8_t *)value;
    size_t left = strlen(value);
    line->limit--; /* the closing quote, which must fit whatever is cut */
    if (line_put(line, "\"", 1)) {
        while (left > 0 && !line->cut) {
            size_t n = line_put_char(line, at, left);
            at += n;
            left -= n;
        }
        line->bytes[line->len++] = '"';
    }
    line->limit++;
}

/* True for a logfmt value that needs no quotes. */
static bool value_is_bare(const char *value)
{
    if (value[0] == '\0')
        return false;
    for (const char *at = value; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;
        if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\')
            return false;
    }
    return true;
}

/* The separator, key and sign of assignment; false, with the line as it was, where cut. */
static bool line_put_key(struct log_line *line, const char *key)
{
    size_t before = line->len;
    bool ok;
    if (line->json)
        ok = line_put_str(line, line->len > 1 ? ",\"" : "\"") && line_put_str(line, key) &&
             line_put(line, "\":", 2);
    else
        ok = (line->len == 0 || line_put(line, " ", 1)) && line_put_str(line, key) &&
             line_put(line, "=", 1);
    if (!ok)
        line->len = before;
    return ok;
}

static void line_put_value(struct log_line *line, const char *key, const char *value)
{
    size_t before = line->len;
    if (!line_put_key(line, key))
        return;
    size_t behind_key = line->len;
    if (!line->json && value_is_bare(value))
        (void)line_put_str(line, value);
    else
        line_put_quoted(line, value);
    if (line->len == behind_key)
        line->len = before; /* nothing of the value fitted */
}

/* A number or word that both forms print bare. */
static void line_put_word(struct log_line *line, const char *key, const char *word)
{
    size_t before = line->len;
    if (line_put_key(line, key) && !line_put_str(line, word))
        line->len = before;
}

static void line_put_i64(struct log_line *line, const char *key, int64_t v)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRId64, v);
    line_put_word(line, key, text);
}

static void line_put_u64(struct log_line *line, const char *key, uint64_t v)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64, v);
    line_put_word(line, key, text);
}

static void line_put_f64(struct log_line *line, const char *key, double v)
{
    char text[40];
    if (line->json && !isfinite(v))
        (void)snprintf(text, sizeof text, "null"); /* JSON has no word for it */
    else
        (void)snprintf(text, sizeof text, "%.10g", v);
    line_put_word(line, key, text);
}

static void line_put_known(struct log_line *line, const char *key, const char *value)
{
    if (value[0] != '\0')
        line_put_value(line, key, value);
}

static void line_put_err(struct log_line *line, const struct mr_err *err)
{
    char printed[64];
    int rc = (int)err->code;
    line_put_value(line, "err", mr_err_printed(err, printed, sizeof printed));
    line_put_value(line, "class", mr_class_name(err->class));
    line_put_value(line, "owner", mr_owner_name(err->owner));
    line_put_known(line, "topic", err->topic);
    if (err->partition >= 0)
        line_put_i64(line, "partition", err->partition);
    if (err->offset >= 0)
        line_put_i64(line, "offset", err->offset);
    line_put_known(line, "table", err->table);
    line_put_known(line, "column", err->column);
    line_put_known(line, "sqlstate", err->sqlstate);
    line_put_known(line, "detail", err->detail[0] != '\0' ? err->detail : mr_code_text(rc));
    line_put_known(line, "remedy", mr_code_remedy(rc));
}

static void line_put_pair(struct log_line *line, const struct mr_kv *pair)
{
    switch (pair->kind) {
    case MR_KV_STR:
        line_put_value(line, pair->key, pair->v.str != NULL ? pair->v.str : "");
        break;
    case MR_KV_I64:
        line_put_i64(line, pair->key, pair->v.i64);
        break;
    case MR_KV_U64:
        line_put_u64(line, pair->key, pair->v.u64);
        break;
    case MR_KV_F64:
        line_put_f64(line, pair->key, pair->v.f64);
        break;
    case MR_KV_BOOL:
        line_put_word(line, pair->key, pair->v.boolean ? "true" : "false");
        break;
    case MR_KV_ERR:
        line_put_err(line, pair->v.err);
        break;
    case MR_KV_END:
        break;
    }
}

static void line_put_time(struct log_line *line, int64_t wall_ms)
{
    char text[40];
    char ms[8];
    struct tm tm;
    time_t seconds = (time_t)(wall_ms / 1000);
    if (gmtime_r(&seconds, &tm) == NULL ||
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm) == 0)
        return; /* a clock beyond the year 2147483647: the line goes without */
    (void)snprintf(ms, sizeof ms, ".%03dZ", (int)((wall_ms % 1000 + 1000) % 1000));
    size_t len = strlen(text);
    memcpy(text + len, ms, strlen(ms) + 1);
    line_put_value(line, "ts", text);
}

/* The event's limit; the last one is shared by all events that came after the table was full. */
static struct log_limit *limit_of(const char *event, const char *code) MR_REQUIRES(target.lock);
static struct log_limit *limit_of(const char *event, const char *code)
{
    for (size_t i = 0; i < target.n_limits; i++) {
        if (strncmp(target.limits[i].event, event, LOG_EVENT_BYTES - 1) == 0 &&
            strncmp(target.limits[i].code, code, LOG_CODE_BYTES - 1) == 0)
            return &target.limits[i];
    }
    if (target.n_limits == LOG_MAX_EVENTS)
        return &target.limits[LOG_MAX_EVENTS - 1];
    struct log_limit *limit = &target.limits[target.n_limits++];
    *limit = (struct log_limit){.window_us = LOG_WINDOW_US, .burst = MR_LOG_BURST};
    if (code[0] != '\0') {
        limit->window_us = UINT64_C(1000) * MR_LOG_GROUP_MS;
        limit->burst = 1;
    }
    memcpy(limit->event, event, strnlen(event, LOG_EVENT_BYTES - 1));
    memcpy(limit->code, code, strnlen(code, LOG_CODE_BYTES - 1));
    return limit;
}

/* The error code that an event is counted by; "" for one that has the plain limit. */
static const char *code_of(const char *event, const struct mr_kv *pairs, char *out, size_t cap)
{
    static const char *const grouped[] = {"batch_retry", "batch_dropped", "record_rejected"};
    bool is_grouped = false;
    for (size_t i = 0; i < sizeof grouped / sizeof *grouped; i++)
        is_grouped = is_grouped || strcmp(event, grouped[i]) == 0;
    if (!is_grouped)
        return "";
    for (const struct mr_kv *pair = pairs; pair->kind != MR_KV_END; pair++)
        if (pair->kind == MR_KV_ERR)
            return mr_err_printed(pair->v.err, out, cap);
    return "";
}

/* Counts the line; true where it may be written, with the number that was dropped before it. */
static bool limit_pass(struct log_limit *limit, uint64_t now_us, uint64_t *n_suppressed)
{
    if (limit->n_lines == 0 || now_us - limit->window_start_us >= limit->window_us) {
        limit->window_start_us = now_us;
        limit->n_lines = 0;
    }
    if (limit->n_lines >= limit->burst) {
        limit->n_suppressed++;
        return false;
    }
    limit->n_lines++;
    *n_suppressed = limit->n_suppressed;
    limit->n_suppressed = 0;
    return true;
}

/* A line that cannot be written is dropped: there is no second place to report it to, and a full
 * disk or a closed pipe must not stop the loading. */
static void write_line(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        bytes += n;
        len -= (size_t)n;
    }
}

static void line_begin(struct log_line *line, enum mr_log_level level, const char *event)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    const struct mr_clock *clock = atomic_load(&target.clock);
    line->json = atomic_load_explicit(&target.format, memory_order_relaxed) == MR_LOG_JSON;
    line->len = 0;
    line->limit = sizeof line->bytes - LOG_RESERVE_BYTES;
    line->cut = false;
    if (line->json)
        (void)line_put(line, "{", 1);
    line_put_time(line, clock->wall_ms(clock));
    line_put_value(line, "level", names[level]);
    line_put_value(line, "event", event);
}

static void line_end(struct log_line *line, uint64_t n_suppressed)
{
    bool cut = line->cut;
    line->cut = false;
    line->limit = sizeof line->bytes;
    if (n_suppressed > 0)
        line_put_u64(line, "suppressed", n_suppressed);
    if (cut)
        line_put_word(line, "truncated", "true");
    (void)line_put_str(line, line->json ? "}\n" : "\n");
}

static void line_leave(const struct log_line *line)
{
    mr_lock_take(&target.lock);
    void (*hook)(const char *, size_t, void *) = target.hook;
    void *arg = target.hook_arg;
    mr_lock_drop(&target.lock);
    if (hook != NULL)
        hook(line->bytes, line->len, arg);
    else
        write_line(atomic_load_explicit(&target.fd, memory_order_relaxed), line->bytes, line->len);
}

void mr_log_write(enum mr_log_level level, const char *event, const struct mr_kv *pairs)
{
    if (!mr_log_enabled(level))
        return;
    const struct mr_clock *clock = atomic_load(&target.clock);
    uint64_t now_us = clock->mono_us(clock);
    uint64_t n_suppressed = 0;
    char printed[LOG_CODE_BYTES];
    const char *code = code_of(event, pairs, printed, sizeof printed);
    mr_lock_take(&target.lock);
    bool pass = limit_pass(limit_of(event, code), now_us, &n_suppressed);
    mr_lock_drop(&target.lock);
    if (!pass)
        return;

    int saved_errno = errno; /* callers log between a failed call and their look at errno */
    struct log_line line;
    line_begin(&line, level, event);
    for (const struct mr_kv *pair = pairs; pair->kind != MR_KV_END && !line.cut; pair++)
        line_put_pair(&line, pair);
    line_end(&line, n_suppressed);
    line_leave(&line);
    errno = saved_errno;
}

void mr_log_event(enum mr_log_level level, const char *event)
{
    static const struct mr_kv none = {NULL, MR_KV_END, {.i64 = 0}};
    mr_log_write(level, event, &none);
}

void mr_log_flush(bool ended)
{
    const struct mr_clock *clock = atomic_load(&target.clock);
    uint64_t now_us = clock->mono_us(clock);
    for (size_t i = 0; i < LOG_MAX_EVENTS; i++) {
        char event[LOG_EVENT_BYTES] = "";
        char code[LOG_CODE_BYTES] = "";
        uint64_t n_suppressed = 0;
        mr_lock_take(&target.lock);
        if (i >= target.n_limits) {
            mr_lock_drop(&target.lock);
            return;
        }
        struct log_limit *limit = &target.limits[i];
        bool over = ended || now_us - limit->window_start_us >= limit->window_us;
        if (limit->n_suppressed > 0 && over) {
            memcpy(event, limit->event, sizeof event);
            memcpy(code, limit->code, sizeof code);
            n_suppressed = limit->n_suppressed;
            limit->n_suppressed = 0;
        }
        mr_lock_drop(&target.lock);
        if (n_suppressed == 0)
            continue;
        struct log_line line;
        line_begin(&line, MR_WARN, "log_suppressed");
        line_put_value(&line, "of", event);
        if (code[0] != '\0')
            line_put_value(&line, "err", code);
        line_end(&line, n_suppressed);
        line_leave(&line);
    }
}
