/* Owns reading the source's names out of a value. Must not read on behind them: the plan checks the
 * whole value later. */
#include "schemas/locate.h"

#include <stdlib.h>

#include "base/memory.h"
#include "schemas/envelope.h"
#include "schemas/semantic.h"
#include "schemas/walk.h"

#include "base/ban.h"

enum { LOCATE_CHUNK_BYTES = 4096, LOCATE_LIMIT_BYTES = 4 * 1024 * 1024 };

/* What a field of the source is. */
enum locate_name { NAME_NONE, NAME_DB, NAME_SCHEMA, NAME_TABLE, N_NAMES };

struct locate_step {
    const struct mr_avro_node *node; /* stepped over, where it is no name */
    enum locate_name name;
    int null_branch; /* of a name; -1 */
};

struct mr_locator {
    struct mr_arena arena;
    struct mr_schema *schema;
    bool skips;
    uint32_t max_zero_size_items;
    const struct locate_step *steps;
    uint32_t n_steps;
    uint32_t at_source; /* the first step inside the source */
    int source_null;    /* its union's branch of null; -1 */
};

void mr_locator_free(struct mr_locator *locator)
{
    if (locator == NULL)
        return;
    mr_schema_unref(locator->schema);
    mr_arena_release(&locator->arena);
    free(locator);
}

bool mr_locator_skips(const struct mr_locator *locator)
{
    return locator->skips;
}

static enum locate_name name_of(const char *field)
{
    static const struct {
        const char *field;
        enum locate_name name;
    } names[] = {{"db", NAME_DB},
                 {"schema", NAME_SCHEMA},
                 {"table", NAME_TABLE},
                 {"collection", NAME_TABLE}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i].field, field) == 0)
            return names[i].name;
    }
    return NAME_NONE;
}

static struct locate_step step_of(const struct mr_avro_field *field, bool inside)
{
    struct mr_typed typed;
    struct locate_step step = {.node = field->type, .name = NAME_NONE, .null_branch = -1};
    mr_typed_of(field->type, &field->props, &typed);
    if (!inside || typed.node->kind != MR_AV_STRING)
        return step;
    step.name = name_of(field->name);
    step.null_branch = typed.null_branch;
    return step;
}

/* Steps over the fields before the source, then through it up to its last name. */
static int steps_make(struct mr_locator *locator, const struct mr_envelope *env, struct mr_err *err)
{
    struct mr_typed source;
    const struct mr_avro_field *field = &env->root->fields[env->source];
    mr_typed_of(field->type, &field->props, &source);
    uint32_t n_before = (uint32_t)env->source;
    uint32_t most = n_before + source.node->n_fields;
    struct locate_step *steps = mr_arena_alloc(&locator->arena, (most + 1) * sizeof *steps);
    bool table = false;
    if (steps == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "compiling where a source is");
    for (uint32_t i = 0; i < n_before; i++)
        steps[i] = step_of(&env->root->fields[i], false);
    locator->n_steps = n_before;
    for (uint32_t i = n_before; i < most; i++) {
        steps[i] = step_of(&source.node->fields[i - n_before], true);
        if (steps[i].name != NAME_NONE)
            locator->n_steps = i + 1;
        table = table || steps[i].name == NAME_TABLE;
    }
    locator->steps = steps;
    locator->at_source = n_before;
    locator->source_null = source.null_branch;
    return table ? 0 : mr_err_set(err, MR_ROUTE_MISSING, "the source names no table");
}

int mr_locator_make(struct mr_schema *value, const struct mr_route *route, const char *topic,
                    struct mr_locator **out, struct mr_err *err)
{
    struct mr_envelope env;
    int rc = mr_envelope_find(value, route, topic, &env, err);
    if (rc < 0)
        return rc;
    if (env.layout != MR_LAYOUT_SKIP && env.source < 0)
        return mr_err_set(err, MR_ROUTE_MISSING, "the value has no source");
    struct mr_locator *locator = mr_memory_given(calloc(1, sizeof *locator));
    if (locator == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "compiling where a source is");
    mr_arena_init(&locator->arena, LOCATE_CHUNK_BYTES, LOCATE_LIMIT_BYTES);
    locator->schema = mr_schema_ref(value);
    locator->skips = env.layout == MR_LAYOUT_SKIP;
    locator->max_zero_size_items = route->max_zero_size_items;
    if (!locator->skips)
        rc = steps_make(locator, &env, err);
    if (rc < 0) {
        mr_locator_free(locator);
        return rc;
    }
    *out = locator;
    return 0;
}

/* One name; an empty one is none. */
static bool read_name(struct mr_wire *w, const struct locate_step *step, struct mr_slice *out)
{
    uint32_t branch;
    if (step->null_branch >= 0) {
        if (!mr_wire_branch(w, 2, &branch))
            return false;
        if ((int)branch == step->null_branch)
            return true;
    }
    if (!mr_wire_bytes(w, out))
        return false;
    if (out->len == 0)
        out->data = NULL;
    return true;
}

static int check_names(const struct mr_slice names[N_NAMES], struct mr_err *err)
{
    for (int i = NAME_DB; i < N_NAMES; i++) {
        if (names[i].data == NULL)
            continue;
        if (!mr_utf8_valid(names[i].data, names[i].len))
            return mr_err_set(err, MR_VALUE_UTF8, "a name of the source");
        if (memchr(names[i].data, 0, names[i].len) != NULL)
            return mr_err_set(err, MR_ROUTE_MISSING, "a name of the source holds U+0000");
    }
    if (names[NAME_TABLE].data == NULL)
        return mr_err_set(err, MR_ROUTE_MISSING, "the source's table is null or empty");
    return 0;
}

int mr_locate(const struct mr_locator *locator, struct mr_slice value, struct mr_located *out,
              struct mr_err *err)
{
    struct mr_wire w;
    struct mr_slice names[N_NAMES] = {{NULL, 0}};
    mr_wire_init(&w, value, locator->max_zero_size_items);
    for (uint32_t i = 0; i < locator->n_steps; i++) {
        const struct locate_step *step = &locator->steps[i];
        uint32_t branch;
        if (i == locator->at_source && locator->source_null >= 0) {
            if (!mr_wire_branch(&w, 2, &branch))
                return mr_wire_fail(&w, err);
            if ((int)branch == locator->source_null)
                return mr_err_set(err, MR_ROUTE_MISSING, "the source is null");
        }
        if (!(step->name == NAME_NONE ? mr_walk_skip(&w, step->node)
                                      : read_name(&w, step, &names[step->name])))
            return mr_wire_fail(&w, err);
    }
    int rc = check_names(names, err);
    if (rc == 0)
        *out = (struct mr_located){names[NAME_DB], names[NAME_SCHEMA], names[NAME_TABLE]};
    return rc;
}
