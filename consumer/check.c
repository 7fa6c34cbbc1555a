/* Owns which checks there are, their order, and which needs which. */
#include "consumer/check.h"

#include <stdlib.h>
#include <string.h>

#include "consumer/admin.h"

#include "base/ban.h"

/* The file itself was read before: what it says must also suit each part. */
static void configuration_check(struct mr_check *check)
{
    struct mr_err err = MR_ERR_INIT;

    check->config->check_with_avro_c = true;
    check->planned = calloc(1, sizeof *check->planned);
    int rc = mr_planning_open(&check->planning, check->config, &err);
    if (rc == 0 && check->planned == NULL)
        rc = mr_err_set(&err, MR_NO_MEMORY, "no memory for a plan");
    if (rc < 0)
        mr_findings_fault(&check->findings, "configuration", &err);
    else
        mr_findings_add(&check->findings, MR_FINDING_OK, "configuration", "pipeline %s, %u routes",
                        check->config->pipeline, check->config->n_routes);
}

static void http_check(struct mr_check *check)
{
    const struct mr_http_conf *http = &check->config->http;
    struct mr_err err = MR_ERR_INIT;
    bool taken = false;

    if (*http->listen == '\0')
        return;
    int rc = mr_admin_try(http->listen, http->bearer_token, &taken, &err);
    if (taken) { /* by an instance that runs, perhaps */
        mr_findings_add(&check->findings, MR_FINDING_WARNING, http->listen, "%s", err.detail);
        mr_findings_remedy(&check->findings, "Choose another http.listen, unless it is the "
                                             "instance that this one would replace.");
    } else if (rc < 0) {
        mr_findings_fault(&check->findings, http->listen, &err);
    } else {
        mr_findings_add(&check->findings, MR_FINDING_OK, http->listen, "can be listened on");
    }
}

static const struct mr_check_row rows[] = {
    {"config", {NULL}, "every part takes its settings", configuration_check},
    {"http", {NULL}, "http.listen can be bound", http_check},
    {"brokers", {"config"}, "the brokers answer", mr_check_brokers},
    {"topics", {"brokers"}, "each route has topics that may be read", mr_check_topics},
    {"group", {"brokers"}, "the group may be joined", mr_check_group},
    {"letters", {"brokers"}, "dead letters can be written", mr_check_letters},
    {"registry", {"config"}, "the schema registries answer", mr_check_registries},
    {"target", {"config"}, "the target can be written, its control tables too", mr_check_target},
    {"positions", {"brokers", "target"}, "no position was overtaken", mr_check_positions},
    {"tables",
     {"brokers", "registry", "target"},
     "schemas parse and fit their tables",
     mr_check_tables},
    {"rights", {"target"}, "the role may do what run does", mr_check_rights},
};

static const char *need_failed(const struct mr_check_row *row, const char *const *failed, size_t n)
{
    for (size_t k = 0; k < sizeof row->needs / sizeof row->needs[0] && row->needs[k] != NULL; k++) {
        for (size_t i = 0; i < n; i++) {
            if (strcmp(failed[i], row->needs[k]) == 0)
                return failed[i];
        }
    }
    return NULL;
}

void mr_check_rows(struct mr_check *check, const struct mr_check_row *all, size_t n)
{
    struct mr_findings *list = &check->findings;
    const char *failed[MR_MAX_CHECKS];
    size_t n_failed = 0;

    for (size_t i = 0; i < n && i < MR_MAX_CHECKS; i++) {
        size_t n_faults = list->counts[MR_FINDING_FAULT];
        const char *need = need_failed(&all[i], failed, n_failed);
        list->check = all[i].name;
        if (need != NULL)
            mr_findings_add(list, MR_FINDING_SKIPPED, all[i].what, "not checked: %s", need);
        else
            all[i].run(check);
        if (need != NULL || list->counts[MR_FINDING_FAULT] > n_faults)
            failed[n_failed++] = all[i].name;
    }
}

void mr_check_open(struct mr_check *check, struct mr_config *config)
{
    memset(check, 0, sizeof *check);
    check->config = config;
    mr_findings_init(&check->findings);
}

void mr_check_run(struct mr_check *check)
{
    mr_check_rows(check, rows, sizeof rows / sizeof rows[0]);
}

void mr_check_close(struct mr_check *check)
{
    mr_planning_close(&check->planning);
    free(check->planned);
    free(check->topics);
    mr_findings_release(&check->findings);
}
