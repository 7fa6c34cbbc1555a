/* Everything that `run` needs, looked at without doing it: a table of checks, run in their order.
 * One whose needs have a fault is not run, and said to be not checked. Nothing is joined, claimed
 * or altered. Thread: its owner's. */
#ifndef MR_CONSUMER_CHECK_H
#define MR_CONSUMER_CHECK_H

#include "consumer/planning.h"
#include "sinks/findings.h"

struct mr_check {
    struct mr_config *config; /* borrowed; avro-c's second opinion is switched on in it */
    struct mr_findings findings;
    struct mr_planning planning;
    struct mr_planned *planned;   /* of the topic in hand */
    struct mr_tail_topic *topics; /* all of the cluster; free() */
    size_t n_topics;
    bool control_absent;          /* no positions to look at */
    struct mr_look_table *tables; /* of all routes, in the findings' arena */
    size_t n_tables;
    size_t cap_tables;
};

/* A question. */
struct mr_check_row {
    const char *name;
    const char *needs[4]; /* names of rows before it that must have no fault */
    const char *what;     /* for people */
    void (*run)(struct mr_check *check);
};
enum { MR_MAX_CHECKS = 32 };

/* Runs the rows (at most MR_MAX_CHECKS). */
void mr_check_rows(struct mr_check *check, const struct mr_check_row *rows, size_t n);

/* `config` is borrowed until mr_check_close(). */
void mr_check_open(struct mr_check *check, struct mr_config *config);
/* All that there are. What is found is in check->findings. */
void mr_check_run(struct mr_check *check);
void mr_check_close(struct mr_check *check);

/* check_source.c */
void mr_check_brokers(struct mr_check *check);
void mr_check_topics(struct mr_check *check);
void mr_check_group(struct mr_check *check);
void mr_check_letters(struct mr_check *check);
void mr_check_positions(struct mr_check *check);
/* check_target.c */
void mr_check_registries(struct mr_check *check);
void mr_check_target(struct mr_check *check);
void mr_check_tables(struct mr_check *check);
void mr_check_rights(struct mr_check *check);

#endif
