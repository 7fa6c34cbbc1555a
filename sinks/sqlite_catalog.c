/* Owns what a SQLite file says about a table. Must not change the file. Invariants: a table's
 * version is a hash of the statements that made it and its indexes (V-13), read in the transaction
 * that uses it; tables in the cache are immutable and counted. */
#include <string.h>
#include <strings.h>

#include <sqlite3.h>

#include "sinks/sqlite.h"
#include "sinks/sqlite_look.h"

#include "base/ban.h"

/* A NUL cannot stand in a quoted name either, but names are C strings already. */
void mr_sq_quote(struct mr_buf *out, const char *name)
{
    mr_buf_byte(out, '"');
    for (const char *at = name; *at != '\0'; at++) {
        if (*at == '"')
            mr_buf_byte(out, '"');
        mr_buf_byte(out, (uint8_t)*at);
    }
    mr_buf_byte(out, '"');
}

static const char *const control_tables[] = {
    "meta", "positions", "dead_letters", "replayed_letters", "tables", "schema_changes", "tombs"};

static bool is_control_table(const struct mr_sq_sink *sink, const char *name)
{
    const char *prefix = sink->control;
    size_t len = strlen(prefix);
    if (strncasecmp(name, prefix, len) != 0 || name[len] != '_')
        return false;
    for (size_t i = 0; i < sizeof control_tables / sizeof control_tables[0]; i++) {
        if (strcasecmp(name + len + 1, control_tables[i]) == 0)
            return true;
    }
    return false;
}

static bool is_default_schema(const struct mr_sq_sink *sink, const char *schema)
{
    const char *dflt = sink->opts->schema;
    if (schema == NULL || schema[0] == '\0' || strcmp(schema, "main") == 0)
        return true;
    if (dflt == NULL || dflt[0] == '\0')
        dflt = "public"; /* design.md section 7: the default of target.schema */
    return strcmp(schema, dflt) == 0;
}

int mr_sq_table_name(const struct mr_sq_sink *sink, const char *schema, const char *name,
                     struct mr_buf *out, struct mr_err *err)
{
    if (name[0] == '\0')
        return mr_err_set(err, MR_IDENTIFIER_INVALID, "a table's name is empty");
    if (!is_default_schema(sink, schema))
        mr_buf_fmt(out, "%s.", schema);
    mr_buf_str(out, name);
    if (!mr_buf_ok(out))
        return mr_err_set(err, MR_NO_MEMORY, "a table's name");
    const char *full = mr_buf_cstr(out);
    if (strncasecmp(full, "sqlite_", 7) == 0 || is_control_table(sink, full))
        return mr_err_set(err, MR_IDENTIFIER_INVALID,
                          "\"%s\" is a name that is not free in the file", full);
    return 0;
}

/* ---- version ---- */

static int schema_cookie(struct mr_sq_conn *conn, uint64_t *out, struct mr_err *err)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = mr_sq_prepare(conn, "PRAGMA schema_version", &stmt, err);
    if (rc == 0)
        rc = mr_sq_step(conn, stmt, "read the schema version", err);
    if (rc < 0)
        return rc;
    *out = (uint64_t)sqlite3_column_int64(stmt, 0);
    (void)sqlite3_reset(stmt);
    return 0;
}

static int definition_hash(struct mr_sq_conn *conn, const char *name, uint64_t *out,
                           struct mr_err *err)
{
    struct sqlite3_stmt *stmt = NULL;
    uint64_t hash = 0;
    int rc = mr_sq_prepare(conn,
                           "SELECT type, name, coalesce(sql, '') FROM sqlite_schema"
                           " WHERE tbl_name = ?1 COLLATE NOCASE ORDER BY type, name",
                           &stmt, err);
    if (rc < 0)
        return rc;
    mr_sq_bind_text(stmt, 1, name);
    while ((rc = mr_sq_step(conn, stmt, "read a table's definition", err)) == 1) {
        for (int i = 0; i < 3; i++) {
            const char *text = mr_sq_text(stmt, i);
            hash = mr_hash(text, strlen(text), hash + 1);
        }
    }
    *out = hash;
    return rc;
}

