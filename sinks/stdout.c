/* Owns the sink that prints: one JSON object a line for each row (contract.md S-21), for trying out
 * and for pipes. Must not keep positions: it starts at the source's own commits and is at least
 * once. Invariants: lines leave at commit, whole, in one stream of writes, so that a rollback
 * prints nothing; a reader that is gone ends the service. Tables are what the records ask for, kept
 * in memory. */
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/map.h"
#include "schemas/json_text.h"
#include "schemas/semantic.h"
#include "schemas/table_after.h"
#include "sinks/sink.h"
#include "sinks/sink_plain.h"
#include "sinks/typed_emit.h"

#include "base/ban.h"

enum {
    STDOUT_LOCK_RANK = 60,
    POLL_STEP_MS = 100,
    DEFAULT_WAIT_MS = 30000,
    KEPT_BYTES = 1024 * 1024 /* capacity that a session keeps between flushes */
};

struct stdout_sink {
    struct mr_sink base;
    int fd;
    uint32_t wait_ms;
    struct mr_lock lock;
    struct mr_cond given;
    bool writing MR_GUARDED_BY(lock);         /* one session's lines at a time */
    struct mr_map tables MR_GUARDED_BY(lock); /* name -> struct mr_table, a reference */
};

/* Thread: its own. */
struct stdout_session {
    struct mr_session base;
    struct mr_buf lines;      /* of the open flush */
    size_t savepoint;         /* length to fall back to */
    _Atomic bool interrupted; /* set by any thread */
};

static struct stdout_sink *stdout_sink(struct mr_sink *sink)
{
    return (struct stdout_sink *)sink;
}

static struct stdout_session *stdout_session(struct mr_session *session)
{
    return (struct stdout_session *)session;
}

/* ---- sink ---- */

static int stdout_open(const struct mr_sink_opts *opts, struct mr_sink **out, struct mr_err *err)
{
    if (strcmp(opts->url, "stdout:") != 0)
        return mr_err_set(err, MR_CONFIG_INVALID, "target.url for standard output is stdout:");
    struct stdout_sink *sink = calloc(1, sizeof *sink);
    if (sink == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "a sink");
    sink->base.ops = &mr_sink_stdout;
    sink->fd = opts->output_fd;
    sink->wait_ms = opts->pool_wait_ms > 0 ? opts->pool_wait_ms : DEFAULT_WAIT_MS;
    mr_lock_init(&sink->lock, STDOUT_LOCK_RANK);
    mr_cond_init(&sink->given);
    mr_lock_take(&sink->lock);
    mr_map_init(&sink->tables, 0);
    mr_lock_drop(&sink->lock);
    *out = &sink->base;
    return 0;
}

static void stdout_close(struct mr_sink *base)
{
    struct stdout_sink *sink = stdout_sink(base);
    size_t at = 0;
    struct mr_map_entry *entry;
    mr_lock_take(&sink->lock);
    while ((entry = mr_map_next(&sink->tables, &at)) != NULL)
        mr_table_unref(entry->value);
    mr_map_release(&sink->tables);
    mr_lock_drop(&sink->lock);
    mr_cond_release(&sink->given);
    mr_lock_release(&sink->lock);
    free(sink);
}

static int stdout_setup(struct mr_sink *sink, char *target_id, struct mr_err *err)
{
    (void)sink;
    (void)err;
    (void)snprintf(target_id, MR_TARGET_ID_BYTES, "stdout");
    return 0;
}

static int stdout_probe(struct mr_sink *base, struct mr_err *err)
{
    struct pollfd place = {.fd = stdout_sink(base)->fd, .events = POLLOUT};
    if (poll(&place, 1, 0) >= 0 && (place.revents & (POLLERR | POLLNVAL)) != 0)
        return mr_err_set(err, MR_IO, "nobody reads standard output any more");
    return 0;
}

/* ---- tables ---- */

static void table_name(struct mr_buf *out, const char *schema, const char *name)
{
    if (schema != NULL && schema[0] != '\0')
        mr_buf_fmt(out, "%s.", schema);
    mr_buf_str(out, name);
}

