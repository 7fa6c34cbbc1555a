/* Dead letters in a SQLite file: found, closed, and settled in a replay's transaction, which holds
 * the whole file. Putting them there is the flush's (sqlite_control.c). What is found is copied:
 * the read place is given back at once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "sinks/letters.h"
#include "sinks/sqlite.h"

#include "base/ban.h"

struct sq_letters {
    struct mr_letters base;
    struct mr_sq_sink *sink;
    struct mr_arena arena; /* of what was found */
    struct mr_kept_letter *found;
    size_t n_found;
    size_t cap_found;
    size_t at;
    struct mr_buf sql;
    struct mr_buf ids; /* JSON array */
};

static struct sq_letters *letters_of(struct mr_letters *base)
{
    return (struct sq_letters *)base;
}

static void sq_close(struct mr_letters *base)
{
    struct sq_letters *letters = letters_of(base);

    mr_arena_release(&letters->arena);
    mr_buf_release(&letters->sql);
    mr_buf_release(&letters->ids);
    free(letters->found);
    free(letters);
}

int mr_sq_letters_open(struct mr_sink *sink, struct mr_letters **out, struct mr_err *err)
{
    struct sq_letters *letters = calloc(1, sizeof *letters);

    if (letters == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "dead letters");
    letters->base.ops = &mr_letters_sqlite;
    letters->sink = mr_sq_sink(sink);
    mr_arena_init(&letters->arena, 0, SIZE_MAX);
    *out = &letters->base;
    return 0;
}

/* ---- finding ---- */

/* As a JSON array: the statement's text stays the same, whatever their number. */
static int ids_make(struct sq_letters *letters, const char *const *ids, size_t n,
                    struct mr_err *err)
{
    int rc = 0;

    mr_buf_reset(&letters->ids);
    mr_buf_byte(&letters->ids, '[');
    for (size_t i = 0; rc == 0 && i < n; i++) {
        int64_t id = 0;
        rc = mr_letter_id_get(ids[i], &id, err);
        mr_buf_fmt(&letters->ids, "%s%lld", i == 0 ? "" : ",", (long long)id);
    }
    mr_buf_byte(&letters->ids, ']');
    if (rc == 0 && !mr_buf_ok(&letters->ids))
        rc = mr_err_set(err, MR_NO_MEMORY, "ids of dead letters");
    return rc;
}

static void states_add(struct mr_buf *sql, uint32_t states)
{
    bool first = true;

    for (int i = 0; i < MR_N_LETTER_STATES; i++) {
        if ((states & 1u << i) == 0)
            continue;
        mr_buf_fmt(sql, "%s'%s'", first ? "" : ", ", mr_letter_state_name((enum mr_letter_state)i));
        first = false;
    }
}

/* Parameters by number, the same in every statement: 1 pipeline, 2 ids, 3 topic, 4 code, 5 since, 6
 * until. A text compares as the time does: sqlite_control.c writes one form. */
static void find_sql(struct mr_buf *sql, const struct mr_letter_filter *filter)
{
    mr_buf_reset(sql);
    mr_buf_fmt(sql,
               "SELECT id, topic, \"partition\", \"offset\", coalesce(record_timestamp, ''), code,"
               " sqlstate, detail, target_table, coalesce(length(key), 0)"
               " + coalesce(length(value), 0) + length(headers), attempts, state, created_at,"
               " updated_at, coalesce(changed_by, '')%s FROM \"%%dead_letters\""
               " WHERE pipeline = ?1",
               filter->with_bytes ? ", key, value, headers" : "");
    if (filter->ids != NULL)
        mr_buf_str(sql, " AND id IN (SELECT value FROM json_each(?2))");
    if (filter->topic != NULL)
        mr_buf_str(sql, " AND topic = ?3");
    if (filter->code != NULL)
        mr_buf_str(sql, " AND code = ?4");
    if (filter->since_ms >= 0)
        mr_buf_str(sql, " AND created_at >= ?5");
    if (filter->until_ms >= 0)
        mr_buf_str(sql, " AND created_at < ?6");
    if (filter->states != 0) {
        mr_buf_str(sql, " AND state IN (");
        states_add(sql, filter->states);
        mr_buf_byte(sql, ')');
    }
    mr_buf_str(sql, filter->in_log_order ? " ORDER BY topic, \"partition\", \"offset\", id"
                                         : " ORDER BY id DESC");
    if (filter->limit > 0)
        mr_buf_fmt(sql, " LIMIT %zu", filter->limit);
}

