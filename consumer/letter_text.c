/* Owns the form in which dead letters leave the program. */
#include "consumer/letter_text.h"

#include <stdio.h>
#include <string.h>

#include "config/units.h"
#include "schemas/json_text.h"

#include "base/ban.h"

enum { HEX_SHOWN = 4096, CODE_PREFIX = 3 };

/* ---- bytes that nobody vouches for ---- */

static uint32_t code_point(const uint8_t *at, size_t len)
{
    static const uint8_t masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t c = at[0] & masks[len];

    for (size_t i = 1; i < len; i++)
        c = c << 6 | (at[i] & 0x3fu);
    return c;
}

/* Controls (C0, DEL, C1), line and paragraph separators, and marks of direction, which show a text
 * in another order than it has. Source: Unicode Standard Annex #9. */
static bool is_obeyed(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x061c || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

void mr_letter_text_safe(struct mr_buf *out, struct mr_slice text)
{
    for (size_t i = 0; i < text.len;) {
        size_t len = mr_utf8_step(text.data + i, text.len - i);
        uint32_t c = len > 0 ? code_point(text.data + i, len) : text.data[i];
        if (len > 0 && !is_obeyed(c))
            mr_buf_add(out, text.data + i, len);
        else if (len > 1)
            mr_buf_fmt(out, "\\u{%x}", c);
        else
            mr_buf_fmt(out, "\\x%02x", c);
        i += len > 0 ? len : 1;
    }
}

void mr_letter_text_json(struct mr_buf *out, struct mr_slice text)
{
    struct mr_buf clean = MR_BUF_INIT;

    if (mr_utf8_valid(text.data, text.len)) {
        mr_json_text_string(out, text);
        return;
    }
    for (size_t i = 0; i < text.len;) {
        size_t len = mr_utf8_step(text.data + i, text.len - i);
        if (len > 0)
            mr_buf_add(&clean, text.data + i, len);
        else
            mr_buf_str(&clean, "\xef\xbf\xbd");
        i += len > 0 ? len : 1;
    }
    mr_json_text_string(out, (struct mr_slice){clean.data, clean.len});
    out->failed = out->failed || !mr_buf_ok(&clean);
    mr_buf_release(&clean);
}

static void safe(struct mr_buf *out, const char *text)
{
    mr_letter_text_safe(out, mr_slice_str(text));
}

static void hex(struct mr_buf *out, struct mr_slice bytes)
{
    for (size_t i = 0; i < bytes.len && i < HEX_SHOWN; i++)
        mr_buf_fmt(out, "%02x", bytes.data[i]);
    if (bytes.len > HEX_SHOWN)
        mr_buf_fmt(out, "... (%zu bytes)", bytes.len);
}

static void time_text(struct mr_buf *out, int64_t ms)
{
    if (ms >= 0)
        mr_units_print_timestamp(ms, out);
    else
        mr_buf_str(out, "-");
}

const char *mr_letter_text_remedy(const char *code)
{
    if (strncmp(code, "db.", CODE_PREFIX) == 0)
        return mr_code_remedy(MR_DB);
    for (int i = 1; i < MR_N_CODES; i++)
        if (strcmp(mr_code_printed(i), code) == 0)
            return mr_code_remedy(i);
    return "";
}

/* ---- for people ---- */

void mr_letter_text_head(struct mr_buf *out)
{
    mr_buf_fmt(out, "%-8s %-10s %-24s %5s %-24s %-24s %s\n", "ID", "STATE", "PUT ASIDE", "TRIES",
               "REASON", "TABLE", "RECORD");
}

/* A cell that is at least so wide; the text is made safe first, so that its width is that of what
 * is shown, but for wide characters. */
static void cell(struct mr_buf *out, const char *text, size_t width)
{
    size_t from = out->len;

    safe(out, text);
    for (size_t len = mr_buf_ok(out) ? out->len - from : width; len < width; len++)
        mr_buf_byte(out, ' ');
    mr_buf_byte(out, ' ');
}

static void cell_time(struct mr_buf *out, int64_t ms)
{
    struct mr_buf text = MR_BUF_INIT;

    time_text(&text, ms);
    cell(out, mr_buf_cstr(&text), 24);
    mr_buf_release(&text);
}

void mr_letter_text_line(struct mr_buf *out, const struct mr_kept_letter *kept)
{
    const struct mr_letter *letter = &kept->letter;

    cell(out, kept->id, 8);
    cell(out, mr_letter_state_name(kept->state), 10);
    cell_time(out, kept->created_ms);
    mr_buf_fmt(out, "%5u ", (unsigned)kept->attempts);
    cell(out, letter->code, 24);
    cell(out, *letter->target_table != '\0' ? letter->target_table : "-", 24);
    safe(out, letter->stream);
    mr_buf_fmt(out, "/%d@%lld\n", (int)letter->partition, (long long)letter->offset);
}

static void side_page(struct mr_buf *out, const char *name, struct mr_slice bytes,
                      const struct mr_letter_side *side)
{
    char code[64];

    mr_buf_fmt(out, "%-9s", name);
    if (side->null) {
        mr_buf_str(out, "null\n");
        return;
    }
    if (side->schema_id >= 0)
        mr_buf_fmt(out, "schema %lld ", (long long)side->schema_id);
    safe(out, side->schema);
    mr_buf_str(out, side->schema_id >= 0 || *side->schema != '\0' ? ": " : "");
    if (side->read) {
        mr_letter_text_safe(out, (struct mr_slice){side->json.data, side->json.len});
        mr_buf_byte(out, '\n');
        return;
    }
    mr_buf_fmt(out, "cannot be read: %s", mr_err_printed(&side->why, code, sizeof code));
    mr_buf_str(out, *side->why.detail != '\0' ? ": " : "");
    safe(out, side->why.detail);
    mr_buf_fmt(out, "\n         0x");
    hex(out, bytes);
    mr_buf_byte(out, '\n');
}

static void headers_page(struct mr_buf *out, const struct mr_letter_headers *headers)
{
    for (size_t i = 0; i < headers->n; i++) {
        const struct mr_letter_header *header = &headers->items[i];
        mr_buf_str(out, i == 0 ? "headers  " : "         ");
        safe(out, header->name);
        mr_buf_str(out, " = ");
        if (header->value.data == NULL)
            mr_buf_str(out, "null");
        else if (mr_utf8_valid(header->value.data, header->value.len))
            mr_letter_text_safe(out, header->value);
        else
            hex(out, header->value);
        mr_buf_byte(out, '\n');
    }
}

void mr_letter_text_page(struct mr_buf *out, const struct mr_replay_record *record,
                         const struct mr_letter_decoder *decoded)
{
    const struct mr_kept_letter *kept = &record->kept;
    const struct mr_letter *letter = &kept->letter;

    mr_buf_str(out, "letter   ");
    safe(out, kept->id);
    mr_buf_fmt(out, ", %s, %u attempt%s, put aside ", mr_letter_state_name(kept->state),
               (unsigned)kept->attempts, kept->attempts == 1 ? "" : "s");
    time_text(out, kept->created_ms);
    if (kept->updated_ms != kept->created_ms || *kept->changed_by != '\0') {
        mr_buf_str(out, ", changed ");
        time_text(out, kept->updated_ms);
        mr_buf_str(out, *kept->changed_by != '\0' ? " by " : "");
        safe(out, kept->changed_by);
    }
    mr_buf_str(out, "\nrecord   ");
    safe(out, letter->stream);
    mr_buf_fmt(out, "/%d@%lld of ", (int)letter->partition, (long long)letter->offset);
    time_text(out, letter->timestamp_ms);
    mr_buf_str(out, "\ntable    ");
    safe(out, *letter->target_table != '\0' ? letter->target_table : "-");
    mr_buf_str(out, "\nreason   ");
    safe(out, letter->code);
    mr_buf_str(out, "\n         ");
    safe(out, letter->detail);
    mr_buf_str(out, "\nremedy   ");
    mr_buf_str(out, mr_letter_text_remedy(letter->code));
    mr_buf_byte(out, '\n');
    side_page(out, "key", letter->key, &decoded->key);
    side_page(out, "value", letter->value, &decoded->value);
    headers_page(out, &record->headers);
}

/* ---- for programs ---- */

static void member(struct mr_buf *out, const char *name, const char *text)
{
    mr_buf_fmt(out, ", \"%s\": ", name);
    mr_letter_text_json(out, mr_slice_str(text));
}

static void member_time(struct mr_buf *out, const char *name, int64_t ms)
{
    mr_buf_fmt(out, ", \"%s\": %s", name, ms >= 0 ? "\"" : "null");
    if (ms < 0)
        return;
    mr_units_print_timestamp(ms, out);
    mr_buf_byte(out, '"');
}

static void side_object(struct mr_buf *out, const char *name, struct mr_slice bytes,
                        const struct mr_letter_side *side)
{
    char code[64];

    mr_buf_fmt(out, ", \"%s\": ", name);
    if (side->null) {
        mr_buf_str(out, "null");
        return;
    }
    mr_buf_str(out, "{\"base64\": ");
    mr_json_text_base64(out, bytes);
    if (side->schema_id >= 0)
        mr_buf_fmt(out, ", \"schema_id\": %lld", (long long)side->schema_id);
    if (*side->schema != '\0')
        member(out, "schema", side->schema);
    if (side->read) {
        mr_buf_str(out, ", \"decoded\": ");
        mr_buf_add(out, side->json.data, side->json.len);
    } else {
        member(out, "error", mr_err_printed(&side->why, code, sizeof code));
        member(out, "error_detail", side->why.detail);
    }
    mr_buf_byte(out, '}');
}

static void headers_object(struct mr_buf *out, const struct mr_letter_headers *headers)
{
    mr_buf_str(out, ", \"headers\": [");
    for (size_t i = 0; i < headers->n; i++) {
        mr_buf_str(out, i == 0 ? "{\"k\": " : ", {\"k\": ");
        mr_letter_text_json(out, mr_slice_str(headers->items[i].name));
        mr_buf_str(out, ", \"v\": ");
        if (headers->items[i].value.data == NULL)
            mr_buf_str(out, "null");
        else
            mr_json_text_base64(out, headers->items[i].value);
        mr_buf_byte(out, '}');
    }
    mr_buf_byte(out, ']');
}

void mr_letter_text_object(struct mr_buf *out, const struct mr_replay_record *record,
                           const struct mr_letter_decoder *decoded)
{
    const struct mr_kept_letter *kept = &record->kept;
    const struct mr_letter *letter = &kept->letter;

    mr_buf_str(out, "{\"id\": ");
    mr_letter_text_json(out, mr_slice_str(kept->id));
    member(out, "state", mr_letter_state_name(kept->state));
    member(out, "topic", letter->stream);
    mr_buf_fmt(out, ", \"partition\": %d, \"offset\": %lld", (int)letter->partition,
               (long long)letter->offset);
    member_time(out, "record_timestamp", letter->timestamp_ms);
    member(out, "code", letter->code);
    member(out, "sqlstate", letter->sqlstate);
    member(out, "detail", letter->detail);
    member(out, "remedy", mr_letter_text_remedy(letter->code));
    member(out, "target_table", letter->target_table);
    mr_buf_fmt(out, ", \"attempts\": %u", (unsigned)kept->attempts);
    member_time(out, "created_at", kept->created_ms);
    member_time(out, "updated_at", kept->updated_ms);
    member(out, "changed_by", kept->changed_by);
    if (decoded != NULL) {
        side_object(out, "key", letter->key, &decoded->key);
        side_object(out, "value", letter->value, &decoded->value);
        headers_object(out, &record->headers);
    }
    mr_buf_byte(out, '}');
}
