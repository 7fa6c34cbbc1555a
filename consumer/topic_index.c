/* Owns what the records of a topic of letters come to. */
#include "consumer/topic_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/ban.h"

enum { ARENA_CHUNK = 256 * 1024 };

void mr_topic_index_init(struct mr_topic_index *index, uint64_t seed, size_t most)
{
    memset(index, 0, sizeof *index);
    mr_map_init(&index->by_id, seed);
    mr_map_init(&index->texts, seed);
    mr_arena_init(&index->arena, ARENA_CHUNK, SIZE_MAX);
    index->most = most;
}

void mr_topic_index_release(struct mr_topic_index *index)
{
    mr_map_release(&index->by_id);
    mr_map_release(&index->texts);
    mr_arena_release(&index->arena);
    free(index->items);
    memset(index, 0, sizeof *index);
}

static int no_memory(struct mr_err *err)
{
    return mr_err_set(err, MR_NO_MEMORY, "dead letters");
}

/* Topics and codes are few, letters many. NULL: no memory. */
static const char *text_once(struct mr_topic_index *index, const char *text)
{
    char *kept = mr_map_find(&index->texts, text, strlen(text));

    if (kept != NULL)
        return kept;
    kept = mr_arena_copy(&index->arena, text, strlen(text) + 1);
    if (kept == NULL || mr_map_put(&index->texts, kept, strlen(kept), kept) < 0)
        return NULL;
    return kept;
}

static struct mr_topic_letter *letter_new(struct mr_topic_index *index, const char *id,
                                          struct mr_err *err)
{
    if (index->n == index->cap) {
        size_t cap = index->cap == 0 ? 256 : 2 * index->cap;
        struct mr_topic_letter **grown = realloc(index->items, cap * sizeof *grown);
        if (grown != NULL) {
            index->items = grown;
            index->cap = cap;
        }
    }
    struct mr_topic_letter *letter = mr_arena_alloc(&index->arena, sizeof *letter);
    char *kept = mr_arena_copy(&index->arena, id, strlen(id) + 1);
    if (index->n == index->cap || letter == NULL || kept == NULL ||
        mr_map_put(&index->by_id, kept, strlen(kept), letter) < 0) {
        (void)no_memory(err);
        return NULL;
    }
    *letter = (struct mr_topic_letter){.id = kept, .at = {-1, -1}};
    index->items[index->n++] = letter;
    return letter;
}

/* Does the record come too late to change what is known? */
static bool is_old(struct mr_topic_index *index, const struct mr_topic_letter *letter,
                   const struct mr_kept_letter *kept, const struct mr_topic_place *at)
{
    if (letter->at.partition < 0 || letter->gone || letter->at.partition == at->partition)
        return false;
    index->mixed = true;
    return kept->updated_ms < letter->updated_ms;
}

static int letter_take(struct mr_topic_index *index, struct mr_topic_letter *letter,
                       const struct mr_kept_letter *kept, struct mr_err *err)
{
    letter->stream = text_once(index, kept->letter.stream);
    letter->code = text_once(index, kept->letter.code);
    if (letter->stream == NULL || letter->code == NULL)
        return no_memory(err);
    letter->by = "";
    letter->partition = kept->letter.partition;
    letter->offset = kept->letter.offset;
    letter->version = kept->updated_ms;
    letter->created_ms = kept->created_ms;
    letter->n_bytes = kept->n_bytes;
    letter->attempts = kept->attempts;
    return 0;
}

int mr_topic_index_add(struct mr_topic_index *index, enum mr_wire_kind kind,
                       const struct mr_kept_letter *kept, const struct mr_topic_place *at,
                       struct mr_err *err)
{
    struct mr_topic_letter *letter = mr_map_find(&index->by_id, kept->id, strlen(kept->id));
    int rc = 0;

    if (letter == NULL && kind == MR_WIRE_END)
        return 0; /* what it closed is gone already, or left out */
    if (letter == NULL && index->n == index->most) {
        index->n_left_out++;
        return 1;
    }
    if (letter == NULL)
        letter = letter_new(index, kept->id, err);
    if (letter == NULL)
        return -(int)err->code;
    if (is_old(index, letter, kept, at))
        return 0;
    if (kind == MR_WIRE_END) {
        letter->by = text_once(index, kept->changed_by);
        rc = letter->by != NULL ? 0 : no_memory(err);
    } else {
        rc = letter_take(index, letter, kept, err);
        letter->at = *at;
        letter->gone = false;
    }
    letter->noted = false;
    letter->state = kept->state;
    letter->updated_ms = kept->updated_ms;
    return rc;
}

