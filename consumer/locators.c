/* Owns a lane's caches of locators and of the targets that names led to. It decides no retry: a
 * fault goes back to the lane with its class. */
#include "consumer/locators.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#include "base/ban.h"

enum { FAULT_TTL_MS = 60000, NAMES_BYTES = 1536 };

struct locator_key {
    const struct mr_route_rule *rule;
    struct mr_schema_ref value;
};

struct locator_entry {
    struct locator_key key;
    struct mr_locator *locator; /* NULL: `fault` */
    uint64_t until_ms;          /* of the fault */
    struct mr_err fault;
};

/* Names as a key: the route, the lengths, then topic, db, schema, table. */
struct names_key {
    size_t len;
    uint8_t bytes[NAMES_BYTES];
};

struct names_entry {
    struct mr_target *target;
    size_t len;
    uint8_t bytes[];
};

struct mr_locators {
    struct mr_targets *targets;
    struct mr_env env;
    struct mr_map by_schema;
    struct mr_map by_names;
    struct locator_entry *last;
    struct names_entry *last_names;
};

struct mr_locators *mr_locators_new(struct mr_targets *targets, struct mr_env env)
{
    struct mr_locators *locators = calloc(1, sizeof *locators);

    if (locators == NULL)
        return NULL;
    locators->targets = targets;
    locators->env = env;
    mr_map_init(&locators->by_schema, mr_rng_u64(&locators->env.rng));
    mr_map_init(&locators->by_names, mr_rng_u64(&locators->env.rng));
    return locators;
}

static void entry_free(struct locator_entry *entry)
{
    mr_locator_free(entry->locator);
    free(entry);
}

static void schemas_clear(struct mr_locators *locators)
{
    size_t at = 0;
    struct mr_map_entry *e;

    while ((e = mr_map_next(&locators->by_schema, &at)) != NULL)
        entry_free(e->value);
    mr_map_reset(&locators->by_schema);
    locators->last = NULL;
}

static void names_clear(struct mr_locators *locators)
{
    size_t at = 0;
    struct mr_map_entry *e;

    while ((e = mr_map_next(&locators->by_names, &at)) != NULL)
        free(e->value);
    mr_map_reset(&locators->by_names);
    locators->last_names = NULL;
}

void mr_locators_free(struct mr_locators *locators)
{
    if (locators == NULL)
        return;
    schemas_clear(locators);
    names_clear(locators);
    mr_map_release(&locators->by_schema);
    mr_map_release(&locators->by_names);
    free(locators);
}

static void key_make(const struct mr_plan_for *want, struct locator_key *key)
{
    memset(key, 0, sizeof *key); /* padding is part of the hash */
    key->rule = want->target->rule;
    key->value = want->value;
}

static void entry_drop(struct mr_locators *locators, struct locator_entry *entry)
{
    if (locators->last == entry)
        locators->last = NULL;
    mr_map_remove(&locators->by_schema, &entry->key, sizeof entry->key);
    entry_free(entry);
}

/* The entry of the value's schema; NULL: none, or a fault whose time is over. */
static struct locator_entry *entry_find(struct mr_locators *locators,
                                        const struct mr_plan_for *want)
{
    struct locator_key key;
    struct locator_entry *entry = locators->last;

    key_make(want, &key);
    if (entry == NULL || memcmp(&entry->key, &key, sizeof key) != 0)
        entry = mr_map_find(&locators->by_schema, &key, sizeof key);
    if (entry != NULL && entry->locator == NULL && mr_mono_ms(&locators->env) >= entry->until_ms) {
        entry_drop(locators, entry);
        entry = NULL;
    }
    locators->last = entry;
    return entry;
}

static bool key_add(struct names_key *key, const void *bytes, size_t len)
{
    if (len > sizeof key->bytes - key->len)
        return false;
    if (len > 0)
        memcpy(key->bytes + key->len, bytes, len);
    key->len += len;
    return true;
}

static int names_key_make(const struct mr_plan_for *want, const struct mr_located *names,
                          struct names_key *key, struct mr_err *err)
{
    const struct mr_slice parts[] = {mr_slice_str(want->topic), names->db, names->schema,
                                     names->table};
    const uint32_t route_idx = want->target->rule->route.route_idx;

