/* The names of a schema's lists by binary search: values that say fields and symbols by name, as
 * JSON's do, cost the logarithm of a list's length each (contract.md G-06). Threads: any. */
#ifndef MR_SCHEMAS_AVRO_INDEX_H
#define MR_SCHEMAS_AVRO_INDEX_H

#include "schemas/avro_schema.h"

enum { MR_AVRO_NO_NAME = -1 };

/* A record's fields' or an enum's symbols' places, ordered by their names as bytes, in `arena`;
 * NULL when memory is out. */
const uint32_t *mr_avro_index_fields(struct mr_arena *arena, const struct mr_avro_field *fields,
                                     uint32_t n);
const uint32_t *mr_avro_index_symbols(struct mr_arena *arena, const char *const *symbols,
                                      uint32_t n);

/* The field's or symbol's place, MR_AVRO_NO_NAME: there is none of that name. */
int32_t mr_avro_field_find(const struct mr_avro_node *record, struct mr_slice name);
int32_t mr_avro_symbol_find(const struct mr_avro_node *node, struct mr_slice name);

#endif
