/* Types as PostgreSQL's catalogue has them, in millrace's terms. Inside the PostgreSQL sink. */
#ifndef MR_SINKS_PG_TYPES_H
#define MR_SINKS_PG_TYPES_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/table.h"

/* What the catalogue says of a column's type; `extension` is "name.type", "" for others. */
struct mr_pg_type_row {
    uint32_t oid;
    int32_t typmod;
    char kind;     /* typtype */
    uint32_t base; /* of a domain: what it comes down to, however many lie between; 0 */
    int32_t base_typmod;
    char base_kind;
    bool constrained; /* a domain with constraints, its own or of one below */
    bool array;
    const char *extension;
    uint32_t elem; /* 0: none */
    char elem_kind;
    uint32_t elem_base;
    int32_t elem_typmod;
    const char *elem_extension;
};
/* All but the type's names; true where its base type's is wanted too. */
bool mr_pg_type_fill(const struct mr_pg_type_row *row, struct mr_coltype *to);
/* The extension that has the type; NULL: none. */
const char *mr_pg_extension_of(enum mr_type type);

#endif
