/* Owns the way from the records of a topic of letters to what they say. */
#include "consumer/topic_reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/ban.h"

enum {
    PAGE_BYTES = 4 * 1024 * 1024,
    FAR = 2000 /* records that are read over rather than sought */
};

int mr_topic_reader_open(struct mr_topic_reader *reader, const struct mr_source_opts *source,
                         const struct mr_letter_topic_opts *topic, struct mr_err *err)
{
    const struct mr_kafka_scan_opts opts = {
        .source = source, .topic = topic->topic, .timeout_ms = topic->timeout_ms};
    struct mr_env env = source->env;

    memset(reader, 0, sizeof *reader);
    reader->pipeline = topic->pipeline;
    mr_topic_index_init(&reader->index, mr_rng_u64(&env.rng), MR_TOPIC_LETTERS);
    mr_arena_init(&reader->arena, 0, SIZE_MAX);
    return mr_kafka_scan_open(&opts, &reader->scan, err);
}

void mr_topic_reader_close(struct mr_topic_reader *reader)
{
    mr_kafka_scan_close(reader->scan);
    mr_topic_index_release(&reader->index);
    mr_arena_release(&reader->arena);
    free(reader->parts);
    free(reader->from);
    free(reader->to);
    memset(reader, 0, sizeof *reader);
}

/* ---- what there is ---- */

static int parts_grow(struct mr_topic_reader *reader, size_t n, struct mr_err *err)
{
    if (n <= reader->n_parts)
        return 0;
    struct mr_topic_part *parts = realloc(reader->parts, n * sizeof *parts);
    if (parts != NULL)
        reader->parts = parts;
    int64_t *from = realloc(reader->from, n * sizeof *from);
    if (from != NULL)
        reader->from = from;
    int64_t *to = realloc(reader->to, n * sizeof *to);
    if (to != NULL)
        reader->to = to;
    if (parts == NULL || from == NULL || to == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "dead letters");
    for (; reader->n_parts < n; reader->n_parts++)
        parts[reader->n_parts] = (struct mr_topic_part){.foreign = INT64_MAX};
    return 0;
}

/* Retention, or somebody's purge, has taken what is before the lows. */
static void gone_note(struct mr_topic_reader *reader, const struct mr_scan_ends *ends, size_t n)
{
    bool any = false;

    for (size_t i = 0; i < n; i++) {
        any = any || ends[i].low > reader->parts[i].low;
        reader->parts[i].low = ends[i].low;
        if (reader->parts[i].foreign < ends[i].low)
            reader->parts[i].foreign = ends[i].low; /* whatever is there now: not ours to take */
    }
    for (size_t i = 0; any && i < reader->index.n; i++) {
        struct mr_topic_letter *letter = reader->index.items[i];
        letter->gone = letter->gone || letter->at.offset < reader->parts[letter->at.partition].low;
    }
}

static void stranger_note(struct mr_topic_reader *reader, const struct mr_scan_record *record)
{
    struct mr_topic_part *part = &reader->parts[record->partition];

    if (record->offset < part->foreign)
        part->foreign = record->offset;
}

static int record_take(struct mr_topic_reader *reader, const struct mr_scan_record *record,
                       struct mr_err *err)
{
    const struct mr_wire_want want = {.pipeline = reader->pipeline};
    const struct mr_topic_place at = {record->partition, record->offset};
    struct mr_kept_letter kept;

    mr_arena_reset(&reader->arena);
    int kind = mr_letter_wire_read(&want, &record->wire, &reader->arena, &kept, err);
    if (kind == MR_WIRE_FOREIGN)
        stranger_note(reader, record);
    if (kind <= MR_WIRE_FOREIGN)
        return kind; /* 0, or an error */
    int rc = mr_topic_index_add(&reader->index, (enum mr_wire_kind)kind, &kept, &at, err);
    if (rc <= 0)
        return rc;
    stranger_note(reader, record); /* nobody knows what becomes of it */
    return 0;
}

