/* Schemas by reference: a bounded cache over a registry, one flight per id, negative entries
 * (contract.md sections 1.3). The network is behind struct mr_registry_fetch_ops, whose real member
 * is registry_http (libcurl), so that tests script answers. Threads: any. */
#ifndef MR_SCHEMAS_REGISTRY_H
#define MR_SCHEMAS_REGISTRY_H

#include "base/clock.h"
#include "base/metrics.h"
#include "schemas/avro_schema.h"
#include "schemas/framing.h"

enum mr_registry_kind { MR_REGISTRY_CONFLUENT, MR_REGISTRY_APICURIO };
enum { MR_REGISTRY_MAX_URLS = 8 };

struct mr_registry_opts { /* borrowed strings, copied by mr_registry_new */
    const char *name;     /* for messages; NULL: "registry" */
    enum mr_registry_kind kind;
    /* http or https, with the API's base path and no query; credentials of one URL may stand in it
     * as user:password@ and win over basic_auth and bearer_token there (F-46). APICURIO: the native
     * API (/apis/registry/v2); its Confluent API (/apis/ccompat/v7) is of kind CONFLUENT. */
    const char *urls[MR_REGISTRY_MAX_URLS];
    size_t n_urls;
    const char *basic_auth;   /* "user:password"; NULL */
    const char *bearer_token; /* NULL */
    const char *tls_ca; /* file names; NULL: the system's authorities, no client certificate */
    const char *tls_cert;
    const char *tls_key;
    uint32_t timeout_ms;     /* of one request; 0: 10,000 */
    uint32_t cache_schemas;  /* most entries, LRU; 0: 10,000 (F-42) */
    uint32_t missing_ttl_ms; /* negative entries; 0: 60,000 */
    const char *cache_dir;   /* folder of the cache on disk; NULL or "": none */
    uint32_t settle_ms;      /* the five attempts of H-03 and H-09 are spread over it; 0: 30,000 */
    struct mr_schema_opts schema;
    /* Shows each schema that ours accepted to avro-c too, once per load, where it has no
     * references: a disagreement is logged (schema_disagreement) and counted, and ours decides. */
    bool check_with_avro_c;
};

/* The answer to one HTTP GET. */
struct mr_registry_answer {
    uint32_t timeout_ms; /* in: the most that it may take, all redirects and URLs together */
    long status;
    uint32_t retry_after_ms; /* 0: not said; at most 300,000 (H-06) */
    char artifact_type[32];  /* X-Registry-ArtifactType (Apicurio); "" where absent */
    struct mr_buf body;
};

/* How requests are made.
 * Threads: once it is open, any, several at once. */
struct mr_registry_fetch_ops {
    const char *name;
    /* conn gives: close(). */
    int (*open)(const struct mr_registry_opts *opts, void **conn, struct mr_err *err);
    /* One request of `path` ("/schemas/ids/1?subject=x", escaped) behind the base URL, tried on
     * each URL in turn on connect failure and 5xx (F-46). 0 with status and body, which is reset
     * first; -MR_REGISTRY_AWAY for transport faults, -MR_SCHEMA_TOO_LARGE for a body of more than
     * 16 MiB (F-47). */
    int (*get)(void *conn, const char *path, struct mr_registry_answer *answer, struct mr_err *err);
    void (*close)(void *conn); /* no call is under way any more */
};
extern const struct mr_registry_fetch_ops mr_registry_http;

struct mr_registry;

/* Gives: mr_registry_free(). `fetch` is borrowed, `env` is copied (its clock borrowed). Errors:
 * those of fetch->open (config.invalid for a bad URL). */
int mr_registry_new(const struct mr_registry_opts *opts, const struct mr_registry_fetch_ops *fetch,
                    struct mr_env env, struct mr_registry **out, struct mr_err *err);
/* No call may be under way. Schemas given out stay valid. NULL is allowed. */
void mr_registry_free(struct mr_registry *registry);

/* The schema of a reference of kind ID, GUID, GLOBAL_ID or CONTENT_ID, from the cache or the
 * registry. subject      the hint of F-40; NULL: none. Its context (":.ctx:subject") is part of the
 * cache's key (F-43); where the registry does not know the id under the subject, it is asked for
 * the id alone (in that context) deadline_ms  the most to wait, for own requests or for another
 * thread's flight for the same id; 0 asks the cache only err          not NULL: its class is part
 * of the answer out          gives a reference: mr_schema_unref() Makes at most one attempt:
 * retrying is the caller's. An attempt that ran out of time inside a tree of references is
 * continued by the next call. The attempts of H-03 and H-09 are counted inside, per id, and spread
 * over settle_ms: before its time an attempt is answered by the last error without a request. The
 * first four give err->class RETRY with the code that the fifth has as POISON (schema.unknown_id,
 * schema.bad_reference) or HALT (registry.not_a_registry). Errors: registry.away (RETRY),
 * registry.auth (HALT), registry.not_a_registry (HALT or RETRY), schema.unknown_id,
 * schema.bad_reference (POISON or RETRY), schema.invalid, schema.too_large, schema.unsupported_type
 * (POISON; kept for missing_ttl_ms). A schema with ENCRYPT rules is given, with `encrypted` set
 * (F-18). Thread: any. */
int mr_registry_get(struct mr_registry *registry, const struct mr_schema_ref *ref,
                    const char *subject, uint32_t deadline_ms, struct mr_schema **out,
                    struct mr_err *err);

/* The reference of the newest schema of a subject (F-44); -MR_EMPTY where there is no such subject.
 * Asks at each call. Other errors as of mr_registry_get. Thread: any. */
int mr_registry_latest(struct mr_registry *registry, const char *subject, uint32_t deadline_ms,
                       struct mr_schema_ref *out, struct mr_err *err);

/* For /readyz: the last attempt: 0 healthy, else its code; and counters for metrics. */
struct mr_registry_stats {
    uint64_t n_requests, n_hits, n_misses, n_failures;
    uint64_t n_disagreements; /* schemas that ours accepted and avro-c refused */
    uint32_t n_cached;        /* schemas, without negative entries */
    int last_rc;              /* 0 or -MR_<CODE>; a POISON answer is a healthy registry's: 0 */
};
void mr_registry_stats(struct mr_registry *registry, struct mr_registry_stats *out);

#endif
