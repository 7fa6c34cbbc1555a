/* Declared types of SQLite columns: what millrace declares it reads back, and users' own mean what
 * their affinity can hold (contract.md section 5.2). */
#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

#include "sinks/sqlite.h"
#include "tests/support/mr_test.h"

static struct mr_buf text;

MR_TEARDOWN
{
    mr_buf_release(&text);
}

static const char *declare(const struct mr_coltype *type)
{
    mr_buf_reset(&text);
    mr_sq_type_declare(&text, type);
    return mr_buf_cstr(&text);
}

static void check_round(const struct mr_coltype *type)
{
    const char *declared = declare(type);
    struct mr_coltype got = mr_sq_type_of(declared);
    if (got.type != type->type || got.elem != type->elem || got.length != type->length ||
        got.precision != type->precision || got.scale != type->scale)
        MR_FAIL("%s: type %d (%d) %d (%d,%d), expected %d (%d)", declared, (int)got.type,
                (int)got.elem, (int)got.length, (int)got.precision, (int)got.scale, (int)type->type,
                (int)type->elem);
}

MR_TEST("each type that millrace declares is read back as itself, alone and in an array")
{
    for (int i = MR_T_BOOL; i < MR_T_ARRAY; i++) {
        struct mr_coltype type = {.type = (enum mr_type)i, .length = -1, .precision = -1};
        check_round(&type);
        type.elem = type.type;
        type.type = MR_T_ARRAY;
        check_round(&type);
    }
    check_round(&(struct mr_coltype){.type = MR_T_VARCHAR, .length = 20, .precision = -1});
    check_round(&(struct mr_coltype){.type = MR_T_BIT, .length = 8, .precision = -1});
    check_round(
        &(struct mr_coltype){.type = MR_T_NUMERIC, .length = -1, .precision = 38, .scale = 9});
    check_round(&(struct mr_coltype){
        .type = MR_T_ARRAY, .elem = MR_T_NUMERIC, .length = -1, .precision = 10, .scale = 2});
}

/* */
MR_TEST("a type of another target is a text")
{
    MR_CHECK_STR(declare(&(struct mr_coltype){.type = MR_T_CAST}), "TEXT");
}

/* The storage class that SQLite gives the text '007' in a column of that declared type. */
static const char *stored_as(const char *declared)
{
    static char out[32];
    char sql[256];
    sqlite3 *db;
    sqlite3_stmt *stmt;
    (void)snprintf(sql, sizeof sql, "CREATE TABLE t(v %s); INSERT INTO t VALUES ('007')", declared);
    MR_CHECK_INT(sqlite3_open(":memory:", &db), SQLITE_OK);
    MR_CHECK_INT(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    MR_CHECK_INT(sqlite3_prepare_v2(db, "SELECT typeof(v) FROM t", -1, &stmt, NULL), SQLITE_OK);
    MR_CHECK_INT(sqlite3_step(stmt), SQLITE_ROW);
    (void)snprintf(out, sizeof out, "%s", (const char *)sqlite3_column_text(stmt, 0));
    (void)sqlite3_finalize(stmt);
    (void)sqlite3_close(db);
    return out;
}

/* L-03, L-04, L-05 */
MR_TEST("no type whose values are texts is declared so that SQLite makes numbers of them")
{
    for (int i = MR_T_BOOL; i < MR_T_CAST; i++) {
        struct mr_coltype type = {.type = (enum mr_type)i, .length = -1, .precision = -1};
        bool number = i <= MR_T_FLOAT8 || i == MR_T_OID;
        if (i == MR_T_ARRAY)
            type.elem = MR_T_INT4;
        const char *declared = declare(&type);
        if ((strcmp(stored_as(declared), "text") != 0) != number)
            MR_FAIL("'007' in %s is stored as %s", declared, stored_as(declared));
        if (mr_sq_type_of(declared).as_number != number)
            MR_FAIL("%s is taken for the other kind", declared);
    }
}

MR_TEST("a user's declared type means what its affinity can hold")
{
    static const struct {
        const char *declared;
        enum mr_type type;
        int32_t size;
        bool numeric;
    } cases[] = {
        {"INTEGER", MR_T_INT8, -1, true},
        {"bigint unsigned", MR_T_INT8, -1, true},
        {"varchar(255)", MR_T_VARCHAR, 255, false},
        {"VARCHAR ( 9 )", MR_T_VARCHAR, 9, false},
        {"clob", MR_T_TEXT, -1, false},
        {"", MR_T_TEXT, -1, false},
        {"BLOB", MR_T_BYTEA, -1, false},
        {"DOUBLE PRECISION", MR_T_FLOAT8, -1, true},
        {"float", MR_T_FLOAT8, -1, true},
        {"DATETIME", MR_T_TIMESTAMP, -1, true},
        {"boolean", MR_T_BOOL, -1, true},
        {"DECIMAL(10,2)", MR_T_NUMERIC, -1, true},
        {"STRING", MR_T_NUMERIC, -1, true},
        {"FLOATING POINT", MR_T_INT8, -1, true},
        {"X_ARRAY_TEXT", MR_T_TEXT, -1, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mr_coltype got = mr_sq_type_of(cases[i].declared);
        if (got.type != cases[i].type || got.length != cases[i].size ||
            got.as_number != cases[i].numeric)
            MR_FAIL("%s: type %d, length %d", cases[i].declared, (int)got.type, (int)got.length);
    }
}

MR_TEST("a declared type of any length is read without harm")
{
    char declared[4096];
    memset(declared, 'A', sizeof declared - 1);
    declared[sizeof declared - 1] = '\0';
    MR_CHECK_INT(mr_sq_type_of(declared).type, MR_T_NUMERIC);
    memcpy(declared, "VARCHAR(99999999999999999999", 28);
    (void)mr_sq_type_of(declared);
}

/* L-05, L-06 */
MR_TEST("types of PostgreSQL's own and of its extensions are declared as what holds their values")
{
    static const struct {
        enum mr_type type;
        const char *declared;
    } cases[] = {
        {MR_T_POINT, "TEXT"},           {MR_T_POLYGON, "TEXT"},
        {MR_T_LTREE, "TEXT"},           {MR_T_HSTORE, "JSONB_TEXT"},
        {MR_T_GEOMETRY, "BLOB"},        {MR_T_GEOGRAPHY, "BLOB"},
        {MR_T_VECTOR, "F8_ARRAY_TEXT"}, {MR_T_HALFVEC, "F4_ARRAY_TEXT"},
        {MR_T_SPARSEVEC, "JSONB_TEXT"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        MR_CHECK_STR(declare(&(struct mr_coltype){.type = cases[i].type}), cases[i].declared);
    MR_CHECK_STR(declare(&(struct mr_coltype){.type = MR_T_ARRAY, .elem = MR_T_LTREE}),
                 "TEXT_ARRAY_TEXT");
}
