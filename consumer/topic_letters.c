/* Owns what a command asks of the letters of a topic. Reading is topic_reader.c's. */
#include "consumer/topic_letters.h"

#include <stdlib.h>
#include <string.h>

#include "consumer/topic_notes.h"

#include "base/ban.h"

struct topic_letters {
    struct mr_letters base;
    struct mr_sink *sink;
    struct mr_topic_reader reader;
    struct mr_letter_topic writer;
    struct mr_topic_letter **found;
    size_t n_found;
    size_t at;
    bool brief;
    bool with_bytes;
    bool swept; /* stale notes */
    struct mr_topic_page page;
    const char *by; /* who replays */
};

static const struct mr_letters_ops ops;

static struct topic_letters *letters_of(struct mr_letters *base)
{
    return (struct topic_letters *)base;
}

static void topic_close(struct mr_letters *base)
{
    struct topic_letters *letters = letters_of(base);

    mr_topic_page_release(&letters->page);
    mr_topic_reader_close(&letters->reader);
    mr_letter_topic_release(&letters->writer);
    free(letters->found);
    free(letters);
}

int mr_topic_letters_open(const struct mr_topic_letters_opts *opts, struct mr_letters **out,
                          struct mr_err *err)
{
    struct topic_letters *letters = calloc(1, sizeof *letters);

    if (letters == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "dead letters");
    letters->base.ops = &ops;
    letters->sink = opts->sink;
    letters->by = "";
    mr_letter_topic_init(&letters->writer, opts->topic, 0);
    mr_topic_page_init(&letters->page);
    int rc = mr_topic_reader_open(&letters->reader, opts->source, opts->topic, err);
    if (rc < 0) {
        topic_close(&letters->base);
        return rc;
    }
    *out = &letters->base;
    return 0;
}

/* ---- finding ---- */

static int refresh(struct topic_letters *letters, struct mr_err *err)
{
    int rc = mr_topic_reader_refresh(&letters->reader, err);

    return rc == 0 ? mr_topic_notes_take(&letters->reader.index, letters->sink, err) : rc;
}

/* Where all of them are asked for. */
static int refresh_all(struct topic_letters *letters, struct mr_err *err)
{
    int rc = refresh(letters, err);

    if (rc == 0 && letters->reader.index.n_left_out > 0)
        return mr_err_set(err, MR_CONFIG_USAGE,
                          "the topic has more than %zu letters: purge some of them first",
                          letters->reader.index.most);
    return rc;
}

static int topic_find(struct mr_letters *base, const struct mr_letter_filter *filter,
                      struct mr_err *err)
{
    struct topic_letters *letters = letters_of(base);

    free(letters->found);
    letters->found = NULL;
    letters->n_found = 0;
    letters->at = 0;
    letters->brief = filter->brief;
    letters->with_bytes = filter->with_bytes;
    letters->page.at = letters->page.n = 0;
    int rc = refresh_all(letters, err);
    return rc == 0 ? mr_topic_index_select(&letters->reader.index, filter, &letters->found,
                                           &letters->n_found, err)
                   : rc;
}

/* What is known without its bytes. */
static void known_fill(const struct mr_topic_letter *letter, struct mr_kept_letter *out)
{
    *out = (struct mr_kept_letter){.id = letter->id,
                                   .letter = {.stream = letter->stream,
                                              .partition = letter->partition,
                                              .offset = letter->offset,
                                              .headers_json = "[]",
                                              .timestamp_ms = -1,
                                              .code = letter->code,
                                              .sqlstate = "",
                                              .detail = "",
                                              .target_table = ""},
                                   .n_bytes = letter->n_bytes,
                                   .attempts = letter->attempts,
                                   .state = letter->state,
                                   .created_ms = letter->created_ms,
                                   .updated_ms = letter->updated_ms,
                                   .changed_by = letter->by};
}