int mr_sq_table_check(struct mr_sq_conn *conn, const struct mr_table *table, struct mr_err *err)
{
    uint64_t cookie;
    int rc = schema_cookie(conn, &cookie, err);
    if (rc < 0 || cookie == table->version.v[1])
        return rc;
    uint64_t hash;
    rc = definition_hash(conn, table->name, &hash, err);
    if (rc < 0 || hash == table->version.v[0])
        return rc;
    rc = mr_err_set(err, MR_TABLE_CHANGED, "the definition of \"%s\" is another one now",
                    table->name);
    if (err != NULL)
        (void)mr_err_in(err, table->name, NULL);
    return rc;
}

/* ---- reading ---- */

/* 1: a table, 0: nothing of that name, -MR_TARGET_VIEW; *spelled: its name as it was created. */
static int find_table(struct mr_sq_conn *conn, const char *name, struct mr_buf *spelled,
                      struct mr_err *err)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc =
        mr_sq_prepare(conn,
                      "SELECT type, name, sql FROM sqlite_schema WHERE type IN ('table', 'view')"
                      " AND name = ?1 COLLATE NOCASE",
                      &stmt, err);
    if (rc < 0)
        return rc;
    mr_sq_bind_text(stmt, 1, name);
    rc = mr_sq_step(conn, stmt, "look a table up", err);
    if (rc != 1)
        return rc;
    bool view = strcmp(mr_sq_text(stmt, 0), "view") == 0 ||
                strncasecmp(mr_sq_text(stmt, 2), "CREATE VIRTUAL", 14) == 0;
    mr_buf_str(spelled, mr_sq_text(stmt, 1));
    (void)sqlite3_reset(stmt);
    if (view)
        return mr_err_set(err, MR_TARGET_VIEW, "\"%s\" is a view or virtual table", name);
    return mr_buf_ok(spelled) ? 1 : mr_err_set(err, MR_NO_MEMORY, "a table's name");
}

static const char *arena_text(struct mr_arena *arena, const char *text)
{
    return mr_arena_copy(arena, text, strlen(text) + 1);
}

static int add_column(struct mr_table *table, struct sqlite3_stmt *stmt, struct mr_err *err)
{
    struct mr_column *column = &table->columns[table->n_columns];
    const char *declared = arena_text(&table->arena, mr_sq_text(stmt, 1));
    *column = (struct mr_column){.name = arena_text(&table->arena, mr_sq_text(stmt, 0))};
    if (declared == NULL || column->name == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "a table's columns");
    column->type = mr_sq_type_of(declared);
    column->not_null = sqlite3_column_int(stmt, 2) != 0;
    column->has_default = sqlite3_column_type(stmt, 3) != SQLITE_NULL;
    column->generated = sqlite3_column_int(stmt, 4) >= 2; /* 2 virtual, 3 stored */
    table->n_columns++;
    return 0;
}

static int alloc_columns(struct mr_sq_conn *conn, struct mr_table *table, struct mr_err *err)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = mr_sq_prepare(conn, "SELECT count(*) FROM pragma_table_xinfo(?1)", &stmt, err);
    if (rc < 0)
        return rc;
    mr_sq_bind_text(stmt, 1, table->name);
    rc = mr_sq_step(conn, stmt, "count a table's columns", err);
    if (rc < 0)
        return rc;
    int64_t n = sqlite3_column_int64(stmt, 0);
    (void)sqlite3_reset(stmt);
    if (n > MR_TABLE_MAX_COLUMNS)
        return mr_err_set(err, MR_TYPE_INCOMPATIBLE,
                          "\"%s\" has %lld columns, at most %d can be used", table->name,
                          (long long)n, (int)MR_TABLE_MAX_COLUMNS);
    table->columns = mr_arena_alloc(&table->arena, (size_t)n * sizeof table->columns[0]);
    return table->columns != NULL ? (int)n : mr_err_set(err, MR_NO_MEMORY, "a table's columns");
}

