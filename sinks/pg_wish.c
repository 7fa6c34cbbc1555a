/* Wished columns in the target's own types: those of extensions by the schema that has them, or
 * what they become without the extension (T-36, T-39, T-44, T-45). Must not alter anything. */
#include <string.h>

#include <libpq-fe.h>

#include "schemas/semantic.h"
#include "sinks/pg_ddl.h"

#include "base/ban.h"

static const char type_sql[] =
    "SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.typname) "
    "FROM pg_catalog.pg_extension x JOIN pg_catalog.pg_depend d ON d.refobjid = x.oid "
    "AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass "
    "AND d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.deptype = 'e' "
    "JOIN pg_catalog.pg_type t ON t.oid = d.objid "
    "JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace "
    "WHERE x.extname = $1::text AND t.typname = $2::text";

static int type_resolve(struct mr_pg_conn *conn, struct mr_arena *arena, struct mr_coltype *type,
                        struct mr_err *err)
{
    bool array = type->type == MR_T_ARRAY;
    enum mr_type scalar = array ? type->elem : type->type;
    const char *extension = mr_pg_extension_of(scalar);
    if (extension == NULL || type->sql != NULL)
        return 0;
    struct mr_pg_params params = {.n = 0};
    struct mr_buf text = MR_BUF_INIT;
    PGresult *res = NULL;
    mr_pg_param_text(&params, extension);
    mr_pg_param_text(&params, mr_type_name(scalar));
    int rc = mr_pg_exec_params(conn, type_sql, &params, &res, err);
    if (rc == 0 && PQntuples(res) == 0) {
        mr_semantic_fallback(type);
    } else if (rc == 0) {
        mr_buf_fmt(&text, "%s%s", PQgetvalue(res, 0, 0), array ? "[]" : "");
        type->sql =
            mr_buf_ok(&text) ? mr_arena_copy(arena, mr_buf_cstr(&text), text.len + 1) : NULL;
        if (type->sql == NULL)
            rc = mr_err_set(err, MR_NO_MEMORY, "a column's type");
    }
    mr_buf_release(&text);
    PQclear(res);
    return rc;
}

int mr_pg_wish_resolve(struct mr_pg_conn *conn, const struct mr_ddl *ddl, struct mr_arena *arena,
                       struct mr_ddl *out, struct mr_err *err)
{
    struct mr_shape_column *columns = mr_arena_alloc(arena, ddl->n_columns * sizeof *columns);
    *out = *ddl;
    if (columns == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "columns to make");
    if (ddl->n_columns > 0) /* of a record without fields: none */
        memcpy(columns, ddl->columns, ddl->n_columns * sizeof *columns);
    out->columns = columns;
    int rc = 0;
    for (uint16_t i = 0; rc == 0 && i < ddl->n_columns; i++)
        rc = type_resolve(conn, arena, &columns[i].type, err);
    return rc;
}

int mr_pg_sink_wish(struct mr_sink *base, const struct mr_ddl *ddl, struct mr_arena *arena,
                    struct mr_ddl *out, struct mr_err *err)
{
    struct mr_pg_sink *sink = (struct mr_pg_sink *)base;
    struct mr_pg_conn *conn = NULL;
    int rc = mr_pg_pool_take(&sink->pool, &conn, err);
    if (rc < 0)
        return rc;
    rc = mr_pg_wish_resolve(conn, ddl, arena, out, err);
    mr_pg_pool_give(&sink->pool, conn);
    return rc;
}
