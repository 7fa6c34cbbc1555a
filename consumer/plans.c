/* Owns a lane's plan cache and the order in which registry, catalogue and compiler are asked. It
 * decides no retry: a fault goes back to the lane with its class. */
#include "consumer/plans.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "consumer/meters.h"
#include "consumer/target_key.h"

#include "base/ban.h"

enum { FAULT_TTL_MS = 60000, MAX_DDL_ROUNDS = 8 };

struct plan_key {
    struct mr_target *target;
    struct mr_schema_ref key;
    struct mr_schema_ref value;
    uint64_t envelope_topic;
};

struct plan_entry {
    struct plan_key key;
    struct mr_plan *plan;        /* NULL: `fault` */
    struct mr_resolver *key_via; /* NULL: the writer's bytes are the plan's */
    struct mr_resolver *value_via;
    uint32_t version;  /* of the target when it was made */
    int rc;            /* of the fault */
    uint64_t until_ms; /* of the fault */
    struct mr_err fault;
};

struct mr_plans {
    struct mr_sink *sink;
    struct mr_env env;
    struct mr_metrics *metrics; /* NULL: nothing is counted */
    _Atomic uint64_t *moved_ms; /* NULL: nobody looks */
    struct mr_map by_key;
    struct plan_entry *last;
};

struct mr_plans *mr_plans_new(struct mr_sink *sink, struct mr_env env)
{
    struct mr_plans *plans = calloc(1, sizeof *plans);

    if (plans == NULL)
        return NULL;
    plans->sink = sink;
    plans->env = env;
    mr_map_init(&plans->by_key, mr_rng_u64(&plans->env.rng));
    return plans;
}

void mr_plans_count_into(struct mr_plans *plans, struct mr_metrics *metrics)
{
    plans->metrics = metrics;
}

void mr_plans_show_life(struct mr_plans *plans, _Atomic uint64_t *moved_ms)
{
    plans->moved_ms = moved_ms;
}

static void entry_free(struct plan_entry *entry)
{
    mr_plan_unref(entry->plan);
    mr_resolver_free(entry->key_via);
    mr_resolver_free(entry->value_via);
    free(entry);
}

static void plans_clear(struct mr_plans *plans)
{
    size_t at = 0;
    struct mr_map_entry *e;

    while ((e = mr_map_next(&plans->by_key, &at)) != NULL)
        entry_free(e->value);
    mr_map_reset(&plans->by_key);
    plans->last = NULL;
}

void mr_plans_free(struct mr_plans *plans)
{
    if (plans == NULL)
        return;
    plans_clear(plans);
    mr_map_release(&plans->by_key);
    free(plans);
}

static void key_make(const struct mr_plan_for *want, struct plan_key *key)
{
    memset(key, 0, sizeof *key); /* padding is part of the hash */
    key->target = want->target;
    key->key = want->key;
    key->value = want->value;
    key->envelope_topic = want->value.kind == MR_REF_NONE && want->envelope_topic;
}

static void entry_drop(struct mr_plans *plans, struct plan_entry *entry)
{
    if (plans->last == entry)
        plans->last = NULL;
    mr_map_remove(&plans->by_key, &entry->key, sizeof entry->key);
    entry_free(entry);
}

int mr_plans_find(struct mr_plans *plans, const struct mr_plan_for *want, struct mr_plan **out,
                  struct mr_err *err)
{
    struct plan_key key;
    struct plan_entry *entry = plans->last;

    key_make(want, &key);
    if (entry == NULL || memcmp(&entry->key, &key, sizeof key) != 0)
        entry = mr_map_find(&plans->by_key, &key, sizeof key);
    if (entry == NULL)
        return -MR_EMPTY;
    if (entry->version != atomic_load(&want->target->version) ||
        (entry->plan == NULL && mr_mono_ms(&plans->env) >= entry->until_ms) ||
        (entry->plan != NULL && mr_plan_lacks_table(entry->plan))) { /* it may be there now */
        entry_drop(plans, entry);
        return -MR_EMPTY;
    }
    plans->last = entry;
    if (entry->plan == NULL) {
        if (err != NULL)
            *err = entry->fault;
        return entry->rc;
    }
    *out = entry->plan;
    return 0;
}

void mr_plans_forget(struct mr_plans *plans, const struct mr_plan_for *want)
{
    struct plan_key key;

    key_make(want, &key);
    struct plan_entry *entry = mr_map_find(&plans->by_key, &key, sizeof key);
    if (entry != NULL)
        entry_drop(plans, entry);
}