static const char *text_kept(struct sq_letters *letters, sqlite3_stmt *stmt, int col, bool *ok)
{
    const char *text = mr_sq_text(stmt, col);
    const char *kept = mr_arena_copy(&letters->arena, text, strlen(text) + 1);

    *ok = *ok && kept != NULL;
    return kept;
}

static struct mr_slice bytes_kept(struct sq_letters *letters, sqlite3_stmt *stmt, int col, bool *ok)
{
    if (sqlite3_column_type(stmt, col) == SQLITE_NULL)
        return (struct mr_slice){NULL, 0};
    const void *bytes = sqlite3_column_blob(stmt, col); /* NULL where it is empty */
    size_t len = (size_t)sqlite3_column_bytes(stmt, col);
    const uint8_t *kept = mr_arena_copy(&letters->arena, bytes != NULL ? bytes : "", len);

    *ok = *ok && kept != NULL;
    return (struct mr_slice){kept, len};
}

static int letter_keep(struct sq_letters *letters, sqlite3_stmt *stmt, bool with_bytes,
                       struct mr_err *err)
{
    bool ok = true;

    if (letters->n_found == letters->cap_found) {
        size_t cap = letters->cap_found == 0 ? 64 : 2 * letters->cap_found;
        void *grown = realloc(letters->found, cap * sizeof *letters->found);
        if (grown == NULL)
            return mr_err_set(err, MR_NO_MEMORY, "dead letters");
        letters->found = grown;
        letters->cap_found = cap;
    }
    struct mr_kept_letter *kept = &letters->found[letters->n_found];
    int state = mr_letter_state_of(mr_sq_text(stmt, 11));
    *kept = (struct mr_kept_letter){
        .id = text_kept(letters, stmt, 0, &ok),
        .letter = {.stream = text_kept(letters, stmt, 1, &ok),
                   .partition = sqlite3_column_int(stmt, 2),
                   .offset = sqlite3_column_int64(stmt, 3),
                   .headers_json = with_bytes ? text_kept(letters, stmt, 17, &ok) : "[]",
                   .timestamp_ms = mr_sq_time_ms(mr_sq_text(stmt, 4)),
                   .code = text_kept(letters, stmt, 5, &ok),
                   .sqlstate = text_kept(letters, stmt, 6, &ok),
                   .detail = text_kept(letters, stmt, 7, &ok),
                   .target_table = text_kept(letters, stmt, 8, &ok)},
        .n_bytes = (uint64_t)sqlite3_column_int64(stmt, 9),
        .attempts = (uint32_t)sqlite3_column_int64(stmt, 10),
        /* a state that somebody else wrote: nothing of ours to replay */
        .state = state < 0 ? MR_LETTER_DISCARDED : (enum mr_letter_state)state,
        .created_ms = mr_sq_time_ms(mr_sq_text(stmt, 12)),
        .updated_ms = mr_sq_time_ms(mr_sq_text(stmt, 13)),
        .changed_by = text_kept(letters, stmt, 14, &ok),
    };
    if (with_bytes) {
        kept->letter.key = bytes_kept(letters, stmt, 15, &ok);
        kept->letter.value = bytes_kept(letters, stmt, 16, &ok);
    }
    letters->n_found += ok ? 1 : 0;
    return ok ? 0 : mr_err_set(err, MR_NO_MEMORY, "dead letters");
}

static int find_on(struct sq_letters *letters, struct mr_sq_conn *conn,
                   const struct mr_letter_filter *filter, struct mr_err *err)
{
    struct sqlite3_stmt *stmt = NULL;
    char since[MR_SQ_TIME_BYTES];
    char until[MR_SQ_TIME_BYTES];
    int rc = mr_sq_control_prepare(letters->sink, conn, mr_buf_cstr(&letters->sql), &stmt, err);

    if (rc < 0)
        return rc;
    mr_sq_time_text(filter->since_ms, since);
    mr_sq_time_text(filter->until_ms, until);
    mr_sq_bind_text(stmt, 1, letters->sink->opts->pipeline);
    if (filter->ids != NULL)
        mr_sq_bind_text(stmt, 2, mr_buf_cstr(&letters->ids));
    if (filter->topic != NULL)
        mr_sq_bind_text(stmt, 3, filter->topic);
    if (filter->code != NULL)
        mr_sq_bind_text(stmt, 4, filter->code);
    if (filter->since_ms >= 0)
        mr_sq_bind_text(stmt, 5, since);
    if (filter->until_ms >= 0)
        mr_sq_bind_text(stmt, 6, until);
    while ((rc = mr_sq_step(conn, stmt, "read dead letters", err)) == 1) {
        rc = letter_keep(letters, stmt, filter->with_bytes, err);
        if (rc < 0) {
            (void)sqlite3_reset(stmt);
            break;
        }
    }
    return rc;
}

