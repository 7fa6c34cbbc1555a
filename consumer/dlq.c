/* Owns the way from a bad record and its error to a dead letter. Where letters go is the sink's. */
#include "consumer/dlq.h"

#include <string.h>

#include "consumer/partitions.h"
#include "consumer/source.h"

#include "base/ban.h"

static const char *text_copy(struct mr_arena *arena, const char *text)
{
    return mr_arena_copy(arena, text, strlen(text) + 1);
}

/* NOLINTNEXTLINE(readability-function-size): six parameters, the interface of dlq.h */
int mr_letter_make(struct mr_letter *out, struct mr_arena *arena, struct mr_source *source,
                   const struct mr_record *record, const char *target_table,
                   const struct mr_err *why)
{
    char code[64];
    char line[MR_ERR_DETAIL_BYTES + 1024];
    struct mr_buf headers = MR_BUF_INIT;

    source->ops->headers_json(source, record, &headers);
    *out = (struct mr_letter){
        .stream = record->part->stream,
        .partition = record->partition,
        .offset = record->offset,
        .key = record->key,
        .value = record->value,
        .headers_json =
            mr_buf_ok(&headers) ? text_copy(arena, mr_buf_cstr(&headers)) : text_copy(arena, "[]"),
        .timestamp_ms = record->timestamp_ms,
        .message = record->message,
        .code = text_copy(arena, mr_err_printed(why, code, sizeof code)),
        .sqlstate = text_copy(arena, why->sqlstate),
        .detail = text_copy(arena, mr_err_line(why, line, sizeof line)),
        .target_table = text_copy(arena, target_table),
    };
    mr_buf_release(&headers);
    if (out->headers_json == NULL || out->code == NULL || out->sqlstate == NULL ||
        out->detail == NULL || out->target_table == NULL)
        return -MR_FULL;
    return 0;
}
