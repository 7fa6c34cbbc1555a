/* A sink that delegates to another one and fails where a script says so: the Nth call of an op
 * returns an error instead of (or after) the real call. The same ops interface, so whoever uses a
 * sink can be tested without faults in real sinks. Threads: as the wrapped sink; a script is set
 * while nobody calls. */
#ifndef MR_TESTS_SUPPORT_SINK_FAULT_H
#define MR_TESTS_SUPPORT_SINK_FAULT_H

#include "sinks/sink.h"

enum mr_fault_op {
    MR_OP_SETUP,
    MR_OP_PROBE,
    MR_OP_TABLE_OPEN,
    MR_OP_TABLE_APPLY,
    MR_OP_TABLE_REGISTER,
    MR_OP_POSITIONS_READ,
    MR_OP_CLAIM,
    MR_OP_SESSION_OPEN,
    MR_OP_BEGIN,
    MR_OP_SAVEPOINT,
    MR_OP_ROLLBACK_TO,
    MR_OP_RELEASE,
    MR_OP_TRUNCATE,
    MR_OP_DELETE_KEYS,
    MR_OP_PUT_ROWS,
    MR_OP_PUT_LETTERS,
    MR_OP_PUT_POSITIONS,
    MR_OP_COMMIT,
    MR_N_OPS
};

/* One line of a script. */
struct mr_fault_step {
    enum mr_fault_op op;
    uint32_t call;  /* from 1, counted a kind of op and sink since the last script */
    uint32_t times; /* how many calls from there on; 0: one */
    enum mr_code code;
    enum mr_class class;  /* with MR_DB */
    const char *sqlstate; /* with MR_DB */
    bool after;           /* the real call is made first: an answer that was lost */
    bool gate; /* the call waits for mr_sink_fault_open(); without a code it then is the real one */
    bool by_offset; /* put_rows, delete_keys: only where a row has this offset */
    int64_t offset;
};

enum { MR_FAULT_MAX_STEPS = 32 };

/* Wraps an open sink, which the caller keeps and closes after the wrapper. Gives. */
struct mr_sink *mr_sink_fault_new(struct mr_sink *real);
/* Replaces the script and starts counting anew. `n` at most MR_FAULT_MAX_STEPS. */
void mr_sink_fault_script(struct mr_sink *sink, const struct mr_fault_step *steps, size_t n);
/* Lets the calls at gates go on, now and later. Any thread. */
void mr_sink_fault_open(struct mr_sink *sink);
/* How many calls have come to a gate. Any thread. */
uint32_t mr_sink_fault_at_gate(struct mr_sink *sink);
/* Calls of an op since the last script, those that failed included. */
uint32_t mr_sink_fault_calls(struct mr_sink *sink, enum mr_fault_op op);
/* Faults of the script that were met. */
uint32_t mr_sink_fault_met(struct mr_sink *sink);

#endif
