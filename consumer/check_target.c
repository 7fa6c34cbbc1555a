/* Owns what is asked of registries and target: whether they answer, whether schemas parse and fit
 * their tables (planning.c says), and the rights on those tables (the sink says). */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "consumer/check.h"

#include "base/ban.h"

enum { REGISTRY_MS = 10000, FIRST_TABLES = 64 };

/* ---- registries ---- */

/* A subject that is not there is an answer, too. */
static void registry_look(struct mr_check *check, size_t i)
{
    const struct mr_registry_conf *conf = mr_config_registry(check->config, (uint32_t)i);
    struct mr_schema_ref ref;
    struct mr_err err = MR_ERR_INIT;
    int rc = mr_registry_latest(check->planning.wiring.registries[i], "millrace-check", REGISTRY_MS,
                                &ref, &err);

    if (rc < 0 && rc != -MR_EMPTY)
        mr_findings_fault(&check->findings, conf->name, &err);
    else
        mr_findings_add(&check->findings, MR_FINDING_OK, conf->name, "answers");
}

static bool is_used(const struct mr_wiring *wiring, const struct mr_registry *registry)
{
    for (size_t i = 0; i < wiring->n_rules; i++) {
        if (wiring->rules[i].registry == registry)
            return true;
    }
    return false;
}

void mr_check_registries(struct mr_check *check)
{
    const struct mr_wiring *wiring = &check->planning.wiring;

    for (size_t i = 0; i < wiring->n_registries; i++) {
        if (is_used(wiring, wiring->registries[i]))
            registry_look(check, i);
    }
}

/* ---- the target ---- */

void mr_check_target(struct mr_check *check)
{
    struct mr_sink *sink = check->planning.sink;
    const struct mr_dlq_conf *dlq = &check->config->dlq;
    struct mr_look look = {.letters_elsewhere = dlq->to == MR_CONF_DLQ_TOPIC,
                           .letters_purged = dlq->retention_ms > 0 || dlq->retention_new_ms > 0};
    struct mr_err err = MR_ERR_INIT;

    if (sink->ops->look_over(sink, &look, &check->findings, &err) < 0)
        mr_findings_fault(&check->findings, sink->ops->name, &err);
    check->control_absent = look.control_absent;
}

/* ---- tables ---- */

static const char *kept(struct mr_check *check, const char *text)
{
    const char *copy = mr_arena_copy(&check->findings.arena, text, strlen(text) + 1);
    return copy != NULL ? copy : "";
}

/* Texts of the planning go with its next topic. */
static const char *const *statements_keep(struct mr_check *check, const struct mr_planned *p,
                                          size_t *n)
{
    const char **kept_ones =
        mr_arena_alloc(&check->findings.arena, (p->n_statements + 1) * sizeof *kept_ones);

    *n = 0;
    for (size_t i = 0; kept_ones != NULL && i < p->n_statements; i++)
        kept_ones[(*n)++] = kept(check, p->statements[i]);
    return kept_ones;
}

static void table_keep(struct mr_check *check, const struct mr_planned *p)
{
    if (p->target == NULL || (!p->exists && p->n_statements == 0))
        return;
    if (check->n_tables == check->cap_tables) {
        size_t cap = check->cap_tables == 0 ? FIRST_TABLES : 2 * check->cap_tables;
        struct mr_look_table *tables = mr_arena_alloc(&check->findings.arena, cap * sizeof *tables);
        if (tables == NULL)
            return;
        if (check->n_tables > 0)
            memcpy(tables, check->tables, check->n_tables * sizeof *tables);
        check->tables = tables;
        check->cap_tables = cap;
    }
    const struct mr_route *route = &p->target->rule->route;
    struct mr_look_table *table = &check->tables[check->n_tables++];
    *table = (struct mr_look_table){.schema = p->target->schema,
                                    .name = p->target->name,
                                    .append = route->strategy == MR_STRATEGY_APPEND,
                                    .truncates = route->truncate == MR_TRUNCATE_APPLY};
    table->statements = statements_keep(check, p, &table->n_statements);
}