/* NOLINTNEXTLINE(readability-function-size): the parameters are the interface's */
static int stdout_table_open(struct mr_sink *base, const char *schema, const char *name, bool fresh,
                             struct mr_table **out, struct mr_err *err)
{
    (void)fresh;
    struct stdout_sink *sink = stdout_sink(base);
    struct mr_buf full = MR_BUF_INIT;
    table_name(&full, schema, name);
    mr_lock_take(&sink->lock);
    struct mr_table *table = mr_map_find(&sink->tables, mr_buf_cstr(&full), full.len);
    if (table != NULL)
        *out = mr_table_ref(table);
    mr_lock_drop(&sink->lock);
    int rc = table != NULL ? 0 : mr_err_set(err, MR_TARGET_MISSING, "%s", mr_buf_cstr(&full));
    mr_buf_release(&full);
    return rc;
}

/* The table `old` (NULL: none) with what `ddl` does to it. NULL: no memory. */
static struct mr_table *grow_table(const char *name, const struct mr_table *old,
                                   const struct mr_ddl *ddl)
{
    struct mr_table place = {.schema = "", .name = name};
    struct mr_table *table = mr_table_after(old != NULL ? old : &place, ddl);
    for (uint16_t i = 0; table != NULL && i < table->n_columns; i++) {
        mr_semantic_fallback(&table->columns[i].type);
        table->columns[i].type.sql = "";
        table->columns[i].not_null = false;
    }
    return table;
}

static void stdout_ddl_print(struct mr_sink *base, const struct mr_table *now,
                             const struct mr_ddl *ddl, struct mr_buf *out)
{
    (void)base;
    (void)now;
    (void)ddl;
    (void)out;
}

static int stdout_table_apply(struct mr_sink *base, const char *schema, const char *name,
                              const struct mr_ddl *ddl, struct mr_err *err)
{
    struct stdout_sink *sink = stdout_sink(base);
    struct mr_buf full = MR_BUF_INIT;
    int rc = 0;
    table_name(&full, schema, name);
    const char *key = mr_buf_cstr(&full);
    mr_lock_take(&sink->lock);
    struct mr_table *old = mr_map_find(&sink->tables, key, full.len);
    bool wanted = (ddl->kind == MR_DDL_CREATE) == (old == NULL);
    struct mr_table *table = NULL;
    if (wanted && ddl->kind != MR_DDL_NONE) {
        table = grow_table(key, old, ddl);
        if (table != NULL && old != NULL)
            (void)mr_map_remove(&sink->tables, key, full.len);
        if (table == NULL || mr_map_put(&sink->tables, table->name, full.len, table) != 0)
            rc = -MR_NO_MEMORY;
    }
    mr_lock_drop(&sink->lock);
    if (table != NULL)
        mr_table_unref(rc == 0 ? old : table);
    mr_buf_release(&full);
    return rc == 0 ? 0 : mr_err_set(err, MR_NO_MEMORY, "a table");
}

static int stdout_table_register(struct mr_sink *sink, const struct mr_table *table,
                                 const char *route, bool shared, struct mr_err *err)
{
    (void)sink;
    (void)table;
    (void)route;
    (void)shared;
    (void)err;
    return 0;
}

/* ---- positions: none ---- */

static int stdout_positions_read(struct mr_sink *sink, struct mr_position **out, size_t *n_out,
                                 struct mr_err *err)
{
    (void)sink;
    (void)err;
    *out = NULL;
    *n_out = 0;
    return 0;
}

static int stdout_claim(struct mr_sink *sink, struct mr_claim *claims, size_t n, struct mr_err *err)
{
    (void)sink;
    (void)err;
    for (size_t i = 0; i < n; i++) {
        claims[i].found = false;
        claims[i].position.next_offset = claims[i].start_offset;
        claims[i].position.epoch = 1;
    }
    return 0;
}

static void stdout_stats(struct mr_sink *sink, uint32_t *idle, uint32_t *busy, uint32_t *waiting)
{
    (void)sink;
    *idle = 0;
    *busy = 0;
    *waiting = 0;
}

/* ---- session ---- */

static int stdout_session_open(struct mr_sink *sink, struct mr_session **out, struct mr_err *err)
{
    struct stdout_session *session = calloc(1, sizeof *session);
    if (session == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "a session");
    session->base.ops = &mr_sink_stdout;
    session->base.sink = sink;
    *out = &session->base;
    return 0;
}

static void stdout_rollback(struct mr_session *base)
{
    struct stdout_session *session = stdout_session(base);
    mr_buf_reset(&session->lines);
    if (session->lines.cap > KEPT_BYTES)
        mr_buf_release(&session->lines);
    session->savepoint = 0;
}

