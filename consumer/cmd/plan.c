/* `millrace plan`: what run would create or alter, column by column, with each conversion, and what
 * it could not, with the SQL to do it by hand. It joins no group, claims nothing, alters nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "consumer/cmd/cmd.h"
#include "consumer/report_plan.h"

#include "base/ban.h"

enum { TOPICS_MS = 10000 };

/* What all topics came to. */
struct outcome {
    struct mr_planned *planned; /* of the topic in hand */
    bool json;
    size_t n_topics;
    size_t n_shown; /* topics, and tables of those whose records name theirs */
    size_t n_statements;
    size_t n_troubles;
};

static void print_head(const struct mr_planned *p, struct mr_buf *out)
{
    mr_buf_fmt(out, "%s -> %s: ", p->topic, *p->table != '\0' ? p->table : "no table");
    if (strcmp(p->from, "source") == 0)
        mr_buf_str(out, "each record's source names its table (route = \"source\")");
    else if (p->n_troubles > 0)
        mr_buf_str(out, "cannot be loaded as it is");
    else if (p->n_columns == 0)
        mr_buf_str(out, strcmp(p->from, "nothing") == 0 ? "no record or subject names a schema"
                                                        : "nothing to load");
    else if (!p->exists)
        mr_buf_str(out, "would be created");
    else
        mr_buf_str(out, p->n_statements > 0 ? "would be altered" : "fits as it is");
    mr_buf_byte(out, '\n');
    if (p->n_schemas == 0)
        return;
    mr_buf_fmt(out, "  schemas from %s:", p->from);
    for (size_t i = 0; i < p->n_schemas; i++)
        mr_buf_fmt(out, " %lld", (long long)p->schema_ids[i]);
    mr_buf_byte(out, '\n');
}

static void print_column(const struct mr_planned_column *c, struct mr_buf *out)
{
    bool added = *c->was == '\0';
    bool widened = !added && strcmp(c->was, c->type) != 0;

    mr_buf_fmt(out, "    %-24s %-28s %-36s %s%s%s", c->name, c->type,
               *c->source != '\0' ? c->source : "-",
               c->filled ? mr_fit_name(c->fit) : "not in the record", c->key ? ", key" : "",
               added && c->fit != MR_FIT_ABSENT ? ", new" : "");
    if (widened)
        mr_buf_fmt(out, ", was %s", c->was);
    mr_buf_byte(out, '\n');
}

static void print_note(const struct mr_planned_note *note, struct mr_buf *out)
{
    mr_buf_fmt(out, "  %s: %s: %s; kept by %s\n", note->column,
               note->lost ? "lost at the source" : "may be lost at the source", note->what,
               note->remedy);
}

static void print_topic(const struct mr_planned *p, struct mr_buf *out)
{
    print_head(p, out);
    if (p->n_columns > 0)
        mr_buf_fmt(out, "    %-24s %-28s %-36s %s\n", "COLUMN", "TYPE", "FROM", "CONVERSION");
    for (size_t i = 0; i < p->n_columns; i++)
        print_column(&p->columns[i], out);
    for (size_t i = 0; i < p->n_statements; i++)
        mr_buf_fmt(out, "  run would do: %s;\n", p->statements[i]);
    for (size_t i = 0; i < p->n_widenings; i++)
        mr_buf_fmt(out, "  possible by hand, or by evolve = \"widen\": %s;\n", p->widenings[i]);
    for (size_t i = 0; i < p->n_notes; i++)
        print_note(&p->notes[i], out);
    for (size_t i = 0; i < p->n_troubles; i++) {
        const struct mr_planned_trouble *t = &p->troubles[i];
        char code[64];
        mr_buf_fmt(out, "  %s: %s. %s\n", mr_err_printed(&t->err, code, sizeof code), t->err.detail,
                   mr_code_remedy((int)t->err.code));
        if (*t->sql != '\0')
            mr_buf_fmt(out, "  by hand: %s;\n", t->sql);
    }
    mr_buf_byte(out, '\n');
}