static int sq_find(struct mr_letters *base, const struct mr_letter_filter *filter,
                   struct mr_err *err)
{
    struct sq_letters *letters = letters_of(base);
    struct mr_sq_conn *conn = NULL;

    mr_arena_reset(&letters->arena);
    letters->n_found = 0;
    letters->at = 0;
    int rc = filter->ids != NULL ? ids_make(letters, filter->ids, filter->n_ids, err) : 0;
    find_sql(&letters->sql, filter);
    if (rc == 0 && !mr_buf_ok(&letters->sql))
        rc = mr_err_set(err, MR_NO_MEMORY, "a query");
    if (rc == 0)
        rc = mr_sq_take(letters->sink, MR_SQ_READ, NULL, &conn, err);
    if (rc < 0)
        return rc;
    rc = find_on(letters, conn, filter, err);
    mr_sq_give(letters->sink, MR_SQ_READ);
    return rc;
}

static int sq_next(struct mr_letters *base, struct mr_kept_letter *out, struct mr_err *err)
{
    struct sq_letters *letters = letters_of(base);

    (void)err;
    if (letters->at >= letters->n_found)
        return 0;
    *out = letters->found[letters->at++];
    return 1;
}

static const char before_sql[] =
    "SELECT id, \"offset\" FROM \"%dead_letters\" AS b WHERE pipeline = ?1 AND topic = ?2"
    " AND \"partition\" = ?3 AND key = ?4 AND \"offset\" < ?5 AND state = 'new'"
    " AND id NOT IN (SELECT value FROM json_each(?6))"
    " AND NOT EXISTS (SELECT 1 FROM \"%dead_letters\" AS o WHERE o.pipeline = ?1"
    " AND o.topic = ?2 AND o.\"partition\" = ?3 AND o.key = ?4"
    " AND o.overtaken_by > b.\"offset\" AND o.overtaken_by < ?5)"
    " ORDER BY \"offset\" DESC LIMIT 1";

static int before_one(struct sq_letters *letters, struct mr_sq_conn *conn,
                      struct mr_letter_before *of, struct mr_arena *arena, struct mr_err *err)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = mr_sq_control_prepare(letters->sink, conn, before_sql, &stmt, err);

    if (rc < 0)
        return rc;
    mr_sq_bind_text(stmt, 1, letters->sink->opts->pipeline);
    mr_sq_bind_text(stmt, 2, of->stream);
    mr_sq_bind_i64(stmt, 3, of->partition);
    (void)sqlite3_bind_blob64(stmt, 4, of->key.data, of->key.len, SQLITE_STATIC);
    mr_sq_bind_i64(stmt, 5, of->offset);
    mr_sq_bind_text(stmt, 6, mr_buf_cstr(&letters->ids));
    rc = mr_sq_step(conn, stmt, "look for earlier dead letters", err);
    if (rc == 1) {
        const char *id = mr_sq_text(stmt, 0);
        of->before_id = mr_arena_copy(arena, id, strlen(id) + 1);
        of->before_offset = sqlite3_column_int64(stmt, 1);
        rc = of->before_id != NULL ? 0 : mr_err_set(err, MR_NO_MEMORY, "a dead letter");
    }
    (void)sqlite3_reset(stmt);
    return rc;
}

static int sq_before(struct mr_letters *base, struct mr_letter_before *of, size_t n,
                     struct mr_arena *arena, struct mr_err *err)
{
    struct sq_letters *letters = letters_of(base);
    struct mr_sq_conn *conn = NULL;
    const char *ids[MR_LETTER_PAGE_IDS];

