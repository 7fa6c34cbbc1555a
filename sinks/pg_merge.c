/* Statement texts for tables: names are always quoted and qualified (I-02, I-12), operators and
 * functions too (decision 033), values never stand in a text. Pure: no connection.
 *
 * Which form is fastest was measured (docs: environment, limits): COPY into a temporary table, then
 * INSERT ... SELECT ... ORDER BY key ON CONFLICT; deletes by key = ANY ($1) for keys of one column,
 * by the staging table for others. */
#include "sinks/pg_merge.h"

#include "base/ban.h"

void mr_pg_ident(struct mr_buf *sql, const char *name)
{
    mr_buf_byte(sql, '"');
    for (const char *at = name; *at != '\0'; at++) {
        if (*at == '"')
            mr_buf_byte(sql, '"');
        mr_buf_byte(sql, (uint8_t)*at);
    }
    mr_buf_byte(sql, '"');
}

void mr_pg_literal(struct mr_buf *sql, const char *text)
{
    mr_buf_byte(sql, '\'');
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\'')
            mr_buf_byte(sql, '\'');
        mr_buf_byte(sql, (uint8_t)*at);
    }
    mr_buf_byte(sql, '\'');
}

void mr_pg_table_name(struct mr_buf *sql, const struct mr_table *table)
{
    mr_pg_ident(sql, table->schema);
    mr_buf_byte(sql, '.');
    mr_pg_ident(sql, table->name);
}

void mr_pg_array_text(struct mr_buf *out, bool first, const char *text)
{
    mr_buf_str(out, first ? "{\"" : ",\"");
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\')
            mr_buf_byte(out, '\\');
        mr_buf_byte(out, (uint8_t)*at);
    }
    mr_buf_byte(out, '"');
}

void mr_pg_array_i64(struct mr_buf *out, bool first, int64_t v)
{
    mr_buf_fmt(out, "%c%lld", first ? '{' : ',', (long long)v);
}

bool mr_pg_staged_as_text(enum mr_type type)
{
    return type == MR_T_CAST || mr_is_geometry(type);
}

/* Types whose equal values can look different: the key column is then written again by an upsert,
 * so that the row equals the record's last state ('A' and 'a' of a citext, 1.0 and 1.00). Not for
 * others: setting a key column takes a stronger row lock, which foreign keys of other tables wait
 * for. */
static bool equal_may_differ(const struct mr_table *table, const struct mr_colset *key,
                             const struct mr_column *column)
{
    enum mr_type type = column->type.type;
    return mr_table_loose_key(table, key->cols, key->n_cols) != NULL ||
           mr_pg_staged_as_text(type) || type == MR_T_FLOAT4 || type == MR_T_FLOAT8 ||
           type == MR_T_INTERVAL || type == MR_T_JSONB ||
           (type == MR_T_NUMERIC && column->type.precision < 0) ||
           (type == MR_T_BPCHAR && column->type.length < 0);
}

static bool colset_has(const struct mr_colset *set, uint16_t col)
{
    for (uint16_t i = 0; i < set->n_cols; i++) {
        if (set->cols[i] == col)
            return true;
    }
    return false;
}

static bool is_masked(const uint64_t *mask, uint16_t field)
{
    return mask != NULL && ((mask[field / 64] >> (field % 64)) & 1) != 0;
}

/* What a column is staged as where that is not its own type; NULL. */
static const char *stage_type(const struct mr_column *column)
{
    return mr_pg_staged_as_text(column->type.type) ? "pg_catalog.text" : column->type.base_sql;
}

bool mr_pg_needs_stage(const struct mr_table *table, const struct mr_colset *cols)
{
    for (uint16_t i = 0; i < cols->n_cols; i++) {
        if (stage_type(&table->columns[cols->cols[i]]) != NULL)
            return true;
    }
    return false;
}

