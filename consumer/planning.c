/* Owns the order in which brokers, registry and catalogue are asked for a plan that is only shown.
 * The wishes, the conversions and their refusals are those of the loading code (schemas/evolve.c,
 * plan.c); here is only what carries them out on a description. */
#include "consumer/planning.h"

#include <stdlib.h>
#include <string.h>

#include "consumer/frames.h"
#include "consumer/planned_source.h"
#include "consumer/plans.h"

#include "base/ban.h"

enum {
    LAST_OFFSETS = 16,         /* of each partition */
    LAST_OFFSETS_SOURCE = 256, /* where several tables share them */
    READ_MS = 10000,
    REGISTRY_MS = 10000,
    MAX_WISHES = 16,
    ARENA_BYTES = 64 * 1024 * 1024
};

/* ---- open, close ---- */

static int ends_open(struct mr_planning *p, const struct mr_config *config, struct mr_err *err)
{
    const struct mr_sink_ops *ops = mr_sink_for_url(config->target.url, err);

    if (ops == NULL)
        return -(int)err->code;
    mr_wiring_sink_opts(&p->wiring, p->env, &p->sink_opts);
    p->sink_opts.look_only = true;
    int rc = ops->open(&p->sink_opts, &p->sink, err);
    if (rc < 0)
        return rc;
    mr_wiring_source_opts(&p->wiring, p->env, &p->source_opts);
    p->source_opts.n_topics = 0;
    return mr_kafka_tail_open(&p->source_opts, &p->tail, err);
}

int mr_planning_open(struct mr_planning *p, const struct mr_config *config, struct mr_err *err)
{
    memset(p, 0, sizeof *p);
    mr_env_init_system(&p->env);
    mr_arena_init(&p->arena, 65536, ARENA_BYTES);
    int rc = mr_wiring_init(&p->wiring, config, p->env, err);
    if (rc < 0)
        return rc;
    mr_targets_init(&p->targets, p->wiring.rules, p->wiring.n_rules, config->dlq.topic,
                    p->wiring.n_rules > 0 ? p->wiring.rules[0].route.max_identifier_bytes : 63,
                    p->env);
    p->targets.default_schema = config->target.schema;
    p->targets_made = true;
    p->transcode = mr_transcode_new(p->env);
    if (p->transcode == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "no memory for records that are not Avro");
    return ends_open(p, config, err);
}

void mr_planning_close(struct mr_planning *p)
{
    planned_sources_free(p->sources);
    mr_transcode_free(p->transcode);
    mr_kafka_tail_close(p->tail);
    if (p->sink != NULL)
        p->sink->ops->close(p->sink);
    if (p->targets_made)
        mr_targets_release(&p->targets);
    mr_wiring_release(&p->wiring);
    mr_arena_release(&p->arena);
    memset(p, 0, sizeof *p);
}

/* ---- which schemas ---- */

static bool pair_same(const struct planned_pair *a, const struct planned_pair *b)
{
    return memcmp(&a->key, &b->key, sizeof a->key) == 0 &&
           memcmp(&a->value, &b->value, sizeof a->value) == 0;
}

/* With its own schemas that only the transcode has, which keeps them for the last record. */
static void pair_add(struct planned_pairs *pairs, const struct planned_pair *pair,
                     const struct mr_transcode *transcode)
{
    for (size_t i = 0; i < pairs->n; i++) {
        if (pair_same(&pairs->items[i], pair))
            return;
    }
    if (pairs->n == MR_PLANNED_SCHEMAS)
        return;
    struct planned_pair *kept = &pairs->items[pairs->n];
    *kept = *pair;
    kept->order = pairs->n++;
    if (transcode != NULL && pair->key.kind == MR_REF_MADE)
        kept->made_key = mr_transcode_schema(transcode, &pair->key);
    if (transcode != NULL && pair->value.kind == MR_REF_MADE)
        kept->made_value = mr_transcode_schema(transcode, &pair->value);
}

void planned_pairs_release(struct planned_pairs *pairs)
{
    for (size_t i = 0; i < pairs->n; i++) {
        mr_schema_unref(pairs->items[i].made_key);
        mr_schema_unref(pairs->items[i].made_value);
    }
    pairs->n = 0;
}

