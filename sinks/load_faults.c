/* Owns the list of record faults that a load finds. Must not decide what becomes of them. */
#include <stdlib.h>
#include <string.h>

#include "sinks/load.h"

#include "base/ban.h"

enum { TEXTS_CHUNK_BYTES = 4096, TEXTS_LIMIT_BYTES = 16 * 1024 * 1024, FAULTS_FIRST_CAP = 64 };

void mr_load_faults_init(struct mr_load_faults *faults)
{
    *faults = (struct mr_load_faults){.n_items = 0};
    mr_arena_init(&faults->texts, TEXTS_CHUNK_BYTES, TEXTS_LIMIT_BYTES);
}

void mr_load_faults_release(struct mr_load_faults *faults)
{
    free(faults->items);
    mr_arena_release(&faults->texts);
    *faults = (struct mr_load_faults){.n_items = 0};
}

void mr_load_faults_reset(struct mr_load_faults *faults)
{
    faults->n_items = 0;
    mr_arena_reset(&faults->texts);
}

static struct mr_load_fault *item_new(struct mr_load_faults *faults)
{
    if (faults->n_items == faults->cap) {
        size_t cap = faults->cap == 0 ? FAULTS_FIRST_CAP : faults->cap * 2;
        struct mr_load_fault *items = realloc(faults->items, cap * sizeof *items);
        if (items == NULL)
            return NULL;
        faults->items = items;
        faults->cap = cap;
    }
    return &faults->items[faults->n_items++];
}

/* Thousands of rows may have the same thing to say; where the texts are too many, the code says
 * enough. */
static const char *text_keep(struct mr_load_faults *faults, const char *text)
{
    const char *last = faults->n_items > 0 ? faults->items[faults->n_items - 1].detail : "";
    if (strcmp(last, text) == 0)
        return last;
    const char *kept = mr_arena_copy(&faults->texts, text, strlen(text) + 1);
    return kept != NULL ? kept : "";
}

int mr_load_fault_add(struct mr_load_faults *faults, const struct mr_row *row,
                      const struct mr_err *why, struct mr_err *err)
{
    const struct mr_row_place *place =
        row->mask != NULL && row->past != NULL ? row->past->places : NULL;
    struct mr_load_fault fault = {.span_idx = row->span_idx,
                                  .offset = row->offset,
                                  .code = why->code,
                                  .class = why->class,
                                  .detail = text_keep(faults, why->detail)};
    memcpy(fault.sqlstate, why->sqlstate, sizeof fault.sqlstate);
    for (;;) {
        struct mr_load_fault *item = item_new(faults);
        if (item == NULL)
            return mr_err_set(err, MR_NO_MEMORY, "%zu faults", faults->n_items);
        *item = fault;
        if (place == NULL)
            return 0;
        fault.span_idx = place->span_idx;
        fault.offset = place->offset;
        place = place->before;
    }
}