/* F-18, S-11: what the route refuses of a writer's schema. */
static int schema_check(const struct mr_plan_for *want, const struct mr_schema *schema,
                        struct mr_err *err)
{
    if (schema->encrypted)
        return mr_err_set(err, MR_SCHEMA_ENCRYPTED, "the schema has an ENCRYPT rule");
    if (want->target->rule->route.strict_names && schema->odd_name != NULL)
        return mr_err_set(err, MR_SCHEMA_INVALID, "the name '%.200s' is outside Avro's grammar",
                          schema->odd_name);
    return 0;
}

int mr_plan_schema(const struct mr_plan_for *want, bool is_key, uint32_t deadline_ms,
                   struct mr_schema **out, struct mr_err *err)
{
    char subject[MR_STREAM_NAME_BYTES + 8];
    const struct mr_route *route = &want->target->rule->route;
    const struct mr_schema_ref *ref = is_key ? &want->key : &want->value;
    struct mr_schema *own = is_key ? route->key_schema : route->value_schema;

    *out = NULL;
    if (ref->kind == MR_REF_NONE || ref->kind == MR_REF_RAW)
        return 0;
    if (ref->kind == MR_REF_MADE || ref->kind == MR_REF_CONFIGURED) {
        *out = ref->kind == MR_REF_MADE ? mr_transcode_schema(want->made, ref)
               : own != NULL            ? mr_schema_ref(own)
                                        : NULL;
        return *out != NULL ? 0 : mr_err_set(err, MR_BUG, "a record without its schema");
    }
    snprintf(subject, sizeof subject, "%s-%s", want->topic, is_key ? "key" : "value");
    int rc = mr_registry_get(want->target->rule->registry, ref, subject, deadline_ms, out, err);
    return rc < 0 ? rc : schema_check(want, *out, err);
}

int mr_plan_reader(struct mr_schema *reader, struct mr_schema **schema, struct mr_resolver **via,
                   struct mr_err *err)
{
    if (reader == NULL || *schema == NULL || *schema == reader)
        return 0;
    int rc = mr_resolver_compile(*schema, reader, via, err);
    if (rc < 0)
        return rc;
    mr_schema_unref(*schema);
    *schema = mr_schema_ref(reader);
    return 0;
}

static int table_get(struct mr_plans *plans, const struct mr_target *target, struct mr_table **out,
                     struct mr_err *err)
{
    const char *schema = *target->schema != '\0' ? target->schema : NULL;
    int rc = plans->sink->ops->table_open(plans->sink, schema, target->name, true, out, err);

    if (rc != -MR_TARGET_MISSING)
        return rc;
    mr_err_clear(err);
    *out = NULL;
    return 0;
}

/* A truncate has no key, and no table to make: one made for it would be without a key for ever. */
static bool may_want_no_table(const struct mr_plan_for *want, const struct mr_shape *shape,
                              const struct mr_route *route)
{
    uint16_t n = 0;
    const struct mr_shape_column *columns = mr_shape_columns(shape, &n);
    bool keyed = route->strategy == MR_STRATEGY_APPEND || want->key.kind != MR_REF_NONE;

    for (uint16_t i = 0; i < n; i++)
        keyed = keyed || columns[i].key;
    return !keyed && !want->wants_row && mr_shape_is_envelope(shape);
}

/* One plan in the making. */
struct making {
    struct mr_plans *plans;
    const struct mr_plan_for *want;
    struct mr_shape_from from;
    struct mr_route route; /* the rule's, without what the sink cannot do, or refused */
    struct mr_plan *plan;
    uint32_t memory_mark; /* from the schemas on */
    bool done;            /* nothing is left to alter */
};

static int64_t id_of(const struct mr_plan_for *want)
{
    if (want->value.kind == MR_REF_ID)
        return want->value.id;
    return want->key.kind == MR_REF_ID ? want->key.id : 0;
}

/* V-04, V-08: what is only tried. A table that its owner keeps as it is gets its values by the X
 * rows, so this is no fault; each column is then tried alone, since one that cannot be altered (a
 * view reads it, it is a partition key) says nothing about the others. */
static int alter_try(struct making *m, const struct mr_ddl *ddl, struct mr_err *err)
{
    const struct mr_target *target = m->want->target;
    const struct mr_sink_ops *ops = m->plans->sink->ops;
    const char *schema = *target->schema != '\0' ? target->schema : NULL;
    int rc = ops->table_apply(m->plans->sink, schema, target->name, ddl, err);

    if (rc == 0 || err->class != MR_CLASS_HALT)
        return rc;
    for (uint16_t i = 0; i < ddl->n_columns; i++) {
        struct mr_ddl one = *ddl;
        one.columns = &ddl->columns[i];
        one.n_columns = 1;
        if (ddl->n_columns > 1) {
            mr_err_clear(err);
            rc = ops->table_apply(m->plans->sink, schema, target->name, &one, err);
        }
        if (rc == 0)
            continue;
        if (err->class != MR_CLASS_HALT)
            return rc;
        mr_log(MR_WARN, "alter_refused", mr_kv_str("table", target->label),
               mr_kv_str("column", one.columns->name), mr_kv_err(err));
    }
    mr_err_clear(err);
    if (ddl->kind == MR_DDL_WIDEN)
        m->route.evolve = MR_EVOLVE_ADD;
    else
        m->route.relax_not_null = false;
    return 0;
}

