/* Owns the cache of schemas: entries by (reference, context), LRU, one flight per entry, negative
 * entries, counted attempts (contract.md F-42, F-43, H-03, H-09). Must not know HTTP or the form of
 * answers (registry_load). Invariants: the lock is never held across a request; an entry in flight
 * or waited for is pinned and stays in the cache; a load belongs to the flight's thread while
 * LOADING. */
#include "schemas/registry.h"

#include <stdlib.h>
#include <time.h>

#include "base/lock.h"
#include "base/map.h"
#include "base/memory.h"
#include "schemas/registry_load.h"

#include "base/ban.h"

enum {
    RANK_REGISTRY = 50,
    N_ATTEMPTS = 5, /* H-03, H-09 */
    DEFAULT_CACHE_SCHEMAS = 10000,
    DEFAULT_MISSING_TTL_MS = 60000,
    DEFAULT_SETTLE_MS = 30000,
    DEFAULT_TIMEOUT_MS = 10000,
    MAX_SUBJECT_BYTES = 4096
};

enum entry_state {
    ENTRY_IDLE,    /* nothing known: the next caller takes off */
    ENTRY_LOADING, /* a flight is under way */
    ENTRY_READY,   /* for ever */
    ENTRY_REFUSED  /* `fault` is the answer until `until_ms` */
};

/* thread: any, under the registry's lock; `load` the flight's thread while LOADING. */
struct entry {
    enum entry_state state;
    struct mr_schema *schema; /* READY */
    enum mr_code fault_code;  /* of the last flight that failed */
    enum mr_class fault_class;
    char *fault_detail; /* NULL: memory was out */
    uint64_t until_ms;
    uint64_t n_flights;
    uint32_t n_pins; /* callers inside mr_registry_get */
    uint32_t n_missing, n_strange;
    struct registry_load *load; /* to be continued; NULL: none */
    struct entry *newer, *older;
    size_t key_len;
    struct mr_schema_ref ref; /* the key: reference and context, without gaps */
    char context[];
};

struct mr_registry {
    struct mr_lock lock; /* rank 50 */
    struct mr_cond landed;
    struct mr_map entries MR_GUARDED_BY(lock);
    struct entry *newest MR_GUARDED_BY(lock);
    struct entry *oldest MR_GUARDED_BY(lock);
    struct mr_registry_stats stats MR_GUARDED_BY(lock);
    struct registry_link link; /* read-only but for its atomics */
    uint32_t cache_schemas, missing_ttl_ms, settle_ms;
};

/* One call of mr_registry_get. */
struct ask {
    const char *subject;
    uint64_t deadline_ms;     /* of the env's clock */
    struct timespec deadline; /* for waits */
    struct mr_schema **out;
    struct mr_err *err;
};

static uint32_t or_default(uint32_t value, uint32_t dflt)
{
    return value != 0 ? value : dflt;
}

static char *owned(const char *text)
{
    union {
        const char *in;
        char *out;
    } cast = {.in = text};
    return cast.out;
}

static void disk_end(struct mr_registry *registry)
{
    free(owned(registry->link.disk.dir));
    free(owned(registry->link.disk.registry));
}

/* The cache on disk belongs to the registry's addresses, without their credentials. */
static int disk_begin(struct mr_registry *registry, const struct mr_registry_opts *opts,
                      struct mr_err *err)
{
    struct mr_buf urls = MR_BUF_INIT;
    struct registry_disk *disk = &registry->link.disk;
    for (size_t i = 0; i < opts->n_urls; i++) {
        const char *from = strstr(opts->urls[i], "://");
        const char *at = from != NULL ? strrchr(from, '@') : NULL;
        mr_buf_fmt(&urls, "%s ", at != NULL ? at + 1 : from != NULL ? from + 3 : opts->urls[i]);
    }
    disk->dir = mr_memory_given(strdup(opts->cache_dir != NULL ? opts->cache_dir : ""));
    disk->registry = mr_memory_given(strdup(mr_buf_cstr(&urls)));
    disk->max_files = registry->cache_schemas;
    mr_buf_release(&urls);
    return disk->dir != NULL && disk->registry != NULL
               ? 0
               : mr_err_set(err, MR_NO_MEMORY, "a registry");
}

