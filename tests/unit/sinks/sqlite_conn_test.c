/* What SQLite's results mean, and the bound of the cached statements. */
#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

#include "sinks/sqlite.h"
#include "tests/support/mr_test.h"

static struct mr_sq_conn conn;
static struct mr_err err;

MR_SETUP
{
    conn = (struct mr_sq_conn){.db = NULL};
    err = (struct mr_err)MR_ERR_INIT;
    MR_CHECK_INT(sqlite3_open(":memory:", &conn.db), SQLITE_OK);
}

MR_TEARDOWN
{
    mr_sq_conn_close(&conn);
}

/* */
MR_TEST("each result of SQLite has its class, by the extended code where there is one")
{
    static const struct {
        int result;
        enum mr_class class;
        const char *printed;
        bool broken;
    } cases[] = {
        {SQLITE_BUSY, MR_CLASS_RETRY, "db.55P03", false},
        {SQLITE_BUSY_SNAPSHOT, MR_CLASS_RETRY, "db.55P03", false},
        {SQLITE_FULL, MR_CLASS_PAUSE, "db.53100", false},
        {SQLITE_NOMEM, MR_CLASS_PAUSE, "db.53200", false},
        {SQLITE_IOERR_WRITE, MR_CLASS_PAUSE, "db.58030", true},
        {SQLITE_CORRUPT_INDEX, MR_CLASS_HALT, "db.XX001", true},
        {SQLITE_NOTADB, MR_CLASS_HALT, "db.XX001", true},
        {SQLITE_READONLY_DBMOVED, MR_CLASS_RETRY, "db.25006", true},
        {SQLITE_CANTOPEN_ISDIR, MR_CLASS_RETRY, "target.away", true},
        {SQLITE_PERM, MR_CLASS_HALT, "target.privilege", true},
        {SQLITE_CONSTRAINT_UNIQUE, MR_CLASS_POISON, "db.23505", false},
        {SQLITE_CONSTRAINT_PRIMARYKEY, MR_CLASS_POISON, "db.23505", false},
        {SQLITE_CONSTRAINT_NOTNULL, MR_CLASS_POISON, "db.23502", false},
        {SQLITE_CONSTRAINT_CHECK, MR_CLASS_POISON, "db.23514", false},
        {SQLITE_CONSTRAINT_FOREIGNKEY, MR_CLASS_POISON, "db.23503", false},
        {SQLITE_CONSTRAINT_VTAB, MR_CLASS_POISON, "db.23000", false},
        {SQLITE_CONSTRAINT_DATATYPE, MR_CLASS_HALT, "type.incompatible", false},
        {SQLITE_TOOBIG, MR_CLASS_POISON, "db.54000", false},
        {SQLITE_INTERRUPT, MR_CLASS_RETRY, "db.57014", false},
        {SQLITE_ERROR, MR_CLASS_HALT, "internal.sql", false},
        {SQLITE_NOLFS, MR_CLASS_HALT, "db.XX000", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char printed[64];
        conn.broken = false;
        (void)mr_sq_fail(&conn, cases[i].result, "try", &err);
        (void)mr_err_printed(&err, printed, sizeof printed);
        if (err.class != cases[i].class || strcmp(printed, cases[i].printed) != 0 ||
            conn.broken != cases[i].broken)
            MR_FAIL("result %d: %s %s, broken %d", cases[i].result, printed,
                    mr_class_name(err.class), (int)conn.broken);
    }
}

MR_TEST("a statement is prepared once, and the least used one makes room for the next")
{
    struct sqlite3_stmt *first;
    struct sqlite3_stmt *stmt;
    char sql[64];
    MR_CHECK_OK(mr_sq_prepare(&conn, "SELECT 1", &first, &err));
    for (int i = 0; i < 3 * MR_SQ_CACHED_STATEMENTS; i++) {
        (void)snprintf(sql, sizeof sql, "SELECT %d + ?1", i + 2);
        MR_CHECK_OK(mr_sq_prepare(&conn, sql, &stmt, &err));
        mr_sq_bind_i64(stmt, 1, 1);
        MR_CHECK_INT(mr_sq_step(&conn, stmt, "add", &err), 1);
        MR_CHECK_INT(sqlite3_column_int(stmt, 0), i + 3);
        MR_CHECK_OK(mr_sq_prepare(&conn, "SELECT 1", &stmt, &err));
        MR_CHECK(stmt == first);
    }
    int n_open = 0;
    for (stmt = NULL; (stmt = sqlite3_next_stmt(conn.db, stmt)) != NULL;)
        n_open++;
    MR_CHECK_INT(n_open, MR_SQ_CACHED_STATEMENTS);
}

MR_TEST("a cached statement forgets its row and what was bound to it")
{
    struct sqlite3_stmt *stmt;
    MR_CHECK_OK(mr_sq_prepare(&conn, "SELECT ?1", &stmt, &err));
    mr_sq_bind_text(stmt, 1, "text");
    MR_CHECK_INT(mr_sq_step(&conn, stmt, "select", &err), 1);
    MR_CHECK_STR(mr_sq_text(stmt, 0), "text");
    MR_CHECK_OK(mr_sq_prepare(&conn, "SELECT ?1", &stmt, &err));
    MR_CHECK_INT(mr_sq_step(&conn, stmt, "select", &err), 1);
    MR_CHECK_INT(sqlite3_column_type(stmt, 0), SQLITE_NULL);
}

MR_TEST("a statement that does not parse is an error of ours")
{
    struct sqlite3_stmt *stmt;
    MR_CHECK_INT(mr_sq_prepare(&conn, "SELEC", &stmt, &err), -MR_INTERNAL_SQL);
    MR_CHECK_INT(mr_sq_exec(&conn, "SELECT * FROM absent", &err), -MR_INTERNAL_SQL);
}
