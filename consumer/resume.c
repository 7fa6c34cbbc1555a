/* Owns what `millrace resume` changes in a running service: breakers, faults of tables, timers. */
#include "consumer/resume.h"

#include <string.h>

#include "base/log.h"

#include "base/ban.h"

static const struct mr_route_rule *rule_labelled(const struct mr_wiring *wiring, const char *route)
{
    for (size_t i = 0; i < wiring->n_rules; i++)
        if (strcmp(wiring->rules[i].label, route) == 0)
            return &wiring->rules[i];
    return NULL;
}

static const struct mr_route_rule *rule_found(struct mr_service *service, const char *route)
{
    const struct mr_route_rule *rule = rule_labelled(&service->wiring, route);
    struct mr_target *target;

    for (size_t i = 0; rule == NULL && (target = mr_targets_at(&service->targets, i)) != NULL; i++)
        if (strcmp(target->topic, route) == 0 ||
            (!target->stem && strcmp(target->label, route) == 0))
            rule = target->rule;
    return rule;
}

/* Several entries may have one label: each has its own breaker. */
static bool is_same(const struct mr_route_rule *a, const struct mr_route_rule *b)
{
    return a == b || strcmp(a->label, b->label) == 0;
}

static void breakers_resume(struct mr_service *service, const struct mr_route_rule *rule,
                            uint64_t accept, struct mr_resumed *out)
{
    uint64_t now_ms = mr_mono_ms(&service->opts.env);

    for (size_t i = 0; i < service->wiring.n_rules; i++) {
        struct mr_breaker *breaker = service->wiring.rules[i].breaker;
        struct mr_breaker_state before;
        if (!is_same(&service->wiring.rules[i], rule))
            continue;
        mr_breaker_read(breaker, now_ms, &before);
        out->was_open = out->was_open || before.open;
        out->before.n_records += before.window.n_records;
        out->before.n_bad += before.window.n_bad;
        mr_breaker_resume(breaker, accept, now_ms);
    }
}

bool mr_resume(struct mr_service *service, const char *route, uint64_t accept,
               struct mr_resumed *out)
{
    const struct mr_route_rule *rule = rule_found(service, route);
    struct mr_target *target;
    struct mr_partition *part;

    memset(out, 0, sizeof *out);
    if (rule == NULL)
        return false;
    out->route = rule->label;
    breakers_resume(service, rule, accept, out);
    for (size_t i = 0; (target = mr_targets_at(&service->targets, i)) != NULL; i++) {
        if (!is_same(target->rule, rule) || !atomic_load(&target->halted))
            continue;
        mr_target_clear(target);
        out->n_tables++;
    }
    /* after the tables: a partition that goes on must not meet the old fault */
    for (size_t i = 0; (part = mr_partitions_at(&service->partitions, i)) != NULL; i++) {
        if (part->target == NULL || !is_same(part->target->rule, rule) ||
            atomic_load(&part->state_seen) != MR_PART_HALTED)
            continue;
        atomic_store(&part->hurry, true);
        out->n_partitions++;
    }
    service->source->ops->wake_poll(service->source);
    mr_log(MR_WARN, "route_resumed", mr_kv_str("route", rule->label), mr_kv_u64("accept", accept),
           mr_kv_u64("partitions", out->n_partitions));
    return true;
}
