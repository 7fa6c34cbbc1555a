/* Owns what is asked of the brokers: topics, rights, retention, the group, and whether a position
 * still has its records. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consumer/check.h"
#include "consumer/kafka_look.h"

#include "base/ban.h"

enum { LOOK_MS = 10000, MAX_LOOKED_AT = 1000, MAX_POSITIONS = 10000, DAY_MS = 24 * 3600 * 1000 };

void mr_check_brokers(struct mr_check *check)
{
    struct mr_err err = MR_ERR_INIT;
    const char *servers = check->config->kafka.bootstrap_servers;

    if (mr_kafka_tail_topics(check->planning.tail, LOOK_MS, &check->topics, &check->n_topics,
                             &err) < 0)
        mr_findings_fault(&check->findings, servers, &err);
    else
        mr_findings_add(&check->findings, MR_FINDING_OK, servers, "answer, with %zu topics",
                        check->n_topics);
}

/* ---- topics ---- */

static void retention_tell(struct mr_check *check, const char *topic,
                           const struct mr_topic_look *look, const struct mr_route_rule *rule)
{
    struct mr_findings *list = &check->findings;

    if (!look->settings_known)
        return;
    if (look->deletes && look->retention_ms >= 0 && look->retention_ms < DAY_MS) {
        mr_findings_add(list, MR_FINDING_NOTE, topic,
                        "records are deleted after %.1f hours: an outage longer than that loses "
                        "them (source.gap)",
                        (double)look->retention_ms / 3600000.0);
        mr_findings_remedy(list, "Raise the topic's retention.ms to the longest outage that is to "
                                 "be survived.");
    }
    if (look->compacts && rule->route.strategy == MR_STRATEGY_APPEND) {
        mr_findings_add(list, MR_FINDING_WARNING, topic,
                        "is compacted: append misses the records that compaction removes");
        mr_findings_remedy(list, "Set the topic's cleanup.policy to delete, or load it by upsert.");
    }
}

/* run halts the table only when such a record comes. */
static void truncate_tell(struct mr_check *check, const struct mr_tail_topic *topic,
                          const struct mr_route_rule *rule)
{
    const struct mr_route *route = &rule->route;

    if (route->strategy != MR_STRATEGY_UPSERT || route->truncate != MR_TRUNCATE_APPLY ||
        ((topic->n_partitions <= 1 || route->guard != MR_GUARD_NONE) && !rule->table_shared))
        return;
    mr_findings_add(&check->findings, MR_FINDING_WARNING, topic->name,
                    "a truncate would halt its table: it %s",
                    rule->table_shared ? "may be shared with other pipelines"
                                       : "has no order among several partitions");
    mr_findings_remedy(
        &check->findings,
        mr_code_remedy(rule->table_shared ? MR_TRUNCATE_SHARED_TARGET : MR_TRUNCATE_UNORDERED));
}

static void privilege_fault(struct mr_check *check, const char *subject, const char *what)
{
    struct mr_err err = MR_ERR_INIT;

    (void)mr_err_set(&err, MR_SOURCE_PRIVILEGE, "%s", what);
    mr_findings_fault(&check->findings, subject, &err);
}

/* Brokers that name no controller (proxies) answer no such question: no fault. */
static bool topic_look(struct mr_check *check, const struct mr_tail_topic *topic,
                       const struct mr_route_rule *rule)
{
    struct mr_topic_look look;
    struct mr_err err = MR_ERR_INIT;
    struct mr_findings *list = &check->findings;
    int rc = mr_kafka_look_topic(check->planning.tail, topic->name, LOOK_MS, &look, &err);

    if (rc == -MR_SOURCE_AWAY) {
        mr_findings_add(list, MR_FINDING_NOTE, topic->name,
                        "the brokers do not describe topics: rights and retention not known (%s)",
                        err.detail);
        return false;
    }
    if (rc < 0) {
        mr_findings_fault(list, topic->name, &err);
        return true;
    }
    if (look.rights_known && !look.may_read)
        privilege_fault(check, topic->name, "the ACLs of the topic do not allow READ");
    else
        mr_findings_add(list, MR_FINDING_OK, topic->name, "%d partitions%s", topic->n_partitions,
                        look.rights_known ? ", may be read" : "");
    retention_tell(check, topic->name, &look, rule);
    truncate_tell(check, topic, rule);
    return true;
}

