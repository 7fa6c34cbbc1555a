/* Types that come with extensions, against a server that has them; where it has not, the test is
 * skipped by name. And what becomes of a wished column with and without them. */
#include "tests/support/pg_shown.inc"

static bool available(const char *extension)
{
    return strcmp(pg_server_query("SELECT count(*) FROM pg_available_extensions WHERE name = '%s'",
                                  extension),
                  "0") != 0;
}

VALUE(v_label, text(out, to, "a.b", 3))

static void v_pairs(struct mr_buf *out, const struct mr_emit_ops *emit, const struct mr_coltype *to)
{
    static const struct mr_pair pairs[] = {{0, 1, 0, UINT32_MAX}, {1, 2, 3, 0}};
    emit->pairs(out, to,
                &(struct mr_pairs){.n = 2, .pairs = pairs, .text = (const uint8_t *)"ab\""});
}

static void v_no_pairs(struct mr_buf *out, const struct mr_emit_ops *emit,
                       const struct mr_coltype *to)
{
    emit->pairs(out, to, &(struct mr_pairs){.n = 0});
}

static void v_sets(struct mr_buf *out, const struct mr_emit_ops *emit, const struct mr_coltype *to)
{
    struct mr_coltype elem = {.type = to->elem, .oid = to->elem_oid};
    size_t at = emit->array_begin(out, to, 1, false);
    v_no_pairs(out, emit, &elem);
    emit->array_end(out, to, at);
}

// T-36, T-38
MR_TEST("labels and pairs arrive as they were sent")
{
    static const struct type_case cases[] = {
        {"ext.ltree", v_label, "a.b"},
        {"ext.hstore", v_pairs, "\"a\"=>NULL, \"b\\\"\"=>\"\""},
        {"ext.hstore", v_no_pairs, ""},
        {"ext.hstore[]", v_sets, "{\"\"}"},
    };
    if (!available("ltree") || !available("hstore"))
        MR_SKIP("PostgreSQL's contrib extensions ltree and hstore are not installed");
    pg_server_exec(
        "DROP SCHEMA IF EXISTS ext CASCADE; CREATE SCHEMA ext; CREATE EXTENSION ltree SCHEMA ext; "
        "CREATE EXTENSION hstore SCHEMA ext");
    check(cases, sizeof cases / sizeof cases[0]);
}

/* The point (1.5, -2) with SRID 4326. */
static const uint8_t ewkb[] = {1, 1, 0,    0,    0x20, 0xe6, 0x10, 0, 0, 0, 0, 0,   0,
                               0, 0, 0xf8, 0x3f, 0,    0,    0,    0, 0, 0, 0, 0xc0};
VALUE(v_geometry, bytes(out, to, ewkb, sizeof ewkb))
VALUE(v_wkt, text(out, to, "SRID=4326;POINT(1.5 -2)", 23))
#define SHOWN "0101000020E6100000000000000000F83F00000000000000C0"
VALUE(v_geometries, text(out, to, "{\"" SHOWN "\":\"" SHOWN "\"}", sizeof SHOWN * 2 + 5))

// T-39, T-60, X-08
MR_TEST("geometries arrive with their SRID, as bytes and as text")
{
    static const char shown_as[] = SHOWN;
    static const struct type_case cases[] = {
        {"ext.geometry", v_geometry, shown_as},
        {"ext.geometry(Point,4326)", v_geometry, shown_as},
        {"ext.geometry", v_wkt, shown_as},
        {"ext.geography", v_geometry, shown_as},
        {"ext.geometry[]", v_geometries, "{" SHOWN ":" SHOWN "}"},
        {"ext.geography[]", v_geometries, "{" SHOWN ":" SHOWN "}"},
    };
    if (!available("postgis"))
        MR_SKIP("PostGIS is not installed");
    pg_server_exec("DROP SCHEMA IF EXISTS ext CASCADE; CREATE SCHEMA ext; CREATE EXTENSION postgis "
                   "SCHEMA ext");
    check(cases, sizeof cases / sizeof cases[0]);
    MR_CHECK_INT(f.table->columns[1].type.type, MR_T_CAST);
    MR_CHECK_INT(f.table->columns[1].type.elem, MR_T_GEOGRAPHY);
}

#define ELEMENTS(...)                                                                              \
    .n = sizeof((const double[]){__VA_ARGS__}) / sizeof(double), .v = (const double[])             \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
