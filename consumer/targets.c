/* Owns the mapping from topics to tables and the fault of a table. It compiles no plan and speaks
 * to no database. */
#include "consumer/targets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "schemas/identifier.h"

#include "base/ban.h"

enum { MAX_GROUPS = 10, HALT_FIRST_MS = 5000, HALT_MOST_MS = 60000 };

/* NOLINTNEXTLINE(readability-function-size): six parameters, the interface of targets.h */
void mr_targets_init(struct mr_targets *targets, const struct mr_route_rule *rules, size_t n_rules,
                     const char *dlq_topic, uint32_t max_identifier_bytes,
                     struct mr_env env) MR_NO_TSA
{
    memset(targets, 0, sizeof *targets);
    targets->rules = rules;
    targets->n_rules = n_rules;
    targets->dlq_topic = dlq_topic;
    targets->max_identifier_bytes = max_identifier_bytes;
    targets->env = env;
    mr_lock_init(&targets->lock, 15);
}

void mr_targets_release(struct mr_targets *targets) MR_NO_TSA
{
    for (size_t i = 0; i < targets->n_all; i++) {
        mr_lock_release(&targets->all[i]->lock);
        free(targets->all[i]->key);
        free(targets->all[i]);
    }
    free(targets->all);
    mr_lock_release(&targets->lock);
}

static bool ends_with(const char *text, const char *tail)
{
    size_t n = strlen(text);
    size_t m = strlen(tail);

    return n >= m && strcmp(text + n - m, tail) == 0;
}

bool mr_topic_is_internal(const char *topic, const char *dlq_topic)
{
    if (*topic == '_')
        return true;
    if (dlq_topic != NULL && strcmp(topic, dlq_topic) == 0)
        return true;
    if (ends_with(topic, "-signal"))
        return true;
    /* `prefix.transaction` is Debezium's; `server.schema.transaction` is a table of that name */
    const char *dot = strchr(topic, '.');
    return dot != NULL && strcmp(dot, ".transaction") == 0;
}

static const struct mr_route_rule *rule_for(const struct mr_targets *targets, const char *topic,
                                            regmatch_t groups[MAX_GROUPS])
{
    for (size_t i = 0; i < targets->n_rules; i++) {
        const struct mr_route_rule *rule = &targets->rules[i];
        if (rule->topic != NULL) {
            if (strcmp(rule->topic, topic) == 0)
                return rule;
            continue;
        }
        if (mr_topic_is_internal(topic, targets->dlq_topic))
            continue;
        if (regexec(&rule->regex, topic, MAX_GROUPS, groups, 0) == 0 && groups[0].rm_so == 0 &&
            (size_t)groups[0].rm_eo == strlen(topic))
            return rule;
    }
    return NULL;
}

/* What the names of a table are made of. */
struct naming {
    const char *topic;
    regmatch_t groups[MAX_GROUPS];
    const struct mr_located *source; /* NULL: the topic decides */
};

/* `$db`, `$schema`, `$table`: what the source says; the length of the word, or 0. */
static size_t expand_source(struct mr_buf *out, const char *word, const struct naming *naming)
{
    if (naming->source == NULL)
        return 0;
    const struct {
        const char *word;
        struct mr_slice name;
    } names[] = {{"db", naming->source->db},
                 {"schema", naming->source->schema},
                 {"table", naming->source->table}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t len = strlen(names[i].word);
        if (strncmp(word, names[i].word, len) != 0)
            continue;
        mr_buf_add(out, names[i].name.data, names[i].name.len);
        return len;
    }
    return 0;
}

/* `$1` .. `$9` are groups of the regex, `$$` is a dollar. */
static void expand(struct mr_buf *out, struct mr_slice template, const struct naming *naming)
{
    const char *end = (const char *)template.data + template.len;

    for (const char *p = (const char *)template.data; p < end; p++) {
        size_t word = *p == '$' ? expand_source(out, p + 1, naming) : 0;
        if (word > 0) {
            p += word;
        } else if (*p == '$' && p[1] >= '1' && p[1] <= '9') {
            const regmatch_t *g = &naming->groups[p[1] - '0'];
            if (g->rm_so >= 0)
                mr_buf_add(out, naming->topic + g->rm_so, (size_t)(g->rm_eo - g->rm_so));
            p++;
        } else if (*p == '$' && p[1] == '$') {
            mr_buf_byte(out, '$');
            p++;
        } else {
            mr_buf_byte(out, (uint8_t)*p);
        }
    }
}