static void column_list(struct mr_buf *sql, const struct mr_table *table,
                        const struct mr_colset *cols)
{
    mr_buf_str(sql, " (");
    for (uint16_t i = 0; i < cols->n_cols; i++) {
        mr_buf_str(sql, i == 0 ? "" : ", ");
        mr_pg_ident(sql, table->columns[cols->cols[i]].name);
    }
    mr_buf_byte(sql, ')');
}

/* A staged column in the target's type. */
static void staged(struct mr_buf *sql, const struct mr_table *table, uint16_t col)
{
    const struct mr_column *column = &table->columns[col];
    mr_buf_str(sql, "s.");
    mr_pg_ident(sql, column->name);
    if (stage_type(column) != NULL)
        mr_buf_fmt(sql, "::%s", column->type.sql);
}

static void staged_list(struct mr_buf *sql, const struct mr_table *table,
                        const struct mr_colset *cols)
{
    for (uint16_t i = 0; i < cols->n_cols; i++) {
        mr_buf_str(sql, i == 0 ? "" : ", ");
        staged(sql, table, cols->cols[i]);
    }
}

static void order_by_key(struct mr_buf *sql, const struct mr_table *table,
                         const struct mr_colset *key)
{
    for (uint16_t i = 0; i < key->n_cols; i++) {
        mr_buf_str(sql, i == 0 ? " ORDER BY " : ", ");
        staged(sql, table, key->cols[i]);
    }
}

/* How the index of the key compares column `at` of it (I-12): its operator class's own equality,
 * and its collation where that makes different texts equal. Of several indexes the loosest. */
struct key_rule {
    const char *equals;
    const char *collate;
};

static struct key_rule key_rule(const struct mr_table *table, const struct mr_colset *key,
                                uint16_t at)
{
    struct key_rule rule = {"OPERATOR(pg_catalog.=)", ""};
    bool found = false;
    for (uint16_t u = 0; u < table->n_uniques; u++) {
        const struct mr_unique *unique = &table->uniques[u];
        int place = -1;
        bool covers = unique->n_cols == key->n_cols && unique->eq_ops != NULL;
        for (uint16_t i = 0; covers && i < unique->n_cols; i++) {
            covers = colset_has(key, unique->cols[i]);
            if (unique->cols[i] == key->cols[at])
                place = i;
        }
        if (!covers || place < 0 || (found && unique->loose == NULL))
            continue;
        found = true;
        rule.equals = unique->eq_ops[place];
        rule.collate = unique->collations != NULL ? unique->collations[place] : "";
        if (unique->loose != NULL)
            break;
    }
    return rule;
}

static void key_join(struct mr_buf *sql, const struct mr_table *table, const struct mr_colset *key)
{
    for (uint16_t i = 0; i < key->n_cols; i++) {
        struct key_rule rule = key_rule(table, key, i);
        mr_buf_str(sql, i == 0 ? " WHERE t." : " AND t.");
        mr_pg_ident(sql, table->columns[key->cols[i]].name);
        mr_buf_fmt(sql, " %s ", rule.equals);
        staged(sql, table, key->cols[i]);
        mr_buf_str(sql, rule.collate);
    }
}

/* F-33. The type's own sort order is the index's for all types that have but one. */
void mr_pg_groups_sql(struct mr_buf *sql, const struct mr_pg_stage_use *stage)
{
    mr_buf_str(sql, "SELECT w.n, w.g FROM (SELECT s." MR_PG_ROW_NUMBER
                    " AS n, pg_catalog.min(s." MR_PG_ROW_NUMBER ") OVER (PARTITION BY ");
    for (uint16_t i = 0; i < stage->cols->n_cols; i++) {
        mr_buf_str(sql, i == 0 ? "" : ", ");
        staged(sql, stage->table, stage->cols->cols[i]);
        mr_buf_str(sql, key_rule(stage->table, stage->cols, i).collate);
    }
    mr_buf_str(sql, ") AS g FROM pg_temp.");
    mr_pg_ident(sql, stage->name);
    mr_buf_str(sql, " s) w WHERE w.g OPERATOR(pg_catalog.<>) w.n");
}