VALUE(v_dense, vector(out, to, &(struct mr_vector){.dim = 3, ELEMENTS(1, -2.5, 0.1)}))
/* 6.1e-5 is the least normal binary16, 1e-7 below half of the least of all, 2049 between two. */
VALUE(v_half, vector(out, to,
                     &(struct mr_vector){.dim = 6,
                                         ELEMENTS(65504, -6.103515625e-05, 5.9604644775390625e-08,
                                                  1e-08, 2049, 2051)}))
VALUE(v_sparse,
      vector(out, to,
             &(struct mr_vector){.dim = 5, .idx = (const int32_t[]){0, 2}, ELEMENTS(1.5, 2)}))
static const int32_t no_idx[1];
VALUE(v_nothing, vector(out, to, &(struct mr_vector){.dim = 5, .idx = no_idx}))

// T-44, T-45, P-34; case 132
MR_TEST("vectors arrive as they were sent, in each of pgvector's types")
{
    static const struct type_case cases[] = {
        {"ext.vector", v_dense, "[1,-2.5,0.1]"},
        {"ext.vector(3)", v_dense, "[1,-2.5,0.1]"},
        {"ext.halfvec(6)", v_half, "[65504,-6.1035156e-05,5.9604645e-08,0,2048,2052]"},
        {"ext.sparsevec", v_sparse, "{1:1.5,3:2}/5"},
        {"ext.sparsevec(5)", v_nothing, "{}/5"},
    };
    if (!available("vector"))
        MR_SKIP("pgvector is not installed");
    pg_server_exec(
        "DROP SCHEMA IF EXISTS ext CASCADE; CREATE SCHEMA ext; CREATE EXTENSION vector SCHEMA ext");
    check(cases, sizeof cases / sizeof cases[0]);
    MR_CHECK_INT(f.table->columns[1].type.length, 5);
}

static const char *made(const char *name)
{
    static const enum mr_type types[] = {MR_T_LTREE,   MR_T_GEOMETRY,  MR_T_GEOGRAPHY, MR_T_VECTOR,
                                         MR_T_HALFVEC, MR_T_SPARSEVEC, MR_T_HSTORE,    MR_T_POINT};
    struct mr_shape_column columns[9];
    for (size_t i = 0; i < 8; i++)
        columns[i] =
            (struct mr_shape_column){.name = mr_type_name(types[i]),
                                     .type = {.type = types[i], .length = -1, .precision = -1}};
    columns[8] = (struct mr_shape_column){
        .name = "l",
        .type = {.type = MR_T_ARRAY, .elem = MR_T_LTREE, .length = -1, .precision = -1}};
    struct mr_ddl ddl = {.kind = MR_DDL_CREATE, .columns = columns, .n_columns = 9};
    PG_OK(&f, f.sink->ops->table_apply(f.sink, NULL, name, &ddl, &f.err));
    return pg_server_query("SELECT string_agg(format_type(atttypid, atttypmod), ', ' "
                           "ORDER BY attnum) FROM pg_attribute WHERE attrelid = '%s'::regclass "
                           "AND attnum > 0",
                           name);
}

// T-36, T-39, T-44, T-45
MR_TEST("a wished column has its extension's type, by its schema, or the fallback")
{
    pg_server_exec("DROP SCHEMA IF EXISTS ext CASCADE");
    MR_CHECK_STR(made("bare"), "text, bytea, bytea, double precision[], real[], jsonb, jsonb, "
                               "point, text[]");
    if (!available("ltree"))
        MR_SKIP("PostgreSQL's contrib extension ltree is not installed");
    pg_server_exec("CREATE SCHEMA \"My Ext\"; CREATE EXTENSION ltree SCHEMA \"My Ext\"");
    MR_CHECK_STR(made("rich"), "\"My Ext\".ltree, bytea, bytea, double precision[], real[], jsonb, "
                               "jsonb, point, \"My Ext\".ltree[]");
    pg_fixture_table(&f, "rich", "geometry", NULL);
    MR_CHECK_INT(f.table->columns[0].type.type, MR_T_LTREE);
    MR_CHECK_INT(f.table->columns[8].type.elem, MR_T_LTREE);
}

// V-11
MR_TEST("a wish for no columns is one for none")
{
    struct mr_arena arena;
    struct mr_ddl none = {.kind = MR_DDL_CREATE};
    struct mr_ddl wish = {.n_columns = 1};
    mr_arena_init(&arena, 4096, 65536);
    PG_OK(&f, f.sink->ops->wish_resolve(f.sink, &none, &arena, &wish, &f.err));
    MR_CHECK_INT(wish.n_columns, 0);
    mr_arena_release(&arena);
}
