/* Placeholders of values that the source did not send (contract.md section 4): told on the decoded
 * Avro value, before any conversion, whole values only. Threads: immutable after making. */
#ifndef MR_SCHEMAS_UNAVAILABLE_H
#define MR_SCHEMAS_UNAVAILABLE_H

#include "schemas/convert.h"
#include "schemas/wire.h"

struct mr_unavailable {
    struct mr_slice text;       /* P */
    struct mr_slice base64;     /* U-04 */
    struct mr_slice base64_url; /* U-04 */
    struct mr_slice json;       /* U-11: {"P":"P"} */
    uint8_t uuid[16];           /* U-09 */
    bool has_uuid;
};

/* The forms of placeholder `text`; everything in `arena`. Errors: internal.no_memory. */
int mr_unavailable_make(struct mr_slice text, struct mr_arena *arena, struct mr_unavailable *out,
                        struct mr_err *err);

/* A string, bytes or fixed value. */
bool mr_unavailable_scalar(const struct mr_unavailable *p, enum mr_semantic semantic,
                           struct mr_slice v);
/* An array of scalars or a map whose bytes begin at `w` (U-05..U-10, U-12a); `w` is a copy. */
bool mr_unavailable_array(const struct mr_unavailable *p, const struct mr_typed *array,
                          struct mr_wire w, struct mr_num_scratch *num);
bool mr_unavailable_map(const struct mr_unavailable *p, const struct mr_avro_node *map,
                        struct mr_wire w);

#endif