/* T-74: the target's exact types, typmods and collations, by asking the table itself. */
void mr_pg_stage_create_sql(struct mr_buf *sql, const struct mr_pg_stage_use *stage)
{
    const struct mr_table *table = stage->table;
    mr_buf_str(sql, "CREATE TEMPORARY TABLE IF NOT EXISTS pg_temp.");
    mr_pg_ident(sql, stage->name);
    mr_buf_str(sql, " ON COMMIT DELETE ROWS AS SELECT ");
    for (uint16_t i = 0; i < stage->cols->n_cols; i++) {
        const struct mr_column *column = &table->columns[stage->cols->cols[i]];
        mr_buf_str(sql, i == 0 ? "t." : ", t.");
        mr_pg_ident(sql, column->name);
        if (stage_type(column) != NULL) {
            mr_buf_fmt(sql, "::%s AS ", stage_type(column));
            mr_pg_ident(sql, column->name);
        }
    }
    if (stage->numbered)
        mr_buf_str(sql, ", 0 AS " MR_PG_ROW_NUMBER);
    mr_buf_str(sql, " FROM ");
    mr_pg_table_name(sql, table);
    mr_buf_str(sql, " t WITH NO DATA; ");
}

void mr_pg_copy_sql(struct mr_buf *sql, const struct mr_table *table, const struct mr_colset *cols)
{
    mr_buf_str(sql, "COPY ");
    mr_pg_table_name(sql, table);
    column_list(sql, table, cols);
    mr_buf_str(sql, " FROM STDIN (FORMAT binary)");
}

void mr_pg_stage_copy_sql(struct mr_buf *sql, const struct mr_pg_stage_use *stage)
{
    mr_buf_str(sql, "COPY pg_temp.");
    mr_pg_ident(sql, stage->name);
    if (!stage->numbered) /* else in the order of its making */
        column_list(sql, stage->table, stage->cols);
    mr_buf_str(sql, " FROM STDIN (FORMAT binary)");
}

/* DO UPDATE SET only what the record carries; V-16: identity ALWAYS columns cannot be set. */
static uint16_t conflict_set(struct mr_buf *sql, const struct mr_pg_stage_use *stage,
                             const struct mr_colset *key)
{
    uint16_t n_set = 0;
    for (uint16_t i = 0; i < stage->cols->n_cols; i++) {
        uint16_t col = stage->cols->cols[i];
        const struct mr_column *column = &stage->table->columns[col];
        if (column->identity_always ||
            (colset_has(key, col) && !equal_may_differ(stage->table, key, column)))
            continue;
        mr_buf_str(sql, n_set++ == 0 ? " DO UPDATE SET " : ", ");
        mr_pg_ident(sql, column->name);
        mr_buf_str(sql, " = EXCLUDED.");
        mr_pg_ident(sql, column->name);
    }
    return n_set;
}

bool mr_pg_insert_sql(struct mr_buf *sql, const struct mr_pg_stage_use *stage,
                      const struct mr_colset *key, bool upsert)
{
    const struct mr_table *table = stage->table;
    bool identity = false;
    for (uint16_t i = 0; i < stage->cols->n_cols; i++)
        identity = identity || table->columns[stage->cols->cols[i]].identity_always;
    mr_buf_str(sql, "INSERT INTO ");
    mr_pg_table_name(sql, table);
    column_list(sql, table, stage->cols);
    mr_buf_str(sql, identity ? " OVERRIDING SYSTEM VALUE SELECT " : " SELECT ");
    staged_list(sql, table, stage->cols);
    mr_buf_str(sql, " FROM pg_temp.");
    mr_pg_ident(sql, stage->name);
    mr_buf_str(sql, " s");
    if (!upsert)
        return true;
    order_by_key(sql, table, key);
    mr_buf_str(sql, " ON CONFLICT");
    column_list(sql, table, key);
    bool sets = conflict_set(sql, stage, key) > 0;
    if (!sets)
        mr_buf_str(sql, " DO NOTHING");
    return sets;
}

