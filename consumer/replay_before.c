/* Owns which letters of a replay must stay because an earlier one of their key does: an update that
 * does not carry all columns would keep values of the target that the other's record has changed.
 */
#include <string.h>

#include "consumer/replay_run.h"

#include "base/ban.h"

static int page_ask(struct mr_replay *r, struct mr_err *err)
{
    for (size_t i = 0; i < r->n_items; i++) {
        const struct mr_kept_letter *kept = &r->items[i].record.kept;
        r->before[i] = (struct mr_letter_before){.id = kept->id,
                                                 .stream = kept->letter.stream,
                                                 .partition = kept->letter.partition,
                                                 .offset = kept->letter.offset,
                                                 .key = kept->letter.key};
    }
    int rc = r->box->letters->ops->before(r->box->letters, r->before, r->n_items, &r->arena, err);
    r->before_known = rc == 0;
    return rc;
}

static bool is_same_key(const struct mr_letter *a, const struct mr_letter *b)
{
    return a->partition == b->partition && mr_slice_eq(a->key, b->key) &&
           strcmp(a->stream, b->stream) == 0;
}

/* Among the letters that are not replayed, and those of the page up to `at`: the last one that
 * counts decides. NULL: none stays. */
static const char *stays_before(const struct mr_replay *r, size_t at, int64_t *offset)
{
    const struct mr_letter *letter = &r->items[at].record.kept.letter;
    const struct mr_letter_before *outside = &r->before[at];

    for (size_t i = at; i-- > 0;) {
        const struct mr_replay_item *item = &r->items[i];
        const struct mr_letter *other = &item->record.kept.letter;
        if (!is_same_key(other, letter))
            continue;
        *offset = other->offset;
        if (outside->before_id != NULL && outside->before_offset > other->offset)
            break;
        if (item->stays)
            return item->record.kept.id;
        if (item->whole)
            return NULL;
    }
    if (outside->before_id != NULL)
        *offset = outside->before_offset;
    return outside->before_id;
}

int mr_replay_before(void *arg, const struct mr_record *record, struct mr_err *why)
{
    struct mr_replay *r = arg;
    struct mr_replay_item *item = record->message; /* its first member */
    int64_t offset = -1;

    if (record->key.data == NULL)
        return 0;
    int rc = r->before_known ? 0 : page_ask(r, why);
    if (rc < 0)
        return rc;
    item->asked = true;
    const char *id = stays_before(r, (size_t)(item - r->items), &offset);
    if (id == NULL)
        return 0;
    item->behind = record->leaves;
    mr_err_set(why, MR_UNAVAILABLE_AFTER_LETTER,
               "not all columns come: letter %s of its key, offset %lld, is to be replayed first, "
               "or discarded",
               id, (long long)offset);
    return 1;
}

int mr_replay_before_check(void *arg, struct mr_err *err)
{
    struct mr_replay *r = arg;
    int64_t offset = -1;

    for (size_t i = 0; i < r->n_taken; i++)
        r->taken[i]->stays = r->marks[i].again != NULL;
    for (size_t i = 0; i < r->n_taken; i++) {
        const struct mr_replay_item *item = r->taken[i];
        r->marks[i].whole = item->whole && !item->stays;
        if (item->asked && !item->behind && !item->stays &&
            stays_before(r, (size_t)(item - r->items), &offset) != NULL)
            return mr_err_set(err, MR_AGAIN, "an earlier letter of its key failed again");
    }
    return 0;
}