/* Of this topic or table, not of who was asked. A schema that the registry may only not have yet is
 * one, too: nobody waits here. */
static bool is_trouble(int rc, const struct mr_err *err)
{
    return mr_code_class(rc) == MR_CLASS_POISON ||
           (err->class == MR_CLASS_HALT && err->owner != MR_OWNER_REGISTRY &&
            err->code != MR_TARGET_AUTH && err->code != MR_TARGET_ENCODING);
}

/* A record that says nothing, or not what it must: the first of them is told. */
static int record_bad(const struct mr_record *record, int rc, struct mr_planned *out,
                      struct mr_err *err)
{
    if (!is_trouble(rc, err))
        return rc;
    (void)mr_err_at(err, record->stream, record->partition, record->offset);
    if (out->n_bad++ == 0)
        planned_trouble(out, err, "");
    mr_err_clear(err);
    return 0;
}

/* As a lane does it (fill.c): where the schema is guessed, by the table's own records. */
static int record_open(struct planned_work *work, struct mr_record *record,
                       struct planned_source **source, struct planned_pair *pair,
                       struct mr_err *err)
{
    struct mr_transcode *transcode = work->planning->transcode;
    struct mr_frame key;
    struct mr_frame value;

    record->target = work->target;
    int rc = mr_frames_open(transcode, record, &key, &value, err);
    if (rc < 0 || value.body.data == NULL)
        return rc < 0 ? rc : -MR_SKIP;
    if (work->sources != NULL)
        rc = planned_source_look(work, &value, source, err);
    if (rc == 0 && *source != NULL && mr_transcode_guessed(transcode)) {
        record->target = (*source)->target;
        rc = mr_frames_open(transcode, record, &key, &value, err);
    }
    pair->key = key.ref;
    pair->value = value.ref;
    return rc;
}

/* Tombstones say nothing of columns. */
static int record_look(struct planned_work *work, struct mr_record *record,
                       struct planned_pairs *pairs, struct mr_err *err)
{
    struct planned_source *source = NULL;
    struct planned_pair pair;

    memset(&pair, 0, sizeof pair);
    work->out->n_records++;
    if (record->value.data == NULL)
        return 0;
    int rc = record_open(work, record, &source, &pair, err);
    if (rc == -MR_SKIP)
        return 0;
    if (rc < 0)
        return record_bad(record, rc, work->out, err);
    if (work->sources == NULL)
        pair_add(pairs, &pair, work->planning->transcode);
    else if (source != NULL)
        pair_add(&source->pairs, &pair, work->planning->transcode);
    return 0;
}

static int records_look(struct planned_work *work, const struct mr_tail_topic *topic,
                        struct planned_pairs *pairs, struct mr_err *err)
{
    struct mr_kafka_tail *tail = work->planning->tail;
    struct mr_record record;
    int64_t n_last = work->sources != NULL ? LAST_OFFSETS_SOURCE : LAST_OFFSETS;
    int rc = mr_kafka_tail_begin(tail, topic, n_last, READ_MS, err);

    while (rc == 0 && (rc = mr_kafka_tail_next(tail, &record, err)) == 1) {
        rc = record_look(work, &record, pairs, err);
        mr_kafka_tail_give_back(&record);
    }
    return rc < 0 ? rc : 0;
}

/* F-44, TopicName: where no record names a schema. */
static int subjects_look(struct mr_registry *registry, const char *topic,
                         struct planned_pairs *pairs, struct mr_err *err)
{
    struct planned_pair pair;
    struct mr_buf subject = MR_BUF_INIT;

    memset(&pair, 0, sizeof pair);
    mr_buf_fmt(&subject, "%s-value", topic);
    int rc = mr_registry_latest(registry, mr_buf_cstr(&subject), REGISTRY_MS, &pair.value, err);
    mr_buf_reset(&subject);
    mr_buf_fmt(&subject, "%s-key", topic);
    if (rc == 0) {
        rc = mr_registry_latest(registry, mr_buf_cstr(&subject), REGISTRY_MS, &pair.key, err);
        if (rc == -MR_EMPTY) {
            memset(&pair.key, 0, sizeof pair.key);
            rc = 0;
        }
        if (rc == 0)
            pair_add(pairs, &pair, NULL);
    }
    mr_buf_release(&subject);
    if (rc != -MR_EMPTY)
        return rc;
    mr_err_clear(err);
    return 0;
}