/* An exact topic that the brokers do not list is missing, or hidden by its ACLs. */
static void absent_tell(struct mr_check *check, const char *topic)
{
    struct mr_topic_look look;
    struct mr_err err = MR_ERR_INIT;

    if (mr_kafka_look_topic(check->planning.tail, topic, LOOK_MS, &look, &err) >= 0 ||
        err.code == MR_SOURCE_AWAY)
        (void)mr_err_set(&err, MR_SOURCE_TOPIC_MISSING, "the brokers do not list it");
    mr_findings_fault(&check->findings, topic, &err);
}

static void rules_tell(struct mr_check *check, const size_t *n_taken)
{
    const struct mr_wiring *wiring = &check->planning.wiring;

    for (size_t i = 0; i < wiring->n_rules; i++) {
        const struct mr_route_rule *rule = &wiring->rules[i];
        if (n_taken[i] > 0)
            continue;
        if (rule->topic != NULL) {
            absent_tell(check, rule->topic);
            continue;
        }
        mr_findings_add(&check->findings, MR_FINDING_WARNING, rule->label,
                        "no topic matches that no earlier route takes");
        mr_findings_remedy(&check->findings, "Correct topic_regex, or the order of the routes.");
    }
}

void mr_check_topics(struct mr_check *check)
{
    const struct mr_wiring *wiring = &check->planning.wiring;
    size_t *n_taken = calloc(wiring->n_rules + 1, sizeof *n_taken);
    size_t n_looked = 0;
    bool answered = true;

    if (n_taken == NULL)
        return;
    for (size_t i = 0; i < check->n_topics; i++) {
        struct mr_target *target = NULL;
        struct mr_err ignored = MR_ERR_INIT; /* of names: the tables' check tells it */
        if (mr_targets_for(&check->planning.targets, check->topics[i].name, &target, &ignored) <
                0 ||
            target == NULL)
            continue;
        n_taken[target->rule - wiring->rules]++;
        if (answered && n_looked++ < MAX_LOOKED_AT)
            answered = topic_look(check, &check->topics[i], target->rule);
    }
    if (n_looked > MAX_LOOKED_AT)
        mr_findings_add(&check->findings, MR_FINDING_NOTE, "topics",
                        "only the first %d of %zu were looked at", MAX_LOOKED_AT, n_looked);
    rules_tell(check, n_taken);
    free(n_taken);
}

/* ---- dead letters ---- */

static bool is_listed(const struct mr_check *check, const char *topic)
{
    for (size_t i = 0; i < check->n_topics; i++)
        if (strcmp(check->topics[i].name, topic) == 0)
            return true;
    return false;
}

/* What becomes of letters in a topic that is there: nobody should lose one by its age. */
static void letters_kept_tell(struct mr_check *check, const char *topic)
{
    struct mr_topic_look look;
    struct mr_err err = MR_ERR_INIT;
    struct mr_findings *list = &check->findings;

    if (mr_kafka_look_topic(check->planning.tail, topic, LOOK_MS, &look, &err) < 0 ||
        !look.settings_known)
        return;
    if (!look.compacts)
        mr_findings_add(list, MR_FINDING_NOTE, topic,
                        "cleanup.policy has no \"compact\": letters that were closed stay in it");
    if (look.deletes && look.retention_ms >= 0)
        mr_findings_add(list, MR_FINDING_NOTE, topic,
                        "letters are removed after %lld ms, whether they were closed or not "
                        "(retention.ms)",
                        (long long)look.retention_ms);
    if (look.deletes && look.retention_bytes >= 0)
        mr_findings_add(list, MR_FINDING_NOTE, topic,
                        "letters are removed beyond %lld bytes of a partition, whether they were "
                        "closed or not (retention.bytes)",
                        (long long)look.retention_bytes);
}