static void stdout_session_close(struct mr_session *base)
{
    struct stdout_session *session = stdout_session(base);
    mr_buf_release(&session->lines);
    free(session);
}

/* NOLINTNEXTLINE(readability-function-size): the parameters are the interface's */
static int stdout_begin(struct mr_session *base, struct mr_table *const *tables, size_t n_tables,
                        const struct mr_span *spans, size_t n_spans, struct mr_err *err)
{
    (void)tables;
    (void)n_tables;
    (void)spans;
    (void)n_spans;
    (void)err;
    stdout_rollback(base);
    return 0;
}

static int stdout_savepoint(struct mr_session *base, struct mr_err *err)
{
    (void)err;
    stdout_session(base)->savepoint = stdout_session(base)->lines.len;
    return 0;
}

static int stdout_rollback_to_savepoint(struct mr_session *base, struct mr_err *err)
{
    struct stdout_session *session = stdout_session(base);
    if (!mr_buf_ok(&session->lines))
        return mr_err_set(err, MR_NO_MEMORY, "the lines of a flush");
    session->lines.len = session->savepoint;
    return 0;
}

static int stdout_release_savepoint(struct mr_session *base, struct mr_err *err)
{
    (void)base;
    (void)err;
    return 0;
}

/* A JSON value from a payload; newlines in JSON can only be blanks between tokens, and a line must
 * stay one. */
static void add_value(struct mr_buf *lines, const struct mr_column *column, struct mr_slice payload)
{
    size_t from = lines->len;
    mr_typed_json(lines, column->type.type, payload);
    bool json = column->type.type == MR_T_JSON || column->type.type == MR_T_JSONB ||
                column->type.type == MR_T_ARRAY;
    for (size_t i = from; json && mr_buf_ok(lines) && i < lines->len; i++) {
        if (lines->data[i] == '\n' || lines->data[i] == '\r')
            lines->data[i] = ' ';
    }
}

/* {"a":1,"b":null}, without the fields that `mask` names. */
static void add_object(struct mr_buf *lines, const struct mr_table *table,
                       const struct mr_colset *cols, struct mr_slice tuple, const uint64_t *mask)
{
    const uint8_t *at = tuple.data + sizeof(uint16_t);
    bool first = true;
    mr_buf_byte(lines, '{');
    for (uint16_t i = 0; i < cols->n_cols; i++) {
        const struct mr_column *column = &table->columns[cols->cols[i]];
        uint32_t len = mr_get_u32(at);
        at += sizeof len;
        struct mr_slice payload = {at, len == UINT32_MAX ? 0 : len};
        at += payload.len;
        if (mask != NULL && (mask[i / 64] >> (i % 64) & 1) != 0)
            continue;
        mr_buf_str(lines, first ? "" : ",");
        first = false;
        mr_json_text_string(lines, mr_slice_str(column->name));
        mr_buf_byte(lines, ':');
        if (len == UINT32_MAX)
            mr_buf_str(lines, "null");
        else
            add_value(lines, column, payload);
    }
    mr_buf_byte(lines, '}');
}

static void begin_line(struct mr_buf *lines, const struct mr_table *table, const char *op)
{
    mr_buf_str(lines, "{\"table\":");
    mr_json_text_string(lines, mr_slice_str(table->name));
    mr_buf_fmt(lines, ",\"op\":\"%s\"", op);
}

static int check_lines(struct stdout_session *session, struct mr_err *err)
{
    return mr_buf_ok(&session->lines) ? 0 : mr_err_set(err, MR_NO_MEMORY, "the lines of a flush");
}

static int stdout_truncate(struct mr_session *base, struct mr_table *table, struct mr_err *err)
{
    struct stdout_session *session = stdout_session(base);
    begin_line(&session->lines, table, "truncate");
    mr_buf_str(&session->lines, "}\n");
    return check_lines(session, err);
}

/* Nothing to compare with: whoever reads the lines has the guards. */
static int stdout_guards_read(struct mr_session *base, const struct mr_guarded *what,
                              struct mr_guard_seen *seen, struct mr_err *err)
{
    (void)base;
    (void)what;
    (void)seen;
    (void)err;
    return 0;
}

static int stdout_tombs_put(struct mr_session *base, const struct mr_guarded *what,
                            struct mr_err *err)
{
    (void)base;
    (void)what;
    (void)err;
    return 0;
}

static int stdout_kept(struct mr_session *base, const struct mr_kept_rows *what, struct mr_err *err)
{
    (void)base;
    (void)what;
    (void)err;
    return 0;
}

