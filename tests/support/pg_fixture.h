/* The PostgreSQL sink on an emptied database of the test's own server, with one session, one table,
 * one claimed partition. Two of them are two instances. */
#ifndef MR_TESTS_SUPPORT_PG_FIXTURE_H
#define MR_TESTS_SUPPORT_PG_FIXTURE_H

#include "sinks/load.h"
#include "sinks/sink.h"
#include "tests/support/mr_test.h"
#include "tests/support/pg_rows.h"
#include "tests/support/pg_server.h"

enum { PG_FIXTURE_FAULTS = 8 };

struct pg_fixture {
    struct mr_sink_opts opts;
    struct mr_sink *sink;
    struct mr_session *session;
    struct mr_table *table;
    struct pg_rows rows;
    struct mr_load_memory memory;
    struct mr_load_stats stats;
    const struct mr_route *route; /* NULL: the defaults */
    size_t n_faults;              /* of the last run: records that were put aside */
    int64_t faults[PG_FIXTURE_FAULTS];
    struct mr_claim claim;
    struct mr_span span;
    struct mr_err err;
};

/* Fails the test with the error's whole line. `f` is a struct pg_fixture pointer. */
#define PG_OK(f, call)                                                                             \
    do {                                                                                           \
        char line_[1024];                                                                          \
        if ((call) != 0)                                                                           \
            MR_FAIL("%s: %s", #call, mr_err_line(&(f)->err, line_, sizeof line_));                 \
    } while (0)

void pg_fixture_wipe(void);                                       /* empties the database */
void pg_fixture_open(struct pg_fixture *f, const char *instance); /* sink, setup, session */
/* The same in two steps, for options of the test's own in between. */
void pg_fixture_opts(struct pg_fixture *f, const char *instance);
void pg_fixture_start(struct pg_fixture *f);
void pg_fixture_close(struct pg_fixture *f);            /* safe on a zeroed one */
void pg_fixture_claim(struct pg_fixture *f, int64_t n); /* "t" 0, span moves by n */
/* The table as the catalogue has it now, and rows of it; see pg_rows_init. */
void pg_fixture_table(struct pg_fixture *f, const char *name, const char *key, const char *cols);
int pg_fixture_begin(struct pg_fixture *f);
int pg_fixture_run(struct pg_fixture *f); /* the strategy: upsert with a key, append without */
/* begin, run, positions, commit; rolls back after an error. The next flush moves on by one. */
int pg_fixture_flush(struct pg_fixture *f);

#endif
