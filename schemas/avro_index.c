/* Owns the order of a list's names and the search in it. Must not know what the names stand for.
 * Invariant: names of one list are different, which the parser checked. */
#include "schemas/avro_index.h"

#include <stdlib.h>

#include "base/memory.h"

#include "base/ban.h"

struct named {
    const char *name;
    uint32_t place;
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

/* The places in the order of `list`, which is sorted on the way. */
static const uint32_t *sorted(struct mr_arena *arena, struct named *list, uint32_t n)
{
    uint32_t *places = mr_arena_alloc(arena, n * sizeof *places);
    if (places == NULL)
        return NULL;
    if (n > 0)
        qsort(list, n, sizeof *list, compare_names);
    for (uint32_t i = 0; i < n; i++)
        places[i] = list[i].place;
    return places;
}

const uint32_t *mr_avro_index_fields(struct mr_arena *arena, const struct mr_avro_field *fields,
                                     uint32_t n)
{
    struct named *list = mr_memory_given(calloc((size_t)n + 1, sizeof *list));
    if (list == NULL)
        return NULL;
    for (uint32_t i = 0; i < n; i++)
        list[i] = (struct named){fields[i].name, i};
    const uint32_t *places = sorted(arena, list, n);
    free(list);
    return places;
}

const uint32_t *mr_avro_index_symbols(struct mr_arena *arena, const char *const *symbols,
                                      uint32_t n)
{
    struct named *list = mr_memory_given(calloc((size_t)n + 1, sizeof *list));
    if (list == NULL)
        return NULL;
    for (uint32_t i = 0; i < n; i++)
        list[i] = (struct named){symbols[i], i};
    const uint32_t *places = sorted(arena, list, n);
    free(list);
    return places;
}

static const char *name_at(const struct mr_avro_node *node, uint32_t place)
{
    return node->kind == MR_AV_RECORD ? node->fields[place].name : node->symbols[place];
}

/* As strcmp(), of octets that are not terminated. */
static int compare(struct mr_slice name, const char *other)
{
    size_t len = strlen(other);
    size_t both = name.len < len ? name.len : len;
    int order = both > 0 ? memcmp(name.data, other, both) : 0;
    if (order != 0)
        return order;
    return (name.len > len) - (name.len < len);
}

static int32_t find(const struct mr_avro_node *node, uint32_t n, struct mr_slice name)
{
    uint32_t low = 0;
    uint32_t high = n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint32_t place = node->by_name[middle];
        int order = compare(name, name_at(node, place));
        if (order == 0)
            return (int32_t)place;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return MR_AVRO_NO_NAME;
}

int32_t mr_avro_field_find(const struct mr_avro_node *record, struct mr_slice name)
{
    return find(record, record->n_fields, name);
}

int32_t mr_avro_symbol_find(const struct mr_avro_node *node, struct mr_slice name)
{
    return find(node, node->n_symbols, name);
}