static int read_columns(struct mr_sq_conn *conn, struct mr_table *table, struct mr_err *err)
{
    struct sqlite3_stmt *stmt = NULL;
    int n_columns = alloc_columns(conn, table, err);
    if (n_columns < 0)
        return n_columns;
    int rc = mr_sq_prepare(
        conn,
        "SELECT name, type, \"notnull\", dflt_value, hidden FROM pragma_table_xinfo(?1)"
        " ORDER BY cid",
        &stmt, err);
    if (rc < 0)
        return rc;
    mr_sq_bind_text(stmt, 1, table->name);
    for (int i = 0; i < n_columns && rc >= 0; i++) {
        rc = mr_sq_step(conn, stmt, "read a table's columns", err);
        if (rc == 1)
            rc = add_column(table, stmt, err);
    }
    (void)sqlite3_reset(stmt);
    return rc;
}

/* *cols: room for the new one's columns. */
static struct mr_unique *add_unique(struct mr_table *table, uint16_t **cols)
{
    enum { MAX_UNIQUES = 64 };
    if (table->uniques == NULL)
        table->uniques = mr_arena_alloc(&table->arena, MAX_UNIQUES * sizeof table->uniques[0]);
    if (table->uniques == NULL || table->n_uniques == MAX_UNIQUES)
        return NULL;
    struct mr_unique *unique = &table->uniques[table->n_uniques];
    *cols = mr_arena_alloc(&table->arena, table->n_columns * sizeof **cols);
    if (*cols == NULL)
        return NULL;
    *unique = (struct mr_unique){.cols = *cols};
    return unique;
}

/* Each row is one column of one unique index: index name, whether primary, column number,
 * collation. The index by which a table of ours got its key later is its primary key, as it would
 * be in a target that can add one (V-10). A column by expression (-2), or one compared by another
 * collation than BINARY, makes the index useless: equal keys would not be equal bytes (F-33). */
static int read_uniques(struct mr_sq_conn *conn, struct mr_table *table, struct mr_err *err)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = mr_sq_prepare(conn,
                           "SELECT l.seq, l.origin = 'pk' OR (?2 AND l.name = ?1 || '_key' COLLATE"
                           " NOCASE), x.cid, x.coll"
                           " FROM pragma_index_list(?1) AS l, pragma_index_xinfo(l.name) AS x"
                           " WHERE l.\"unique\" = 1 AND l.partial = 0 AND x.key = 1"
                           " ORDER BY l.seq, x.seqno",
                           &stmt, err);
    if (rc < 0)
        return rc;
    mr_sq_bind_text(stmt, 1, table->name);
    mr_sq_bind_i64(stmt, 2, table->made_by_us ? 1 : 0);
    int64_t last = -1;
    bool usable = false;
    struct mr_unique *unique = NULL;
    uint16_t *cols = NULL;
    while ((rc = mr_sq_step(conn, stmt, "read a table's indexes", err)) == 1) {
        int64_t seq = sqlite3_column_int64(stmt, 0);
        if (unique == NULL || seq != last) {
            table->n_uniques = (uint16_t)(table->n_uniques + (usable ? 1 : 0));
            unique = add_unique(table, &cols);
            if (unique == NULL)
                break;
            unique->primary = sqlite3_column_int(stmt, 1) != 0;
            usable = true;
            last = seq;
        }
        int col = sqlite3_column_int(stmt, 2);
        if (col < 0 || col >= table->n_columns ||
            sqlite3_stricmp(mr_sq_text(stmt, 3), "BINARY") != 0 ||
            unique->n_cols == table->n_columns)
            usable = false;
        else
            cols[unique->n_cols++] = (uint16_t)col;
    }
    (void)sqlite3_reset(stmt);
    if (rc == 1)
        return mr_err_set(err, MR_NO_MEMORY, "a table's indexes");
    table->n_uniques = (uint16_t)(table->n_uniques + (usable ? 1 : 0));
    return rc;
}

