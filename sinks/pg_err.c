/* The server's refusals: one table from SQLSTATE to class and, where design.md names one, to a code
 * of its own (contract.md section 8). Must not decide anything else. The server's DETAIL line is
 * never taken: it holds values of the row. Source: PostgreSQL manual, Appendix A "PostgreSQL Error
 * Codes". */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <libpq-fe.h>

#include "sinks/pg.h"

#include "base/ban.h"

enum { COPY_WORDS_BYTES = 32, COPY_ROW_DIGITS = 18 };

struct sqlstate_row {
    char state[6]; /* five characters, or the first two for a whole class of SQLSTATEs */
    enum mr_class class;
    enum mr_code code;
};

/* The exact row wins over the class's. */
static const struct sqlstate_row sqlstates[] = {
    {"08", MR_CLASS_RETRY, MR_DB}, /* */
    {"57P01", MR_CLASS_RETRY, MR_DB},
    {"57P02", MR_CLASS_RETRY, MR_DB},
    {"57P03", MR_CLASS_RETRY, MR_DB},
    {"57P05", MR_CLASS_RETRY, MR_DB},
    {"25P03", MR_CLASS_RETRY, MR_DB},
    {"25P04", MR_CLASS_RETRY, MR_DB},
    {"40001", MR_CLASS_RETRY, MR_DB}, /* */
    {"40P01", MR_CLASS_RETRY, MR_DB},
    {"40002", MR_CLASS_RETRY, MR_DB}, /* */
    {"40003", MR_CLASS_RETRY, MR_COMMIT_UNKNOWN},
    {"55P03", MR_CLASS_RETRY, MR_DB}, /* */
    {"57014", MR_CLASS_RETRY, MR_DB},
    {"53", MR_CLASS_PAUSE, MR_DB},         /* */
    {"25006", MR_CLASS_RETRY, MR_DB},      /* */
    {"28", MR_CLASS_HALT, MR_TARGET_AUTH}, /* */
    {"3D000", MR_CLASS_HALT, MR_TARGET_MISSING},
    {"3F000", MR_CLASS_HALT, MR_TARGET_MISSING},
    {"42501", MR_CLASS_HALT, MR_TARGET_PRIVILEGE},
    {"42", MR_CLASS_HALT, MR_DB}, /* */
    {"42601", MR_CLASS_HALT, MR_INTERNAL_SQL},
    {"42804", MR_CLASS_HALT, MR_TYPE_INCOMPATIBLE}, /* */
    {"42846", MR_CLASS_HALT, MR_TYPE_INCOMPATIBLE},
    {"22", MR_CLASS_POISON, MR_DB},             /* */
    {"22P03", MR_CLASS_HALT, MR_INTERNAL_COPY}, /* */
    {"22P04", MR_CLASS_HALT, MR_INTERNAL_COPY},
    {"23502", MR_CLASS_POISON, MR_DB}, /* */
    {"23514", MR_CLASS_POISON, MR_DB},
    {"23P01", MR_CLASS_POISON, MR_DB},
    {"23505", MR_CLASS_POISON, MR_DB},               /* */
    {"21000", MR_CLASS_HALT, MR_INTERNAL_REDUCTION}, /* */
    {"54000", MR_CLASS_POISON, MR_DB},               /* */
    {"54001", MR_CLASS_POISON, MR_DB},
    {"54011", MR_CLASS_HALT, MR_DB},
    {"54023", MR_CLASS_HALT, MR_DB},
    {"0A000", MR_CLASS_HALT, MR_DB}, /* */
    {"58", MR_CLASS_PAUSE, MR_DB},   /* */
    {"XX", MR_CLASS_PAUSE, MR_DB},
    {"P0001", MR_CLASS_POISON, MR_DB}, /* */
    {"38", MR_CLASS_POISON, MR_DB},
    {"39", MR_CLASS_POISON, MR_DB},
    {"2F", MR_CLASS_POISON, MR_DB},
    {"44000", MR_CLASS_POISON, MR_DB},
    {"25P02", MR_CLASS_HALT, MR_INTERNAL_TXN}, /* */
    {"3B001", MR_CLASS_HALT, MR_INTERNAL_TXN},
    {"2D000", MR_CLASS_HALT, MR_INTERNAL_TXN},
    {"34000", MR_CLASS_HALT, MR_INTERNAL_TXN},
    {"26000", MR_CLASS_HALT, MR_TARGET_POOLER},
    {"23503", MR_CLASS_POISON, MR_DB}, /* Q-24; 23001 is what RESTRICT says since release 18 */
    {"23001", MR_CLASS_POISON, MR_DB},
};

