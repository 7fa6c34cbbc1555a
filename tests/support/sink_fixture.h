/* A sink of one kind on a fresh target, for tests that run against every kind: a SQLite file in a
 * temporary folder, standard output's lines in a file, or a database of a real PostgreSQL server.
 * Reads what is in the target past the sink, with the target's own library. Thread: the test's own.
 */
#ifndef MR_TESTS_SUPPORT_SINK_FIXTURE_H
#define MR_TESTS_SUPPORT_SINK_FIXTURE_H

#include "base/buf.h"
#include "sinks/sink.h"
#include "tests/support/row_build.h"

enum mr_sink_kind { MR_KIND_SQLITE, MR_KIND_POSTGRESQL, MR_KIND_STDOUT };

struct mr_sink_fixture {
    enum mr_sink_kind kind;
    const struct mr_sink_ops *ops;
    struct mr_sink_opts opts;
    struct mr_sink *sink;
    struct mr_session *session;
    struct mr_err err;
    char target_id[MR_TARGET_ID_BYTES];
    char folder[64]; /* of this fixture; removed at its stop */
    char url[256];
    struct mr_buf text; /* of the last query */
};

/* Opens a sink on a fresh target, sets it up, and opens a session. Skips the test, with the reason,
 * where the kind's server cannot be had. */
void mr_sink_fixture_start(struct mr_sink_fixture *f, enum mr_sink_kind kind);
void mr_sink_fixture_stop(struct mr_sink_fixture *f); /* safe on a zeroed struct */

/* Another sink on the same target (another process, in effect), set up, with its own session. */
void mr_sink_fixture_twin(const struct mr_sink_fixture *f, const char *instance_id,
                          struct mr_sink_fixture *twin);

/* Runs SQL past the sink. */
void mr_sink_fixture_exec(struct mr_sink_fixture *f, const char *sql);
/* The rows of a query as text: "1|a\n2|~\n", ~ for NULL; lasts until the next query. For stdout:
 * all lines, whatever the query. */
const char *mr_sink_fixture_query(struct mr_sink_fixture *f, const char *sql);
/* The name of a control table for use in SQL. */
const char *mr_sink_fixture_control(const struct mr_sink_fixture *f, const char *table);

#endif
