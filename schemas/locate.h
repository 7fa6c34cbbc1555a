/* Which table a record's envelope names (contract.md E-30), read before a plan is chosen: a small
 * program per value schema that steps over what stands before `source`, with all checks of the
 * wire, and takes the names out of it. Threads: a locator is immutable. */
#ifndef MR_SCHEMAS_LOCATE_H
#define MR_SCHEMAS_LOCATE_H

#include "schemas/avro_schema.h"
#include "schemas/route.h"

struct mr_locator;

/* Slices of the record; data NULL: the source does not say it. */
struct mr_located {
    struct mr_slice db;
    struct mr_slice schema;
    struct mr_slice table; /* MongoDB: the collection; never empty */
};

/* Takes a reference of the schema. Errors: route.missing (POISON) for records without an envelope
 * or with a source that names no table; those of mr_envelope_find. Gives: mr_locator_free(). */
int mr_locator_make(struct mr_schema *value, const struct mr_route *route, const char *topic,
                    struct mr_locator **out, struct mr_err *err);
void mr_locator_free(struct mr_locator *locator); /* NULL is allowed */

/* Do values of this schema carry nothing to load (E-15 to E-19)? They name no table. */
bool mr_locator_skips(const struct mr_locator *locator);

/* Reads the names of one value. Errors: route.missing where the source or its table is null or
 * empty; value.utf8; those of the wire (contract.md section 2). */
int mr_locate(const struct mr_locator *locator, struct mr_slice value, struct mr_located *out,
              struct mr_err *err);

#endif