static int topic_next(struct mr_letters *base, struct mr_kept_letter *out, struct mr_err *err)
{
    struct topic_letters *letters = letters_of(base);
    struct mr_topic_page *page = &letters->page;

    if (letters->brief) {
        if (letters->at == letters->n_found)
            return 0;
        known_fill(letters->found[letters->at++], out);
        return 1;
    }
    while (page->at == page->n) {
        if (letters->at == letters->n_found)
            return 0;
        size_t n = letters->n_found - letters->at;
        int rc = mr_topic_page_read(page, &letters->reader, letters->found + letters->at, &n, err);
        if (rc < 0)
            return rc;
        letters->at += n;
    }
    *out = page->kept[page->at++];
    if (!letters->with_bytes) {
        out->letter.key = out->letter.value = (struct mr_slice){NULL, 0};
        out->letter.headers_json = "[]";
    }
    return 1;
}

/* ---- closing ---- */

/* Writes that these are closed, and that the topic knows now what was noted. */
static int ends_write(struct topic_letters *letters, const struct mr_letter_end *ends, size_t n,
                      struct mr_err *err)
{
    struct mr_replayed *notes = calloc(n + 1, sizeof *notes);
    size_t n_notes = 0;

    if (notes == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "dead letters");
    int rc = mr_letter_topic_end(&letters->writer, ends, n, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct mr_topic_letter *letter = mr_topic_index_find(&letters->reader.index, ends[i].id);
        if (ends[i].state != MR_LETTER_REPLAYED || letter == NULL)
            continue;
        letter->noted = false;
        notes[n_notes++] = (struct mr_replayed){.id = letter->id, .version = letter->noted_version};
    }
    if (rc == 0 && n_notes > 0)
        rc = mr_replayed_forget(letters->sink, notes, n_notes, err);
    free(notes);
    return rc;
}

/* What an earlier replay has not told the topic, for it ended before; and notes that one left which
 * ended behind that are forgotten, once. */
static int noted_write(struct topic_letters *letters, struct mr_err *err)
{
    const struct mr_topic_index *index = &letters->reader.index;
    struct mr_letter_end *ends = calloc(index->n + 1, sizeof *ends);
    size_t n = 0;

    for (size_t i = 0; ends != NULL && i < index->n; i++) {
        const struct mr_topic_letter *letter = index->items[i];
        if (letter->noted && !letter->gone)
            ends[n++] = (struct mr_letter_end){.id = letter->id,
                                               .partition = letter->at.partition,
                                               .state = MR_LETTER_REPLAYED,
                                               .by = letter->by};
    }
    int rc = ends != NULL ? ends_write(letters, ends, n, err)
                          : mr_err_set(err, MR_NO_MEMORY, "dead letters");
    free(ends);
    if (rc == 0 && !letters->swept)
        rc = mr_topic_notes_sweep(&letters->reader, letters->sink, err);
    letters->swept = letters->swept || rc == 0;
    return rc;
}

/* NOLINTNEXTLINE(readability-function-size): six parameters, the interface of letters.h */
static int topic_discard(struct mr_letters *base, const char *const *ids, size_t n, const char *by,
                         uint64_t *n_done, struct mr_err *err)
{
    struct topic_letters *letters = letters_of(base);
    const struct mr_letter_filter filter = {
        .ids = ids, .n_ids = n, .states = 1u << MR_LETTER_NEW, .since_ms = -1, .until_ms = -1};
    struct mr_topic_letter **found = NULL;
    struct mr_letter_end *ends = calloc(n + 1, sizeof *ends);
    size_t n_found = 0;

    *n_done = 0;
    int rc =
        ends != NULL ? refresh_all(letters, err) : mr_err_set(err, MR_NO_MEMORY, "dead letters");
    if (rc == 0)
        rc = noted_write(letters, err);
    if (rc == 0)
        rc = mr_topic_index_select(&letters->reader.index, &filter, &found, &n_found, err);
    for (size_t i = 0; rc == 0 && i < n_found; i++)
        ends[i] = (struct mr_letter_end){.id = found[i]->id,
                                         .partition = found[i]->at.partition,
                                         .state = MR_LETTER_DISCARDED,
                                         .by = by};
    if (rc == 0)
        rc = ends_write(letters, ends, n_found, err);
    *n_done = rc == 0 ? n_found : 0;
    free(found);
    free(ends);
    return rc;
}

