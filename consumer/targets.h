/* Routes at work: which table a topic's records go to, and how that table is doing. Targets are
 * made when a topic is first met, live as long as the service, and are shared by all lanes.
 * Threads: any, by the lock; rules are immutable. */
#ifndef MR_CONSUMER_TARGETS_H
#define MR_CONSUMER_TARGETS_H

#include <regex.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/lock.h"
#include "base/map.h"
#include "consumer/breaker.h"
#include "consumer/protocol/position.h"
#include "schemas/locate.h"
#include "schemas/registry.h"
#include "schemas/route.h"
#include "sinks/load.h"

enum mr_on_bad { MR_ON_BAD_DEAD_LETTER, MR_ON_BAD_STOP, MR_ON_BAD_SKIP };
enum { MR_TARGET_NAME_BYTES = 256, MR_MAX_TARGETS = 20000 };

/* One entry of `tables`; filled by wiring, strings borrowed from the configuration. */
struct mr_route_rule {
    struct mr_route route;
    const char *label;  /* topic or regex, for people */
    const char *topic;  /* exact name; NULL: a regex */
    regex_t regex;      /* compiled, where topic is NULL */
    const char *schema; /* template; NULL */
    const char *table;  /* template; NULL: I-01 */
    bool table_shared;
    bool by_source; /* E-30: each record's source names the table */
    enum mr_on_bad on_bad;
    uint64_t fk_wait_ms; /* */
    enum mr_start start; /* where a partition without a position begins (K-06) */
    int64_t start_ms;    /* of MR_START_TIMESTAMP */
    struct mr_registry *registry;
    struct mr_breaker *breaker; /* shared by its targets; NULL: none */
};

struct mr_target {
    const struct mr_route_rule *rule;
    const struct mr_load_ops *load;
    uint32_t idx;                      /* 0..n-1 in order of making */
    char schema[MR_TARGET_NAME_BYTES]; /* "": the sink's default */
    char name[MR_TARGET_NAME_BYTES];
    char label[2 * MR_TARGET_NAME_BYTES];  /* schema.name or name, for people and metrics */
    char topic[256];                       /* the first topic that was routed here */
    char source[2 * MR_TARGET_NAME_BYTES]; /* by_source: the source's table; else "" */
    bool stem; /* by_source: stands for the topic until a record says its table; has no name */
    _Atomic uint32_t n_topics;
    _Atomic uint32_t version; /* plans of another version are stale */
    _Atomic bool halted;
    _Atomic bool truncate_told; /* that truncates cannot be carried out */
    _Atomic uint64_t rows_upserted, rows_inserted, rows_deleted, letters;
    struct mr_lock lock;                        /* rank 45: the next five */
    struct mr_err last_bad MR_GUARDED_BY(lock); /* of the last record that was put aside */
    struct mr_err fault MR_GUARDED_BY(lock);
    uint64_t retry_at_ms MR_GUARDED_BY(lock);
    uint32_t n_faults MR_GUARDED_BY(lock); /* in a row: the probe's backoff */
    char *key MR_GUARDED_BY(lock);         /* target_key.c; malloc'd; NULL: not known yet */
};

struct mr_targets {
    const struct mr_route_rule *rules;
    size_t n_rules;
    const char *dlq_topic;      /* never taken by a regex */
    const char *default_schema; /* of tables that name none; set after init; NULL: not known */
    uint32_t max_identifier_bytes;
    struct mr_env env;
    struct mr_lock lock; /* rank 15: the rest */
    struct mr_target **all MR_GUARDED_BY(lock);
    size_t n_all MR_GUARDED_BY(lock);
};

void mr_targets_init(struct mr_targets *targets, const struct mr_route_rule *rules, size_t n_rules,
                     const char *dlq_topic, uint32_t max_identifier_bytes, struct mr_env env);
void mr_targets_release(struct mr_targets *targets);

/* The target of a topic by the first rule that takes it (design.md section 5): of a rule by_source
 * its stem. 0 with *out NULL when no rule does. Errors: identifier.* (HALT). */
int mr_targets_for(struct mr_targets *targets, const char *topic, struct mr_target **out,
                   struct mr_err *err);
/* E-30: the target of the table that a record's source names. Templates may use `$db`, `$schema`
 * and `$table` of it besides the topic's groups; without any the table is `table`, in the schema
 * `schema`, or `db` where the source has none (as I-01 makes of topics).
 * Errors: identifier.*, route.too_many (HALT). */
int mr_targets_for_source(struct mr_targets *targets, const struct mr_route_rule *rule,
                          const char *topic, const struct mr_located *names, struct mr_target **out,
                          struct mr_err *err);
/* May a regex take this topic at all? Not the dead letter topic, names that begin with `_`, nor the
 * topics of contract.md E-16 to E-19. */
bool mr_topic_is_internal(const char *topic, const char *dlq_topic);
struct mr_target *mr_targets_at(struct mr_targets *targets, size_t idx); /* NULL past the end */

/* A HALT of the whole table: its records wait until the probe is due. Returns the delay in ms.
 * While a fault stands whose probe is not due, another one changes nothing. */
uint32_t mr_target_halt(struct mr_target *target, const struct mr_err *err, uint64_t now_ms);
/* 0, or the fault's -code with `err` filled and *wait_ms until the probe. */
int mr_target_fault(struct mr_target *target, uint64_t now_ms, uint32_t *wait_ms,
                    struct mr_err *err);
/* A flush of its rows succeeded. A plan alone proves nothing where the server refused a row: each
 * probe would begin the backoff anew. */
void mr_target_clear(struct mr_target *target);

#endif
