/* contract.md section 8, row by row. */
#include "sinks/pg.h"
#include "tests/support/fake_pq.inc"

static struct pg_conn *const pq_conn = &pq.conn;

struct state_case {
    const char *state;
    enum mr_class class;
};

MR_SETUP
{
    pq_init();
}

MR_TEARDOWN
{
    pq_finish();
}

static void check(const struct state_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (mr_pg_class(cases[i].state) != cases[i].class)
            MR_FAIL("%s: %s", cases[i].state, mr_class_name(mr_pg_class(cases[i].state)));
    }
}

// Q-01..Q-04, Q-06
MR_TEST("what another try can cure is tried again")
{
    static const struct state_case cases[] = {
        {"08000", MR_CLASS_RETRY}, {"08006", MR_CLASS_RETRY}, {"08P01", MR_CLASS_RETRY},
        {"57P01", MR_CLASS_RETRY}, {"57P03", MR_CLASS_RETRY}, {"25P03", MR_CLASS_RETRY},
        {"40001", MR_CLASS_RETRY}, {"40P01", MR_CLASS_RETRY}, {"40003", MR_CLASS_RETRY},
        {"55P03", MR_CLASS_RETRY}, {"57014", MR_CLASS_RETRY}, {"25006", MR_CLASS_RETRY}};
    check(cases, sizeof cases / sizeof cases[0]);
}

//
MR_TEST("a target without room pauses")
{
    static const struct state_case cases[] = {{"53100", MR_CLASS_PAUSE}, {"53200", MR_CLASS_PAUSE},
                                              {"53300", MR_CLASS_PAUSE}, {"58000", MR_CLASS_PAUSE},
                                              {"58030", MR_CLASS_PAUSE}, {"XX000", MR_CLASS_PAUSE},
                                              {"XX001", MR_CLASS_PAUSE}, {"XX002", MR_CLASS_PAUSE}};
    check(cases, sizeof cases / sizeof cases[0]);
}

// ..Q-16, Q-18, Q-21
MR_TEST("a fault of one row is poison")
{
    static const struct state_case cases[] = {
        {"22001", MR_CLASS_POISON}, {"22P02", MR_CLASS_POISON}, {"2200N", MR_CLASS_POISON},
        {"23502", MR_CLASS_POISON}, {"23514", MR_CLASS_POISON}, {"23P01", MR_CLASS_POISON},
        {"23505", MR_CLASS_POISON}, {"54000", MR_CLASS_POISON}, {"P0001", MR_CLASS_POISON},
        {"38001", MR_CLASS_POISON}, {"44000", MR_CLASS_POISON}};
    check(cases, sizeof cases / sizeof cases[0]);
}

// ..Q-11, Q-13, Q-17..Q-19, Q-22, Q-24 (a missing parent: the table alone waits), Q-25
MR_TEST("what only a person can cure halts, and so does what is not known")
{
    static const struct state_case cases[] = {
        {"28P01", MR_CLASS_HALT},   {"3D000", MR_CLASS_HALT},   {"42501", MR_CLASS_HALT},
        {"42P01", MR_CLASS_HALT},   {"42601", MR_CLASS_HALT},   {"42P10", MR_CLASS_HALT},
        {"42804", MR_CLASS_HALT},   {"22P03", MR_CLASS_HALT},   {"22P04", MR_CLASS_HALT},
        {"21000", MR_CLASS_HALT},   {"54011", MR_CLASS_HALT},   {"0A000", MR_CLASS_HALT},
        {"25P02", MR_CLASS_HALT},   {"26000", MR_CLASS_HALT},   {"F0000", MR_CLASS_HALT},
        {"23503", MR_CLASS_POISON}, {"23001", MR_CLASS_POISON}, {"", MR_CLASS_HALT}};
    check(cases, sizeof cases / sizeof cases[0]);
}

MR_TEST("refusals that design.md names have their own code, with the SQLSTATE beside it")
{
    static const struct {
        const char *state;
        enum mr_code code;
    } cases[] = {{"42501", MR_TARGET_PRIVILEGE},
                 {"28000", MR_TARGET_AUTH},
                 {"3D000", MR_TARGET_MISSING},
                 {"42804", MR_TYPE_INCOMPATIBLE},
                 {"22P04", MR_INTERNAL_COPY},
                 {"42601", MR_INTERNAL_SQL},
                 {"21000", MR_INTERNAL_REDUCTION},
                 {"25P02", MR_INTERNAL_TXN},
                 {"26000", MR_TARGET_POOLER},
                 {"40003", MR_COMMIT_UNKNOWN},
                 {"23514", MR_DB}};
    struct mr_pg_conn conn = {.pq = pq_conn};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mr_err err = MR_ERR_INIT;
        struct pg_result res = pq_refused(cases[i].state, "why");
        res.position = "7";
        MR_CHECK_INT(mr_pg_fail(&conn, &res, &err), -(int)cases[i].code);
        MR_CHECK_STR(err.sqlstate, cases[i].state);
        MR_CHECK_STR(err.detail, "why");
        MR_CHECK_INT(err.class, mr_pg_class(cases[i].state));
        MR_CHECK(!conn.broken);
    }
}