static void statements_tell(struct mr_check *check, const struct mr_planned *p, const char *subject)
{
    if (strcmp(p->from, "source") == 0)
        return; /* its tables follow */
    if (p->n_columns == 0)
        mr_findings_add(&check->findings, MR_FINDING_NOTE, subject, "%s",
                        strcmp(p->from, "nothing") == 0
                            ? "no record or subject names a schema: the table cannot be told"
                            : "nothing to load");
    else if (p->exists)
        mr_findings_add(&check->findings, MR_FINDING_OK, subject, "%s",
                        p->n_statements > 0 ? "would be altered: millrace plan shows how"
                                            : "fits as it is");
    else
        mr_findings_add(&check->findings, MR_FINDING_OK, subject, "would be created");
}

static void notes_tell(struct mr_check *check, const struct mr_planned *p, const char *subject)
{
    for (size_t i = 0; i < p->n_notes; i++) {
        const struct mr_planned_note *note = &p->notes[i];
        mr_findings_add(&check->findings, note->lost ? MR_FINDING_WARNING : MR_FINDING_NOTE,
                        subject, "%s: %s: %s", note->column,
                        note->lost ? "lost at the source" : "may be lost at the source",
                        note->what);
        mr_findings_remedy(&check->findings, note->remedy);
    }
}

static void planned_tell(struct mr_check *check)
{
    const struct mr_planned *p = check->planned;
    struct mr_buf subject = MR_BUF_INIT;

    mr_buf_fmt(&subject, "%s -> %s", p->topic, *p->table != '\0' ? p->table : "no table");
    const char *text = mr_buf_cstr(&subject);
    for (size_t i = 0; i < p->n_troubles; i++) {
        mr_findings_fault(&check->findings, text, &p->troubles[i].err);
        mr_findings_sql(&check->findings, p->troubles[i].sql);
        if (p->troubles[i].err.code != MR_TARGET_PRIVILEGE)
            mr_findings_exit(&check->findings, EX_DATAERR);
    }
    if (p->n_troubles == 0)
        statements_tell(check, p, text);
    notes_tell(check, p, text);
    table_keep(check, p);
    mr_buf_release(&subject);
}

static int topic_plan(struct mr_check *check, const struct mr_tail_topic *topic, struct mr_err *err)
{
    int rc = mr_planning_topic(&check->planning, topic, check->planned, err);

    if (rc != 0)
        return rc < 0 ? rc : 0;
    planned_tell(check);
    while ((rc = mr_planning_more(&check->planning, check->planned, err)) == 1)
        planned_tell(check);
    return rc;
}

/* Which one, the registries do not keep: the event schema_disagreement says it. */
static void disagreements_tell(struct mr_check *check)
{
    const struct mr_wiring *wiring = &check->planning.wiring;

    for (size_t i = 0; i < wiring->n_registries; i++) {
        struct mr_registry_stats stats;
        mr_registry_stats(wiring->registries[i], &stats);
        if (stats.n_disagreements == 0)
            continue;
        mr_findings_add(&check->findings, MR_FINDING_NOTE,
                        mr_config_registry(check->config, (uint32_t)i)->name,
                        "%llu schemas are Avro to millrace, and not to avro-c",
                        (unsigned long long)stats.n_disagreements);
        mr_findings_remedy(&check->findings, "Read the event schema_disagreement: it names them. "
                                             "Names outside Avro's grammar are the usual reason.");
    }
}

void mr_check_tables(struct mr_check *check)
{
    struct mr_err err = MR_ERR_INIT;

    for (size_t i = 0; i < check->n_topics; i++) {
        if (topic_plan(check, &check->topics[i], &err) == 0)
            continue;
        mr_findings_fault(&check->findings, check->topics[i].name, &err);
        mr_findings_add(&check->findings, MR_FINDING_SKIPPED, "topics after it",
                        "not checked: who was asked did not answer");
        break;
    }
    disagreements_tell(check);
}

/* ---- rights ---- */

void mr_check_rights(struct mr_check *check)
{
    static const struct mr_look_table none;
    struct mr_sink *sink = check->planning.sink;
    struct mr_look look = {.tables = check->n_tables > 0 ? check->tables : &none,
                           .n_tables = check->n_tables};
    struct mr_err err = MR_ERR_INIT;

    if (sink->ops->look_over(sink, &look, &check->findings, &err) < 0)
        mr_findings_fault(&check->findings, sink->ops->name, &err);
}
