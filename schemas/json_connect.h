/* A Connect schema, as JsonConverter writes it beside its payloads, as an Avro schema, as
 * Confluent's AvroData would (contract.md F-11): connect.name and connect.parameters are kept, an
 * optional type is a union with null. Threads: any. */
#ifndef MR_SCHEMAS_JSON_CONNECT_H
#define MR_SCHEMAS_JSON_CONNECT_H

#include "schemas/json_tokens.h"

/* The members of {"schema": ..., "payload": ...}; false for any other value. A schema that is null
 * gives MR_JSON_NO_TOKEN. */
bool mr_json_connect_open(const struct mr_json_doc *doc, uint32_t *schema, uint32_t *payload);

/* Appends the Avro schema's JSON text. Errors: -MR_SCHEMA_INVALID. Check mr_buf_ok(out). */
int mr_json_connect_schema(const struct mr_json_doc *doc, uint32_t token, struct mr_buf *out,
                           struct mr_err *err);

/* The one letter that Connect's JSON converter wrote, with its schema or bare. False: it is none.
 */
bool mr_json_connect_letter(struct mr_slice text, char *out);

#endif