static const struct sqlstate_row sqlstate_unknown = {"", MR_CLASS_HALT, MR_DB}; /* */

static const struct sqlstate_row *sqlstate_row(const char *sqlstate)
{
    const struct sqlstate_row *found = &sqlstate_unknown;
    for (size_t i = 0; i < sizeof sqlstates / sizeof sqlstates[0]; i++) {
        const struct sqlstate_row *row = &sqlstates[i];
        if (strncmp(row->state, sqlstate, 5) == 0)
            return row;
        if (strlen(row->state) == 2 && strncmp(row->state, sqlstate, 2) == 0)
            found = row;
    }
    return found;
}

enum mr_class mr_pg_class(const char *sqlstate)
{
    return sqlstate_row(sqlstate)->class;
}

/* Sets code, class and SQLSTATE by the table. */
static int fail_state(struct mr_err *err, const char *sqlstate, const char *text)
{
    const struct sqlstate_row *row = sqlstate_row(sqlstate);
    if (row->code == MR_DB)
        return mr_err_set_db(err, row->class, sqlstate, "%s", text);
    int rc = mr_err_set(err, row->code, "%s", text);
    if (err != NULL)
        (void)snprintf(err->sqlstate, sizeof err->sqlstate, "%.5s", sqlstate);
    return rc;
}

/* An input function's refusal of a value. Those of label trees, search vectors and paths have the
 * states of a wrong statement, but no place in one: the parser always says the place. Those of
 * PostGIS have the state of an internal error, and its file for all that its library refuses. */
static bool is_value_fault(const struct pg_result *res, const char *sqlstate)
{
    if (strcmp(sqlstate, "XX000") == 0) {
        const char *file = PQresultErrorField(res, PG_DIAG_SOURCE_FILE);
        return file != NULL && strcmp(file, "lwgeom_pg.c") == 0;
    }
    return (strcmp(sqlstate, "42601") == 0 || strcmp(sqlstate, "42622") == 0) &&
           PQresultErrorField(res, PG_DIAG_STATEMENT_POSITION) == NULL &&
           PQresultErrorField(res, PG_DIAG_INTERNAL_POSITION) == NULL;
}

/* libpq's own text without its last newline, as one line. */
static void one_line(char *out, size_t cap, const char *text)
{
    (void)snprintf(out, cap, "%s", text);
    size_t len = strlen(out);
    while (len > 0 && isspace((unsigned char)out[len - 1]))
        out[--len] = '\0';
    for (char *at = out; *at != '\0'; at++) {
        if (*at == '\n')
            *at = ' ';
    }
}

/* In whatever language, "COPY name, line 12, column a": nothing but words between the name and the
 * first figure. */
static uint64_t row_after(const char *text)
{
    uint64_t row = 0;
    size_t n_words = strcspn(text, "0123456789\n");
    if (n_words == 0 || n_words > COPY_WORDS_BYTES)
        return 0;
    text += n_words;
    for (int i = 0; i < COPY_ROW_DIGITS && isdigit((unsigned char)*text); i++)
        row = row * 10 + (uint64_t)(*text++ - '0');
    return isdigit((unsigned char)*text) ? 0 : row;
}

/* The last such line: what stands before it are the places of the table's own functions. */
uint64_t mr_pg_copy_row(const char *context, const char *table)
{
    static const char verb[] = "COPY ";
    const size_t n_verb = sizeof verb - 1;
    size_t n_table = strlen(table);
    uint64_t row = 0;
    for (const char *line = context;;) {
        if (strncmp(line, verb, n_verb) == 0 && strncmp(line + n_verb, table, n_table) == 0)
            row = row_after(line + n_verb + n_table);
        const char *end = strchr(line, '\n');
        if (end == NULL)
            return row;
        line = end + 1;
    }
}