/* contract.md I-01: the last dot part is the table, the part before the schema if there are three.
 */
static void names_from_topic(const char *topic, struct mr_buf *schema, struct mr_buf *table)
{
    const char *last = strrchr(topic, '.');

    if (last == NULL) {
        mr_buf_str(table, topic);
        return;
    }
    mr_buf_str(table, last + 1);
    const char *before = last;
    while (before > topic && before[-1] != '.')
        before--;
    if (before > topic)
        mr_buf_add(schema, before, (size_t)(last - before));
}

static void names_split(struct mr_buf *whole, struct mr_buf *schema, struct mr_buf *table)
{
    const char *text = mr_buf_cstr(whole);
    const char *dot = strchr(text, '.');

    if (dot != NULL)
        mr_buf_add(schema, text, (size_t)(dot - text));
    mr_buf_str(table, dot != NULL ? dot + 1 : text);
}

/* E-30: without a template as I-01 has it of a topic. A template is split before the names are in
 * it: they may hold dots. */
static void names_from_source(const struct mr_route_rule *rule, const struct naming *naming,
                              struct mr_buf *schema, struct mr_buf *table)
{
    const struct mr_located *source = naming->source;

    if (rule->table == NULL) {
        const struct mr_slice *space = source->schema.data != NULL ? &source->schema : &source->db;
        mr_buf_add(schema, space->data, space->len);
        mr_buf_add(table, source->table.data, source->table.len);
        return;
    }
    const char *dot = rule->schema == NULL ? strchr(rule->table, '.') : NULL;
    const char *name = dot != NULL ? dot + 1 : rule->table;
    if (dot != NULL)
        expand(schema, (struct mr_slice){(const uint8_t *)rule->table, (size_t)(dot - rule->table)},
               naming);
    expand(table, mr_slice_str(name), naming);
}

static int name_fit(const struct mr_targets *targets, const struct mr_route_rule *rule,
                    struct mr_buf *name, char out[MR_TARGET_NAME_BYTES], struct mr_err *err)
{
    struct mr_identifier_opts opts = {.letter_case = rule->route.identifier_case,
                                      .long_halt = rule->route.identifier_long_halt,
                                      .max_bytes = targets->max_identifier_bytes};

    return mr_identifier_make(mr_buf_cstr(name), name->len, &opts, out, MR_TARGET_NAME_BYTES, err);
}

/* Fills the names of `t`, whose rule is set. */
static int names_of(const struct mr_targets *targets, const struct naming *naming,
                    struct mr_target *t, struct mr_err *err)
{
    const struct mr_route_rule *rule = t->rule;
    struct mr_buf schema = MR_BUF_INIT;
    struct mr_buf table = MR_BUF_INIT;
    struct mr_buf whole = MR_BUF_INIT;
    int rc = 0;

    if (naming->source != NULL) {
        names_from_source(rule, naming, &schema, &table);
    } else if (rule->table == NULL) {
        names_from_topic(naming->topic, &schema, &table);
    } else if (rule->schema != NULL) {
        expand(&table, mr_slice_str(rule->table), naming);
    } else {
        expand(&whole, mr_slice_str(rule->table), naming);
        names_split(&whole, &schema, &table);
    }
    if (rule->schema != NULL) {
        mr_buf_reset(&schema);
        expand(&schema, mr_slice_str(rule->schema), naming);
    }
    if (!mr_buf_ok(&schema) || !mr_buf_ok(&table) || !mr_buf_ok(&whole)) {
        rc = mr_err_set(err, MR_NO_MEMORY, "no memory for the name of a table");
        goto out;
    }
    rc = name_fit(targets, rule, &table, t->name, err);
    if (rc == 0 && schema.len > 0)
        rc = name_fit(targets, rule, &schema, t->schema, err);
out:
    mr_buf_release(&schema);
    mr_buf_release(&table);
    mr_buf_release(&whole);
    return rc;
}