static int stdout_truncate_below(struct mr_session *base, const struct mr_guarded *what,
                                 struct mr_slice octets, struct mr_err *err)
{
    struct stdout_session *session = stdout_session(base);
    begin_line(&session->lines, what->table, "truncate");
    mr_buf_str(&session->lines, ",\"below\":\"");
    for (size_t i = 0; i < octets.len; i++)
        mr_buf_fmt(&session->lines, "%02x", octets.data[i]);
    mr_buf_str(&session->lines, "\"}\n");
    return check_lines(session, err);
}

/* NOLINTNEXTLINE(readability-function-size): the parameters are the interface's */
static int stdout_delete_keys(struct mr_session *base, struct mr_table *table,
                              const struct mr_colset *key, const struct mr_row *const *rows,
                              size_t n_rows, uint64_t *n_done, struct mr_err *err)
{
    struct stdout_session *session = stdout_session(base);
    for (size_t i = 0; i < n_rows; i++) {
        begin_line(&session->lines, table, "delete");
        mr_buf_str(&session->lines, ",\"key\":");
        add_object(&session->lines, table, key, rows[i]->key_tuple, NULL);
        mr_buf_str(&session->lines, "}\n");
    }
    *n_done = n_rows;
    return check_lines(session, err);
}

static int stdout_delete_match(struct mr_session *base, struct mr_table *table,
                               const struct mr_row *row, uint64_t *n_done, struct mr_err *err)
{
    struct stdout_session *session = stdout_session(base);
    begin_line(&session->lines, table, "delete");
    mr_buf_str(&session->lines, ",\"row\":");
    add_object(&session->lines, table, row->cols, row->tuple, row->mask);
    mr_buf_str(&session->lines, "}\n");
    *n_done = 1;
    return check_lines(session, err);
}

static int stdout_put_rows(struct mr_session *base, const struct mr_put_rows *put, enum mr_put mode,
                           uint64_t *n_done, struct mr_err *err)
{
    static const char *const ops[] = {
        [MR_PUT_INSERT] = "insert", [MR_PUT_UPSERT] = "upsert", [MR_PUT_UPDATE] = "update"};
    struct stdout_session *session = stdout_session(base);
    for (size_t i = 0; i < put->n_rows; i++) {
        begin_line(&session->lines, put->table, ops[mode]);
        if (put->key->n_cols > 0) {
            mr_buf_str(&session->lines, ",\"key\":");
            add_object(&session->lines, put->table, put->key, put->rows[i]->key_tuple, NULL);
        }
        mr_buf_str(&session->lines, ",\"row\":");
        add_object(&session->lines, put->table, put->cols, put->rows[i]->tuple,
                   mode == MR_PUT_UPDATE ? put->mask : NULL);
        mr_buf_str(&session->lines, "}\n");
    }
    *n_done = put->n_rows;
    return check_lines(session, err);
}

static int stdout_read_rows(struct mr_session *session, const struct mr_read_rows *read,
                            struct mr_err *err)
{
    (void)session;
    (void)err;
    for (size_t i = 0; i < read->n_keys; i++)
        read->tuples[i] = (struct mr_slice){NULL, 0};
    return 0;
}

static int stdout_put_letters(struct mr_session *base, const struct mr_letter *letters, size_t n,
                              struct mr_err *err)
{
    struct mr_buf *lines = &stdout_session(base)->lines;
    for (size_t i = 0; i < n; i++) {
        mr_buf_str(lines, "{\"dead_letter\":{\"topic\":");
        mr_json_text_string(lines, mr_slice_str(letters[i].stream));
        mr_buf_fmt(lines, ",\"partition\":%d,\"offset\":%lld,\"code\":", (int)letters[i].partition,
                   (long long)letters[i].offset);
        mr_json_text_string(lines, mr_slice_str(letters[i].code));
        mr_buf_str(lines, ",\"detail\":");
        mr_json_text_string(lines, mr_slice_str(letters[i].detail));
        mr_buf_str(lines, "}}\n");
    }
    return check_lines(stdout_session(base), err);
}

static int stdout_put_positions(struct mr_session *session, const struct mr_span *spans, size_t n,
                                struct mr_err *err)
{
    (void)session;
    (void)spans;
    (void)n;
    (void)err;
    return 0;
}

/* ---- writing ---- */

