/* Loading one schema from the registry: requests, what their answers mean (contract.md H-01..H-10),
 * and the tree of references (F-41). Inside of registry.c; no cache, no threads: a load belongs to
 * the thread whose flight it is. */
#ifndef MR_SCHEMAS_REGISTRY_LOAD_H
#define MR_SCHEMAS_REGISTRY_LOAD_H

#include "schemas/registry_disk.h"

/* F-41, F-47. */
enum {
    REGISTRY_MAX_ANSWER_BYTES = 16 * 1024 * 1024,
    REGISTRY_MAX_ANSWER_DEPTH = 512,
    REGISTRY_MAX_ANSWER_VALUES = 200000,
    REGISTRY_MAX_REF_DEPTH = 32,
    REGISTRY_MAX_REF_SCHEMAS = 1000,
    REGISTRY_MAX_RETRY_AFTER_MS = 300 * 1000
};

/* What an attempt came to; the error says the rest. */
enum registry_verdict {
    REGISTRY_LOADED,
    REGISTRY_NOT_NOW, /* RETRY without counting: H-01, H-06, H-08, the deadline */
    REGISTRY_MISSING, /* POISON at the fifth: H-03, H-04 */
    REGISTRY_STRANGE, /* HALT at the fifth: H-09 */
    REGISTRY_REFUSED, /* POISON at once: H-07, H-10, F-12, F-41, F-47 */
    REGISTRY_STOPPED  /* HALT at once: H-02, H-05 */
};

/* What all loads of a registry share. */
struct registry_link {
    const struct mr_registry_fetch_ops *fetch;
    void *conn;
    struct mr_env env; /* only its clock is used */
    enum mr_registry_kind kind;
    uint32_t timeout_ms;
    struct mr_schema_opts schema;
    bool check_with_avro_c;
    struct registry_disk disk;      /* owned texts; dir "": none */
    _Atomic uint64_t not_before_ms; /* H-06: no request before */
    _Atomic uint64_t n_requests;
    _Atomic uint64_t n_disagreements;
};

struct registry_load;

/* A load of `ref`; both texts are copied. NULL when memory is out. Gives: registry_load_free(). */
struct registry_load *registry_load_new(const struct mr_schema_ref *ref, const char *context,
                                        const char *subject);
void registry_load_free(struct registry_load *load); /* NULL is allowed */
/* Whether it holds answers that a later run can use. */
bool registry_load_begun(const struct registry_load *load);

/* Goes on until the schema is there, a fault, or `deadline_ms` of the clock. After NOT_NOW it may
 * be run again and continues where it was; after any other verdict it can only be freed. */
enum registry_verdict registry_load_run(struct registry_load *load, struct registry_link *link,
                                        uint64_t deadline_ms, struct mr_schema **out,
                                        struct mr_err *err);

/* The reference of a subject's newest version; -MR_EMPTY where there is no such subject.
 * registry_latest.c. */
int registry_latest(struct registry_link *link, const char *subject, uint64_t deadline_ms,
                    struct mr_schema_ref *out, struct mr_err *err);

/* One GET: what for, until when of the clock, and the code of an answer that the schema is missing.
 */
struct registry_question {
    const char *path;
    uint64_t deadline_ms;
    enum mr_code missing;
};

/* Asks, and gives the verdict by status and error code. `answer` is filled on LOADED, else as far
 * as it came. registry_answer.c. */
enum registry_verdict registry_ask(struct registry_link *link,
                                   const struct registry_question *question,
                                   struct mr_registry_answer *answer, struct mr_err *err);

#endif