static int alter(struct making *m, struct mr_ddl *ddl, struct mr_err *err)
{
    const struct mr_target *target = m->want->target;
    const char *schema = *target->schema != '\0' ? target->schema : NULL;

    ddl->schema_id = id_of(m->want);
    ddl->moved_ms = m->plans->moved_ms;
    if (ddl->kind == MR_DDL_WIDEN || ddl->kind == MR_DDL_DROP_NOT_NULL)
        return alter_try(m, ddl, err);
    return m->plans->sink->ops->table_apply(m->plans->sink, schema, target->name, ddl, err);
}

static int plan_make(struct making *m, const struct mr_shape *shape, struct mr_table *table,
                     struct mr_err *err)
{
    const struct mr_route_rule *rule = m->want->target->rule;
    const struct mr_sink_ops *ops = m->plans->sink->ops;
    int rc = 0;

    m->done = true;
    if (table != NULL)
        rc = ops->table_register(m->plans->sink, table, rule->label, rule->table_shared, err);
    if (rc == 0)
        rc = mr_plan_compile(shape, table, ops->emit, &m->route, &m->plan, err);
    return rc;
}

/* One round: 0 with the plan, or without it when DDL was done and the table must be read again. */
static int compile_round(struct making *m, struct mr_err *err)
{
    struct mr_table *table = NULL;
    struct mr_shape *shape = NULL;
    struct mr_arena arena;
    struct mr_ddl ddl = {.kind = MR_DDL_NONE};

    mr_arena_init(&arena, 4096, (size_t)4 * 1024 * 1024);
    int rc = table_get(m->plans, m->want->target, &table, err);
    if (rc < 0)
        goto out;
    if (table == NULL && m->want->value.kind == MR_REF_NONE) {
        rc = m->route.create ? -MR_SKIP /* nothing to delete from */
                             : mr_err_set(err, MR_TARGET_MISSING, "and create = false");
        goto out;
    }
    rc = mr_shape_derive(&m->from, &m->route, table, &shape, err);
    if (rc == 0 && table == NULL && may_want_no_table(m->want, shape, &m->route)) {
        rc = plan_make(m, shape, NULL, err);
        goto out;
    }
    if (rc == 0)
        rc = mr_target_key_check(m->want->target, shape, table, err);
    if (rc == 0)
        rc = mr_evolve_diff(shape, table, &m->route, &arena, &ddl, err);
    rc = mr_memory_judge(m->memory_mark, rc, err, "looking at a table"); /* before it is altered */
    if (rc == 0 && ddl.kind != MR_DDL_NONE)
        rc = alter(m, &ddl, err);
    else if (rc == 0)
        rc = plan_make(m, shape, table, err);
out:
    mr_shape_free(shape);
    mr_table_unref(table);
    mr_arena_release(&arena);
    return rc;
}

static int compile(struct mr_plans *plans, const struct mr_plan_for *want, uint32_t deadline_ms,
                   struct plan_entry *entry, struct mr_err *err)
{
    const struct mr_route *route = &want->target->rule->route;
    struct mr_schema *key = NULL;
    struct mr_schema *value = NULL;
    uint32_t mark = mr_memory_mark();
    int rc = mr_plan_schema(want, true, deadline_ms, &key, err);

    if (rc == 0)
        rc = mr_plan_schema(want, false, deadline_ms, &value, err);
    if (rc == 0)
        rc = mr_plan_reader(route->key_schema, &key, &entry->key_via, err);
    if (rc == 0)
        rc = mr_plan_reader(route->value_schema, &value, &entry->value_via, err);
    struct making m = {.plans = plans,
                       .want = want,
                       .from = {.key = key,
                                .raw_key = (enum mr_format)want->key.format,
                                .value = value,
                                .topic = want->topic,
                                .envelope_topic = want->envelope_topic},
                       .route = *route,
                       .memory_mark = mark};
    if ((plans->sink->ops->caps & MR_SINK_ALTER) == 0) {
        m.route.relax_not_null = false;
        if (m.route.evolve == MR_EVOLVE_WIDEN)
            m.route.evolve = MR_EVOLVE_ADD;
    }
    for (int round = 0; rc == 0 && !m.done && round < MAX_DDL_ROUNDS; round++)
        rc = compile_round(&m, err);
    if (rc == 0 && m.plan == NULL)
        rc = mr_err_set(err, MR_TYPE_INCOMPATIBLE,
                        "the table still does not fit after %d alterations", MAX_DDL_ROUNDS);
    rc = mr_memory_judge(mark, rc, err, "making a plan");
    entry->plan = m.plan;
    mr_schema_unref(key);
    mr_schema_unref(value);
    return rc;
}