static void note_row(struct mr_pg_conn *conn, const struct pg_result *res)
{
    const char *context = conn->copying != NULL ? PQresultErrorField(res, PG_DIAG_CONTEXT) : NULL;
    conn->copy_row = context != NULL ? mr_pg_copy_row(context, conn->copying) : 0;
}

int mr_pg_fail(struct mr_pg_conn *conn, const struct pg_result *res, struct mr_err *err)
{
    const char *sqlstate = res == NULL ? NULL : PQresultErrorField(res, PG_DIAG_SQLSTATE);
    if (PQstatus(conn->pq) == CONNECTION_BAD || sqlstate == NULL)
        conn->broken = true;
    if (sqlstate == NULL) {
        char text[MR_ERR_DETAIL_BYTES];
        one_line(text, sizeof text, PQerrorMessage(conn->pq));
        return mr_err_set(err, MR_TARGET_AWAY, "%s", text);
    }
    note_row(conn, res);
    const char *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    const char *constraint = PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME);
    (void)snprintf(conn->constraint, sizeof conn->constraint, "%s",
                   constraint != NULL ? constraint : "");
    char text[MR_ERR_DETAIL_BYTES];
    if (constraint != NULL && message != NULL && strstr(message, constraint) == NULL)
        (void)snprintf(text, sizeof text, "%s (constraint %s)", message, constraint);
    else
        (void)snprintf(text, sizeof text, "%s", message != NULL ? message : "no message");
    int rc = is_value_fault(res, sqlstate)
                 ? mr_err_set_db(err, MR_CLASS_POISON, sqlstate, "%s", text)
                 : fail_state(err, sqlstate, text);
    const char *schema = PQresultErrorField(res, PG_DIAG_SCHEMA_NAME);
    const char *table = PQresultErrorField(res, PG_DIAG_TABLE_NAME);
    if (err != NULL && schema != NULL && table != NULL) { /* at COMMIT nobody else knows */
        char name[MR_ERR_NAME_BYTES];
        (void)snprintf(name, sizeof name, "%s.%s", schema, table);
        (void)mr_err_in(err, name, NULL);
    }
    const char *column = PQresultErrorField(res, PG_DIAG_COLUMN_NAME);
    if (err != NULL && column != NULL)
        (void)mr_err_in(err, NULL, column);
    return rc;
}

/* "...FATAL:  28P01: password authentication failed for user ..." */
static const char *verbose_state(const char *text)
{
    for (const char *at = strstr(text, ":  "); at != NULL; at = strstr(at + 1, ":  ")) {
        size_t len = strspn(at + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        if (len == 5 && at[8] == ':')
            return at + 3;
    }
    return NULL;
}

int mr_pg_fail_connect(const char *text, struct mr_err *err)
{
    char line[MR_ERR_DETAIL_BYTES];
    one_line(line, sizeof line, text);
    char *location = strstr(line, " LOCATION:");
    if (location != NULL)
        *location = '\0';
    const char *at = verbose_state(line);
    if (at == NULL)
        return mr_err_set(err, MR_TARGET_AWAY, "%s", line);
    char sqlstate[6];
    (void)snprintf(sqlstate, sizeof sqlstate, "%.5s", at);
    return fail_state(err, sqlstate, at + 7);
}

int mr_pg_err_table(struct mr_err *err, const struct mr_table *table)
{
    char name[MR_ERR_NAME_BYTES];
    if (err == NULL)
        return 0;
    (void)snprintf(name, sizeof name, "%s.%s", table->schema, table->name);
    return mr_err_in(err, name, NULL);
}

void mr_pg_err_key(const struct mr_pg_conn *conn, const struct mr_table *table,
                   const struct mr_colset *key, struct mr_err *err)
{
    if (err->code == MR_DB && strcmp(err->sqlstate, "23505") == 0)
        err->on_key = mr_table_is_key_index(table, key->cols, key->n_cols, conn->constraint);
}

int mr_pg_cut(struct mr_pg_conn *conn, const char *point, struct mr_err *err)
{
    conn->broken = true;
    return mr_err_set(err, MR_TARGET_AWAY, "injected: %s", point);
}