/* Older ones first, as they were registered, or met. */
static int by_id(const void *a, const void *b)
{
    const struct planned_pair *x = a;
    const struct planned_pair *y = b;

    if (x->value.id != y->value.id)
        return x->value.id < y->value.id ? -1 : 1;
    if (x->key.id != y->key.id)
        return x->key.id < y->key.id ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

static int pairs_find(struct planned_work *work, const struct mr_tail_topic *topic,
                      struct planned_pairs *pairs, struct mr_err *err)
{
    const struct mr_route_rule *rule = work->target->rule;
    struct mr_planned *out = work->out;
    int rc = records_look(work, topic, pairs, err);

    out->from = "records";
    if (rc == 0 && pairs->n == 0) {
        out->from = "registry";
        rc = subjects_look(rule->registry, topic->name, pairs, err);
    }
    if (pairs->n == 0)
        out->from = "nothing";
    qsort(pairs->items, pairs->n, sizeof pairs->items[0], by_id);
    return rc;
}

/* ---- one pair ---- */

int planned_schema(const struct planned_work *work, const struct mr_schema_ref *ref, bool is_key,
                   struct mr_schema **out, struct mr_err *err)
{
    const struct mr_plan_for want = {.target = work->target,
                                     .topic = work->out->topic,
                                     .key = *ref,
                                     .value = *ref,
                                     .made = work->planning->transcode};

    return mr_plan_schema(&want, is_key, REGISTRY_MS, out, err);
}

/* What the plan reads: the written schema, or the route's own that it is resolved to. */
static int schema_read(const struct planned_work *work, const struct planned_pair *pair,
                       bool is_key, struct mr_schema **out, struct mr_err *err)
{
    struct mr_schema *made = is_key ? pair->made_key : pair->made_value;
    struct mr_schema *own = is_key ? work->route.key_schema : work->route.value_schema;
    struct mr_resolver *via = NULL;
    int rc = 0;

    if (made != NULL)
        *out = mr_schema_ref(made);
    else
        rc = planned_schema(work, is_key ? &pair->key : &pair->value, is_key, out, err);
    if (rc == 0)
        rc = mr_plan_reader(own, out, &via, err);
    mr_resolver_free(via);
    return rc;
}

/* Carries out, on the description, what run would do; what the X rows then refuse is found by the
 * compiler itself. */
static int wishes_follow(struct planned_work *work, const struct mr_shape *shape,
                         struct mr_plan **plan, struct mr_err *err)
{
    int rc = 0;

    for (int i = 0; rc == 0 && i < MAX_WISHES; i++) {
        struct mr_ddl ddl = {.kind = MR_DDL_NONE};
        rc = mr_evolve_diff(shape, work->table, &work->route, &work->planning->arena, &ddl, err);
        if (rc < 0 || ddl.kind == MR_DDL_NONE)
            break;
        rc = planned_resolve(work, &ddl, err);
        if (rc < 0)
            break;
        planned_statement(work, &ddl);
        rc = planned_apply(work, &ddl, err);
    }
    if (rc == 0)
        rc = mr_plan_compile(shape, work->table, work->planning->sink->ops->emit, &work->route,
                             plan, err);
    return rc;
}

static int pair_follow(struct planned_work *work, const struct planned_pair *pair,
                       struct mr_err *err)
{
    struct mr_shape *shape = NULL;
    struct mr_plan *plan = NULL;
    struct mr_shape_from from = {.raw_key = (enum mr_format)pair->key.format,
                                 .topic = work->out->topic};
    int rc = schema_read(work, pair, true, &from.key, err);

    if (rc == 0)
        rc = schema_read(work, pair, false, &from.value, err);
    if (rc == 0)
        rc = mr_shape_derive(&from, &work->route, work->table, &shape, err);
    if (rc == 0)
        rc = wishes_follow(work, shape, &plan, err);
    if (rc < 0 && is_trouble(rc, err)) {
        planned_trouble(work->out, err, planned_by_hand(work, shape, err));
        mr_err_clear(err);
        rc = 0;
    }
    if (shape != NULL) {
        planned_columns(work, shape);
        planned_notes(work, shape, plan);
    }
    mr_plan_unref(plan);
    mr_shape_free(shape);
    mr_schema_unref(from.key);
    mr_schema_unref(from.value);
    return rc;
}

/* ---- one topic ---- */

static int table_get(struct planned_work *work, struct mr_err *err)
{
    struct mr_planning *p = work->planning;
    const char *schema = *work->target->schema != '\0' ? work->target->schema : NULL;
    int rc = p->sink->ops->table_open(p->sink, schema, work->target->name, true, &work->table, err);

    work->out->exists = rc == 0;
    if (rc == 0)
        work->before = mr_table_ref(work->table);
    if (rc == -MR_TARGET_MISSING) {
        mr_err_clear(err);
        return 0;
    }
    if (rc < 0 && is_trouble(rc, err)) {
        planned_trouble(work->out, err, "");
        mr_err_clear(err);
        return 1;
    }
    return rc;
}

static int topic_follow(struct planned_work *work, const struct planned_pairs *pairs,
                        struct mr_err *err)
{
    int rc = table_get(work, err);

    for (size_t i = 0; rc == 0 && i < pairs->n; i++) {
        if (pairs->items[i].value.kind == MR_REF_ID)
            work->out->schema_ids[work->out->n_schemas++] = pairs->items[i].value.id;
        rc = pair_follow(work, &pairs->items[i], err);
    }
    mr_table_unref(work->table);
    mr_table_unref(work->before);
    return rc < 0 ? rc : 0;
}

static void work_begin(struct mr_planning *p, struct mr_planned *out, struct planned_work *work)
{
    mr_arena_reset(&p->arena);
    *out = (struct mr_planned){.topic = p->topic, .table = "", .from = "nothing"};
    *work = (struct planned_work){.planning = p, .out = out, .sources = p->sources};
}

static void work_target(struct planned_work *work, struct mr_target *target)
{
    work->target = target;
    work->route = target->rule->route;
    if ((work->planning->sink->ops->caps & MR_SINK_ALTER) == 0) {
        work->route.relax_not_null = false;
        if (work->route.evolve == MR_EVOLVE_WIDEN)
            work->route.evolve = MR_EVOLVE_ADD;
    }
    work->out->table = target->label;
    work->out->target = target;
}

/* E-30: each record says its table. */
static int sources_find(struct planned_work *work, const struct mr_tail_topic *topic,
                        struct mr_err *err)
{
    struct mr_planning *p = work->planning;
    struct planned_pairs unused = {.n = 0}; /* each table has its own */

    work->out->from = "source";
    p->sources = planned_sources_new();
    if (p->sources == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "no memory for a topic's tables");
    work->sources = p->sources;
    return records_look(work, topic, &unused, err);
}

int mr_planning_more(struct mr_planning *p, struct mr_planned *out, struct mr_err *err)
{
    struct planned_work work;
    struct planned_source *source = p->sources != NULL ? planned_sources_next(p->sources) : NULL;

    if (source == NULL)
        return 0;
    work_begin(p, out, &work);
    work_target(&work, source->target);
    out->from = "records";
    out->n_records = source->n_records;
    qsort(source->pairs.items, source->pairs.n, sizeof source->pairs.items[0], by_id);
    int rc = topic_follow(&work, &source->pairs, err);
    return rc < 0 ? rc : 1;
}

int mr_planning_topic(struct mr_planning *p, const struct mr_tail_topic *topic,
                      struct mr_planned *out, struct mr_err *err)
{
    struct mr_target *target = NULL;
    struct planned_pairs pairs = {.n = 0};
    struct planned_work work;

    planned_sources_free(p->sources);
    p->sources = NULL;
    memcpy(p->topic, topic->name, sizeof p->topic);
    work_begin(p, out, &work);
    int rc = mr_targets_for(&p->targets, topic->name, &target, err);
    if (rc < 0) { /* identifier.*: the topic's own fault */
        planned_trouble(out, err, "");
        mr_err_clear(err);
        return 0;
    }
    if (target == NULL)
        return 1;
    work_target(&work, target);
    if (target->stem)
        return sources_find(&work, topic, err);
    rc = pairs_find(&work, topic, &pairs, err);
    if (rc == 0)
        rc = topic_follow(&work, &pairs, err);
    planned_pairs_release(&pairs);
    return rc;
}
