/* Owns how a dead letter becomes a record again. */
#include "consumer/replay_source.h"

#include <string.h>

#include "base/ban.h"

/* ---- what a replay's lane asks ---- */

static void replay_wake_client(struct mr_source *source)
{
    (void)source;
}

static void replay_wake_poll(struct mr_source *source)
{
    (void)source;
}

static void replay_wake_lane(struct mr_source *source, uint32_t lane)
{
    (void)source;
    (void)lane;
}

static void replay_release_record(struct mr_source *source, struct mr_record *record)
{
    (void)source;
    (void)record; /* the page's arena holds it */
}

static void replay_headers_json(struct mr_source *source, const struct mr_record *record,
                                struct mr_buf *out)
{
    const struct mr_replay_record *of = record->message;

    (void)source;
    mr_buf_str(out, of->kept.letter.headers_json);
}

/* Only the log says how many there are, and what a truncate is late for: a letter's place is not
 * the log's end. One with a guard finds its place by that, one without has none. */
static int replay_n_partitions(struct mr_source *source, const char *stream, uint32_t timeout_ms,
                               int32_t *out, struct mr_err *err)
{
    (void)source;
    (void)stream;
    (void)timeout_ms;
    (void)err;
    *out = 2;
    return 0;
}

static int64_t replay_known_end(struct mr_source *source, const char *stream, int32_t partition)
{
    (void)source;
    (void)stream;
    (void)partition;
    return -1;
}

/* ---- what a log has, and letters have not ---- */

static const char *replay_version(void)
{
    return "letters";
}

static int none(struct mr_err *err)
{
    return mr_err_set(err, MR_BUG, "a replay has no log");
}

static int replay_open(const struct mr_source_opts *opts, struct mr_source **out,
                       struct mr_err *err)
{
    (void)opts;
    (void)out;
    return none(err);
}

static void replay_close(struct mr_source *source, uint32_t timeout_ms)
{
    (void)source;
    (void)timeout_ms;
}

static void replay_poll(struct mr_source *source, uint32_t timeout_ms,
                        struct mr_source_event *event)
{
    (void)source;
    (void)timeout_ms;
    memset(event, 0, sizeof *event);
}

static int replay_parts(struct mr_source *source, const struct mr_source_part *parts, size_t n,
                        struct mr_err *err)
{
    (void)source;
    (void)parts;
    (void)n;
    return none(err);
}

static int replay_release(struct mr_source *source, struct mr_source_part *parts, size_t n,
                          struct mr_err *err)
{
    (void)source;
    (void)parts;
    (void)n;
    return none(err);
}

static void replay_commit(struct mr_source *source, const struct mr_source_part *parts, size_t n,
                          const char *metadata)
{
    (void)source;
    (void)parts;
    (void)n;
    (void)metadata;
}

static void replay_commit_wait(struct mr_source *source, const struct mr_source_part *parts,
                               size_t n, const char *metadata, uint32_t timeout_ms)
{
    (void)timeout_ms;
    replay_commit(source, parts, n, metadata);
}

static size_t replay_read(struct mr_source *source, uint32_t lane, struct mr_record *records,
                          size_t max, uint32_t timeout_ms)
{
    (void)source;
    (void)lane;
    (void)records;
    (void)max;
    (void)timeout_ms;
    return 0;
}

/* NOLINTNEXTLINE(readability-function-size): the parameters are the interface's */
static int replay_facts(struct mr_source *source, const char *stream, int32_t partition,
                        enum mr_start start, int64_t start_ms, const char *our_metadata,
                        uint32_t timeout_ms, struct mr_log_facts *out, struct mr_err *err)
{
    (void)source;
    (void)stream;
    (void)partition;
    (void)start;
    (void)start_ms;
    (void)our_metadata;
    (void)timeout_ms;
    (void)out;
    return none(err);
}