    key->len = 0;
    bool fits = key_add(key, &route_idx, sizeof route_idx);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        fits = fits && key_add(key, &parts[i].len, sizeof parts[i].len);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        fits = fits && key_add(key, parts[i].data, parts[i].len);
    if (fits)
        return 0;
    return mr_err_set(err, MR_ROUTE_MISSING, "the source's names are over %d bytes", NAMES_BYTES);
}

/* Remembers what the names led to; without memory the next record asks again. */
static void names_keep(struct mr_locators *locators, const struct names_key *key,
                       struct mr_target *target)
{
    if (locators->by_names.n_entries >= MR_LOCATORS_MAX_NAMES)
        names_clear(locators);
    struct names_entry *entry = malloc(sizeof *entry + key->len);
    if (entry == NULL)
        return;
    entry->target = target;
    entry->len = key->len;
    memcpy(entry->bytes, key->bytes, key->len);
    if (mr_map_put(&locators->by_names, entry->bytes, entry->len, entry) < 0) {
        free(entry);
        return;
    }
    locators->last_names = entry;
}

static int target_of(struct mr_locators *locators, const struct mr_plan_for *want,
                     const struct mr_located *names, struct mr_target **out, struct mr_err *err)
{
    struct names_key key;
    struct names_entry *entry = locators->last_names;
    int rc = names_key_make(want, names, &key, err);

    if (rc < 0)
        return rc;
    if (entry == NULL || entry->len != key.len || memcmp(entry->bytes, key.bytes, key.len) != 0)
        entry = mr_map_find(&locators->by_names, key.bytes, key.len);
    if (entry != NULL) {
        locators->last_names = entry;
        *out = entry->target;
        return 0;
    }
    rc = mr_targets_for_source(locators->targets, want->target->rule, want->topic, names, out, err);
    if (rc == 0)
        names_keep(locators, &key, *out);
    return rc;
}

int mr_locators_find(struct mr_locators *locators, const struct mr_plan_for *want,
                     struct mr_slice value, struct mr_target **out, struct mr_err *err)
{
    struct mr_located names;
    struct locator_entry *entry = entry_find(locators, want);

    if (entry == NULL)
        return -MR_EMPTY;
    if (entry->locator == NULL) {
        *err = entry->fault;
        return -(int)entry->fault.code;
    }
    if (mr_locator_skips(entry->locator))
        return -MR_SKIP;
    int rc = mr_locate(entry->locator, value, &names, err);
    return rc < 0 ? rc : target_of(locators, want, &names, out, err);
}

int mr_locators_resolve(struct mr_locators *locators, const struct mr_plan_for *want,
                        uint32_t deadline_ms, struct mr_err *err)
{
    struct mr_schema *schema = NULL;
    struct mr_locator *locator = NULL;
    uint32_t mark = mr_memory_mark();
    int rc = mr_plan_schema(want, false, deadline_ms, &schema, err);

    if (rc == 0 && schema == NULL)
        rc = mr_err_set(err, MR_ROUTE_MISSING, "the value has no schema");
    if (rc == 0)
        rc = mr_locator_make(schema, &want->target->rule->route, want->topic, &locator, err);
    mr_schema_unref(schema);
    rc = mr_memory_judge(mark, rc, err, "reading a schema");
    if (rc == -MR_NO_MEMORY) {
        mr_locator_free(locator);
        return rc;
    }
    /* not the first attempts at a schema that the registry may only not have yet (H-03) */
    if (rc < 0 && (mr_code_class(rc) != MR_CLASS_POISON || err->class != MR_CLASS_POISON))
        return rc;
    if (locators->by_schema.n_entries >= MR_LOCATORS_MAX)
        schemas_clear(locators);
    struct locator_entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL) {
        mr_locator_free(locator);
        return mr_err_set(err, MR_NO_MEMORY, "no memory for a locator");
    }
    key_make(want, &entry->key);
    entry->locator = locator;
    entry->until_ms = mr_mono_ms(&locators->env) + FAULT_TTL_MS;
    if (rc < 0)
        entry->fault = *err;
    struct locator_entry *old = entry_find(locators, want);
    if (old != NULL)
        entry_drop(locators, old);
    if (mr_map_put(&locators->by_schema, &entry->key, sizeof entry->key, entry) < 0) {
        entry_free(entry);
        return mr_err_set(err, MR_NO_MEMORY, "no memory for a locator");
    }
    locators->last = entry;
    return rc;
}
