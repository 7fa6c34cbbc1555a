/* What `run` would do to the tables of a topic, found out without doing it: the schemas that its
 * last records name, or that are made of them (else the registry's newest ones), compared with the
 * table as it is, wish by wish. Nothing is altered, claimed or committed. Thread: its owner's. */
#ifndef MR_CONSUMER_PLANNING_H
#define MR_CONSUMER_PLANNING_H

#include "consumer/kafka_tail.h"
#include "consumer/targets.h"
#include "consumer/wiring.h"
#include "schemas/fit.h"

enum {
    MR_PLANNED_SCHEMAS = 32, /* pairs of key and value schema of a topic that are looked at */
    MR_PLANNED_TROUBLES = 64,
    MR_PLANNED_STATEMENTS = 64,
};

struct mr_planned_column {
    const char *name;   /* the table's; of a column that is not there, the wanted one */
    const char *field;  /* "" for a column of millrace's own, or one that no field fills */
    const char *source; /* mr_fit_source */
    const char *type;   /* after the statements, as the target spells it */
    const char *was;    /* before them; "" for a new column */
    enum mr_fit fit;
    bool key;
    bool filled; /* by the newest schema */
};

struct mr_planned_trouble {
    struct mr_err err;
    const char *sql; /* what would mend it by hand; "" where no statement does */
};

/* What the source does not send whole, by the newest schema. */
struct mr_planned_note {
    const char *column;
    bool lost;        /* always; else only an update's unchanged values (U-12) */
    const char *what; /* the two are constants */
    const char *remedy;
};

/* One topic, or one table of a topic whose records name theirs; strings live until the next one, or
 * until close. */
struct mr_planned {
    const char *topic;
    const char *table;              /* "" where the route cannot name one */
    const struct mr_target *target; /* likewise NULL; lives as long as the planning */
    const char *from; /* "records", "registry", "nothing", or "source": each record says its table,
                         and this is of the topic as a whole */
    int64_t schema_ids[MR_PLANNED_SCHEMAS];
    size_t n_schemas;
    uint64_t n_records; /* that were looked at */
    uint64_t n_bad;     /* of them, whose framing cannot be read */
    bool exists;        /* the table */
    struct mr_planned_column *columns;
    size_t n_columns;
    const char *statements[MR_PLANNED_STATEMENTS];
    size_t n_statements;
    const char *widenings[MR_PLANNED_STATEMENTS]; /* possible by hand, not done by this route */
    size_t n_widenings;
    struct mr_planned_trouble troubles[MR_PLANNED_TROUBLES];
    size_t n_troubles;
    struct mr_planned_note *notes;
    size_t n_notes;
};

struct mr_planning {
    struct mr_wiring wiring;
    struct mr_sink_opts sink_opts; /* borrowed by the two below */
    struct mr_source_opts source_opts;
    struct mr_targets targets;
    bool targets_made;
    struct mr_sink *sink;
    struct mr_kafka_tail *tail;
    struct mr_env env;
    struct mr_arena arena; /* of one struct mr_planned */
    char topic[MR_STREAM_NAME_BYTES];
    struct mr_transcode *transcode;  /* of records that are not Avro, as a lane's */
    struct planned_sources *sources; /* of that topic; NULL: its route names the table */
};

/* The configuration is borrowed. On an error close it, too. */
int mr_planning_open(struct mr_planning *planning, const struct mr_config *config,
                     struct mr_err *err);
void mr_planning_close(struct mr_planning *planning); /* safe on a zeroed one */

/* Fills `out` for one topic; 1: no route takes it. With route = "source" `out` is what is wrong
 * with the topic as a whole, and mr_planning_more() gives its tables, one after the other: 1 with
 * the next one, 0 at the end. Errors are those of brokers, registry and target that cannot be
 * asked; what is wrong with the topic or table itself is a trouble. */
int mr_planning_topic(struct mr_planning *planning, const struct mr_tail_topic *topic,
                      struct mr_planned *out, struct mr_err *err);
int mr_planning_more(struct mr_planning *planning, struct mr_planned *out, struct mr_err *err);

#endif
