/* What a sink is asked to look at before anything is loaded (look_over of sink.h), for `millrace
 * check`. Thread: the caller's. */
#ifndef MR_SINKS_LOOK_H
#define MR_SINKS_LOOK_H

#include "sinks/findings.h"

/* One table whose rights look_over asks for. */
struct mr_look_table {
    const char *schema; /* "": the default one */
    const char *name;
    bool append;                   /* only inserted into */
    bool truncates;                /* a truncate may come */
    const char *const *statements; /* that run would do to it first */
    size_t n_statements;
};

/* What look_over is to look at: the server with its control tables, or the rights on tables. */
struct mr_look {
    const struct mr_look_table *tables; /* NULL: the server */
    size_t n_tables;
    bool letters_elsewhere; /* of the server: all but too large ones go to a topic */
    bool letters_purged;    /* of the server: old ones are removed from the table */
    bool control_absent;    /* out, of the server: they are not there (yet) */
};

struct mr_sink;

/* look_over of targets that keep nothing. */
int mr_sink_look_plain(struct mr_sink *sink, struct mr_look *look, struct mr_findings *findings,
                       struct mr_err *err);

#endif
