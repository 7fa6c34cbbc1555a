/* JSON without a schema: an Avro schema made of the record's own values, and the record in it
 * (contract.md F-11). Integers that fit are long, other numbers exact decimals, objects and arrays
 * of a row are JSON text; Debezium's envelope keeps its records. What a field was before is
 * remembered: its null then has that type, and records of one kind have one schema whatever the
 * order of their members. Threads: one owner. */
#ifndef MR_SCHEMAS_JSON_INFER_H
#define MR_SCHEMAS_JSON_INFER_H

#include "schemas/json_avro.h"
#include "schemas/route.h"

struct mr_json_infer;

/* NULL when memory is out. */
struct mr_json_infer *mr_json_infer_new(uint64_t seed);
void mr_json_infer_free(struct mr_json_infer *infer); /* NULL is allowed */

/* Whose value it is: memories of different ones are apart. */
struct mr_json_infer_of {
    const struct mr_route *route;
    uint32_t scope;
    bool is_key;
};

/* Appends the schema's text and the value's bytes. `token` is not null's. Errors:
 * value.out_of_range, value.utf8, schema.too_large (more than 5,000 members, or a name of more than
 * 4,096 bytes). Check both buffers. */
struct mr_json_infer_out {
    struct mr_buf *schema;
    struct mr_buf *body;
};
int mr_json_infer_put(struct mr_json_infer *infer, const struct mr_json_infer_of *of,
                      struct mr_json_at at, const struct mr_json_infer_out *out,
                      struct mr_err *err);

#endif
