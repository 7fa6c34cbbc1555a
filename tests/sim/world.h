/* The world of a simulated run: the log and its group, the target's server, and the processes that
 * stand between them, all of one seed. The processes run the product's own lanes, claims, poll loop
 * and flush; only what is outside of them is played here. */
#ifndef MR_TESTS_SIM_WORLD_H
#define MR_TESTS_SIM_WORLD_H

#include "base/fault.h"
#include "consumer/poller.h"
#include "tests/sim/fiber.h"

enum {
    SIM_MAX_PARTS = 5,
    SIM_MAX_LOG = 320,
    SIM_N_KEYS = 5, /* of a partition */
    SIM_MAX_PROCESSES = 40,
    SIM_MAX_LANES = 3,
    SIM_MAX_EVENTS = 128,
    SIM_MAX_CONNS = 96,
    SIM_MAX_OPS = 96, /* of one transaction */
    SIM_MAX_SAVEPOINTS = 32,
    SIM_SESSION_MS = 200
};

/* ---- the log ---- */

enum sim_kind { SIM_PUT, SIM_DELETE, SIM_BAD, SIM_GAP };
struct sim_record {
    enum sim_kind kind;
    int32_t key;     /* within its partition; unique where the table is appended to */
    int64_t version; /* of the key: rises by one */
    uint8_t key_bytes[16], value_bytes[32];
    size_t key_len, value_len;
};
struct sim_part {
    const char *stream; /* "t": the row of a key; "a": appended rows */
    int32_t partition;
    bool appended;
    struct sim_record log[SIM_MAX_LOG];
    int64_t high;
    int64_t versions[SIM_N_KEYS];
    int64_t committed; /* to the group */
    int owner;         /* the process that the group gave it to; -1: none */
    int wanted;        /* to whom it shall go */
    bool revoking;     /* its owner was asked to give it up */
};

/* ---- the target ---- */

struct sim_stored {
    bool exists;
    int64_t next, epoch;
    int conn;          /* the owner's backend; -1: none noted */
    int moved_by;      /* the process that moved it last; -1: none */
    bool moved_silent; /* and was not told so */
    int locked_by;     /* the backend that holds the row; -1 */
    /* what stands in the tables */
    int64_t rows[SIM_N_KEYS]; /* version; 0: no row */
    uint8_t n_appended[SIM_MAX_LOG];
    uint8_t n_letters[SIM_MAX_LOG];
    /* what shall stand there: the log below `next` */
    int64_t want[SIM_N_KEYS];
};

enum sim_op_kind { SIM_OP_PUT, SIM_OP_DELETE, SIM_OP_APPEND, SIM_OP_LETTER, SIM_OP_MOVE };
struct sim_op {
    enum sim_op_kind kind;
    int part;
    int64_t at, version; /* key, or number in the log, or the position to be */
};

enum sim_backend { SIM_BACKEND_FREE, SIM_BACKEND_IDLE, SIM_BACKEND_OPEN, SIM_BACKEND_COMMITS };
struct sim_conn {
    enum sim_backend state;
    int process;
    const void *client; /* NULL: it is gone */
    bool lands;         /* of SIM_BACKEND_COMMITS */
    bool landed;        /* the answer to it */
    uint64_t due_us;    /* when a COMMIT is through, or an orphan's transaction is ended; NEVER */
    struct sim_op ops[SIM_MAX_OPS];
    size_t n_ops, n_savepoints, savepoints[SIM_MAX_SAVEPOINTS];
    uint32_t noted; /* partitions that it is known as the owner of, by bit */
    int64_t noted_epoch[SIM_MAX_PARTS];
};

/* ---- processes ---- */

struct sim_event {
    enum mr_source_event_kind kind;
    int part;
};
struct sim_local { /* of a partition, in the client */
    bool assigned, end_told;
    int lane; /* -1: held */
    int64_t at;
};
struct sim_process {
    struct mr_source source;
    struct mr_sink sink;
    uint32_t id;
    bool used, running, dead, leaving, stop_asked;
    uint64_t stopped_until_us; /* SIGSTOP; 0: it runs */
    uint64_t stopped_from_us;
    struct sim_event events[SIM_MAX_EVENTS];
    uint32_t n_events, at_event;
    bool woken_poll, woken_lane[SIM_MAX_LANES], reading[SIM_MAX_LANES];
    struct sim_local local[SIM_MAX_PARTS];
    uint32_t n_outstanding;

