/* avro-c as the second opinion: checks schemas that ours has accepted, and encodes and decodes
 * single datums for the demo and the tests. Never bytes off the wire: avro-c allocates what hostile
 * lengths ask for. Its reference counts are not atomic, so one lock covers every call. Threads:
 * any. */
#ifndef MR_SCHEMAS_AVRO_LIB_H
#define MR_SCHEMAS_AVRO_LIB_H

#include "base/buf.h"
#include "base/err.h"

/* Whether avro-c accepts the schema. It refuses some that are valid for us: names outside Avro's
 * grammar (S-11 lenient), references to other texts. Errors: -MR_SCHEMA_INVALID with its reason. */
int mr_avro_lib_check(const char *schema, size_t len, struct mr_err *err);

/* An encoder of one schema: parsing is done once. Not shared between threads at the same time. */
struct mr_avro_lib;
/* Gives: mr_avro_lib_free(). Errors: -MR_SCHEMA_INVALID. */
int mr_avro_lib_new(const char *schema, size_t len, struct mr_avro_lib **out, struct mr_err *err);
void mr_avro_lib_free(struct mr_avro_lib *lib); /* NULL is allowed */

/* Appends the Avro binary form of the datum that `json` describes in Avro's JSON encoding: unions
 * as null or {"branch": value} (unqualified or full name), bytes and fixed as strings of code
 * points 0-255, enums as symbols; NaN and +-Infinity as strings. A record field that is absent is
 * an error, but null where its union has a null branch. Errors: -MR_VALUE_INVALID with the place;
 * JSON that does not parse as mr_json_parse. */
int mr_avro_lib_encode(struct mr_avro_lib *lib, const char *json, size_t len, struct mr_buf *out,
                       struct mr_err *err);
/* Appends the datum's Avro JSON encoding. Errors: -MR_AVRO_TRUNCATED where avro-c cannot read it,
 * -MR_AVRO_TRAILING for bytes left over, -MR_VALUE_INVALID where it has no JSON (NaN, infinity). */
int mr_avro_lib_decode(struct mr_avro_lib *lib, struct mr_slice datum, struct mr_buf *out,
                       struct mr_err *err);

/* The same in one call, from zero-ended texts. */
int mr_avro_lib_encode_json(const char *schema, const char *json, struct mr_buf *out,
                            struct mr_err *err);
int mr_avro_lib_decode_json(const char *schema, struct mr_slice datum, struct mr_buf *out,
                            struct mr_err *err);

#endif
