/* What reading, moving and claiming positions have in common. Inside the PostgreSQL sink only. */
#ifndef MR_SINKS_PG_POSITIONS_H
#define MR_SINKS_PG_POSITIONS_H

#include "sinks/pg.h"

enum { MR_PG_POSITION_COLUMNS = 14, MR_PG_MAX_ARRAYS = 10 };

/* Select list over alias p, read by mr_pg_position_fill. */
extern const char mr_pg_position_columns[];
void mr_pg_position_fill(struct mr_position *out, const struct pg_result *res, int row);

/* Parameters that are arrays, one element a position. */
struct mr_pg_arrays {
    struct mr_buf bufs[MR_PG_MAX_ARRAYS];
    size_t n;
};
struct mr_buf *mr_pg_array_next(struct mr_pg_arrays *arrays);
int mr_pg_arrays_params(struct mr_pg_arrays *arrays, struct mr_pg_params *params,
                        struct mr_err *err);
void mr_pg_arrays_release(struct mr_pg_arrays *arrays);

/* FROM item s(topic, partition, slot, epoch, expected, next, leader_epoch, ts, envelope) of
 * parameters $2..$10. */
extern const char mr_pg_span_rows[];
/* A copy in locking order; NULL when memory is out. free(). */
struct mr_span *mr_pg_spans_sorted(const struct mr_span *spans, size_t n);

/* A statement over spans: $1 the pipeline, $2..$10 the spans, $11 `owner` where it is not NULL. */
struct mr_pg_spans_call {
    struct mr_pg_sink *sink;
    struct mr_pg_conn *conn;
    const struct mr_span *spans;
    size_t n_spans;
    const char *owner;
};
int mr_pg_spans_exec(const struct mr_pg_spans_call *call, struct mr_buf *sql,
                     struct pg_result **res, struct mr_err *err);
/* -MR_FENCED, with the first span that the target refuses and why. */
int mr_pg_fenced(const struct mr_pg_spans_call *call, struct mr_err *err);

#endif
