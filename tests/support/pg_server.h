/* A PostgreSQL server of the test's own: started at first use in a temporary folder, reached by a
 * unix socket, ended with the process whatever kills it. Where PostgreSQL is not installed, the
 * tests that ask for it skip by name. Also a plain connection for looking at the target beside the
 * sink under test. */
#ifndef MR_TESTS_SUPPORT_PG_SERVER_H
#define MR_TESTS_SUPPORT_PG_SERVER_H

#include <stdbool.h>

/* The URL of database `postgres` as superuser; skips the test where there is no PostgreSQL, fails
 * it where the server does not start. */
const char *pg_server_url(void);
/* The same for another role or database. The text lives until the next call. */
const char *pg_server_url_for(const char *role, const char *database);

/* Runs statements as superuser; fails the test on an error. */
void pg_server_exec(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* All rows as text: fields by '|', rows by '\n', NULL as "NULL". Lives until the next call. */
const char *pg_server_query(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Waits until the query answers `expected`, at most 20 seconds; fails the test then. */
void pg_server_await(const char *query, const char *expected);

/* A second client: runs `sql` and stays as it is, for example in an open transaction. */
void pg_server_hold(const char *sql);
bool pg_server_hold_alive(void); /* is that client's backend still there? */
void pg_server_hold_end(void);

#endif
