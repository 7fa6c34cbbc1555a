/* Valid Avro bytes of any schema, made by chance: so that a fuzzer gets past the checks, and has
 * something to spoil. Threads: one. */
#ifndef MR_TESTS_SUPPORT_RANDOM_DATUM_H
#define MR_TESTS_SUPPORT_RANDOM_DATUM_H

#include "base/buf.h"
#include "schemas/avro_schema.h"

/* Appends a datum of `node`; texts are often such as a meaning of the type wants. The fields c0 and
 * c1 are made of `same`, so that a key and its row can agree. */
void random_datum(uint64_t *rng, uint64_t same, const struct mr_avro_node *node,
                  struct mr_buf *out);
/* Appends the same as JSON, for records of scalars and scalars, as Connect's converter does. */
void random_datum_json(uint64_t *rng, const struct mr_avro_node *node, struct mr_buf *out);

#endif
