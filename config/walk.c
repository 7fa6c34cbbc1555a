/* Owns the way through all options of a configuration, entries of lists included, without
 * recursion. */
#include <stdio.h>
#include <string.h>

#include "config/options.h"
#include "config/value.h"

#include "base/ban.h"

void mr_walk_init(struct mr_walk *walk, const struct mr_config *config,
                  const struct mr_config *other)
{
    memset(walk, 0, sizeof(*walk));
    walk->frames[0] = (struct mr_walk_frame){.table = &mr_options_global,
                                             .base = (const char *)config,
                                             .other_base = (const char *)other,
                                             .n_items = 1};
    walk->depth = 1;
}

/* Goes into the list that was given last. */
static void enter(struct mr_walk *walk)
{
    const struct mr_option *list = walk->option;
    size_t prefix_len = strlen(walk->path);
    walk->enter = false;
    walk->frames[walk->depth++] = (struct mr_walk_frame){
        .table = list->sub,
        .base = mr_value_items(list, walk->base),
        .other_base = walk->other_base == NULL ? NULL : mr_value_items(list, walk->other_base),
        .list = list,
        .n_items = mr_value_n_items(list, walk->base),
        .prefix_len = prefix_len};
}

/* The next row, entering the next item behind a list's last row; false at the end of the frame. */
static bool next_row(struct mr_walk_frame *frame)
{
    if (frame->row_idx == frame->table->n_rows) {
        frame->row_idx = 0;
        frame->item_idx++;
    }
    return frame->item_idx < frame->n_items;
}

bool mr_walk_next(struct mr_walk *walk)
{
    if (walk->enter)
        enter(walk);
    struct mr_walk_frame *frame = &walk->frames[walk->depth - 1];
    while (!next_row(frame)) {
        if (walk->depth == 1)
            return false;
        walk->depth--;
        walk->path[frame->prefix_len] = '\0';
        frame = &walk->frames[walk->depth - 1];
    }
    size_t skip = frame->item_idx * frame->table->bytes;
    walk->option = &frame->table->rows[frame->row_idx++];
    walk->base = frame->base + skip;
    walk->other_base = frame->other_base == NULL ? NULL : frame->other_base + skip;

    char *path = walk->path + frame->prefix_len;
    size_t room = sizeof(walk->path) - frame->prefix_len;
    if (frame->list != NULL)
        snprintf(path, room, "[%u].%s", frame->item_idx, walk->option->name);
    else
        snprintf(path, room, "%s", walk->option->name);

    walk->enter =
        walk->option->type == MR_OPT_LIST && walk->depth < MR_CONF_WALK_DEPTH &&
        (walk->other_base == NULL || mr_value_equal(walk->option, walk->base, walk->other_base));
    return true;
}