struct mr_topic_letter *mr_topic_index_find(const struct mr_topic_index *index, const char *id)
{
    struct mr_topic_letter *letter = mr_map_find(&index->by_id, id, strlen(id));

    return letter != NULL && !letter->gone ? letter : NULL;
}

/* ---- selecting ---- */

static bool is_taken(const struct mr_topic_letter *letter, const struct mr_letter_filter *filter)
{
    return !letter->gone && (filter->topic == NULL || strcmp(letter->stream, filter->topic) == 0) &&
           (filter->code == NULL || strcmp(letter->code, filter->code) == 0) &&
           (filter->states == 0 || (filter->states & 1u << letter->state) != 0) &&
           (filter->since_ms < 0 || letter->created_ms >= filter->since_ms) &&
           (filter->until_ms < 0 || letter->created_ms < filter->until_ms);
}

static int order_of(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

static int by_place(const void *a, const void *b)
{
    const struct mr_topic_letter *x = *(struct mr_topic_letter *const *)a;
    const struct mr_topic_letter *y = *(struct mr_topic_letter *const *)b;
    int order = strcmp(x->stream, y->stream);

    if (order == 0)
        order = order_of(x->partition, y->partition);
    if (order == 0)
        order = order_of(x->offset, y->offset);
    return order != 0 ? order : strcmp(x->id, y->id);
}

/* The newest first; letters of one moment in the order of their places. */
static int by_age(const void *a, const void *b)
{
    const struct mr_topic_letter *x = *(struct mr_topic_letter *const *)a;
    const struct mr_topic_letter *y = *(struct mr_topic_letter *const *)b;
    int order = order_of(y->created_ms, x->created_ms);

    return order != 0 ? order : -by_place(a, b);
}

static int by_pointer(const void *a, const void *b)
{
    const struct mr_topic_letter *x = *(struct mr_topic_letter *const *)a;
    const struct mr_topic_letter *y = *(struct mr_topic_letter *const *)b;

    return x < y ? -1 : x > y;
}

static int named(const struct mr_topic_index *index, const struct mr_letter_filter *filter,
                 struct mr_topic_letter **out, size_t *n, struct mr_err *err)
{
    size_t n_named = 0;

    *n = 0;
    for (size_t i = 0; i < filter->n_ids; i++) {
        if (!mr_letter_wire_is_id(filter->ids[i]))
            return mr_err_set(err, MR_CONFIG_USAGE, "%.64s is no id of a dead letter of the topic",
                              filter->ids[i]);
        struct mr_topic_letter *letter = mr_topic_index_find(index, filter->ids[i]);
        if (letter != NULL && is_taken(letter, filter))
            out[n_named++] = letter;
    }
    qsort(out, n_named, sizeof *out, by_pointer);
    for (size_t i = 0; i < n_named; i++) /* one that is named twice is one */
        if (*n == 0 || out[*n - 1] != out[i])
            out[(*n)++] = out[i];
    return 0;
}

int mr_topic_index_select(const struct mr_topic_index *index, const struct mr_letter_filter *filter,
                          struct mr_topic_letter ***out, size_t *n, struct mr_err *err)
{
    size_t most = filter->ids != NULL ? filter->n_ids : index->n;
    struct mr_topic_letter **list = calloc(most + 1, sizeof *list);
    int rc = list != NULL ? 0 : no_memory(err);

    *n = 0;
    if (rc == 0 && filter->ids != NULL)
        rc = named(index, filter, list, n, err);
    for (size_t i = 0; rc == 0 && filter->ids == NULL && i < index->n; i++)
        if (is_taken(index->items[i], filter))
            list[(*n)++] = index->items[i];
    if (rc < 0) {
        free(list);
        return rc;
    }
    qsort(list, *n, sizeof *list, filter->in_log_order ? by_place : by_age);
    if (filter->limit > 0 && *n > filter->limit)
        *n = filter->limit;
    *out = list;
    return 0;
}
