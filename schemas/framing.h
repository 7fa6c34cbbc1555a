/* Framing: from a payload to (which schema, which bytes), contract.md section 1.1. Pure. */
#ifndef MR_SCHEMAS_FRAMING_H
#define MR_SCHEMAS_FRAMING_H

#include "base/buf.h"
#include "base/err.h"
#include "schemas/headers.h"

/* key_format, value_format */
enum mr_format {
    MR_FORMAT_AUTO,
    MR_FORMAT_CONFLUENT,
    MR_FORMAT_CONFLUENT_HEADER,
    MR_FORMAT_APICURIO_HEADER,
    MR_FORMAT_APICURIO8,
    MR_FORMAT_RAW_AVRO,
    MR_FORMAT_STRING,
    MR_FORMAT_JSON,
    MR_FORMAT_INT32,
    MR_FORMAT_INT64,
    MR_FORMAT_BYTES
};

/* How the schema is named. MR_REF_NONE: the payload is null; MR_REF_RAW: no schema (string, int32
 * ...). */
enum mr_ref_kind {
    MR_REF_NONE,
    MR_REF_RAW,
    MR_REF_ID,
    MR_REF_GUID,
    MR_REF_GLOBAL_ID,  /* Apicurio */
    MR_REF_CONTENT_ID, /* Apicurio */
    MR_REF_CONFIGURED, /* raw_avro with the route's own schema */
    MR_REF_MADE        /* a schema made of the record itself (JSON); guid is its text's digest */
};

/* Plain bytes without padding garbage: zero it before filling, so that it can be a hash key. */
struct mr_schema_ref {
    uint32_t kind;   /* enum mr_ref_kind */
    uint32_t format; /* enum mr_format, of MR_REF_RAW */
    int64_t id;
    uint8_t guid[16];
};

struct mr_frame {
    struct mr_schema_ref ref;
    struct mr_slice body; /* borrowed from the payload */
};

/* Finds form, schema reference and body. Headers are asked by formats AUTO, CONFLUENT_HEADER and
 * APICURIO_HEADER only; AUTO never takes the 8-byte prefix (F-09). Size limits (F-15) and the
 * well-formedness of JSON (F-11) are checked by those who hold the limit and parse the JSON.
 *   payload   borrowed; data NULL means null (a tombstone or a null key), length 0 with a pointer
 *             is empty (F-02)
 *   headers   NULL: none
 *   out       its body borrows from payload; undefined on error
 * Errors: POISON framing.* as in the table of contract.md 1.1; value.invalid for an int32 or int64
 * value of another length (a key's is framing.bad_key). Thread: any. */
int mr_framing_open(struct mr_slice payload, bool is_key, enum mr_format format,
                    const struct mr_headers *headers, struct mr_frame *out, struct mr_err *err);

/* Single-object encoding (F-13): steps over the marker C3 01 and the 8-byte fingerprint of a
 * raw_avro body where the fingerprint is that of the configured schema (mr_schema_fingerprint).
 * False, with the body unchanged, for all others: a bare datum may begin with C3 01 too. */
bool mr_framing_single_object(struct mr_slice *body, uint64_t fingerprint);

#endif