    for (size_t i = 0; i < n; i++) {
        of[i].before_id = NULL;
        ids[i] = of[i].id;
    }
    int rc = ids_make(letters, ids, n, err);
    if (rc == 0)
        rc = mr_sq_take(letters->sink, MR_SQ_READ, NULL, &conn, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = of[i].key.data != NULL ? before_one(letters, conn, &of[i], arena, err) : 0;
    mr_sq_give(letters->sink, MR_SQ_READ);
    return rc;
}

/* ---- closing ---- */

/* A statement in a transaction of its own; parameters 1 pipeline, 2 ids, 3 who, 4 now, 5 before. */
struct change {
    const char *sql;
    const char *ids;
    const char *by;
    int64_t before_ms;
};

static int change_bind_and_run(struct sq_letters *letters, struct mr_sq_conn *conn,
                               const struct change *change, uint64_t *n_done, struct mr_err *err)
{
    struct sqlite3_stmt *stmt = NULL;
    char now[MR_SQ_TIME_BYTES];
    char before[MR_SQ_TIME_BYTES];
    int rc = mr_sq_control_prepare(letters->sink, conn, change->sql, &stmt, err);

    if (rc < 0)
        return rc;
    mr_sq_time_text(mr_wall_ms(&letters->sink->opts->env), now);
    mr_sq_time_text(change->before_ms, before);
    mr_sq_bind_text(stmt, 1, letters->sink->opts->pipeline);
    if (change->ids != NULL)
        mr_sq_bind_text(stmt, 2, change->ids);
    if (change->by != NULL)
        mr_sq_bind_text(stmt, 3, change->by);
    if (sqlite3_bind_parameter_count(stmt) >= 4)
        mr_sq_bind_text(stmt, 4, now);
    if (change->before_ms >= 0)
        mr_sq_bind_text(stmt, 5, before);
    rc = mr_sq_step(conn, stmt, "change dead letters", err);
    if (rc == 0)
        *n_done = (uint64_t)sqlite3_changes64(conn->db);
    return rc;
}

static int change_run(struct sq_letters *letters, const struct change *change, uint64_t *n_done,
                      struct mr_err *err)
{
    struct mr_sq_conn *conn = NULL;
    int rc = mr_sq_take(letters->sink, MR_SQ_WRITE, NULL, &conn, err);

