/* A record's fields in wire order, with those of nested records taken apart where the route wants
 * columns of them (contract.md S-20): a record `a` of fields b and c stands as the entries a, a_b,
 * a_c. What stays whole: records that lead back to themselves (S-10), those that the route names in
 * `columns` or `exclude`, and what lies deeper than MR_FLAT_MAX_DEPTH. Pure. */
#ifndef MR_SCHEMAS_FLAT_H
#define MR_SCHEMAS_FLAT_H

#include "schemas/route.h"
#include "schemas/semantic.h"

enum { MR_FLAT_MAX_FIELDS = 16384, MR_FLAT_MAX_DEPTH = 16, MR_FLAT_NAME_BYTES = 1024 };

struct mr_flat_field {
    const struct mr_avro_field *field;
    const char *name; /* with those of the records that it stands in */
    struct mr_typed typed;
    uint32_t n_inner; /* a record taken apart: so many entries behind it are its; 0: one value */
    bool top;         /* a field of the record itself */
};

struct mr_flat {
    const struct mr_flat_field *fields;
    uint32_t n;
};

/* Entries and their names are in `arena` or the schema's. Without route->nested_delimiter there is
 * one entry a field, so that an entry's index is the field's.
 * Errors: schema.too_large (more than MR_FLAT_MAX_FIELDS entries). */
int mr_flat_make(const struct mr_avro_node *record, const struct mr_route *route,
                 struct mr_arena *arena, struct mr_flat *out, struct mr_err *err);

/* Index of the entry of that name; -1. */
int mr_flat_find(const struct mr_flat *flat, const char *name);

#endif
