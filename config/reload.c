/* Owns the difference between two configurations. Must not apply it: who holds what a change
 * touches does, at the moment that the reload class names. */
#include <stdio.h>
#include <string.h>

#include "config/options.h"
#include "config/value.h"

#include "base/ban.h"

struct changes {
    struct mr_config_change *out;
    size_t cap;
    size_t n_changes;
};

static void add(struct changes *changes, const char *path, enum mr_reload reload)
{
    if (changes->n_changes < changes->cap) {
        struct mr_config_change *change = &changes->out[changes->n_changes];
        snprintf(change->path, sizeof(change->path), "%s", path);
        change->reload = reload;
    }
    changes->n_changes++;
}

/* The last property of that name decides, in the client as here. */
static const struct mr_kafka_property *find_property(const struct mr_kafka_conf *kafka,
                                                     const char *name)
{
    for (uint32_t i = kafka->n_properties; i > 0; i--) {
        if (strcmp(kafka->properties[i - 1].name, name) == 0)
            return &kafka->properties[i - 1];
    }
    return NULL;
}

/* Properties of `one` that `two` lacks, or, with `values`, has otherwise. */
static void property_changes(struct changes *changes, const struct mr_kafka_conf *one,
                             const struct mr_kafka_conf *two, const struct mr_option *row,
                             bool values)
{
    char path[MR_CONF_PATH_BYTES];
    for (uint32_t i = 0; i < one->n_properties; i++) {
        const struct mr_kafka_property *mine = &one->properties[i];
        const struct mr_kafka_property *theirs = find_property(two, mine->name);
        bool last = find_property(one, mine->name) == mine;
        snprintf(path, sizeof(path), "%s.%s", row->name, mine->name);
        if (last && (theirs == NULL || (values && strcmp(mine->value, theirs->value) != 0)))
            add(changes, path, row->reload);
    }
}

size_t mr_config_changes(const struct mr_config *now, const struct mr_config *next,
                         struct mr_config_change *out, size_t cap)
{
    struct changes changes = {out, cap, 0};
    struct mr_walk walk;
    mr_walk_init(&walk, now, next);
    while (mr_walk_next(&walk)) {
        if (walk.option->type == MR_OPT_PROPERTIES) {
            property_changes(&changes, &now->kafka, &next->kafka, walk.option, true);
            property_changes(&changes, &next->kafka, &now->kafka, walk.option, false);
        } else if (!mr_value_equal(walk.option, walk.base, walk.other_base)) {
            add(&changes, walk.path, walk.option->reload);
        }
    }
    return changes.n_changes;
}
