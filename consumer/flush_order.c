/* Owns the order of a flush's tables. Tarjan's strongly connected components, without recursion:
 * they come out so that each stands behind all that it refers to. Source: R. Tarjan, "Depth-First
 * Search and Linear Graph Algorithms", 1972. */
#include "consumer/flush_order.h"

#include <stdlib.h>
#include <string.h>

#include "base/ban.h"

enum { UNSEEN = 0 };

struct node {
    uint32_t seen;     /* number of its visit; UNSEEN */
    uint32_t low;      /* the earliest on the stack that can be reached */
    uint32_t came_by;  /* who led here */
    uint16_t next_ref; /* to be looked at next */
    bool stacked;
    bool referenced;
    bool circular;
};

struct search {
    struct mr_table *const *tables;
    size_t n_tables;
    struct node *nodes;
    uint32_t *stack;
    size_t n_stack;
    uint32_t n_seen;
    struct mr_flush_place *places;
    size_t n_places;
};

static int compare(const struct mr_ref *ref, const struct mr_table *table)
{
    int order = strcmp(ref->schema, table->schema);
    return order != 0 ? order : strcmp(ref->name, table->name);
}

/* The table that is referred to; n_tables: it is not of this flush. */
static size_t target_of(const struct search *search, const struct mr_ref *ref)
{
    size_t from = 0;
    size_t to = search->n_tables;

    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = compare(ref, search->tables[middle]);
        if (order == 0)
            return middle;
        if (order < 0)
            to = middle;
        else
            from = middle + 1;
    }
    return search->n_tables;
}

static void enter(struct search *search, uint32_t idx, uint32_t came_by)
{
    struct node *node = &search->nodes[idx];

    node->seen = node->low = ++search->n_seen;
    node->came_by = came_by;
    node->stacked = true;
    search->stack[search->n_stack++] = idx;
}

static void lower(struct node *node, uint32_t by)
{
    if (by < node->low)
        node->low = by;
}

/* All from `idx` on the stack reach each other: they are next. Stable within: as they were. */
static void component_take(struct search *search, uint32_t idx)
{
    struct mr_flush_place *places = &search->places[search->n_places];
    size_t from = search->n_stack;
    size_t n = 0;

    while (search->stack[--from] != idx)
        ;
    bool circle = search->n_stack - from > 1;
    for (size_t i = from; i < search->n_stack; i++) {
        uint32_t member = search->stack[i];
        size_t at = n++;
        search->nodes[member].stacked = false;
        search->nodes[member].circular = search->nodes[member].circular || circle;
        for (; at > 0 && places[at - 1].idx > member; at--)
            places[at] = places[at - 1];
        places[at] = (struct mr_flush_place){.idx = member};
    }
    search->n_stack = from;
    search->n_places += n;
}

/* Looks at the next reference of `idx`; answers whom to look at next, n_tables where all is done.
 */
static size_t step(struct search *search, uint32_t idx, uint32_t root)
{
    struct node *node = &search->nodes[idx];
    const struct mr_table *table = search->tables[idx];

    if (node->next_ref < table->n_references) {
        size_t to = target_of(search, &table->references[node->next_ref++]);
        if (to == search->n_tables)
            return idx;
        struct node *other = &search->nodes[to];
        node->circular = node->circular || to == idx;
        other->referenced = other->referenced || to != idx;
        if (other->seen == UNSEEN) {
            enter(search, (uint32_t)to, idx);
            return to;
        }
        if (other->stacked)
            lower(node, other->seen);
        return idx;
    }
    if (node->low == node->seen)
        component_take(search, idx);
    if (idx == root)
        return search->n_tables;
    lower(&search->nodes[node->came_by], node->low);
    return node->came_by;
}

static bool any_refers(const struct search *search)
{
    for (size_t i = 0; i < search->n_tables; i++)
        for (uint16_t r = 0; r < search->tables[i]->n_references; r++)
            if (target_of(search, &search->tables[i]->references[r]) < search->n_tables)
                return true;
    return false;
}

static void run(struct search *search)
{
    for (uint32_t root = 0; root < search->n_tables; root++) {
        if (search->nodes[root].seen != UNSEEN)
            continue;
        enter(search, root, root);
        for (size_t at = root; at < search->n_tables;)
            at = step(search, (uint32_t)at, root);
    }
    for (size_t i = 0; i < search->n_places; i++) {
        const struct node *node = &search->nodes[search->places[i].idx];
        search->places[i].referenced = node->referenced;
        search->places[i].circular = node->circular;
    }
}

int mr_flush_order_make(struct mr_table *const *tables, size_t n_tables,
                        struct mr_flush_place **out, struct mr_err *err)
{
    struct search search = {.tables = tables, .n_tables = n_tables};
    int rc = 0;

    *out = NULL;
    if (!any_refers(&search))
        return 0;
    search.nodes = calloc(n_tables, sizeof *search.nodes);
    search.stack = calloc(n_tables, sizeof *search.stack);
    search.places = calloc(n_tables, sizeof *search.places);
    if (search.nodes != NULL && search.stack != NULL && search.places != NULL) {
        run(&search);
        *out = search.places;
    } else {
        free(search.places);
        rc = mr_err_set(err, MR_NO_MEMORY, "the order of %zu tables", n_tables);
    }
    free(search.nodes);
    free(search.stack);
    return rc;
}