// X-08, T-36, T-37, Q-10
MR_TEST("a type's syntax error, which has no place in the statement, is a fault of one row")
{
    static const char *const states[] = {"42601", "42622"};
    struct mr_pg_conn conn = {.pq = pq_conn};
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        struct mr_err err = MR_ERR_INIT;
        struct pg_result res = pq_refused(states[i], "syntax error in tsvector");
        MR_CHECK_INT(mr_pg_fail(&conn, &res, &err), -MR_DB);
        MR_CHECK_INT(err.class, MR_CLASS_POISON);
        MR_CHECK_STR(err.sqlstate, states[i]);
        res.position = "7";
        (void)mr_pg_fail(&conn, &res, &err);
        MR_CHECK_INT(err.class, MR_CLASS_HALT);
    }
}

// X-08, T-39, Q-20
MR_TEST("what PostGIS refuses is a fault of one row, though it calls it an internal error")
{
    struct mr_pg_conn conn = {.pq = pq_conn};
    struct mr_err err = MR_ERR_INIT;
    struct pg_result res = pq_refused("XX000", "parse error - invalid geometry");
    (void)mr_pg_fail(&conn, &res, &err);
    MR_CHECK_INT(err.class, MR_CLASS_PAUSE);
    res.file = "heapam.c";
    (void)mr_pg_fail(&conn, &res, &err);
    MR_CHECK_INT(err.class, MR_CLASS_PAUSE);
    res.file = "lwgeom_pg.c";
    MR_CHECK_INT(mr_pg_fail(&conn, &res, &err), -MR_DB);
    MR_CHECK_INT(err.class, MR_CLASS_POISON);
}

MR_TEST("a connection that ended with its error is not used again")
{
    struct mr_err err = MR_ERR_INIT;
    struct mr_pg_conn conn = {.pq = pq_conn};
    struct pg_result res = pq_refused("57P01", "terminating connection");
    pq.bad = true;
    MR_CHECK_INT(mr_pg_fail(&conn, &res, &err), -MR_DB);
    MR_CHECK_STR(err.sqlstate, "57P01");
    MR_CHECK(conn.broken);
    conn.broken = false;
    pq.error = "server closed the connection\n\tunexpectedly\n";
    MR_CHECK_INT(mr_pg_fail(&conn, NULL, &err), -MR_TARGET_AWAY);
    MR_CHECK_STR(err.detail, "server closed the connection \tunexpectedly");
    MR_CHECK(conn.broken);
}

//
MR_TEST("the row of a COPY is read from where an error happened, in any language")
{
    static const struct {
        const char *context;
        const char *table;
        uint64_t row;
    } cases[] = {{"COPY t, line 700", "t", 700},
                 {"COPY t, line 12, column a", "t", 12},
                 {"COPY t, line 12, column a\n", "t", 12},
                 {"COPY t, Zeile 3, Spalte a: \"4\"", "t", 3},
                 {"COPY t, \xe8\xa1\x8c 9, \xe5\x88\x97 a", "t", 9},
                 {"PL/pgSQL function f() line 5 at RAISE\nCOPY t, line 8", "t", 8},
                 {"SQL statement \"\nCOPY t, line 1\"\nCOPY t, line 8", "t", 8},
                 {"COPY a, line 3, line 5", "a, line 3", 5},
                 {"COPY a\nCOPY a, line 3, line 5", "a\nCOPY a, line 3", 5},
                 {"COPY t1, line 6", "t1", 6},
                 {"COPY t, line 999999999999999999", "t", 999999999999999999},
                 {"COPY t, line 9999999999999999999", "t", 0},
                 {"COPY t1, line 6", "t", 0},
                 {"COPY u, line 6", "t", 0},
                 {"COPY t", "t", 0},
                 {"COPY t, line", "t", 0},
                 {"COPY t, line\n7", "t", 0},
                 {"COPY t, which is no line of a COPY under way 7", "t", 0},
                 {"in COPY t, line 7", "t", 0},
                 {"\n\n", "t", 0},
                 {"", "t", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (mr_pg_copy_row(cases[i].context, cases[i].table) != cases[i].row)
            MR_FAIL("%s of %s", cases[i].context, cases[i].table);
}

MR_TEST("no row is named where no COPY is under way, nor by an error before")
{
    struct mr_pg_conn conn = {.pq = pq_conn, .copying = "t"};
    struct mr_err err = MR_ERR_INIT;
    struct pg_result res = pq_refused("23514", "why");
    res.context = "COPY t, line 7";
    (void)mr_pg_fail(&conn, &res, &err);
    MR_CHECK_INT(conn.copy_row, 7);
    res.context = NULL;
    (void)mr_pg_fail(&conn, &res, &err);
    MR_CHECK_INT(conn.copy_row, 0);
    res.context = "COPY t, line 7";
    conn.copying = NULL;
    (void)mr_pg_fail(&conn, &res, &err);
    MR_CHECK_INT(conn.copy_row, 0);
}