/* INTEGER PRIMARY KEY of a rowid table is the rowid itself: no index stands for it. */
static int read_rowid_key(struct mr_sq_conn *conn, struct mr_table *table, struct mr_err *err)
{
    struct sqlite3_stmt *stmt = NULL;
    for (uint16_t i = 0; i < table->n_uniques; i++) {
        if (table->uniques[i].primary)
            return 0;
    }
    int rc = mr_sq_prepare(conn, "SELECT cid FROM pragma_table_info(?1) WHERE pk > 0", &stmt, err);
    if (rc < 0)
        return rc;
    mr_sq_bind_text(stmt, 1, table->name);
    rc = mr_sq_step(conn, stmt, "read a table's key", err);
    if (rc != 1)
        return rc;
    int col = sqlite3_column_int(stmt, 0);
    rc = mr_sq_step(conn, stmt, "read a table's key", err);
    (void)sqlite3_reset(stmt);
    if (rc != 0 || col < 0 || col >= table->n_columns)
        return rc < 0 ? rc : 0; /* several columns: their index was left out above */
    if (strcasecmp(table->columns[col].type.sql, "INTEGER") != 0)
        return 0;
    uint16_t *cols = NULL;
    struct mr_unique *unique = add_unique(table, &cols);
    if (unique == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "a table's key");
    unique->primary = true;
    unique->n_cols = 1;
    cols[0] = (uint16_t)col;
    table->n_uniques++;
    return 0;
}

/* As the other tables are spelled where they were made, not where they are referred to. */
static int read_references(struct mr_sq_conn *conn, struct mr_table *table, struct mr_err *err)
{
    enum { MAX_REFERENCES = 256 };
    struct sqlite3_stmt *stmt = NULL;
    struct mr_ref *refs = mr_arena_alloc(&table->arena, MAX_REFERENCES * sizeof *refs);
    uint16_t n = 0;
    if (refs == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "a table's foreign keys");
    int rc = mr_sq_prepare(conn,
                           "SELECT DISTINCT m.name FROM pragma_foreign_key_list(?1) AS f, "
                           "sqlite_master AS m WHERE m.type = 'table' AND "
                           "m.name = f.\"table\" COLLATE NOCASE ORDER BY 1",
                           &stmt, err);
    if (rc < 0)
        return rc;
    mr_sq_bind_text(stmt, 1, table->name);
    while ((rc = mr_sq_step(conn, stmt, "read a table's foreign keys", err)) == 1 &&
           n < MAX_REFERENCES) {
        refs[n] = (struct mr_ref){"", arena_text(&table->arena, mr_sq_text(stmt, 0))};
        if (refs[n++].name == NULL)
            break;
    }
    (void)sqlite3_reset(stmt);
    if (rc >= 0 && n > 0 && refs[n - 1].name == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "a table's foreign keys");
    table->references = refs;
    table->n_references = n;
    return rc < 0 ? rc : 0;
}

/* Before setup there is no register, and no table is ours. */
static int read_made_by_us(const struct mr_sq_sink *sink, struct mr_sq_conn *conn,
                           struct mr_table *table, struct mr_err *err)
{
    struct mr_buf name = MR_BUF_INIT;
    mr_sq_control_sql(&name, sink, "%tables");
    int rc = mr_sq_has_table(conn, mr_buf_cstr(&name), err);
    mr_buf_release(&name);
    struct sqlite3_stmt *stmt = NULL;
    if (rc == 1)
        rc = mr_sq_control_prepare(sink, conn,
                                   "SELECT 1 FROM \"%tables\" WHERE name = ?1 AND"
                                   " created_by_millrace = 1 LIMIT 1",
                                   &stmt, err);
    else
        return rc;
    if (rc < 0)
        return rc;
    mr_sq_bind_text(stmt, 1, table->name);
    rc = mr_sq_step(conn, stmt, "look a table up in the register", err);
    (void)sqlite3_reset(stmt);
    table->made_by_us = rc == 1;
    return rc < 0 ? rc : 0;
}

static int read_into(const struct mr_sq_sink *sink, struct mr_sq_conn *conn, struct mr_table *table,
                     struct mr_err *err)
{
    table->version.n_words = 1; /* the cookie rises with every table of the file */
    int rc = schema_cookie(conn, &table->version.v[1], err);
    if (rc == 0)
        rc = definition_hash(conn, table->name, &table->version.v[0], err);
    if (rc == 0)
        rc = read_columns(conn, table, err);
    if (rc == 0)
        rc = read_made_by_us(sink, conn, table, err);
    if (rc == 0)
        rc = read_uniques(conn, table, err);
    if (rc == 0)
        rc = read_rowid_key(conn, table, err);
    if (rc == 0)
        rc = read_references(conn, table, err);
    return rc;
}