int mr_topic_reader_refresh(struct mr_topic_reader *reader, struct mr_err *err)
{
    const struct mr_scan_ends *ends = NULL;
    struct mr_scan_record record;
    size_t n = 0;
    int rc = mr_kafka_scan_ends(reader->scan, &ends, &n, err);

    if (rc == 0)
        rc = parts_grow(reader, n, err);
    if (rc < 0)
        return rc;
    gone_note(reader, ends, n);
    for (size_t i = 0; i < n; i++) {
        const struct mr_topic_part *part = &reader->parts[i];
        reader->from[i] = part->next > part->low ? part->next : part->low;
        reader->to[i] = ends[i].end;
    }
    rc = mr_kafka_scan_begin(reader->scan, reader->from, reader->to, err);
    while (rc == 0 && (rc = mr_kafka_scan_next(reader->scan, &record, err)) == 1)
        rc = record_take(reader, &record, err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (reader->parts[i].next < reader->to[i])
            reader->parts[i].next = reader->to[i];
    return rc;
}

int mr_topic_reader_cut(struct mr_topic_reader *reader, const int64_t *before, struct mr_err *err)
{
    for (size_t i = 0; i < reader->n_parts; i++)
        reader->from[i] = before[i] > reader->parts[i].low ? before[i] : 0;
    return mr_kafka_scan_cut(reader->scan, reader->from, err);
}

/* ---- pages ---- */

struct wanted {
    const struct mr_topic_letter *letter;
    size_t idx; /* in the page */
};

void mr_topic_page_init(struct mr_topic_page *page)
{
    page->n = 0;
    page->at = 0;
    mr_arena_init(&page->arena, 0, SIZE_MAX);
}

void mr_topic_page_release(struct mr_topic_page *page)
{
    mr_arena_release(&page->arena);
}

static int by_log(const void *a, const void *b)
{
    const struct mr_topic_place *x = &((const struct wanted *)a)->letter->at;
    const struct mr_topic_place *y = &((const struct wanted *)b)->letter->at;

    if (x->partition != y->partition)
        return x->partition < y->partition ? -1 : 1;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static int letter_read(struct mr_topic_page *page, const struct mr_topic_reader *reader,
                       const struct wanted *wanted, const struct mr_scan_record *record,
                       struct mr_err *err)
{
    const struct mr_wire_want want = {.pipeline = reader->pipeline, .with_bytes = true};
    struct mr_kept_letter *kept = &page->kept[wanted->idx];
    int kind = mr_letter_wire_read(&want, &record->wire, &page->arena, kept, err);

    if (kind != MR_WIRE_LETTER || strcmp(kept->id, wanted->letter->id) != 0) {
        kept->id = NULL;
        return kind < 0 ? kind : 0;
    }
    kept->state = wanted->letter->state; /* what came behind it says this */
    kept->changed_by = wanted->letter->by;
    kept->updated_ms = wanted->letter->updated_ms;
    return 0;
}

/* How many of these, of one partition, are read in one go. */
static size_t run_of(const struct wanted *list, size_t n)
{
    size_t i = 1;

    while (i < n && list[i].letter->at.partition == list[0].letter->at.partition &&
           list[i].letter->at.offset - list[i - 1].letter->at.offset < FAR)
        i++;
    return i;
}

static int run_read(struct mr_topic_page *page, struct mr_topic_reader *reader,
                    const struct wanted *list, size_t n, struct mr_err *err)
{
    size_t partition = (size_t)list[0].letter->at.partition;
    struct mr_scan_record record;
    size_t at = 0;

    for (size_t i = 0; i < reader->n_parts; i++)
        reader->from[i] = reader->to[i] = 0;
    reader->from[partition] = list[0].letter->at.offset;
    if (reader->from[partition] < reader->parts[partition].low)
        reader->from[partition] = reader->parts[partition].low;
    reader->to[partition] = list[n - 1].letter->at.offset + 1;
    int rc = mr_kafka_scan_begin(reader->scan, reader->from, reader->to, err);
    while (rc == 0 && (rc = mr_kafka_scan_next(reader->scan, &record, err)) == 1) {
        rc = 0;
        while (at < n && list[at].letter->at.offset < record.offset)
            at++; /* compacted away meanwhile */
        if (at < n && list[at].letter->at.offset == record.offset)
            rc = letter_read(page, reader, &list[at], &record, err);
    }
    return rc;
}

static size_t fitting(struct mr_topic_letter *const *letters, size_t n)
{
    uint64_t n_bytes = 0;
    size_t i = 0;

    while (i < n && i < MR_TOPIC_PAGE && (i == 0 || n_bytes + letters[i]->n_bytes <= PAGE_BYTES))
        n_bytes += letters[i++]->n_bytes;
    return i;
}

int mr_topic_page_read(struct mr_topic_page *page, struct mr_topic_reader *reader,
                       struct mr_topic_letter *const *letters, size_t *n, struct mr_err *err)
{
    struct wanted list[MR_TOPIC_PAGE];
    int rc = 0;

    *n = fitting(letters, *n);
    mr_arena_reset(&page->arena);
    page->n = 0;
    page->at = 0;
    for (size_t i = 0; i < *n; i++) {
        list[i] = (struct wanted){letters[i], i};
        page->kept[i].id = NULL;
    }
    qsort(list, *n, sizeof *list, by_log);
    for (size_t i = 0; rc == 0 && i < *n;) {
        size_t n_run = run_of(list + i, *n - i);
        rc = run_read(page, reader, list + i, n_run, err);
        i += n_run;
    }
    for (size_t i = 0; rc == 0 && i < *n; i++)
        if (page->kept[i].id != NULL)
            page->kept[page->n++] = page->kept[i];
    return rc;
}