static bool replay_answers(struct mr_source *source, uint32_t timeout_ms)
{
    (void)source;
    (void)timeout_ms;
    return true;
}

static uint32_t replay_session_timeout_ms(const struct mr_source *source)
{
    (void)source;
    return 0;
}

static void replay_stats_json(struct mr_source *source, struct mr_buf *out)
{
    (void)source;
    mr_buf_str(out, "{}");
}

const struct mr_source_ops mr_source_replay = {
    .name = "letters",
    .client_version = replay_version,
    .open = replay_open,
    .close = replay_close,
    .poll = replay_poll,
    .wake_poll = replay_wake_poll,
    .wake_client = replay_wake_client,
    .wake_lane = replay_wake_lane,
    .assign = replay_parts,
    .unassign = replay_parts,
    .hold = replay_parts,
    .release = replay_release,
    .commit = replay_commit,
    .commit_wait = replay_commit_wait,
    .read = replay_read,
    .release_record = replay_release_record,
    .headers_json = replay_headers_json,
    .facts = replay_facts,
    .answers = replay_answers,
    .n_partitions = replay_n_partitions,
    .known_end = replay_known_end,
    .session_timeout_ms = replay_session_timeout_ms,
    .stats_json = replay_stats_json,
};

/* ---- records ---- */

static const char *text_keep(struct mr_arena *arena, const char *text, bool *ok)
{
    const char *kept = mr_arena_copy(arena, text, strlen(text) + 1);

    *ok = *ok && kept != NULL;
    return kept;
}

static struct mr_slice bytes_keep(struct mr_arena *arena, struct mr_slice bytes, bool *ok)
{
    if (bytes.data == NULL)
        return bytes;
    const uint8_t *kept = mr_arena_copy(arena, bytes.data, bytes.len);
    *ok = *ok && kept != NULL;
    return (struct mr_slice){kept, bytes.len};
}

int mr_replay_record_init(struct mr_replay_record *out, const struct mr_kept_letter *kept,
                          struct mr_arena *arena, struct mr_err *err)
{
    struct mr_letter *letter = &out->kept.letter;
    bool ok = true;

    out->kept = *kept;
    out->kept.id = text_keep(arena, kept->id, &ok);
    out->kept.changed_by = text_keep(arena, kept->changed_by, &ok);
    letter->stream = text_keep(arena, kept->letter.stream, &ok);
    letter->key = bytes_keep(arena, kept->letter.key, &ok);
    letter->value = bytes_keep(arena, kept->letter.value, &ok);
    letter->headers_json = text_keep(arena, kept->letter.headers_json, &ok);
    letter->code = text_keep(arena, kept->letter.code, &ok);
    letter->sqlstate = text_keep(arena, kept->letter.sqlstate, &ok);
    letter->detail = text_keep(arena, kept->letter.detail, &ok);
    letter->target_table = text_keep(arena, kept->letter.target_table, &ok);
    if (!ok)
        return mr_err_set(err, MR_NO_MEMORY, "a dead letter");
    return mr_letter_headers_parse(letter->headers_json, arena, &out->headers, err);
}

void mr_replay_record_make(const struct mr_replay_record *of, struct mr_record *out)
{
    const struct mr_letter *letter = &of->kept.letter;
    uint32_t n_bytes = 0;

    (void)mr_u32_from_size(letter->key.len + letter->value.len, &n_bytes);
    *out = (struct mr_record){
        .kind = MR_RECORD_DATA,
        /* NOLINTNEXTLINE(performance-no-int-to-ptr): nobody writes to it */
        .message = (void *)(uintptr_t)of,
        .stream = letter->stream,
        .partition = letter->partition,
        .offset = letter->offset,
        .timestamp_ms = letter->timestamp_ms,
        .leader_epoch = -1,
        .n_bytes = n_bytes,
        .key = letter->key,
        .value = letter->value,
        .headers = mr_letter_headers_as(&of->headers),
    };
}
