/* JSON values written as Avro bytes under a schema: payloads of JSON records (Connect's JSON forms,
 * F-11) and the defaults of Avro fields (S-09). Its time is linear in the text's and the schema's
 * size (G-06). Threads: one owner. */
#ifndef MR_SCHEMAS_JSON_AVRO_H
#define MR_SCHEMAS_JSON_AVRO_H

#include "base/map.h"
#include "schemas/avro_schema.h"
#include "schemas/json_number.h"
#include "schemas/json_tokens.h"

enum mr_json_form {
    /* As Connect's JsonConverter writes: bytes, fixed and decimals in base64 (decimals also as
     * numbers), maps with other keys as arrays of pairs; a union's value as it is, or tagged
     * {"branch": value} where there are several. */
    MR_JSON_FORM_VALUE,
    /* As Avro's defaults: bytes and fixed as code points 0-255, a union's value untagged: the
     * first branch that takes it. */
    MR_JSON_FORM_DEFAULT
};

struct mr_json_avro {
    enum mr_json_form form;
    struct mr_buf *out; /* appended to; check mr_buf_ok() */
    struct mr_err *err;
    uint64_t budget; /* steps that may be made */
    uint32_t depth;
    bool quiet;           /* a union's branch is tried: its faults are not told */
    struct mr_buf places; /* tokens of the open records' fields */
    struct mr_buf text;   /* an unescaped string */
    struct mr_buf octets;
    struct mr_buf defaults; /* bytes of the defaults that this value needed, once each */
    struct mr_map kept;     /* field's default -> struct kept */
    struct mr_arena arena;  /* struct kept */
    struct mr_json_number number;
};

void mr_json_avro_init(struct mr_json_avro *j, struct mr_buf *out, struct mr_err *err);
void mr_json_avro_release(struct mr_json_avro *j);

/* Appends one value. A record's absent field gets its default, else null where it may be null;
 * members that the schema lacks are passed over. `props` NULL: the type's own.
 * Errors: value.invalid (another kind of value), value.out_of_range, value.utf8, avro.depth,
 * framing.too_large (the output's limit, or more work than 64 steps a byte and 1 Mi);
 * schema.invalid for a default that does not fit. */
struct mr_json_at {
    const struct mr_json_doc *doc;
    uint32_t token;
};
int mr_json_avro_put(struct mr_json_avro *j, struct mr_json_at at, const struct mr_avro_node *node,
                     const struct mr_avro_props *props);

/* Appends a field's default. Errors: schema.invalid. */
int mr_json_avro_default(struct mr_json_avro *j, const struct mr_avro_field *field);

/* Avro's wire form of an integer. */
void mr_avro_put_long(struct mr_buf *out, int64_t v);
void mr_avro_put_bytes(struct mr_buf *out, struct mr_slice bytes);

#endif