static int lines_failed(int error, struct mr_err *err)
{
    if (error == EPIPE)
        return mr_err_set(err, MR_IO, "nobody reads standard output any more");
    return mr_err_set(err, MR_IO, "standard output: error %d", error);
}

/* A slow reader is back pressure. Once a line has begun to leave, its rest follows: an interrupt
 * counts only before that. */
static int write_lines(struct stdout_sink *sink, struct stdout_session *session, struct mr_err *err)
{
    size_t at = 0;
    while (at < session->lines.len) {
        struct pollfd place = {.fd = sink->fd, .events = POLLOUT};
        int n_ready = poll(&place, 1, POLL_STEP_MS);
        if (at == 0 && atomic_exchange(&session->interrupted, false))
            return mr_err_set_db(err, MR_CLASS_RETRY, "57014",
                                 "the wait for a reader was interrupted");
        if (n_ready == 0 || (n_ready < 0 && errno == EINTR))
            continue;
        ssize_t n = write(sink->fd, session->lines.data + at, session->lines.len - at);
        if (n >= 0)
            at += (size_t)n;
        else if (errno != EINTR && errno != EAGAIN)
            return lines_failed(errno, err);
    }
    return 0;
}

static int stdout_commit(struct mr_session *base, struct mr_err *err)
{
    struct stdout_session *session = stdout_session(base);
    struct stdout_sink *sink = stdout_sink(base->sink);
    struct timespec deadline;
    bool in_time = true;
    int rc = check_lines(session, err);
    if (rc < 0)
        return rc;
    mr_clock_deadline(&deadline, sink->wait_ms);
    mr_lock_take(&sink->lock);
    while (sink->writing && in_time)
        in_time = mr_cond_wait_until(&sink->given, &sink->lock, &deadline);
    bool mine = !sink->writing;
    sink->writing = true;
    mr_lock_drop(&sink->lock);
    if (!mine)
        return mr_err_set(err, MR_TARGET_POOL_WAIT, "another lane's lines are not read");
    rc = write_lines(sink, session, err);
    mr_lock_take(&sink->lock);
    sink->writing = false;
    mr_cond_wake_all(&sink->given);
    mr_lock_drop(&sink->lock);
    if (rc == 0)
        stdout_rollback(base);
    return rc;
}

static void stdout_session_interrupt(struct mr_session *session)
{
    atomic_store(&stdout_session(session)->interrupted, true);
}

static void stdout_session_idle(struct mr_session *session)
{
    (void)session;
}

const struct mr_sink_ops mr_sink_stdout = {
    .name = "stdout",
    .caps = MR_SINK_DDL,
    .emit = &mr_typed_emit,
    .open = stdout_open,
    .close = stdout_close,
    .setup = stdout_setup,
    .probe = stdout_probe,
    .table_open = stdout_table_open,
    .table_apply = stdout_table_apply,
    .ddl_print = stdout_ddl_print,
    .wish_resolve = mr_sink_wish_plain,
    .table_register = stdout_table_register,
    .positions_read = stdout_positions_read,
    .claim = stdout_claim,
    .place = mr_sink_place_plain,
    .poisons_read = mr_sink_poisons_plain,
    .look_over = mr_sink_look_plain,
    .stats = stdout_stats,
    .session_open = stdout_session_open,
    .session_close = stdout_session_close,
    .begin = stdout_begin,
    .savepoint = stdout_savepoint,
    .rollback_to_savepoint = stdout_rollback_to_savepoint,
    .release_savepoint = stdout_release_savepoint,
    .defer = mr_sink_constraints_plain,
    .constraints_now = mr_sink_constraints_plain,
    .guard_lock = mr_sink_constraints_plain,
    .truncate = stdout_truncate,
    .guards_read = stdout_guards_read,
    .tombs_put = stdout_tombs_put,
    .truncate_below = stdout_truncate_below,
    .key_groups = mr_sink_keys_plain,
    .kept_read = stdout_kept,
    .kept_put = stdout_kept,
    .delete_keys = stdout_delete_keys,
    .delete_match = stdout_delete_match,
    .put_rows = stdout_put_rows,
    .read_rows = stdout_read_rows,
    .put_letters = stdout_put_letters,
    .overtaken_put = mr_sink_overtaken_plain,
    .put_positions = stdout_put_positions,
    .commit = stdout_commit,
    .rollback = stdout_rollback,
    .session_interrupt = stdout_session_interrupt,
    .session_idle = stdout_session_idle,
};
