/* Owns rows: the statements of a put or delete, and the binding of tuples. Must not know positions.
 * Invariants: nothing of a record is ever part of a statement's text; text and bytes are bound
 * where they lie; keys are compared in their canonical form (L-07, F-33). What SQLite would store
 * as another value was refused by the plan, while it was one record's (P5 of design.md, L-03). */
#include <math.h>
#include <string.h>

#include <sqlite3.h>

#include "sinks/sqlite_guard.h"
#include "sinks/typed_emit.h"

#include "base/ban.h"

/* What a column does to the values that are bound to it. */
enum bind_as {
    BIND_AS_IS,
    BIND_KEY_NUMERIC, /* without trailing zeros, so that 1.0 and 1.00 are one key */
    BIND_KEY_BPCHAR,  /* without trailing blanks */
};

/* One prepared statement and how a row goes into it. */
struct binding {
    struct mr_sq_conn *conn;
    struct sqlite3_stmt *stmt;
    const struct mr_table *table;
    const char *doing;
    struct mr_err *err;
};

static enum bind_as bind_as(const struct mr_column *column, bool key)
{
    if (key && column->type.type == MR_T_NUMERIC)
        return BIND_KEY_NUMERIC;
    if (key && column->type.type == MR_T_BPCHAR)
        return BIND_KEY_BPCHAR;
    return BIND_AS_IS;
}

static bool colset_has(const struct mr_colset *set, uint16_t col)
{
    for (uint16_t i = 0; i < set->n_cols; i++) {
        if (set->cols[i] == col)
            return true;
    }
    return false;
}

/* ---- values ---- */

static size_t canonical_numeric_len(const char *text, size_t len)
{
    if (len == 0 || memchr(text, '.', len) == NULL)
        return len;
    while (text[len - 1] == '0')
        len--;
    return text[len - 1] == '.' ? len - 1 : len;
}

static int refuse(const struct binding *to, const struct mr_column *column, enum mr_code code,
                  const char *why)
{
    int rc = mr_err_set(to->err, code, "%s", why);
    if (to->err != NULL)
        (void)mr_err_in(to->err, to->table->name, column->name);
    return rc;
}

static int bind_text(const struct binding *to, int at, uint16_t col, enum bind_as as,
                     struct mr_slice text)
{
    const char *chars = (const char *)text.data;
    size_t len = text.len;
    const struct mr_column *column = &to->table->columns[col];
    if (as == BIND_KEY_NUMERIC)
        len = canonical_numeric_len(chars, len);
    while (as == BIND_KEY_BPCHAR && len > 0 && chars[len - 1] == ' ')
        len--;
    if (sqlite3_bind_text64(to->stmt, at, chars, len, SQLITE_STATIC, SQLITE_UTF8) != SQLITE_OK)
        return refuse(to, column, MR_VALUE_TOO_LARGE, "beyond SQLite's limit of a value");
    return 0;
}

static int bind_real(const struct binding *to, int at, uint16_t col, struct mr_slice bytes)
{
    double v;
    uint64_t bits = mr_get_u64(bytes.data);
    memcpy(&v, &bits, sizeof v);
    if (isnan(v)) /* L-02 */
        return refuse(to, &to->table->columns[col], MR_VALUE_OUT_OF_RANGE,
                      "SQLite would store NaN as NULL");
    (void)sqlite3_bind_double(to->stmt, at, v);
    return 0;
}

/* Binds one field's payload as parameter `at`. */
static int bind_field(const struct binding *to, int at, uint16_t col, enum bind_as as,
                      struct mr_slice payload)
{
    struct mr_slice value = {payload.data + 1, payload.len - 1};
    switch ((enum mr_typed_form)payload.data[0]) {
    case MR_TYPED_INTEGER:
        mr_sq_bind_i64(to->stmt, at, (int64_t)mr_get_u64(value.data));
        return 0;
    case MR_TYPED_REAL:
        return bind_real(to, at, col, value);
    case MR_TYPED_TEXT:
        return bind_text(to, at, col, as, value);
    case MR_TYPED_BLOB:
        if (sqlite3_bind_blob64(to->stmt, at, value.data, value.len, SQLITE_STATIC) == SQLITE_OK)
            return 0;
        return refuse(to, &to->table->columns[col], MR_VALUE_TOO_LARGE,
                      "beyond SQLite's limit of a value");
    default:
        return mr_err_set(to->err, MR_BUG, "a tuple of another emitter");
    }
}

