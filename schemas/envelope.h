/* Where op, before, after and source stand in a value's schema, or that there is no envelope, or
 * that such values carry nothing to load (contract.md section 3). Decided once, when a shape is
 * derived. Pure. */
#ifndef MR_SCHEMAS_ENVELOPE_H
#define MR_SCHEMAS_ENVELOPE_H

#include "schemas/avro_schema.h"
#include "schemas/route.h"

enum mr_layout {
    MR_LAYOUT_KEY_ONLY, /* no value schema: tombstones */
    MR_LAYOUT_SKIP,     /* heartbeats, schema changes ...: E-15..E-19 */
    MR_LAYOUT_PLAIN,    /* the value is the row */
    MR_LAYOUT_ENVELOPE, /* the row is in before or after */
    MR_LAYOUT_DOCUMENT, /* E-29: an envelope whose before and after are JSON strings */
    MR_LAYOUT_SINGLE,   /* E-27: the value is one column */
};

struct mr_envelope {
    enum mr_layout layout;
    const char *skip; /* "skip.heartbeat" ...; of MR_LAYOUT_SKIP */
    const struct mr_avro_node *root;
    int op; /* field indexes in root; -1: absent */
    int before;
    int after;
    int source;
    int deleted;                           /* plain: `__deleted`; op is then `__op` (E-24) */
    const struct mr_avro_node *row;        /* the record whose fields are columns; NULL */
    const struct mr_avro_node *before_row; /* before's own record type; NULL */
    bool postgres;                         /* the connector is postgresql (T-19) */
};

/* `single`: the route has a value_column. Errors: value.not_record, envelope.unsupported. */
int mr_envelope_find(const struct mr_schema *value, const struct mr_route *route, const char *topic,
                     struct mr_envelope *out, struct mr_err *err);

/* E-24, E-25: what stands before `op` in flattened records, and whether a plain record's field is
 * one of the envelope's, which is no column by itself. */
const char *mr_envelope_prefix(const struct mr_route *route);
bool mr_envelope_is_meta(const struct mr_route *route, const char *field);

/* Index of a field by name; -1. */
int mr_envelope_field(const struct mr_avro_node *record, const char *name);

#endif