int mr_sq_table_read(const struct mr_sq_sink *sink, struct mr_sq_conn *conn, const char *name,
                     struct mr_table **out, struct mr_err *err)
{
    struct mr_buf spelled = MR_BUF_INIT;
    struct mr_table *table = NULL;
    int rc = find_table(conn, name, &spelled, err);
    if (rc == 0)
        rc = mr_err_set(err, MR_TARGET_MISSING, "there is no table \"%s\" in %s", name, sink->path);
    if (rc < 0)
        goto out;
    table = mr_table_new();
    if (table == NULL) {
        rc = mr_err_set(err, MR_NO_MEMORY, "a table");
        goto out;
    }
    table->schema = "";
    table->name = arena_text(&table->arena, mr_buf_cstr(&spelled));
    rc = table->name != NULL ? read_into(sink, conn, table, err)
                             : mr_err_set(err, MR_NO_MEMORY, "a table's name");
    if (rc < 0)
        goto out;
    *out = table;
    table = NULL;
out:
    mr_table_unref(table);
    mr_buf_release(&spelled);
    return rc;
}

/* ---- cache ---- */

void mr_sq_tables_drop(struct mr_sq_sink *sink)
{
    size_t at = 0;
    struct mr_map_entry *entry;
    while ((entry = mr_map_next(&sink->tables, &at)) != NULL)
        mr_table_unref(entry->value);
    mr_map_reset(&sink->tables);
}

/* Keeps `table` under its own name; without memory it is just not kept. */
static void cache_put(struct mr_sq_sink *sink, struct mr_table *table)
{
    mr_lock_take(&sink->lock);
    if (sink->tables.n_entries >= MR_SQ_CACHED_TABLES)
        mr_sq_tables_drop(sink);
    size_t len = strlen(table->name);
    struct mr_table *old = mr_map_remove(&sink->tables, table->name, len);
    if (mr_map_put(&sink->tables, table->name, len, table) == 0)
        (void)mr_table_ref(table);
    mr_lock_drop(&sink->lock);
    mr_table_unref(old);
}

static struct mr_table *cache_find(struct mr_sq_sink *sink, const char *name)
{
    mr_lock_take(&sink->lock);
    struct mr_table *table = mr_map_find(&sink->tables, name, strlen(name));
    if (table != NULL)
        (void)mr_table_ref(table);
    mr_lock_drop(&sink->lock);
    return table;
}

static int read_and_keep(struct mr_sq_sink *sink, const char *name, struct mr_table **out,
                         struct mr_err *err)
{
    struct mr_sq_conn *conn = NULL;
    int rc = mr_sq_take(sink, MR_SQ_READ, NULL, &conn, err);
    if (rc < 0)
        return rc;
    /* One snapshot, so that columns and version belong together. */
    rc = mr_sq_exec(conn, "BEGIN", err);
    if (rc == 0)
        rc = mr_sq_table_read(sink, conn, name, out, err);
    mr_sq_rollback(conn);
    mr_sq_give(sink, MR_SQ_READ);
    if (rc == 0 && *out != NULL)
        cache_put(sink, *out);
    return rc;
}

/* NOLINTNEXTLINE(readability-function-size): the parameters are the interface's */
int mr_sq_table_open(struct mr_sink *base, const char *schema, const char *name, bool fresh,
                     struct mr_table **out, struct mr_err *err)
{
    struct mr_sq_sink *sink = mr_sq_sink(base);
    struct mr_buf full = MR_BUF_INIT;
    int rc = mr_sq_table_name(sink, schema, name, &full, err);
    if (rc == 0 && sink->opts->look_only && mr_sq_file_absent(sink)) {
        rc = mr_err_set(err, MR_TARGET_MISSING, "%s is not there yet", sink->path);
    } else if (rc == 0) {
        *out = fresh ? NULL : cache_find(sink, mr_buf_cstr(&full));
        if (*out == NULL)
            rc = read_and_keep(sink, mr_buf_cstr(&full), out, err);
    }
    mr_buf_release(&full);
    return rc;
}