int mr_registry_new(const struct mr_registry_opts *opts, const struct mr_registry_fetch_ops *fetch,
                    struct mr_env env, struct mr_registry **out, struct mr_err *err)
{
    struct mr_registry *registry = mr_memory_given(calloc(1, sizeof *registry));
    if (registry == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "a registry");
    registry->cache_schemas = or_default(opts->cache_schemas, DEFAULT_CACHE_SCHEMAS);
    registry->missing_ttl_ms = or_default(opts->missing_ttl_ms, DEFAULT_MISSING_TTL_MS);
    registry->settle_ms = or_default(opts->settle_ms, DEFAULT_SETTLE_MS);
    registry->link.fetch = fetch;
    registry->link.kind = opts->kind;
    registry->link.schema = opts->schema;
    registry->link.check_with_avro_c = opts->check_with_avro_c;
    registry->link.timeout_ms = or_default(opts->timeout_ms, DEFAULT_TIMEOUT_MS);
    registry->link.env = env;
    int rc = disk_begin(registry, opts, err);
    if (rc == 0)
        rc = fetch->open(opts, &registry->link.conn, err);
    if (rc < 0) {
        disk_end(registry);
        free(registry);
        return rc;
    }
    mr_lock_init(&registry->lock, RANK_REGISTRY);
    mr_cond_init(&registry->landed);
    mr_lock_take(&registry->lock);
    mr_map_init(&registry->entries, mr_rng_u64(&registry->link.env.rng));
    mr_lock_drop(&registry->lock);
    *out = registry;
    return 0;
}

static void entry_free(struct entry *entry)
{
    mr_schema_unref(entry->schema);
    registry_load_free(entry->load);
    free(entry->fault_detail);
    free(entry);
}

void mr_registry_free(struct mr_registry *registry)
{
    if (registry == NULL)
        return;
    mr_lock_take(&registry->lock);
    struct entry *entry = registry->newest;
    while (entry != NULL) {
        struct entry *older = entry->older;
        entry_free(entry);
        entry = older;
    }
    mr_map_release(&registry->entries);
    mr_lock_drop(&registry->lock);
    registry->link.fetch->close(registry->link.conn);
    disk_end(registry);
    mr_cond_release(&registry->landed);
    mr_lock_release(&registry->lock);
    free(registry);
}

static void lru_remove(struct mr_registry *registry, struct entry *entry)
    MR_REQUIRES(registry->lock)
{
    if (entry->newer != NULL)
        entry->newer->older = entry->older;
    else
        registry->newest = entry->older;
    if (entry->older != NULL)
        entry->older->newer = entry->newer;
    else
        registry->oldest = entry->newer;
    entry->newer = NULL;
    entry->older = NULL;
}

static void lru_push(struct mr_registry *registry, struct entry *entry) MR_REQUIRES(registry->lock)
{
    entry->older = registry->newest;
    if (registry->newest != NULL)
        registry->newest->newer = entry;
    else
        registry->oldest = entry;
    registry->newest = entry;
}

/* Drops the oldest entries that nobody is in, down to the bound. */
static void evict(struct mr_registry *registry) MR_REQUIRES(registry->lock)
{
    struct entry *entry = registry->oldest;
    while (entry != NULL && registry->entries.n_entries > registry->cache_schemas) {
        struct entry *newer = entry->newer;
        if (entry->n_pins == 0) {
            lru_remove(registry, entry);
            mr_map_remove(&registry->entries, &entry->ref, entry->key_len);
            registry->stats.n_cached -= entry->state == ENTRY_READY;
            entry_free(entry);
        }
        entry = newer;
    }
}

/* F-43: ":.ctx:subject" is in the context ":.ctx"; all else is in the default one, "". */
static size_t context_len(const char *subject)
{
    if (subject == NULL || strncmp(subject, ":.", 2) != 0)
        return 0;
    const char *end = strchr(subject + 2, ':');
    size_t n = end != NULL ? (size_t)(end - subject) : 0;
    return n > 2 ? n : 0; /* ":.:" is the default context */
}

static struct entry *entry_new(const struct mr_schema_ref *ref, const char *context, size_t n)
{
    struct entry *entry = mr_memory_given(calloc(1, sizeof *entry + n + 1));
    if (entry == NULL)
        return NULL;
    entry->ref = *ref;
    if (n > 0)
        memcpy(entry->context, context, n);
    entry->key_len = offsetof(struct entry, context) - offsetof(struct entry, ref) + n;
    return entry;
}

/* The entry of a reference, made if absent, pinned and the newest; NULL when memory is out. */
static struct entry *entry_pin(struct mr_registry *registry, const struct mr_schema_ref *ref,
                               const char *subject) MR_REQUIRES(registry->lock)
{
    uint8_t key[sizeof *ref + MAX_SUBJECT_BYTES];
    size_t n = context_len(subject);
    memcpy(key, ref, sizeof *ref);
    if (n > 0)
        memcpy(key + sizeof *ref, subject, n);
    struct entry *entry = mr_map_find(&registry->entries, key, sizeof *ref + n);
    if (entry != NULL) {
        lru_remove(registry, entry);
    } else {
        entry = entry_new(ref, subject, n);
        if (entry == NULL)
            return NULL;
        if (mr_map_put(&registry->entries, &entry->ref, entry->key_len, entry) < 0) {
            entry_free(entry);
            return NULL;
        }
    }
    lru_push(registry, entry);
    entry->n_pins++;
    return entry;
}