/* U-28: where nothing may be written, the row is still touched, since it must be proven present. */
static void update_touch(struct mr_buf *sql, const struct mr_pg_stage_use *stage)
{
    for (uint16_t i = 0; i < stage->cols->n_cols; i++) {
        const struct mr_column *column = &stage->table->columns[stage->cols->cols[i]];
        if (column->identity_always && i + 1 < stage->cols->n_cols)
            continue;
        mr_buf_str(sql, " SET ");
        mr_pg_ident(sql, column->name);
        mr_buf_str(sql, " = t.");
        mr_pg_ident(sql, column->name);
        return;
    }
}

void mr_pg_update_sql(struct mr_buf *sql, const struct mr_pg_stage_use *stage,
                      const struct mr_colset *key, const uint64_t *mask)
{
    const struct mr_table *table = stage->table;
    mr_buf_str(sql, "UPDATE ");
    mr_pg_table_name(sql, table);
    mr_buf_str(sql, " t");
    uint16_t n_set = 0;
    for (uint16_t i = 0; i < stage->cols->n_cols; i++) {
        uint16_t col = stage->cols->cols[i];
        const struct mr_column *column = &table->columns[col];
        if (is_masked(mask, i) || column->identity_always ||
            (colset_has(key, col) && !equal_may_differ(table, key, column)))
            continue;
        mr_buf_str(sql, n_set++ == 0 ? " SET " : ", ");
        mr_pg_ident(sql, column->name);
        mr_buf_str(sql, " = ");
        staged(sql, table, col);
    }
    if (n_set == 0)
        update_touch(sql, stage);
    mr_buf_str(sql, " FROM (SELECT * FROM pg_temp.");
    mr_pg_ident(sql, stage->name);
    mr_buf_str(sql, " s");
    order_by_key(sql, table, key);
    mr_buf_str(sql, ") s");
    key_join(sql, table, key);
}

void mr_pg_missing_sql(struct mr_buf *sql, const struct mr_pg_stage_use *stage,
                       const struct mr_colset *key)
{
    mr_buf_str(sql, "SELECT s." MR_PG_ROW_NUMBER " FROM pg_temp.");
    mr_pg_ident(sql, stage->name);
    mr_buf_str(sql, " s WHERE NOT EXISTS (SELECT 1 FROM ");
    mr_pg_table_name(sql, stage->table);
    mr_buf_str(sql, " t");
    key_join(sql, stage->table, key);
    mr_buf_byte(sql, ')');
}

void mr_pg_read_sql(struct mr_buf *sql, const struct mr_pg_stage_use *stage,
                    const struct mr_colset *cols)
{
    const struct mr_table *table = stage->table;
    mr_buf_str(sql, "SELECT s." MR_PG_ROW_NUMBER);
    for (uint16_t i = 0; i < cols->n_cols; i++) {
        const struct mr_column *column = &table->columns[cols->cols[i]];
        mr_buf_str(sql, ", t.");
        mr_pg_ident(sql, column->name);
        if (stage_type(column) != NULL)
            mr_buf_fmt(sql, "::%s", stage_type(column));
    }
    mr_buf_str(sql, " FROM pg_temp.");
    mr_pg_ident(sql, stage->name);
    mr_buf_str(sql, " s, ");
    mr_pg_table_name(sql, table);
    mr_buf_str(sql, " t");
    key_join(sql, table, stage->cols);
    mr_buf_str(sql, " FOR UPDATE OF t");
}

/* How a column is compared as a whole: by its type's own equality where that tells all values apart
 * that look different; texts by their bytes; everything else by its text: the equality of figures
 * is by area, by points or within 1e-06, intervals are equal by length, and many types have none in
 * pg_catalog. */
enum match { MATCH_TEXT, MATCH_OWN, MATCH_BYTES, MATCH_VALUE };

struct match_form {
    const char *before, *after;
};

