/* What can be told of a SQLite file before it is loaded into. Inside the SQLite sink only. */
#ifndef MR_SINKS_SQLITE_LOOK_H
#define MR_SINKS_SQLITE_LOOK_H

#include "sinks/sqlite.h"

/* Whether there is no file (yet) under the sink's path. */
bool mr_sq_file_absent(const struct mr_sq_sink *sink);
int mr_sq_look_over(struct mr_sink *sink, struct mr_look *look, struct mr_findings *findings,
                    struct mr_err *err);

#endif