/* ---- purging ---- */

static bool is_over(const struct mr_topic_letter *letter, uint32_t states, int64_t before_ms)
{
    return (states & 1u << letter->state) != 0 && letter->updated_ms < before_ms;
}

/* New letters that are to go are closed like others. */
static int new_close(struct topic_letters *letters, int64_t before_ms, uint64_t *n_done,
                     struct mr_err *err)
{
    const struct mr_topic_index *index = &letters->reader.index;
    struct mr_letter_end *ends = calloc(index->n + 1, sizeof *ends);
    size_t n = 0;

    for (size_t i = 0; ends != NULL && i < index->n; i++) {
        struct mr_topic_letter *letter = index->items[i];
        if (!letter->gone && is_over(letter, 1u << MR_LETTER_NEW, before_ms))
            ends[n++] = (struct mr_letter_end){.id = letter->id,
                                               .partition = letter->at.partition,
                                               .state = MR_LETTER_DISCARDED,
                                               .by = ""};
    }
    int rc = ends != NULL ? ends_write(letters, ends, n, err)
                          : mr_err_set(err, MR_NO_MEMORY, "dead letters");
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct mr_topic_letter *letter = mr_topic_index_find(index, ends[i].id);
        letter->state = MR_LETTER_DISCARDED;
        letter->purged = true;
        ++*n_done;
    }
    free(ends);
    return rc;
}

/* Of each partition what is before the first record that stays: a letter that is not over, or one
 * that is none of ours. The rest is compaction's. */
static int over_cut(struct topic_letters *letters, uint32_t states, int64_t before_ms,
                    uint64_t *n_done, struct mr_err *err)
{
    struct mr_topic_reader *reader = &letters->reader;
    struct mr_topic_index *index = &reader->index;
    int64_t *before = calloc(reader->n_parts + 1, sizeof *before);

    if (before == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "dead letters");
    for (size_t i = 0; i < reader->n_parts; i++) {
        const struct mr_topic_part *part = &reader->parts[i];
        before[i] = part->foreign < part->next ? part->foreign : part->next;
    }
    for (size_t i = 0; i < index->n; i++) {
        const struct mr_topic_letter *letter = index->items[i];
        if (!letter->gone && !is_over(letter, states, before_ms) &&
            letter->at.offset < before[letter->at.partition])
            before[letter->at.partition] = letter->at.offset;
    }
    int rc = mr_topic_reader_cut(reader, before, err);
    for (size_t i = 0; rc == 0 && i < index->n; i++) {
        struct mr_topic_letter *letter = index->items[i];
        if (letter->gone || letter->at.offset >= before[letter->at.partition])
            continue;
        letter->gone = true;
        *n_done += letter->purged ? 0 : 1; /* or it counts already */
    }
    free(before);
    return rc;
}

/* NOLINTNEXTLINE(readability-function-size): six parameters, the interface of letters.h */
static int topic_purge(struct mr_letters *base, uint32_t states, int64_t before_ms, size_t max,
                       uint64_t *n_done, struct mr_err *err)
{
    struct topic_letters *letters = letters_of(base);

    (void)max; /* a beginning goes as a whole */
    *n_done = 0;
    int rc = refresh(letters, err);
    if (rc == 0)
        rc = noted_write(letters, err);
    if (rc == 0 && (states & 1u << MR_LETTER_NEW) != 0) {
        rc = new_close(letters, before_ms, n_done, err);
        states |= 1u << MR_LETTER_DISCARDED;
    }
    /* with letters in two partitions, what closes one may stand before another copy of it */
    if (rc == 0 && !letters->reader.index.mixed)
        rc = over_cut(letters, states, before_ms, n_done, err);
    return rc;
}

