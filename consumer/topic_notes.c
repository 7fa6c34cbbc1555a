/* Owns which notes of replayed letters hold. */
#include "consumer/topic_notes.h"

#include <stdlib.h>
#include <string.h>

#include "base/ban.h"

struct noting {
    struct mr_topic_index *index;
    bool ok;
};

static void note_take(void *arg, const struct mr_replayed *note)
{
    struct noting *noting = arg;
    struct mr_topic_letter *letter = mr_topic_index_find(noting->index, note->id);

    if (letter == NULL || letter->state != MR_LETTER_NEW || letter->version != note->version)
        return;
    const char *by = mr_arena_copy(&noting->index->arena, note->by, strlen(note->by) + 1);
    noting->ok = noting->ok && by != NULL;
    letter->by = by != NULL ? by : "";
    letter->state = MR_LETTER_REPLAYED;
    letter->updated_ms = note->at_ms;
    letter->noted = true;
    letter->noted_version = note->version;
}

int mr_topic_notes_take(struct mr_topic_index *index, struct mr_sink *sink, struct mr_err *err)
{
    struct noting noting = {.index = index, .ok = true};
    const struct mr_replayed_taker taker = {.take = note_take, .arg = &noting};
    int rc = mr_replayed_is_kept(sink) ? mr_replayed_read(sink, &taker, err) : 0;

    return rc == 0 && !noting.ok ? mr_err_set(err, MR_NO_MEMORY, "dead letters") : rc;
}

bool mr_topic_note_is_stale(const struct mr_topic_index *index, const struct mr_replayed *note)
{
    const struct mr_topic_letter *letter = mr_topic_index_find(index, note->id);

    if (letter == NULL)
        return index->n_left_out == 0; /* or it may be one of those */
    return letter->version != note->version || (letter->state != MR_LETTER_NEW && !letter->noted);
}

/* ---- sweeping ---- */

struct notes {
    struct mr_replayed *list; /* MR_REPLAYED_READ of them fit */
    size_t n;
    struct mr_arena arena;
    bool ok;
};

static void note_keep(void *arg, const struct mr_replayed *note)
{
    struct notes *notes = arg;
    const char *id = mr_arena_copy(&notes->arena, note->id, strlen(note->id) + 1);

    notes->ok = notes->ok && id != NULL && notes->n < MR_REPLAYED_READ;
    if (notes->ok)
        notes->list[notes->n++] = (struct mr_replayed){.id = id, .version = note->version};
}

/* Those that are read are of letters that were written before: so the topic is read behind them. */
static int stale_forget(struct notes *notes, struct mr_topic_reader *reader, struct mr_sink *sink,
                        struct mr_err *err)
{
    int rc = mr_topic_reader_refresh(reader, err);
    size_t n = 0;

    for (size_t i = 0; rc == 0 && i < notes->n; i++)
        if (mr_topic_note_is_stale(&reader->index, &notes->list[i]))
            notes->list[n++] = notes->list[i];
    return rc == 0 && n > 0 ? mr_replayed_forget(sink, notes->list, n, err) : rc;
}

int mr_topic_notes_sweep(struct mr_topic_reader *reader, struct mr_sink *sink, struct mr_err *err)
{
    struct notes notes = {.ok = true};
    const struct mr_replayed_taker taker = {.take = note_keep, .arg = &notes};

    if (!mr_replayed_is_kept(sink))
        return 0;
    notes.list = calloc(MR_REPLAYED_READ, sizeof *notes.list);
    if (notes.list == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "dead letters");
    mr_arena_init(&notes.arena, 0, SIZE_MAX);
    int rc = mr_replayed_read(sink, &taker, err);
    if (rc == 0 && !notes.ok)
        rc = mr_err_set(err, MR_NO_MEMORY, "dead letters");
    if (rc == 0 && notes.n > 0)
        rc = stale_forget(&notes, reader, sink, err);
    mr_arena_release(&notes.arena);
    free(notes.list);
    return rc;
}