static int entry_fault(const struct entry *entry, struct mr_err *err)
{
    int rc = mr_err_set(err, entry->fault_code, "%s",
                        entry->fault_detail != NULL ? entry->fault_detail : "");
    err->class = entry->fault_class;
    return rc;
}

/* The attempts of H-03 and H-09: number `n` (1..5) of them came to `err`. The next one is due after
 * 2, 4, 8 and 16 thirtieths of the time to settle. */
static void entry_count(const struct mr_registry *registry, struct entry *entry, uint32_t n,
                        struct mr_err *err)
{
    if (n >= N_ATTEMPTS)
        return;
    uint64_t gap_ms = ((uint64_t)registry->settle_ms << n) / 30;
    err->class = MR_CLASS_RETRY;
    entry->state = ENTRY_REFUSED;
    entry->until_ms = mr_mono_ms(&registry->link.env) + gap_ms;
}

static void entry_remember(struct entry *entry, const struct mr_err *err)
{
    free(entry->fault_detail);
    entry->fault_detail = mr_memory_given(strdup(err->detail));
    entry->fault_code = err->code;
    entry->fault_class = err->class;
}

/* What a flight that failed leaves in its entry. */
static void entry_failed(const struct mr_registry *registry, struct entry *entry,
                         enum registry_verdict verdict, struct mr_err *err)
{
    bool kept = verdict == REGISTRY_REFUSED;
    entry->state = ENTRY_IDLE;
    if (verdict == REGISTRY_MISSING) {
        entry->n_missing += entry->n_missing < N_ATTEMPTS;
        entry_count(registry, entry, entry->n_missing, err);
        kept = entry->n_missing == N_ATTEMPTS;
    } else if (verdict == REGISTRY_STRANGE) {
        entry->n_strange += entry->n_strange < N_ATTEMPTS;
        entry_count(registry, entry, entry->n_strange, err);
    }
    if (kept) {
        entry->state = ENTRY_REFUSED;
        entry->until_ms = mr_mono_ms(&registry->link.env) + registry->missing_ttl_ms;
    }
    entry_remember(entry, err);
}

static void entry_loaded(struct entry *entry, struct mr_schema *schema)
{
    entry->state = ENTRY_READY;
    entry->schema = schema;
    entry->n_missing = 0;
    entry->n_strange = 0;
    free(entry->fault_detail);
    entry->fault_detail = NULL;
}

/* The entry's load, new or to be continued. */
static struct registry_load *take_load(struct entry *entry, const char *subject)
{
    struct registry_load *load = entry->load;
    entry->load = NULL;
    return load != NULL ? load : registry_load_new(&entry->ref, entry->context, subject);
}

/* This thread flies for the entry, which is LOADING. Returns with the lock held. */
static void fly(struct mr_registry *registry, struct ask *ask, struct entry *entry)
    MR_REQUIRES(registry->lock)
{
    struct registry_load *load = take_load(entry, ask->subject);
    struct mr_schema *schema = NULL;
    enum registry_verdict verdict = REGISTRY_NOT_NOW;
    uint32_t mark = mr_memory_mark();
    entry->state = ENTRY_LOADING;
    mr_lock_drop(&registry->lock);

    if (load == NULL)
        mr_err_set(ask->err, MR_NO_MEMORY, "a load");
    else
        verdict = registry_load_run(load, &registry->link, ask->deadline_ms, &schema, ask->err);
    if (mr_memory_judge(mark, 0, ask->err, "reading a schema") < 0) { /* no answer is kept */
        if (verdict == REGISTRY_LOADED)
            mr_schema_unref(schema);
        verdict = REGISTRY_NOT_NOW;
        registry_load_free(load);
        load = NULL;
    }
    if (verdict != REGISTRY_NOT_NOW || (load != NULL && !registry_load_begun(load))) {
        registry_load_free(load);
        load = NULL;
    }

    mr_lock_take(&registry->lock);
    entry->load = load;
    entry->n_flights++;
    if (verdict == REGISTRY_LOADED)
        entry_loaded(entry, schema);
    else
        entry_failed(registry, entry, verdict, ask->err);
    registry->stats.n_cached += verdict == REGISTRY_LOADED;
    registry->stats.n_failures += verdict != REGISTRY_LOADED;
    bool healthy =
        verdict == REGISTRY_LOADED || verdict == REGISTRY_REFUSED || verdict == REGISTRY_MISSING;
    registry->stats.last_rc = healthy ? 0 : -(int)ask->err->code;
    mr_cond_wake_all(&registry->landed);
}