static struct mr_target *find(const struct mr_targets *targets, const struct mr_target *like)
    MR_REQUIRES(targets->lock)
{
    for (size_t i = 0; i < targets->n_all; i++) {
        struct mr_target *t = targets->all[i];
        if (t->rule == like->rule && strcmp(t->name, like->name) == 0 &&
            strcmp(t->schema, like->schema) == 0 && t->stem == like->stem &&
            (!t->stem || strcmp(t->topic, like->topic) == 0))
            return t;
    }
    return NULL;
}

/* A route that names no schema and one that names the default's load the same table. */
static const char *schema_of(const struct mr_targets *targets, const struct mr_target *t)
{
    return *t->schema == '\0' && targets->default_schema != NULL ? targets->default_schema
                                                                 : t->schema;
}

/* Another rule's target of the same table, or this rule's with another topic or source: only if
 * shared (I-08). */
static int check_shared(const struct mr_targets *targets, const struct mr_target *t,
                        struct mr_err *err) MR_REQUIRES(targets->lock)
{
    for (size_t i = 0; i < targets->n_all; i++) {
        const struct mr_target *o = targets->all[i];
        if (o->stem || t->stem || strcmp(o->name, t->name) != 0 ||
            strcmp(schema_of(targets, o), schema_of(targets, t)) != 0)
            continue;
        bool same = strcmp(o->topic, t->topic) == 0 && strcmp(o->source, t->source) == 0;
        if (same || (t->rule->table_shared && o->rule->table_shared))
            continue;
        mr_err_set(err, MR_IDENTIFIER_COLLISION,
                   "topics %s%s%s and %s%s%s both give table %s: set table_shared = true in their "
                   "routes if that is wanted",
                   o->topic, *o->source ? " source " : "", o->source, t->topic,
                   *t->source ? " source " : "", t->source, t->label);
        return mr_err_in(err, t->label, NULL);
    }
    return 0;
}

static struct mr_target *insert(struct mr_targets *targets, const struct mr_target *like)
    MR_REQUIRES(targets->lock)
{
    if (targets->n_all >= MR_MAX_TARGETS)
        return NULL;
    struct mr_target **all = realloc(targets->all, (targets->n_all + 1) * sizeof *all);
    if (all == NULL)
        return NULL;
    targets->all = all;
    struct mr_target *t = malloc(sizeof *t);
    if (t == NULL)
        return NULL;
    *t = *like;
    t->idx = (uint32_t)targets->n_all;
    mr_lock_init(&t->lock, 45);
    all[targets->n_all++] = t;
    return t;
}

static void like_init(struct mr_target *like, const struct mr_route_rule *rule, const char *topic)
{
    memset(like, 0, sizeof *like);
    mr_err_clear(&like->fault);
    mr_err_clear(&like->last_bad);
    like->rule = rule;
    like->load = mr_load_for(rule->route.strategy);
    (void)snprintf(like->topic, sizeof like->topic, "%s", topic);
}

/* Finds the target, or makes it. */
static int take(struct mr_targets *targets, const struct mr_target *like, struct mr_target **out,
                struct mr_err *err)
{
    mr_lock_take(&targets->lock);
    int rc = check_shared(targets, like, err);
    bool full = false;
    if (rc == 0) {
        *out = find(targets, like);
        full = *out == NULL && targets->n_all >= MR_MAX_TARGETS;
        if (*out == NULL && !full)
            *out = insert(targets, like);
        if (*out != NULL)
            atomic_fetch_add(&(*out)->n_topics, 1);
    }
    mr_lock_drop(&targets->lock);
    if (rc == 0 && full && like->rule->by_source)
        rc = mr_err_set(err, MR_ROUTE_TOO_MANY, "%s would be one more than %d", like->label,
                        MR_MAX_TARGETS);
    else if (rc == 0 && *out == NULL)
        rc = mr_err_set(err, MR_NO_MEMORY, "no room for one more table than %d", MR_MAX_TARGETS);
    return rc;
}

static int take_named(struct mr_targets *targets, const struct naming *naming,
                      struct mr_target *like, struct mr_target **out, struct mr_err *err)
{
    int rc = names_of(targets, naming, like, err);
    if (rc < 0)
        return rc;
    (void)snprintf(like->label, sizeof like->label, "%s%s%s", like->schema,
                   *like->schema ? "." : "", like->name);
    return take(targets, like, out, err);
}