static void ignored_count(struct mr_plans *plans, const struct mr_plan_for *want,
                          const struct mr_plan *plan)
{
    struct mr_plan_ignored ignored = mr_plan_ignored(plan);
    const struct {
        const char *reason;
        uint16_t n;
    } counts[] = {{"discard_column", ignored.n_discarded}, {"generated", ignored.n_generated}};

    for (size_t i = 0; plans->metrics != NULL && i < sizeof counts / sizeof counts[0]; i++) {
        const char *labels[] = {want->target->label, counts[i].reason};
        if (counts[i].n > 0)
            mr_counter_add(mr_metrics_series(plans->metrics, MR_M_FIELDS_IGNORED, labels),
                           counts[i].n);
    }
}

/* Whether the source table has REPLICA IDENTITY FULL, which makes it harmless, is not to be seen
 * from here (contract.md U-13). */
static void unseen_warn(struct mr_plans *plans, const struct mr_plan_for *want,
                        const struct mr_plan *plan)
{
    struct mr_buf names = MR_BUF_INIT;
    const char *labels[] = {want->target->label};
    uint32_t n = mr_plan_unseen(plan, &names);

    if (n > 0 && plans->metrics != NULL)
        mr_counter_add(mr_metrics_series(plans->metrics, MR_M_COLUMNS_UNSEEN, labels), n);
    if (n > 0 && mr_buf_ok(&names))
        mr_log(MR_WARN, "columns_unseen", mr_kv_str("topic", want->topic),
               mr_kv_str("table", want->target->label), mr_kv_str("columns", mr_buf_cstr(&names)));
    mr_buf_release(&names);
}

/* Not the first attempts at a schema that the registry may only not have yet (RETRY with the code
 * of the last one, H-03), and not that there is no table to delete from: the next record may create
 * it. */
static bool worth_remembering(const struct mr_plan_for *want, int rc, const struct mr_err *err)
{
    if (rc == -MR_SKIP)
        return want->value.kind != MR_REF_NONE;
    return mr_code_class(rc) == MR_CLASS_POISON && err->class == MR_CLASS_POISON;
}

/* Puts the entry into the cache, in place of an older one. */
static int entry_keep(struct mr_plans *plans, struct plan_entry *entry, struct mr_err *err)
{
    if (plans->by_key.n_entries >= MR_PLANS_MAX)
        plans_clear(plans);
    struct plan_entry *old = mr_map_find(&plans->by_key, &entry->key, sizeof entry->key);
    if (old != NULL)
        entry_drop(plans, old);
    if (mr_map_put(&plans->by_key, &entry->key, sizeof entry->key, entry) < 0) {
        entry_free(entry);
        return mr_err_set(err, MR_NO_MEMORY, "no memory for a plan");
    }
    plans->last = entry;
    return 0;
}

int mr_plans_resolve(struct mr_plans *plans, const struct mr_plan_for *want, uint32_t deadline_ms,
                     struct mr_plan **out, struct mr_err *err)
{
    struct plan_entry *entry = calloc(1, sizeof *entry);

    if (entry == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "no memory for a plan");
    key_make(want, &entry->key);
    entry->version = atomic_load(&want->target->version);
    entry->rc = compile(plans, want, deadline_ms, entry, err);
    entry->until_ms = mr_mono_ms(&plans->env) + FAULT_TTL_MS;
    int rc = entry->rc;
    if (rc < 0) {
        mr_err_in(err, want->target->label, NULL);
        if (!worth_remembering(want, rc, err)) {
            entry_free(entry);
            return rc;
        }
        entry->fault = *err;
    }
    int kept = entry_keep(plans, entry, err);
    if (kept < 0 || rc < 0)
        return kept < 0 ? kept : rc;
    ignored_count(plans, want, entry->plan);
    unseen_warn(plans, want, entry->plan);
    mr_log(MR_INFO, "plan_compiled", mr_kv_str("topic", want->topic),
           mr_kv_str("table", want->target->label), mr_kv_i64("schema_id", want->value.id));
    *out = entry->plan;
    return 0;
}

const struct mr_resolver *mr_plans_resolver(const struct mr_plans *plans, bool is_key)
{
    if (plans->last == NULL)
        return NULL;
    return is_key ? plans->last->key_via : plans->last->value_via;
}
