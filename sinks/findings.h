/* What a look at the world has found, in its order: each finding with its remedy, and the statement
 * that carries it out where there is one. A sink adds its own (look_over); who asked prints them.
 * Thread: its owner's. */
#ifndef MR_SINKS_FINDINGS_H
#define MR_SINKS_FINDINGS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum mr_finding_level {
    MR_FINDING_OK,
    MR_FINDING_NOTE,    /* worth knowing, nothing to do */
    MR_FINDING_WARNING, /* run works, but not as well or as long as it could */
    MR_FINDING_FAULT,   /* run would stop, wait or halt a table */
    MR_FINDING_SKIPPED, /* not looked at */
    MR_N_FINDING_LEVELS
};

struct mr_finding { /* texts live as long as the list; never NULL */
    enum mr_finding_level level;
    const char *check; /* which question it answers */
    const char *subject;
    const char *what;
    const char *remedy;
    const char *sql; /* without its last semicolon */
    int exit_code;   /* of a fault */
};

struct mr_findings {
    struct mr_arena arena;
    struct mr_finding *items; /* in the arena */
    size_t n;
    size_t cap;
    size_t n_lost; /* for which there was no memory */
    size_t counts[MR_N_FINDING_LEVELS];
    const char *check; /* of what is added next; "" at first */
};

void mr_findings_init(struct mr_findings *list);
void mr_findings_release(struct mr_findings *list);

/* Adds one that needs no remedy. */
void mr_findings_add(struct mr_findings *list, enum mr_finding_level level, const char *subject,
                     const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* Adds a fault: the error with its code's remedy. */
void mr_findings_fault(struct mr_findings *list, const char *subject, const struct mr_err *err);
/* Of the one that was added last: copied. */
void mr_findings_remedy(struct mr_findings *list, const char *remedy);
void mr_findings_sql(struct mr_findings *list, const char *sql);
void mr_findings_exit(struct mr_findings *list, int exit_code);

const char *mr_finding_level_name(enum mr_finding_level level); /* "ok", "not checked" ... */
/* Of the first fault; 0. */
int mr_findings_exit_code(const struct mr_findings *list);
/* An aligned list for people, and its closing line of counts. */
void mr_findings_print(const struct mr_findings *list, struct mr_buf *out);
/* The statements alone, each once, as a script; what was not looked at as comments. */
void mr_findings_script(const struct mr_findings *list, struct mr_buf *out);

#endif