/* ---- a replay's transaction ---- */

/* No lock is there to be had: settle finds out. */
static int topic_lock(struct mr_letters *base, struct mr_session *session,
                      const struct mr_letter_mark *marks, size_t n, struct mr_err *err)
{
    (void)base;
    (void)session;
    (void)marks;
    (void)n;
    (void)err;
    return 0;
}

/* What is noted here, no other transaction notes; who did so before has said it in the topic, or
 * else its note is there still. So it is read once more, behind the note. */
/* NOLINTNEXTLINE(readability-function-size): six parameters, the interface of letters.h */
static int topic_settle(struct mr_letters *base, struct mr_session *session,
                        const struct mr_letter_mark *marks, size_t n, const char *by,
                        struct mr_err *err)
{
    struct topic_letters *letters = letters_of(base);
    struct mr_topic_index *index = &letters->reader.index;
    struct mr_replayed *notes = calloc(n + 1, sizeof *notes);
    size_t n_notes = 0;
    int rc = notes != NULL ? 0 : mr_err_set(err, MR_NO_MEMORY, "dead letters");

    letters->by = by;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct mr_topic_letter *letter = mr_topic_index_find(index, marks[i].id);
        if (letter == NULL) {
            rc = mr_err_set(err, MR_AGAIN, "a dead letter is no longer there");
            break;
        }
        letter->noted_version = letter->version;
        if (marks[i].again == NULL)
            notes[n_notes++] = (struct mr_replayed){.id = letter->id, .version = letter->version};
    }
    if (rc == 0)
        rc = mr_replayed_note(session, notes, n_notes, by, err);
    if (rc == 0)
        rc = mr_topic_reader_refresh(&letters->reader, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const struct mr_topic_letter *letter = mr_topic_index_find(index, marks[i].id);
        if (letter == NULL || letter->state != MR_LETTER_NEW ||
            letter->attempts != marks[i].attempts || letter->version != letter->noted_version)
            rc = mr_err_set(err, MR_AGAIN, "a dead letter is no longer as it was read");
    }
    free(notes);
    return rc;
}

static int topic_settled(struct mr_letters *base, const struct mr_letter_mark *marks, size_t n,
                         struct mr_err *err)
{
    struct topic_letters *letters = letters_of(base);
    struct mr_letter_end *ends = calloc(n + 1, sizeof *ends);
    size_t n_ends = 0;

    for (size_t i = 0; ends != NULL && i < n; i++) {
        const struct mr_topic_letter *letter =
            mr_topic_index_find(&letters->reader.index, marks[i].id);
        const struct mr_letter *again = marks[i].again;
        if (letter == NULL)
            continue;
        ends[n_ends++] = (struct mr_letter_end){
            .id = letter->id,
            .partition = letter->at.partition,
            .state = again == NULL ? MR_LETTER_REPLAYED : MR_LETTER_NEW,
            .by = letters->by,
            .again = again,
            .attempts = letter->attempts + (letter->attempts < UINT32_MAX ? 1 : 0),
            .created_ms = letter->created_ms};
    }
    int rc = ends != NULL ? ends_write(letters, ends, n_ends, err)
                          : mr_err_set(err, MR_NO_MEMORY, "dead letters");
    free(ends);
    return rc == 0 ? noted_write(letters, err) : rc;
}

static const struct mr_letters_ops ops = {
    .name = "topic",
    .close = topic_close,
    .find = topic_find,
    .next = topic_next,
    .discard = topic_discard,
    .purge = topic_purge,
    .before = mr_letters_before_plain,
    .lock = topic_lock,
    .settle = topic_settle,
    .settled = topic_settled,
};