    *n_done = 0;
    if (rc < 0)
        return rc;
    rc = mr_sq_begin(conn, err);
    if (rc == 0)
        rc = change_bind_and_run(letters, conn, change, n_done, err);
    if (rc == 0)
        rc = mr_sq_commit(conn, err);
    mr_sq_rollback(conn);
    mr_sq_give(letters->sink, MR_SQ_WRITE);
    return rc;
}

/* NOLINTNEXTLINE(readability-function-size): six parameters, the interface of letters.h */
static int sq_discard(struct mr_letters *base, const char *const *ids, size_t n, const char *by,
                      uint64_t *n_done, struct mr_err *err)
{
    struct sq_letters *letters = letters_of(base);
    struct change change = {.sql = "UPDATE \"%dead_letters\" SET state = 'discarded',"
                                   " updated_at = ?4, changed_by = ?3 WHERE pipeline = ?1"
                                   " AND id IN (SELECT value FROM json_each(?2))"
                                   " AND state = 'new'",
                            .by = by,
                            .before_ms = -1};
    int rc = ids_make(letters, ids, n, err);

    *n_done = 0;
    if (rc < 0)
        return rc;
    change.ids = mr_buf_cstr(&letters->ids);
    return change_run(letters, &change, n_done, err);
}

/* NOLINTNEXTLINE(readability-function-size): six parameters, the interface of letters.h */
static int sq_purge(struct mr_letters *base, uint32_t states, int64_t before_ms, size_t max,
                    uint64_t *n_done, struct mr_err *err)
{
    struct sq_letters *letters = letters_of(base);
    struct mr_buf *sql = &letters->sql;

    *n_done = 0;
    mr_buf_reset(sql);
    mr_buf_str(sql, "DELETE FROM \"%dead_letters\" WHERE id IN (SELECT id FROM \"%dead_letters\""
                    " WHERE pipeline = ?1 AND updated_at < ?5 AND state IN (");
    states_add(sql, states);
    mr_buf_fmt(sql, ") LIMIT %zu)", max);
    if (!mr_buf_ok(sql))
        return mr_err_set(err, MR_NO_MEMORY, "a statement");
    struct change change = {.sql = mr_buf_cstr(sql), .before_ms = before_ms};
    return change_run(letters, &change, n_done, err);
}

/* ---- a replay's transaction ---- */

static int sq_lock(struct mr_letters *base, struct mr_session *session,
                   const struct mr_letter_mark *marks, size_t n, struct mr_err *err)
{
    struct sq_letters *letters = letters_of(base);
    struct mr_sq_conn *conn = NULL;
    struct sqlite3_stmt *stmt = NULL;
    int rc = mr_sq_session_conn(session, &conn, err);

    for (size_t i = 0; rc == 0 && i < n; i++) {
        int64_t id = 0;
        rc = mr_letter_id_get(marks[i].id, &id, err);
        if (rc == 0)
            rc = mr_sq_control_prepare(letters->sink, conn,
                                       "SELECT 1 FROM \"%dead_letters\" WHERE pipeline = ?1 AND"
                                       " id = ?2 AND state = 'new' AND attempts = ?3",
                                       &stmt, err);
        if (rc < 0)
            return rc;
        mr_sq_bind_text(stmt, 1, letters->sink->opts->pipeline);
        mr_sq_bind_i64(stmt, 2, id);
        mr_sq_bind_i64(stmt, 3, marks[i].attempts);
        rc = mr_sq_step(conn, stmt, "look at a dead letter", err);
        (void)sqlite3_reset(stmt);
        if (rc == 0)
            return mr_err_set(err, MR_AGAIN, "a dead letter is no longer as it was read");
        rc = rc == 1 ? 0 : rc;
    }
    return rc;
}

static const char replayed_sql[] =
    "UPDATE \"%dead_letters\" SET state = 'replayed', updated_at = ?3, changed_by = ?4,"
    " overtaken_by = iif(?5, \"offset\", overtaken_by)"
    " WHERE pipeline = ?1 AND id = ?2 AND state = 'new'";
static const char again_sql[] =
    "UPDATE \"%dead_letters\" SET attempts = attempts + 1, updated_at = ?3, code = ?4,"
    " sqlstate = ?5, detail = ?6, target_table = ?7"
    " WHERE pipeline = ?1 AND id = ?2 AND state = 'new'";

static int mark_settle(struct sq_letters *letters, struct mr_sq_conn *conn,
                       const struct mr_letter_mark *mark, const char *by, struct mr_err *err)
{
    struct sqlite3_stmt *stmt = NULL;
    char now[MR_SQ_TIME_BYTES];
    int64_t id = 0;
    int rc = mr_letter_id_get(mark->id, &id, err);

    if (rc == 0)
        rc = mr_sq_control_prepare(letters->sink, conn,
                                   mark->again == NULL ? replayed_sql : again_sql, &stmt, err);
    if (rc < 0)
        return rc;
    mr_sq_time_text(mr_wall_ms(&letters->sink->opts->env), now);
    mr_sq_bind_text(stmt, 1, letters->sink->opts->pipeline);
    mr_sq_bind_i64(stmt, 2, id);
    mr_sq_bind_text(stmt, 3, now);
    mr_sq_bind_text(stmt, 4, mark->again == NULL ? by : mark->again->code);
    if (mark->again == NULL)
        mr_sq_bind_i64(stmt, 5, mark->whole);
    if (mark->again != NULL) {
        mr_sq_bind_text(stmt, 5, mark->again->sqlstate);
        mr_sq_bind_text(stmt, 6, mark->again->detail);
        mr_sq_bind_text(stmt, 7, mark->again->target_table);
    }
    rc = mr_sq_step(conn, stmt, "settle a dead letter", err);
    if (rc == 0 && sqlite3_changes(conn->db) != 1)
        rc = mr_err_set(err, MR_AGAIN, "a dead letter was closed by somebody else");
    return rc;
}

/* NOLINTNEXTLINE(readability-function-size): six parameters, the interface of letters.h */
static int sq_settle(struct mr_letters *base, struct mr_session *session,
                     const struct mr_letter_mark *marks, size_t n, const char *by,
                     struct mr_err *err)
{
    struct mr_sq_conn *conn = NULL;
    int rc = mr_sq_session_conn(session, &conn, err);

    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = mark_settle(letters_of(base), conn, &marks[i], by, err);
    return rc;
}

const struct mr_letters_ops mr_letters_sqlite = {
    .name = "sqlite",
    .close = sq_close,
    .find = sq_find,
    .next = sq_next,
    .discard = sq_discard,
    .purge = sq_purge,
    .before = sq_before,
    .lock = sq_lock,
    .settle = sq_settle,
    .settled = mr_letters_settled_plain,
};