    struct mr_env env;
    struct mr_route_rule rules[2];
    struct mr_partitions partitions;
    struct mr_targets targets;
    struct mr_claims *claims;
    struct mr_lane_shared shared;
    struct mr_lane lanes[SIM_MAX_LANES];
    struct mr_poller poller;
    bool poller_made;
};

/* Once in how many times; 0: never. Drawn for each run, all 0 while it drains. */
struct sim_faults {
    uint32_t cut;        /* a call to the target finds its connection cut */
    uint32_t half_open;  /* ... and the server does not know */
    uint32_t doubt;      /* a COMMIT has no answer */
    uint32_t late;       /* ... and the server is at it still */
    uint32_t claim_lost; /* a claim's answer */
    uint32_t changed;    /* BEGIN finds the table changed */
    uint32_t no_kill;    /* terminating a backend does not help */
    uint32_t seek;       /* a seek is refused */
    uint32_t facts;      /* the brokers do not answer */
    uint32_t slow;       /* a call takes long */
};

struct sim_world {
    uint64_t seed;
    uint32_t n_parts, n_lanes;
    struct sim_part parts[SIM_MAX_PARTS];
    struct sim_stored stored[SIM_MAX_PARTS];
    struct sim_conn conns[SIM_MAX_CONNS];
    int n_conns; /* those past it were never used in this run */
    struct sim_process processes[SIM_MAX_PROCESSES];
    uint32_t n_processes;
    uint32_t max_rows, max_wait_ms;
    struct sim_faults faults;
    uint64_t target_away_until_us;
    struct mr_sink *tables;       /* the target's catalogue: the sink that prints has one */
    struct mr_registry *registry; /* of all runs */
    struct mr_metrics *metrics;
    bool trace, memory_lacks; /* the latter once, somewhere: a process may end by it */
    char violation[320];      /* the first; "": none */
    struct {
        uint64_t commits, doubts, late, fenced, crashes, stops, lost, records;
    } n;
};
extern struct sim_world world;

extern const struct mr_source_ops sim_source_ops;
extern const struct mr_sink_ops sim_sink_ops;

/* The process whose `source` or `sink` it is. */
struct sim_process *sim_of_source(const struct mr_source *source);
struct sim_process *sim_of_sink(const struct mr_sink *sink);

/* Notes the first violation of a run, with the time. */
void sim_violate(const char *format, ...) __attribute__((format(printf, 1, 2)));
void sim_trace(const char *format, ...) __attribute__((format(printf, 1, 2)));

int sim_part_find(const char *stream, int32_t partition); /* -1: none */

/* ---- source.c ---- */
void sim_log_append(int part, enum sim_kind kind);
void sim_event_push(struct sim_process *process, enum mr_source_event_kind kind, int part);
/* What the group does by itself: members that are gone lose what they have, the rest moves. */
void sim_group_turn(void);

/* ---- server.c ---- */
void sim_server_begin(void);
/* Ends what is due: COMMITs under way, transactions whose client is gone. */
void sim_server_turn(void);
uint64_t sim_server_next_us(void);
int sim_conn_new(uint32_t process, const void *client); /* -1: none is free */
/* Moves a position in a transaction of its own. */
void sim_move_alone(int conn, int part, int64_t next);
void sim_conn_abort(int conn); /* its transaction; the backend stays */
void sim_conn_end(int conn);   /* the backend ends, unless it is at a COMMIT */
/* The client is gone: the server finds out at once, or later. */
void sim_conn_leave(int conn);
/* The row lock; false: `wait_ms` were over. Sleeps. */
bool sim_lock_rows(int conn, uint32_t parts, uint32_t wait_ms);

/* ---- process.c ---- */
struct sim_process *sim_process_start(void);
void sim_process_stop(struct sim_process *process); /* gracefully */
void sim_process_kill(struct sim_process *process); /* nothing it does has an effect from now on */

/* ---- run.c ---- */
/* One run of a seed, with that bug; false: world.violation says what was wrong. */
bool sim_run(uint64_t seed, enum mr_mutation mutation, bool trace);

#endif