static const uint8_t matches[MR_N_TYPES] = {
    [MR_T_BOOL] = MATCH_OWN,
    [MR_T_INT2] = MATCH_OWN,
    [MR_T_INT4] = MATCH_OWN,
    [MR_T_INT8] = MATCH_OWN,
    [MR_T_OID] = MATCH_OWN,
    [MR_T_BYTEA] = MATCH_OWN,
    [MR_T_DATE] = MATCH_OWN,
    [MR_T_TIME] = MATCH_OWN,
    [MR_T_TIMETZ] = MATCH_OWN,
    [MR_T_TIMESTAMP] = MATCH_OWN,
    [MR_T_TIMESTAMPTZ] = MATCH_OWN,
    [MR_T_UUID] = MATCH_OWN,
    [MR_T_BIT] = MATCH_OWN,
    [MR_T_VARBIT] = MATCH_OWN,
    [MR_T_ENUM] = MATCH_OWN,
    [MR_T_TEXT] = MATCH_BYTES,
    /* whose equality takes other spellings of the very value for equal */
    [MR_T_NUMERIC] = MATCH_VALUE,
    [MR_T_FLOAT4] = MATCH_VALUE,
    [MR_T_FLOAT8] = MATCH_VALUE,
    [MR_T_JSONB] = MATCH_VALUE,
};

static enum match match_of(const struct mr_coltype *type)
{
    enum mr_type basic = type->type == MR_T_ARRAY ? type->elem : type->type;
    bool one_scale = basic == MR_T_NUMERIC && type->precision >= 0;
    return one_scale ? MATCH_OWN : (enum match)matches[basic];
}

static struct match_form match_form(const struct mr_coltype *type, bool by_value)
{
    enum match match = match_of(type);
    if (match == MATCH_OWN || (match == MATCH_VALUE && by_value))
        return (struct match_form){"", ""};
    if (match == MATCH_BYTES)
        return (struct match_form){"", " COLLATE pg_catalog.\"C\""};
    if (type->type == MR_T_BPCHAR) /* its text would lose its blanks */
        return (struct match_form){"pg_catalog.bpcharsend(", ")"};
    return (struct match_form){"", "::pg_catalog.text COLLATE pg_catalog.\"C\""};
}

bool mr_pg_matches_by_value(const struct mr_table *table, const struct mr_colset *cols,
                            const uint64_t *mask)
{
    for (uint16_t i = 0; i < cols->n_cols; i++) {
        if (!is_masked(mask, i) && match_of(&table->columns[cols->cols[i]].type) == MATCH_VALUE)
            return true;
    }
    return false;
}

/* (t.x = s.x OR both are null): IS NOT DISTINCT FROM would look for its `=` on the session's path,
 * where another schema's for exactly this enum or array goes before pg_catalog's for any. */
static void not_distinct(struct mr_buf *sql, const struct mr_table *table, uint16_t col,
                         const struct match_form *form)
{
    static const char *const between[] = {" OPERATOR(pg_catalog.=) ", " IS NULL AND "};
    for (int i = 0; i < 2; i++) {
        mr_buf_fmt(sql, "%s%st.", i == 0 ? "(" : " OR ", form->before);
        mr_pg_ident(sql, table->columns[col].name);
        mr_buf_fmt(sql, "%s%s%s", form->after, between[i], form->before);
        staged(sql, table, col);
        mr_buf_str(sql, form->after);
    }
    mr_buf_str(sql, " IS NULL)");
}