/* Waits for the flight that is under way; false when the deadline comes first. */
static bool wait_for_flight(struct mr_registry *registry, const struct ask *ask,
                            const struct entry *entry) MR_REQUIRES(registry->lock)
{
    uint64_t flight = entry->n_flights;
    while (entry->n_flights == flight) {
        if (!mr_cond_wait_until(&registry->landed, &registry->lock, &ask->deadline) &&
            entry->n_flights == flight)
            return false;
    }
    return true;
}

static int give(struct entry *entry, struct mr_schema **out)
{
    *out = mr_schema_ref(entry->schema);
    return 0;
}

static int ask_entry(struct mr_registry *registry, struct ask *ask, struct entry *entry)
    MR_REQUIRES(registry->lock)
{
    if (entry->state == ENTRY_READY) {
        registry->stats.n_hits++;
        return give(entry, ask->out);
    }
    registry->stats.n_misses++;
    if (entry->state == ENTRY_REFUSED && mr_mono_ms(&registry->link.env) < entry->until_ms)
        return entry_fault(entry, ask->err);
    if (entry->state != ENTRY_LOADING) {
        fly(registry, ask, entry);
        if (entry->state == ENTRY_READY)
            return give(entry, ask->out);
        return -(int)ask->err->code;
    }
    if (!wait_for_flight(registry, ask, entry))
        return mr_err_set(ask->err, MR_REGISTRY_AWAY, "another request for this schema takes long");
    return entry->state == ENTRY_READY ? give(entry, ask->out) : entry_fault(entry, ask->err);
}

static int check_ref(const struct mr_registry *registry, const struct mr_schema_ref *ref,
                     const char *subject, struct mr_err *err)
{
    bool apicurio = registry->link.kind == MR_REGISTRY_APICURIO;
    bool by_apicurio = ref->kind == MR_REF_GLOBAL_ID || ref->kind == MR_REF_CONTENT_ID;
    if (!by_apicurio && ref->kind != MR_REF_ID && ref->kind != MR_REF_GUID)
        return mr_err_set(err, MR_BUG, "reference kind %u has no schema to ask for",
                          (unsigned)ref->kind);
    if (subject != NULL && strlen(subject) > MAX_SUBJECT_BYTES)
        return mr_err_set(err, MR_BUG, "a subject of %zu bytes", strlen(subject));
    if (by_apicurio && !apicurio)
        return mr_err_set(err, MR_REGISTRY_NOT_A_REGISTRY,
                          "the record names an Apicurio id; that needs registry kind apicurio");
    if (apicurio && ref->kind == MR_REF_GUID)
        return mr_err_set(err, MR_REGISTRY_NOT_A_REGISTRY,
                          "the record names a schema GUID; that needs registry kind confluent");
    return 0;
}

/* NOLINTNEXTLINE(readability-function-size): six parameters, the interface of registry.h */
int mr_registry_get(struct mr_registry *registry, const struct mr_schema_ref *ref,
                    const char *subject, uint32_t deadline_ms, struct mr_schema **out,
                    struct mr_err *err)
{
    int rc = check_ref(registry, ref, subject, err);
    if (rc < 0)
        return rc;
    struct ask ask = {.subject = subject,
                      .deadline_ms = mr_mono_ms(&registry->link.env) + deadline_ms,
                      .out = out,
                      .err = err};
    mr_clock_deadline(&ask.deadline, deadline_ms);
    mr_lock_take(&registry->lock);
    struct entry *entry = entry_pin(registry, ref, subject);
    if (entry == NULL) {
        rc = mr_err_set(err, MR_NO_MEMORY, "an entry of the schema cache");
    } else {
        rc = ask_entry(registry, &ask, entry);
        entry->n_pins--;
    }
    evict(registry);
    mr_lock_drop(&registry->lock);
    return rc;
}

int mr_registry_latest(struct mr_registry *registry, const char *subject, uint32_t deadline_ms,
                       struct mr_schema_ref *out, struct mr_err *err)
{
    uint64_t deadline = mr_mono_ms(&registry->link.env) + deadline_ms;
    return registry_latest(&registry->link, subject, deadline, out, err);
}

void mr_registry_stats(struct mr_registry *registry, struct mr_registry_stats *out)
{
    mr_lock_take(&registry->lock);
    *out = registry->stats;
    mr_lock_drop(&registry->lock);
    out->n_requests = atomic_load(&registry->link.n_requests);
    out->n_disagreements = atomic_load(&registry->link.n_disagreements);
}
