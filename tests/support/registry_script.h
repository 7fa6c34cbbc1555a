/* A registry whose HTTP answers are scripted: a list of (path, answer), taken in order. An
 * unexpected path fails the test, and script_check_all_asked() fails it for an answer that is left
 * over. Time is a fake clock's. */
#ifndef MR_TESTS_SUPPORT_REGISTRY_SCRIPT_H
#define MR_TESTS_SUPPORT_REGISTRY_SCRIPT_H

#include "base/lock.h"
#include "schemas/registry.h"

enum { SCRIPT_MAX_STEPS = 64, SCRIPT_DEADLINE_MS = 5000 };

struct script_step {
    const char *path; /* NULL: any */
    int rc;           /* of the transport */
    long status;
    uint32_t retry_after_ms;
    const char *type; /* X-Registry-ArtifactType */
    const char *body;
    uint64_t takes_ms; /* moves the fake clock */
};

/* Threads: steps are taken under the lock; the rest is the test's. */
extern struct registry_script {
    struct mr_clock_fake clock;
    struct mr_registry *registry;
    struct mr_registry_opts opts;
    struct mr_schema *schema;
    struct mr_err err;
    struct script_step steps[SCRIPT_MAX_STEPS];
    size_t n_steps;
    size_t n_asked;
    uint32_t last_timeout_ms;
    bool any_reference; /* every path below /subjects is answered by a schema of its own */
    /* Threads: a gate that holds answers back. */
    struct mr_lock lock;
    struct mr_cond cond;
    bool gate_shut;
    size_t n_at_gate;
} script;

void script_setup(void);
void script_teardown(void);
void script_start(void); /* makes script.registry of script.opts; the first get does it too */

void script_answer(const char *path, long status, const char *body); /* path NULL: any */
void script_away(const char *path);                                  /* a transport fault */
void script_pass_ms(uint64_t ms);
void script_check_all_asked(void);

/* mr_registry_get into script.schema and script.err. */
int script_get_ref(const struct mr_schema_ref *ref, const char *subject);
int script_get_id(int64_t id);
int script_get_kind(enum mr_ref_kind kind, int64_t id);
int script_get_subject(int64_t id, const char *subject);

#define SCRIPT_INT_SCHEMA "{\"schema\":\"\\\"int\\\"\"}"
#define SCRIPT_UNKNOWN "{\"error_code\":40403,\"message\":\"Schema not found\"}"

#endif