void mr_check_letters(struct mr_check *check)
{
    struct mr_letter_topic_opts opts;
    struct mr_err err = MR_ERR_INIT;

    if (!mr_wiring_letter_topic(&check->planning.wiring, &opts))
        return;
    bool there = is_listed(check, opts.topic);
    if (mr_letter_topic_try(&opts, !there, &err) < 0)
        mr_findings_fault(&check->findings, opts.topic, &err);
    else
        mr_findings_add(&check->findings, MR_FINDING_OK, opts.topic,
                        there ? "is there, for dead letters" : "can be made, for dead letters");
    if (there)
        letters_kept_tell(check, opts.topic);
}

/* ---- the group ---- */

void mr_check_group(struct mr_check *check)
{
    struct mr_group_look look;
    struct mr_err err = MR_ERR_INIT;
    struct mr_findings *list = &check->findings;
    const char *group = check->config->group_id;
    int rc = mr_kafka_look_group(check->planning.tail, group, LOOK_MS, &look, &err);

    if (rc == -MR_SOURCE_AWAY)
        mr_findings_add(list, MR_FINDING_NOTE, group,
                        "the brokers do not tell of the group now (%s)", err.detail);
    else if (rc < 0)
        mr_findings_fault(list, group, &err);
    else if (look.rights_known && !look.may_read)
        privilege_fault(check, group, "the ACLs of the group do not allow READ");
    else if (look.n_members > 0)
        mr_findings_add(list, MR_FINDING_NOTE, group,
                        "%zu members are active (%s): an instance would share the partitions with "
                        "them",
                        look.n_members, look.state);
    else
        mr_findings_add(list, MR_FINDING_OK, group, "nobody is active");
}

/* ---- positions ---- */

static void overtaken_tell(struct mr_check *check, const struct mr_position *at,
                           const int64_t ends[2])
{
    struct mr_err err = MR_ERR_INIT;
    bool gap = at->next_offset < ends[0];
    char place[MR_STREAM_NAME_BYTES + 24];

    (void)snprintf(place, sizeof place, "%s/%d", at->stream, at->partition);
    (void)mr_err_set(&err, gap ? MR_SOURCE_GAP : MR_SOURCE_TRUNCATED,
                     "the position is %lld, the log %s at %lld", (long long)at->next_offset,
                     gap ? "begins" : "ends", (long long)ends[gap ? 0 : 1]);
    if (!gap || check->config->on_data_loss == MR_CONF_DATA_LOSS_HALT) {
        mr_findings_fault(&check->findings, place, &err);
        return;
    }
    mr_findings_add(&check->findings, MR_FINDING_WARNING, place,
                    "%s: run goes on at the log's begin (on_data_loss)", err.detail);
}

static void position_look(struct mr_check *check, const struct mr_position *at)
{
    struct mr_err err = MR_ERR_INIT;
    int64_t ends[2] = {0, 0};

    if (mr_kafka_look_ends(check->planning.tail, at, LOOK_MS, ends, &err) == 0) {
        if (at->next_offset < ends[0] || at->next_offset > ends[1])
            overtaken_tell(check, at, ends);
        return;
    }
    if (err.code == MR_SOURCE_TOPIC_MISSING)
        mr_findings_add(&check->findings, MR_FINDING_NOTE, at->stream,
                        "has a position of partition %d, and is not there", at->partition);
    else
        mr_findings_fault(&check->findings, at->stream, &err);
}

void mr_check_positions(struct mr_check *check)
{
    struct mr_sink *sink = check->planning.sink;
    struct mr_position *stored = NULL;
    struct mr_err err = MR_ERR_INIT;
    size_t n = 0;
    size_t n_faults = check->findings.counts[MR_FINDING_FAULT];

    if (check->control_absent) {
        mr_findings_add(&check->findings, MR_FINDING_NOTE, check->config->pipeline,
                        "has no positions yet: each partition begins where `start` says");
        return;
    }
    if (sink->ops->positions_read(sink, &stored, &n, &err) < 0) {
        mr_findings_fault(&check->findings, check->config->pipeline, &err);
        return;
    }
    for (size_t i = 0; i < n && i < MAX_POSITIONS; i++)
        position_look(check, &stored[i]);
    if (check->findings.counts[MR_FINDING_FAULT] == n_faults)
        mr_findings_add(&check->findings, MR_FINDING_OK, check->config->pipeline,
                        "%zu positions, each within its log",
                        n < MAX_POSITIONS ? n : MAX_POSITIONS);
    free(stored);
}
