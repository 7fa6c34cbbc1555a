/* Owns what is found out of a topic whose records name their tables (contract.md E-30): the tables
 * that its last records name, each with the schemas of its own. */
#include "consumer/planned_source.h"

#include <stdlib.h>
#include <string.h>

#include "schemas/locate.h"

#include "base/ban.h"

struct planned_sources {
    struct planned_source *items;
    size_t n, next;
    struct mr_schema_ref ref; /* of `locator` */
    struct mr_locator *locator;
};

struct planned_sources *planned_sources_new(void)
{
    struct planned_sources *sources = calloc(1, sizeof *sources);

    if (sources == NULL)
        return NULL;
    sources->items = calloc(MR_PLANNED_SOURCES, sizeof *sources->items);
    if (sources->items == NULL) {
        free(sources);
        return NULL;
    }
    return sources;
}

void planned_sources_free(struct planned_sources *sources)
{
    if (sources == NULL)
        return;
    for (size_t i = 0; i < sources->n; i++)
        planned_pairs_release(&sources->items[i].pairs);
    mr_locator_free(sources->locator);
    free(sources->items);
    free(sources);
}

/* Runs of records of one schema are the rule. */
static int locator_get(struct planned_work *work, const struct mr_schema_ref *ref,
                       struct mr_err *err)
{
    struct planned_sources *sources = work->sources;
    struct mr_schema *schema = NULL;

    if (sources->locator != NULL && memcmp(&sources->ref, ref, sizeof *ref) == 0)
        return 0;
    mr_locator_free(sources->locator);
    sources->locator = NULL;
    int rc = planned_schema(work, ref, false, &schema, err);
    if (rc == 0 && schema == NULL)
        rc = mr_err_set(err, MR_ROUTE_MISSING, "the value has no schema");
    if (rc == 0)
        rc = mr_locator_make(schema, &work->route, work->out->topic, &sources->locator, err);
    sources->ref = *ref;
    mr_schema_unref(schema);
    return rc;
}

static struct planned_source *source_of(struct planned_sources *sources, struct mr_target *target)
{
    for (size_t i = 0; i < sources->n; i++)
        if (sources->items[i].target == target)
            return &sources->items[i];
    if (sources->n == MR_PLANNED_SOURCES)
        return NULL;
    sources->items[sources->n].target = target;
    return &sources->items[sources->n++];
}

int planned_source_look(struct planned_work *work, const struct mr_frame *value,
                        struct planned_source **out, struct mr_err *err)
{
    struct planned_sources *sources = work->sources;
    struct mr_target *target = NULL;
    struct mr_located names;
    int rc = locator_get(work, &value->ref, err);

    *out = NULL;
    if (rc < 0 || mr_locator_skips(sources->locator))
        return rc;
    rc = mr_locate(sources->locator, value->body, &names, err);
    if (rc == 0)
        rc = mr_targets_for_source(&work->planning->targets, work->target->rule, work->out->topic,
                                   &names, &target, err);
    if (rc < 0)
        return rc;
    *out = source_of(sources, target);
    if (*out != NULL)
        (*out)->n_records++;
    return 0;
}

struct planned_source *planned_sources_next(struct planned_sources *sources)
{
    return sources->next < sources->n ? &sources->items[sources->next++] : NULL;
}