/* Which fields of a tuple are bound, and how; the parameter of field i is first + i. */
struct fields {
    const struct mr_colset *cols;
    const struct mr_colset *key; /* columns in canonical form */
    const uint64_t *mask;        /* NULL: none */
    bool skip_key;               /* fields of the key are not parameters of this statement */
    int first;
};

static int bind_tuple(const struct binding *to, const struct fields *fields, struct mr_slice tuple)
{
    const uint8_t *at = tuple.data + sizeof(uint16_t);
    for (uint16_t i = 0; i < fields->cols->n_cols; i++) {
        uint16_t col = fields->cols->cols[i];
        int param = fields->first + i;
        uint32_t len = mr_get_u32(at);
        at += sizeof len;
        struct mr_slice payload = {at, len == UINT32_MAX ? 0 : len};
        at += payload.len;
        bool masked = fields->mask != NULL && (fields->mask[i / 64] >> (i % 64) & 1) != 0;
        bool key = colset_has(fields->key, col);
        if (masked || (key && fields->skip_key))
            continue;
        if (len == UINT32_MAX) {
            (void)sqlite3_bind_null(to->stmt, param);
            continue;
        }
        int rc = bind_field(to, param, col, bind_as(&to->table->columns[col], key), payload);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- statements ---- */

static void add_where(struct mr_buf *sql, const struct mr_table *table, const struct mr_colset *key,
                      int first)
{
    for (uint16_t k = 0; k < key->n_cols; k++) {
        mr_buf_str(sql, k == 0 ? " WHERE " : " AND ");
        mr_sq_quote(sql, table->columns[key->cols[k]].name);
        mr_buf_fmt(sql, " = ?%d", first + k);
    }
}

static void add_names(struct mr_buf *sql, const struct mr_table *table, const struct mr_colset *set)
{
    for (uint16_t i = 0; i < set->n_cols; i++) {
        mr_buf_str(sql, i > 0 ? ", " : "");
        mr_sq_quote(sql, table->columns[set->cols[i]].name);
    }
}

static void insert_sql(struct mr_buf *sql, const struct mr_put_rows *put)
{
    mr_buf_str(sql, "INSERT INTO ");
    mr_sq_quote(sql, put->table->name);
    mr_buf_str(sql, " (");
    add_names(sql, put->table, put->cols);
    mr_buf_str(sql, ") VALUES (");
    for (uint16_t i = 0; i < put->cols->n_cols; i++)
        mr_buf_fmt(sql, "%s?%d", i > 0 ? ", " : "", i + 1);
    mr_buf_str(sql, ")");
}

/* True: each row that it puts counts as a change. */
static bool upsert_sql(struct mr_buf *sql, const struct mr_put_rows *put)
{
    insert_sql(sql, put);
    mr_buf_str(sql, " ON CONFLICT (");
    add_names(sql, put->table, put->key);
    bool first = true;
    for (uint16_t i = 0; i < put->cols->n_cols; i++) {
        uint16_t col = put->cols->cols[i];
        if (colset_has(put->key, col))
            continue;
        mr_buf_str(sql, first ? ") DO UPDATE SET " : ", ");
        mr_sq_quote(sql, put->table->columns[col].name);
        mr_buf_str(sql, " = excluded.");
        mr_sq_quote(sql, put->table->columns[col].name);
        first = false;
    }
    mr_buf_str(sql, first ? ") DO NOTHING" : "");
    return !first;
}

static void update_sql(struct mr_buf *sql, const struct mr_put_rows *put)
{
    mr_buf_str(sql, "UPDATE ");
    mr_sq_quote(sql, put->table->name);
    bool first = true;
    for (uint16_t i = 0; i < put->cols->n_cols; i++) {
        uint16_t col = put->cols->cols[i];
        bool masked = put->mask != NULL && (put->mask[i / 64] >> (i % 64) & 1) != 0;
        if (masked || colset_has(put->key, col))
            continue;
        mr_buf_str(sql, first ? " SET " : ", ");
        mr_sq_quote(sql, put->table->columns[col].name);
        mr_buf_fmt(sql, " = ?%d", i + 1);
        first = false;
    }
    if (first) { /* U-28: the row must be proven present */
        const char *name = put->table->columns[put->key->cols[0]].name;
        mr_buf_str(sql, " SET ");
        mr_sq_quote(sql, name);
        mr_buf_str(sql, " = ");
        mr_sq_quote(sql, name);
    }
    add_where(sql, put->table, put->key, put->cols->n_cols + 1);
}

static int prepare(struct binding *to, struct mr_buf *sql, struct mr_err *err)
{
    int rc = mr_buf_ok(sql) ? mr_sq_prepare(to->conn, mr_buf_cstr(sql), &to->stmt, err)
                            : mr_err_set(err, MR_NO_MEMORY, "a statement");
    mr_buf_release(sql);
    if (rc < 0 && err != NULL)
        (void)mr_err_in(err, to->table->name, NULL);
    return rc;
}

static void refused_for(struct mr_session *session, const struct mr_row *row, struct mr_err *err)
{
    session->refused = mr_refused_for(row);
    if (err != NULL)
        err->offset = row->offset;
}

/* Runs the statement with what is bound; the place is told, since one row is one statement here. */
static int run(const struct binding *to, bool insert, uint64_t *n_done)
{
    int result = sqlite3_step(to->stmt);
    int rc = 0;
    if (result == SQLITE_DONE)
        *n_done += (uint64_t)sqlite3_changes64(to->conn->db);
    else if (insert && (result == SQLITE_CONSTRAINT_PRIMARYKEY ||
                        result == SQLITE_CONSTRAINT_UNIQUE || result == SQLITE_CONSTRAINT_ROWID))
        rc = mr_err_set(to->err, MR_EXISTS, "%s", sqlite3_errmsg(to->conn->db));
    else
        rc = mr_sq_fail(to->conn, result, to->doing, to->err);
    (void)sqlite3_reset(to->stmt);
    if (rc < 0 && to->err != NULL)
        (void)mr_err_in(to->err, to->table->name, NULL);
    return rc;
}

static int put_one(const struct binding *to, const struct mr_put_rows *put, enum mr_put mode,
                   const struct mr_row *row, uint64_t *n_done)
{
    const struct fields all = {.cols = put->cols,
                               .key = put->key,
                               .mask = mode == MR_PUT_UPDATE ? put->mask : NULL,
                               .skip_key = mode == MR_PUT_UPDATE,
                               .first = 1};
    const struct fields where = {.cols = put->key, .key = put->key, .first = put->cols->n_cols + 1};
    int rc = bind_tuple(to, &all, row->tuple);
    if (rc == 0 && mode == MR_PUT_UPDATE)
        rc = bind_tuple(to, &where, row->key_tuple);
    if (rc == 0)
        rc = run(to, mode == MR_PUT_INSERT, n_done);
    return rc;
}

/* V-18: of the rows that were not updated, those that are there were kept by a trigger. */
static int missing_look(struct binding *to, const struct mr_put_rows *put)
{
    struct mr_buf sql = MR_BUF_INIT;
    const struct fields where = {.cols = put->key, .key = put->key, .first = 1};
    mr_buf_str(&sql, "SELECT 1 FROM ");
    mr_sq_quote(&sql, put->table->name);
    add_where(&sql, put->table, put->key, 1);
    int rc = prepare(to, &sql, to->err);
    for (size_t i = 0; rc == 0 && i < put->n_rows; i++) {
        if (!put->missing[i])
            continue;
        rc = bind_tuple(to, &where, put->rows[i]->key_tuple);
        if (rc == 0)
            rc = mr_sq_step(to->conn, to->stmt, to->doing, to->err);
        if (rc == 1) {
            put->missing[i] = false;
            rc = 0;
            (void)sqlite3_reset(to->stmt);
        }
    }
    return rc;
}

int mr_sq_put_rows(struct mr_session *base, const struct mr_put_rows *put, enum mr_put mode,
                   uint64_t *n_done, struct mr_err *err)
{
    struct binding to = {.table = put->table, .err = err};
    struct mr_buf sql = MR_BUF_INIT;
    bool counts = true;
    *n_done = 0;
    base->refused.known = false;
    int rc = mr_sq_session_conn(base, &to.conn, err);
    if (rc < 0 || put->n_rows == 0)
        return rc;
    if (mode != MR_PUT_INSERT && put->key->n_cols == 0)
        return mr_err_set(err, MR_BUG, "an upsert or update of a table without a key");
    switch (mode) {
    case MR_PUT_UPDATE:
        to.doing = "update";
        update_sql(&sql, put);
        break;
    case MR_PUT_UPSERT:
        to.doing = "upsert";
        counts = upsert_sql(&sql, put);
        break;
    case MR_PUT_INSERT:
    default:
        to.doing = "insert";
        insert_sql(&sql, put);
        break;
    }
    rc = prepare(&to, &sql, err);
    for (size_t i = 0; rc == 0 && i < put->n_rows; i++) {
        uint64_t n_before = *n_done;
        rc = put_one(&to, put, mode, put->rows[i], n_done);
        if (put->missing != NULL && *n_done == n_before)
            put->missing[i] = true;
        if (rc < 0)
            refused_for(base, put->rows[i], err);
    }
    if (rc == 0 && put->missing != NULL && *n_done < put->n_rows)
        rc = missing_look(&to, put);
    if (!counts) /* rows of a key alone: those that were there are as wanted */
        *n_done = put->n_rows;
    return rc;
}

/* NOLINTNEXTLINE(readability-function-size): the parameters are the interface's */
int mr_sq_delete_keys(struct mr_session *base, struct mr_table *table, const struct mr_colset *key,
                      const struct mr_row *const *rows, size_t n_rows, uint64_t *n_done,
                      struct mr_err *err)
{
    struct binding to = {.table = table, .doing = "delete", .err = err};
    struct mr_buf sql = MR_BUF_INIT;
    const struct fields where = {.cols = key, .key = key, .first = 1};
    *n_done = 0;
    base->refused.known = false;
    int rc = mr_sq_session_conn(base, &to.conn, err);
    if (rc < 0 || n_rows == 0)
        return rc;
    if (key->n_cols == 0)
        return mr_err_set(err, MR_BUG, "a delete in a table without a key");
    mr_buf_str(&sql, "DELETE FROM ");
    mr_sq_quote(&sql, table->name);
    add_where(&sql, table, key, 1);
    rc = prepare(&to, &sql, err);
    for (size_t i = 0; rc == 0 && i < n_rows; i++) {
        rc = bind_tuple(&to, &where, rows[i]->key_tuple);
        if (rc == 0)
            rc = run(&to, false, n_done);
        if (rc < 0)
            refused_for(base, rows[i], err);
    }
    return rc;
}

/* SQLite has no TRUNCATE: a DELETE without WHERE is as fast. Source: sqlite.org/lang_delete.html,
 * "The Truncate Optimization". */
int mr_sq_truncate(struct mr_session *base, struct mr_table *table, struct mr_err *err)
{
    struct binding to = {.table = table, .doing = "truncate", .err = err};
    struct mr_buf sql = MR_BUF_INIT;
    uint64_t n_done = 0;
    int rc = mr_sq_session_conn(base, &to.conn, err);
    if (rc < 0)
        return rc;
    mr_buf_str(&sql, "DELETE FROM ");
    mr_sq_quote(&sql, table->name);
    rc = prepare(&to, &sql, err);
    return rc < 0 ? rc : run(&to, false, &n_done);
}

/* E-40. */
int mr_sq_delete_match(struct mr_session *base, struct mr_table *table, const struct mr_row *row,
                       uint64_t *n_done, struct mr_err *err)
{
    struct binding to = {.table = table, .doing = "delete", .err = err};
    struct mr_buf sql = MR_BUF_INIT;
    const struct mr_colset no_key = {.n_cols = 0};
    const struct fields all = {.cols = row->cols, .key = &no_key, .mask = row->mask, .first = 1};
    uint16_t n = 0;
    *n_done = 0;
    int rc = mr_sq_session_conn(base, &to.conn, err);
    if (rc < 0)
        return rc;
    mr_buf_str(&sql, "DELETE FROM ");
    mr_sq_quote(&sql, table->name);
    mr_buf_str(&sql, " WHERE _rowid_ = (SELECT _rowid_ FROM ");
    mr_sq_quote(&sql, table->name);
    for (uint16_t i = 0; i < row->cols->n_cols; i++) {
        if (mr_row_is_masked(row->mask, i))
            continue;
        mr_buf_str(&sql, n++ == 0 ? " WHERE " : " AND ");
        mr_sq_quote(&sql, table->columns[row->cols->cols[i]].name);
        mr_buf_fmt(&sql, " COLLATE BINARY IS ?%d", i + 1);
    }
    mr_buf_str(&sql, " LIMIT 1)");
    rc = prepare(&to, &sql, err);
    if (rc == 0)
        rc = bind_tuple(&to, &all, row->tuple);
    if (rc == 0)
        rc = run(&to, false, n_done);
    if (rc < 0 && err != NULL)
        err->offset = row->offset;
    return rc;
}

/* ---- reading ---- */

/* A value as the emitter writes it. */
static void add_value(struct mr_buf *out, struct sqlite3_stmt *stmt, int at)
{
    uint64_t bits;
    double real;
    const void *bytes;
    switch (sqlite3_column_type(stmt, at)) {
    case SQLITE_INTEGER:
        mr_buf_u32(out, 9);
        mr_buf_byte(out, MR_TYPED_INTEGER);
        mr_buf_u64(out, (uint64_t)sqlite3_column_int64(stmt, at));
        break;
    case SQLITE_FLOAT:
        real = sqlite3_column_double(stmt, at);
        memcpy(&bits, &real, sizeof bits);
        mr_buf_u32(out, 9);
        mr_buf_byte(out, MR_TYPED_REAL);
        mr_buf_u64(out, bits);
        break;
    case SQLITE_TEXT:
    case SQLITE_BLOB:
        bytes = sqlite3_column_type(stmt, at) == SQLITE_TEXT
                    ? (const void *)sqlite3_column_text(stmt, at)
                    : sqlite3_column_blob(stmt, at);
        mr_buf_u32(out, (uint32_t)sqlite3_column_bytes(stmt, at) + 1);
        mr_buf_byte(out,
                    sqlite3_column_type(stmt, at) == SQLITE_TEXT ? MR_TYPED_TEXT : MR_TYPED_BLOB);
        if (bytes != NULL) /* an empty blob is NULL here */
            mr_buf_add(out, bytes, (size_t)sqlite3_column_bytes(stmt, at));
        break;
    default:
        mr_buf_u32(out, UINT32_MAX);
        break;
    }
}

static int read_one(const struct binding *to, const struct mr_read_rows *read, size_t i)
{
    const struct fields where = {.cols = read->key, .key = read->key, .first = 1};
    struct mr_buf tuple = MR_BUF_INIT;
    read->tuples[i] = (struct mr_slice){NULL, 0};
    int rc = bind_tuple(to, &where, read->keys[i]);
    if (rc == 0)
        rc = mr_sq_step(to->conn, to->stmt, to->doing, to->err);
    if (rc == 1) {
        mr_buf_u16(&tuple, read->cols->n_cols);
        for (uint16_t c = 0; c < read->cols->n_cols; c++)
            add_value(&tuple, to->stmt, c);
        read->tuples[i].len = tuple.len;
        read->tuples[i].data =
            mr_buf_ok(&tuple) ? mr_arena_copy(read->arena, tuple.data, tuple.len) : NULL;
        rc = read->tuples[i].data != NULL
                 ? 0
                 : mr_err_set(to->err, MR_NO_MEMORY, "a row of %zu bytes", tuple.len);
        (void)sqlite3_reset(to->stmt);
    }
    mr_buf_release(&tuple);
    return rc;
}

int mr_sq_read_rows(struct mr_session *base, const struct mr_read_rows *read, struct mr_err *err)
{
    struct binding to = {.table = read->table, .doing = "read", .err = err};
    struct mr_buf sql = MR_BUF_INIT;
    int rc = mr_sq_session_conn(base, &to.conn, err);
    if (rc < 0 || read->n_keys == 0)
        return rc;
    if (read->key->n_cols == 0)
        return mr_err_set(err, MR_BUG, "rows to read of a table without a key");
    mr_buf_str(&sql, "SELECT ");
    add_names(&sql, read->table, read->cols);
    mr_buf_str(&sql, " FROM ");
    mr_sq_quote(&sql, read->table->name);
    add_where(&sql, read->table, read->key, 1);
    rc = prepare(&to, &sql, err);
    for (size_t i = 0; rc == 0 && i < read->n_keys; i++)
        rc = read_one(&to, read, i);
    return rc;
}

void mr_sq_where_key(struct mr_buf *sql, const struct mr_table *table, const struct mr_colset *key)
{
    add_where(sql, table, key, 1);
}

int mr_sq_bind_key(const struct mr_sq_keyed *to, const struct mr_row *row, struct mr_err *err)
{
    const struct binding binding = {
        .conn = to->conn, .stmt = to->stmt, .table = to->table, .doing = "guard", .err = err};
    const struct fields where = {.cols = to->key, .key = to->key, .first = 1};
    return bind_tuple(&binding, &where, row->key_tuple);
}