int mr_targets_for(struct mr_targets *targets, const char *topic, struct mr_target **out,
                   struct mr_err *err)
{
    struct naming naming = {.topic = topic};
    struct mr_target like;

    memset(naming.groups, 0xff, sizeof naming.groups);
    *out = NULL;
    const struct mr_route_rule *rule = rule_for(targets, topic, naming.groups);
    if (rule == NULL)
        return 0;
    like_init(&like, rule, topic);
    like.stem = rule->by_source;
    return like.stem ? take(targets, &like, out, err)
                     : take_named(targets, &naming, &like, out, err);
}

/* NOLINTNEXTLINE(readability-function-size): six parameters, the interface of targets.h */
int mr_targets_for_source(struct mr_targets *targets, const struct mr_route_rule *rule,
                          const char *topic, const struct mr_located *names, struct mr_target **out,
                          struct mr_err *err)
{
    struct naming naming = {.topic = topic, .source = names};
    struct mr_target like;

    *out = NULL;
    if (rule->topic != NULL || regexec(&rule->regex, topic, MAX_GROUPS, naming.groups, 0) != 0)
        memset(naming.groups, 0xff, sizeof naming.groups);
    like_init(&like, rule, topic);
    (void)snprintf(like.source, sizeof like.source, "%.*s.%.*s.%.*s", (int)names->db.len,
                   (const char *)names->db.data, (int)names->schema.len,
                   (const char *)names->schema.data, (int)names->table.len,
                   (const char *)names->table.data);
    return take_named(targets, &naming, &like, out, err);
}

struct mr_target *mr_targets_at(struct mr_targets *targets, size_t idx)
{
    mr_lock_take(&targets->lock);
    struct mr_target *t = idx < targets->n_all ? targets->all[idx] : NULL;
    mr_lock_drop(&targets->lock);
    return t;
}

uint32_t mr_target_halt(struct mr_target *target, const struct mr_err *err, uint64_t now_ms)
{
    mr_lock_take(&target->lock);
    if (target->fault.code != MR_OK && now_ms < target->retry_at_ms) {
        /* other partitions and lanes meet the same fault: they wait for the same probe, else each
         * of them would push it away from all others */
        uint32_t left_ms = (uint32_t)(target->retry_at_ms - now_ms);
        mr_lock_drop(&target->lock);
        return left_ms;
    }
    uint32_t shift = target->n_faults < 8 ? target->n_faults : 8;
    uint32_t delay_ms = (uint32_t)HALT_FIRST_MS << shift;
    if (delay_ms > HALT_MOST_MS)
        delay_ms = HALT_MOST_MS;
    target->fault = *err;
    /* a record fault that the server found among a batch's rows: it is not known which record's, so
     * the table waits; as POISON it would make a dead letter of every record that comes */
    target->fault.class = MR_CLASS_HALT;
    target->n_faults++;
    target->retry_at_ms = now_ms + delay_ms;
    mr_lock_drop(&target->lock);
    atomic_store(&target->halted, true);
    atomic_fetch_add(&target->version, 1);
    return delay_ms;
}

int mr_target_fault(struct mr_target *target, uint64_t now_ms, uint32_t *wait_ms,
                    struct mr_err *err)
{
    if (!atomic_load(&target->halted))
        return 0;
    mr_lock_take(&target->lock);
    int rc = 0;
    if (target->fault.code != MR_OK && now_ms < target->retry_at_ms) {
        *wait_ms = (uint32_t)(target->retry_at_ms - now_ms);
        if (err != NULL)
            *err = target->fault;
        rc = -(int)target->fault.code;
    }
    mr_lock_drop(&target->lock);
    return rc;
}

void mr_target_clear(struct mr_target *target)
{
    if (!atomic_load(&target->halted))
        return;
    mr_lock_take(&target->lock);
    mr_err_clear(&target->fault);
    target->n_faults = 0;
    mr_lock_drop(&target->lock);
    atomic_store(&target->halted, false);
    mr_log(MR_INFO, "table_resumed", mr_kv_str("table", target->label));
}