static int planned_show(struct outcome *outcome, struct mr_buf *out, struct mr_err *err)
{
    const struct mr_planned *planned = outcome->planned;
    int rc = 0;

    if (outcome->json) {
        mr_buf_str(out, outcome->n_shown > 0 ? ",\n" : "");
        rc = mr_report_planned(planned, out);
    } else {
        print_topic(planned, out);
    }
    outcome->n_shown++;
    outcome->n_statements += planned->n_statements;
    outcome->n_troubles += planned->n_troubles;
    return rc < 0 ? mr_err_set(err, MR_NO_MEMORY, "no memory for the plan") : 0;
}

static int topic_show(struct mr_planning *planning, const struct mr_tail_topic *topic,
                      struct outcome *outcome, struct mr_buf *out, struct mr_err *err)
{
    int rc = mr_planning_topic(planning, topic, outcome->planned, err);

    if (rc != 0)
        return rc < 0 ? rc : 0;
    outcome->n_topics++;
    rc = planned_show(outcome, out, err);
    while (rc == 0 && (rc = mr_planning_more(planning, outcome->planned, err)) == 1)
        rc = planned_show(outcome, out, err);
    return rc;
}

/* Routes whose exact topic the brokers do not have. */
static void absent_topics(const struct mr_planning *planning, const struct mr_tail_topic *topics,
                          size_t n, struct outcome *outcome)
{
    for (size_t i = 0; i < planning->wiring.n_rules; i++) {
        const char *name = planning->wiring.rules[i].topic;
        bool found = name == NULL;
        for (size_t k = 0; k < n && !found; k++)
            found = strcmp(topics[k].name, name) == 0;
        if (found)
            continue;
        fprintf(stderr, "millrace: topic %s does not exist\n", name);
        outcome->n_troubles++;
    }
}

static int topics_show(struct mr_planning *planning, struct outcome *outcome, struct mr_buf *out,
                       struct mr_err *err)
{
    bool json = outcome->json;
    struct mr_tail_topic *topics = NULL;
    size_t n = 0;
    int rc = mr_kafka_tail_topics(planning->tail, TOPICS_MS, &topics, &n, err);

    if (rc == 0)
        absent_topics(planning, topics, n, outcome);
    mr_buf_str(out, json ? "[" : "");
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = topic_show(planning, &topics[i], outcome, out, err);
    mr_buf_str(out, json ? "]\n" : "");
    free(topics);
    if (rc == 0 && !json)
        mr_buf_fmt(out, "%zu topics, %zu statements, %zu that cannot be\n", outcome->n_topics,
                   outcome->n_statements, outcome->n_troubles);
    return rc;
}

int mr_cmd_plan(const struct mr_cmd_args *args)
{
    struct mr_config *config = NULL;
    struct mr_planning planning;
    struct outcome outcome = {.json = args->json};
    struct mr_err err = MR_ERR_INIT;
    struct mr_buf out = MR_BUF_INIT;
    int code = mr_cmd_load(args, &config);

    if (code != EX_OK)
        return code;
    mr_log_setup(MR_ERROR, config->log_format, STDERR_FILENO);
    int rc = mr_planning_open(&planning, config, &err);
    outcome.planned = calloc(1, sizeof *outcome.planned);
    if (rc == 0 && outcome.planned == NULL)
        rc = mr_err_set(&err, MR_NO_MEMORY, "no memory for the plan");
    if (rc == 0)
        rc = topics_show(&planning, &outcome, &out, &err);
    code = rc < 0 ? mr_cmd_fail(&err) : mr_cmd_write(&out);
    if (code == EX_OK && outcome.n_troubles > 0)
        code = EX_DATAERR;
    mr_planning_close(&planning);
    free(outcome.planned);
    mr_buf_release(&out);
    mr_config_free(config);
    return code;
}
