/* Owns the Avro form of a dead letter. Fields are written in the schema's order. */
#include "consumer/letter_avro.h"

#include <string.h>

#include "consumer/letter_text.h"
#include "schemas/json_avro.h"

#include "base/ban.h"

const char mr_letter_avro_schema[] =
    "{\"type\": \"record\", \"name\": \"DeadLetter\", \"namespace\": \"millrace\", \"fields\": ["
    "{\"name\": \"id\", \"type\": \"string\"}, "
    "{\"name\": \"state\", \"type\": \"string\"}, "
    "{\"name\": \"topic\", \"type\": \"string\"}, "
    "{\"name\": \"partition\", \"type\": \"int\"}, "
    "{\"name\": \"offset\", \"type\": \"long\"}, "
    "{\"name\": \"record_timestamp\", \"type\": [\"null\", "
    "{\"type\": \"long\", \"logicalType\": \"timestamp-millis\"}], \"default\": null}, "
    "{\"name\": \"code\", \"type\": \"string\"}, "
    "{\"name\": \"sqlstate\", \"type\": \"string\"}, "
    "{\"name\": \"detail\", \"type\": \"string\"}, "
    "{\"name\": \"remedy\", \"type\": \"string\"}, "
    "{\"name\": \"target_table\", \"type\": \"string\"}, "
    "{\"name\": \"attempts\", \"type\": \"long\"}, "
    "{\"name\": \"created_at\", \"type\": "
    "{\"type\": \"long\", \"logicalType\": \"timestamp-millis\"}}, "
    "{\"name\": \"updated_at\", \"type\": "
    "{\"type\": \"long\", \"logicalType\": \"timestamp-millis\"}}, "
    "{\"name\": \"changed_by\", \"type\": \"string\"}, "
    "{\"name\": \"key\", \"type\": [\"null\", {\"type\": \"record\", \"name\": \"Side\", "
    "\"doc\": \"Key or value: as it came, and what it means, as JSON.\", \"fields\": ["
    "{\"name\": \"bytes\", \"type\": \"bytes\"}, "
    "{\"name\": \"schema_id\", \"type\": [\"null\", \"long\"], \"default\": null}, "
    "{\"name\": \"schema\", \"type\": [\"null\", \"string\"], \"default\": null}, "
    "{\"name\": \"decoded\", \"type\": [\"null\", \"string\"], \"default\": null}, "
    "{\"name\": \"error\", \"type\": [\"null\", \"string\"], \"default\": null}, "
    "{\"name\": \"error_detail\", \"type\": [\"null\", \"string\"], \"default\": null}"
    "]}], \"default\": null}, "
    "{\"name\": \"value\", \"type\": [\"null\", \"Side\"], \"default\": null}, "
    "{\"name\": \"headers\", \"type\": {\"type\": \"array\", \"items\": "
    "{\"type\": \"record\", \"name\": \"Header\", \"fields\": ["
    "{\"name\": \"k\", \"type\": \"string\"}, "
    "{\"name\": \"v\", \"type\": [\"null\", \"bytes\"], \"default\": null}]}}}]}";

/* A string is UTF-8: what is none in a letter becomes U+FFFD. */
static void add_text(struct mr_buf *out, struct mr_slice text)
{
    struct mr_slice left = text;
    struct mr_buf clean = MR_BUF_INIT;

    if (mr_utf8_valid(left.data, left.len)) {
        mr_avro_put_bytes(out, left);
        return;
    }
    while (left.len > 0) {
        size_t len = mr_utf8_step(left.data, left.len);
        if (len > 0)
            mr_buf_add(&clean, left.data, len);
        else
            mr_buf_str(&clean, "\xef\xbf\xbd");
        left.data += len > 0 ? len : 1;
        left.len -= len > 0 ? len : 1;
    }
    mr_avro_put_bytes(out, (struct mr_slice){clean.data, clean.len});
    out->failed = out->failed || !mr_buf_ok(&clean);
    mr_buf_release(&clean);
}

static void add_str(struct mr_buf *out, const char *text)
{
    add_text(out, mr_slice_str(text));
}

/* ["null", "string"] */
static void add_opt_str(struct mr_buf *out, const char *text)
{
    mr_avro_put_long(out, text != NULL ? 1 : 0);
    if (text != NULL)
        add_str(out, text);
}

static void add_side(struct mr_buf *out, struct mr_slice bytes, const struct mr_letter_side *side)
{
    char code[64];
    bool known = side != NULL && side->schema_id >= 0;
    bool read = side != NULL && side->read;
    bool failed = side != NULL && !side->read;

    mr_avro_put_long(out, bytes.data != NULL ? 1 : 0);
    if (bytes.data == NULL)
        return;
    mr_avro_put_bytes(out, bytes);
    mr_avro_put_long(out, known ? 1 : 0);
    if (known)
        mr_avro_put_long(out, side->schema_id);
    add_opt_str(out, side != NULL && *side->schema != '\0' ? side->schema : NULL);
    mr_avro_put_long(out, read ? 1 : 0);
    if (read)
        add_text(out, (struct mr_slice){side->json.data, side->json.len});
    add_opt_str(out, failed ? mr_err_printed(&side->why, code, sizeof code) : NULL);
    add_opt_str(out, failed ? side->why.detail : NULL);
}

static void add_headers(struct mr_buf *out, const struct mr_letter_headers *headers)
{
    if (headers->n > 0)
        mr_avro_put_long(out, (int64_t)headers->n);
    for (size_t i = 0; i < headers->n; i++) {
        const struct mr_slice value = headers->items[i].value;
        add_str(out, headers->items[i].name);
        mr_avro_put_long(out, value.data != NULL ? 1 : 0);
        if (value.data != NULL)
            mr_avro_put_bytes(out, value);
    }
    mr_avro_put_long(out, 0);
}

void mr_letter_avro_datum(struct mr_buf *out, const struct mr_replay_record *record,
                          const struct mr_letter_decoder *decoded)
{
    const struct mr_kept_letter *kept = &record->kept;
    const struct mr_letter *letter = &kept->letter;

    add_str(out, kept->id);
    add_str(out, mr_letter_state_name(kept->state));
    add_str(out, letter->stream);
    mr_avro_put_long(out, letter->partition);
    mr_avro_put_long(out, letter->offset);
    mr_avro_put_long(out, letter->timestamp_ms >= 0 ? 1 : 0);
    if (letter->timestamp_ms >= 0)
        mr_avro_put_long(out, letter->timestamp_ms);
    add_str(out, letter->code);
    add_str(out, letter->sqlstate);
    add_str(out, letter->detail);
    add_str(out, mr_letter_text_remedy(letter->code));
    add_str(out, letter->target_table);
    mr_avro_put_long(out, kept->attempts);
    mr_avro_put_long(out, kept->created_ms);
    mr_avro_put_long(out, kept->updated_ms);
    add_str(out, kept->changed_by);
    add_side(out, letter->key, decoded != NULL ? &decoded->key : NULL);
    add_side(out, letter->value, decoded != NULL ? &decoded->value : NULL);
    add_headers(out, &record->headers);
}
