/* Owns the names of a letter's states, as they stand in the control tables, and which sinks keep
 * letters that can be read. */
#include "sinks/letters.h"

#include <string.h>

#include "base/arena.h"

#include "base/ban.h"

enum { MAX_DIGITS = 18 }; /* of a number that fits for sure */

static const char *const names[MR_N_LETTER_STATES] = {
    [MR_LETTER_NEW] = "new",
    [MR_LETTER_REPLAYED] = "replayed",
    [MR_LETTER_DISCARDED] = "discarded",
};

const char *mr_letter_state_name(enum mr_letter_state state)
{
    return names[state];
}

int mr_letter_state_of(const char *name)
{
    for (int i = 0; i < MR_N_LETTER_STATES; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return -1;
}

int mr_letters_of_sink(struct mr_sink *sink, struct mr_letters **out, struct mr_err *err)
{
    if (sink->ops == &mr_sink_postgresql)
        return mr_pg_letters_open(sink, out, err);
    if (sink->ops == &mr_sink_sqlite)
        return mr_sq_letters_open(sink, out, err);
    return mr_err_set(err, MR_CONFIG_USAGE, "%s: prints dead letters and keeps none",
                      sink->ops->name);
}

int mr_letter_id_get(const char *text, int64_t *out, struct mr_err *err)
{
    size_t len = strlen(text);
    int64_t id = 0;

    if (len == 0 || len > MAX_DIGITS || strspn(text, "0123456789") != len)
        return mr_err_set(err, MR_CONFIG_USAGE, "%.64s is no id of a dead letter", text);
    for (size_t i = 0; i < len; i++)
        id = id * 10 + (text[i] - '0');
    *out = id;
    return 0;
}

/* The letters whose predecessors are looked for. */
struct before_ask {
    struct mr_letter_before *of;
    size_t n;
    struct mr_arena *arena;
};

static bool is_one_of(const struct before_ask *ask, const char *id)
{
    for (size_t i = 0; i < ask->n; i++)
        if (strcmp(ask->of[i].id, id) == 0)
            return true;
    return false;
}

static bool is_before(const struct mr_letter_before *one, const struct mr_letter *letter)
{
    return letter->offset < one->offset && letter->partition == one->partition &&
           (one->before_id == NULL || letter->offset > one->before_offset) &&
           one->key.data != NULL && letter->key.data != NULL &&
           mr_slice_eq(one->key, letter->key) && strcmp(one->stream, letter->stream) == 0;
}

/* What one letter of the topic tells; one of those that are asked for is nobody's. */
static int note_before(const struct before_ask *ask, const struct mr_kept_letter *kept,
                       struct mr_err *err)
{
    if (is_one_of(ask, kept->id))
        return 0;
    for (size_t i = 0; i < ask->n; i++) {
        struct mr_letter_before *one = &ask->of[i];
        if (!is_before(one, &kept->letter))
            continue;
        one->before_id = mr_arena_copy(ask->arena, kept->id, strlen(kept->id) + 1);
        one->before_offset = kept->letter.offset;
        if (one->before_id == NULL)
            return mr_err_set(err, MR_NO_MEMORY, "a dead letter");
    }
    return 0;
}

static int before_of_topic(struct mr_letters *letters, const char *topic,
                           const struct before_ask *ask, struct mr_err *err)
{
    struct mr_letter_filter filter = {.topic = topic,
                                      .states = 1u << MR_LETTER_NEW,
                                      .since_ms = -1,
                                      .until_ms = -1,
                                      .in_log_order = true,
                                      .with_bytes = true};
    struct mr_kept_letter kept;
    int rc = letters->ops->find(letters, &filter, err);

    while (rc == 0 && (rc = letters->ops->next(letters, &kept, err)) == 1)
        rc = note_before(ask, &kept, err);
    return rc;
}

int mr_letters_before_plain(struct mr_letters *letters, struct mr_letter_before *of, size_t n,
                            struct mr_arena *arena, struct mr_err *err)
{
    struct before_ask ask = {.of = of, .n = n, .arena = arena};
    int rc = 0;

    for (size_t i = 0; i < n; i++)
        of[i].before_id = NULL;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        size_t first = 0;
        while (strcmp(of[first].stream, of[i].stream) != 0)
            first++;
        if (first == i) /* each topic once */
            rc = before_of_topic(letters, of[i].stream, &ask, err);
    }
    return rc;
}

int mr_letters_settled_plain(struct mr_letters *letters, const struct mr_letter_mark *marks,
                             size_t n, struct mr_err *err)
{
    (void)letters;
    (void)marks;
    (void)n;
    (void)err;
    return 0;
}
