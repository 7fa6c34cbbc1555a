/* Schemas by reference: a bounded cache over a registry, one flight per id, negative entries
 * (contract.md sections 1.3). The network is behind struct mr_registry_fetch_ops, whose real member is
 * registry_http (libcurl), so that tests script answers. Threads: any. */
#ifndef MR_SCHEMAS_REGISTRY_H
#define MR_SCHEMAS_REGISTRY_H

#include "base/clock.h"
#include "base/metrics.h"
#include "schemas/avro_schema.h"
#include "schemas/framing.h"

enum mr_registry_kind { MR_REGISTRY_CONFLUENT, MR_REGISTRY_APICURIO };
enum { MR_REGISTRY_MAX_URLS = 8 };

struct mr_registry_opts { /* borrowed strings, copied by mr_registry_new */
    const char *name;
    enum mr_registry_kind kind;
    const char *urls[MR_REGISTRY_MAX_URLS];
    size_t n_urls;
    const char *basic_auth;   /* "user:password"; NULL */
    const char *bearer_token; /* NULL */
    const char *tls_ca;       /* file names; NULL */
    const char *tls_cert;
    const char *tls_key;
    uint32_t timeout_ms;      /* of one request */
    uint32_t cache_schemas;   /* most entries, LRU; default 10,000 (F-42) */
    uint32_t missing_ttl_ms;  /* negative entries; default 60,000 */
    struct mr_schema_opts schema;
};

/* One HTTP GET. 0 with status and body (`body` is reset first, limit 16 MiB: F-47), or an error
 * (-MR_REGISTRY_AWAY for transport faults). */
struct mr_registry_answer {
    long status;
    uint32_t retry_after_ms; /* 0: not said */
    struct mr_buf body;
};
struct mr_registry_fetch_ops {
    const char *name;
    int (*open)(const struct mr_registry_opts *opts, void **conn, struct mr_err *err);
    int (*get)(void *conn, const char *path, struct mr_registry_answer *answer, struct mr_err *err);
    void (*close)(void *conn);
};
extern const struct mr_registry_fetch_ops mr_registry_http;

struct mr_registry;
int mr_registry_new(const struct mr_registry_opts *opts, const struct mr_registry_fetch_ops *fetch,
                    struct mr_env env, struct mr_registry **out, struct mr_err *err);
void mr_registry_free(struct mr_registry *registry);

/* The schema of a reference. `subject` (may be NULL) is the hint of F-40. Waits at most
 * `deadline_ms` (own requests, or another thread's flight for the same id); it makes at most one attempt:
 * retrying is the caller's (a held partition tries again by the backoff of its class).
 * The attempts of H-03 and H-09 are counted inside, per id, so that the fifth answer turns the error's
 * class from RETRY to POISON or HALT.
 * Gives a reference: mr_schema_unref(). Errors: registry.away (RETRY), registry.auth (HALT),
 * registry.not_a_registry (HALT), schema.* (POISON). */
int mr_registry_get(struct mr_registry *registry, const struct mr_schema_ref *ref,
                    const char *subject, uint32_t deadline_ms, struct mr_schema **out,
                    struct mr_err *err);

/* For /readyz: the last answer: 0 healthy, else its code; and counters for metrics. */
struct mr_registry_stats {
    uint64_t n_requests, n_hits, n_misses, n_failures;
    uint32_t n_cached;
    int last_rc;
};
void mr_registry_stats(struct mr_registry *registry, struct mr_registry_stats *out);

#endif