void mr_pg_delete_match_sql(struct mr_buf *sql, const struct mr_pg_stage_use *stage,
                            const uint64_t *mask, bool by_value)
{
    const struct mr_table *table = stage->table;
    uint16_t n = 0;
    mr_buf_str(sql, "DELETE FROM ");
    mr_pg_table_name(sql, table);
    /* a ctid names a row of one partition only */
    mr_buf_str(
        sql,
        " d WHERE (d.tableoid, d.ctid) OPERATOR(pg_catalog.=) (SELECT t.tableoid, t.ctid FROM ");
    mr_pg_table_name(sql, table);
    mr_buf_str(sql, " t, pg_temp.");
    mr_pg_ident(sql, stage->name);
    mr_buf_str(sql, " s");
    for (uint16_t i = 0; i < stage->cols->n_cols; i++) {
        const struct mr_column *column = &table->columns[stage->cols->cols[i]];
        struct match_form form = match_form(&column->type, by_value);
        if (is_masked(mask, i))
            continue;
        mr_buf_str(sql, n++ == 0 ? " WHERE " : " AND ");
        not_distinct(sql, table, stage->cols->cols[i], &form);
    }
    mr_buf_str(sql, " LIMIT 1 FOR UPDATE OF t)");
}

void mr_pg_guard_octets_sql(struct mr_buf *sql, const char *column, bool single)
{
    mr_buf_str(sql, single ? "pg_catalog.int8send(t." : "t.");
    mr_pg_ident(sql, column);
    if (single) /* the sign turned round */
        mr_buf_str(sql, " OPERATOR(pg_catalog.#) '-9223372036854775808'::pg_catalog.int8)");
}

void mr_pg_guards_sql(struct mr_buf *sql, const struct mr_pg_stage_use *stage,
                      const struct mr_guard_use *guard)
{
    mr_buf_str(sql, "SELECT s." MR_PG_ROW_NUMBER ", pg_catalog.encode(");
    mr_pg_guard_octets_sql(sql, stage->table->columns[guard->col].name, guard->single);
    mr_buf_str(sql, ", 'hex') FROM pg_temp.");
    mr_pg_ident(sql, stage->name);
    mr_buf_str(sql, " s, ");
    mr_pg_table_name(sql, stage->table);
    mr_buf_str(sql, " t");
    key_join(sql, stage->table, stage->cols);
}

void mr_pg_delete_sql(struct mr_buf *sql, const struct mr_pg_stage_use *stage)
{
    mr_buf_str(sql, "DELETE FROM ");
    mr_pg_table_name(sql, stage->table);
    mr_buf_str(sql, " t USING (SELECT * FROM pg_temp.");
    mr_pg_ident(sql, stage->name);
    mr_buf_str(sql, " s");
    order_by_key(sql, stage->table, stage->cols);
    mr_buf_str(sql, ") s");
    key_join(sql, stage->table, stage->cols);
}

/* Types whose array is sent as a parameter; the cast keeps the server from choosing text[]. */
static const char *any_type(enum mr_type type)
{
    static const char *const names[MR_N_TYPES] = {
        [MR_T_BOOL] = "bool",
        [MR_T_INT2] = "int2",
        [MR_T_INT4] = "int4",
        [MR_T_INT8] = "int8",
        [MR_T_NUMERIC] = "numeric",
        [MR_T_TEXT] = "text",
        [MR_T_VARCHAR] = "varchar",
        [MR_T_BPCHAR] = "bpchar",
        [MR_T_BYTEA] = "bytea",
        [MR_T_DATE] = "date",
        [MR_T_TIME] = "time",
        [MR_T_TIMESTAMP] = "timestamp",
        [MR_T_TIMESTAMPTZ] = "timestamptz",
        [MR_T_UUID] = "uuid",
        [MR_T_OID] = "oid",
    };
    return names[type];
}

bool mr_pg_delete_any_sql(struct mr_buf *sql, const struct mr_table *table,
                          const struct mr_colset *key)
{
    if (key->n_cols != 1)
        return false;
    const struct mr_column *column = &table->columns[key->cols[0]];
    const char *type = any_type(column->type.type);
    if (type == NULL || column->type.oid == 0)
        return false;
    mr_buf_str(sql, "DELETE FROM ");
    mr_pg_table_name(sql, table);
    mr_buf_str(sql, " t WHERE t.");
    mr_pg_ident(sql, column->name);
    struct key_rule rule = key_rule(table, key, 0);
    mr_buf_fmt(sql, " %s ANY ($1::pg_catalog.%s[]%s)", rule.equals, type, rule.collate);
    return true;
}
