/* A shape's inside, for the files that derive it (shape*.c), compare it (evolve.c) and compile it
 * (plan*.c). Others use plan.h. */
#ifndef MR_SCHEMAS_SHAPE_H
#define MR_SCHEMAS_SHAPE_H

#include "schemas/envelope.h"
#include "schemas/flat.h"
#include "schemas/guard.h"
#include "schemas/plan.h"
#include "schemas/semantic.h"

enum { MR_KEY_MAX_COLUMNS = 32, MR_NO_IDX = 0xffff };

/* Where a column's value comes from. */
enum mr_origin {
    MR_FROM_VALUE,       /* a field of the row record (or the document, or the single value) */
    MR_FROM_KEY,         /* only in the record key */
    MR_FROM_META,        /* the route's meta */
    MR_FROM_OP,          /* append's _op */
    MR_FROM_UNAVAILABLE, /* append's _unavailable */
    MR_FROM_GUARD,       /* how old the record is (section 3.1) */
    MR_FROM_CONSTANT,    /* the route's constants */
};

struct mr_shape_source {
    enum mr_origin origin;
    uint16_t value_idx; /* entry of the shape's row; MR_NO_IDX: not in it */
    uint16_t key_idx;   /* field in the key record, 0 for a key without fields; MR_NO_IDX */
    enum mr_meta meta;
    const char *constant;      /* its literal; in the shape's arena */
    struct mr_typed typed;     /* of the value's field, else of the key's */
    struct mr_typed key_typed; /* of the key's field where key_idx is set and the key is Avro */
    const char *unit;          /* X-22; NULL */
    bool detect_off;           /* the column's own unavailable_detect = "off" (U-20) */
    bool null_masks;           /* listed in unavailable_null_columns (U-13) */
    bool cast;                 /* the route names a cast: lossy is allowed */
};

/* The form of the record key. */
enum mr_key_form { MR_KEY_NONE, MR_KEY_RECORD, MR_KEY_SINGLE, MR_KEY_RAW };

struct mr_shape {
    struct mr_arena arena; /* owns everything below */
    struct mr_schema *key; /* references; NULL */
    struct mr_schema *value;
    struct mr_envelope envelope;
    struct mr_flat row; /* the fields of the record of columns */
    enum mr_key_form key_form;
    enum mr_format raw_key;
    bool append;
    bool envelope_topic;
    struct mr_shape_column *columns;
    struct mr_shape_source *sources;
    uint16_t n_columns;
    uint16_t cap_columns;
    uint16_t key_columns[MR_KEY_MAX_COLUMNS]; /* in key order as the source has it */
    uint16_t n_key;
    struct mr_guard guard;
    uint16_t guard_idx; /* its column; MR_NO_IDX: none */
};

/* shape_extra.c: a column that no field fills: append's own, then the route's meta and
 * constants. False past the last; texts are the route's. */
struct mr_shape_extra {
    const char *name;
    const char *cast; /* names the type; NULL: `type` */
    struct mr_coltype type;
    struct mr_shape_source source;
};
bool mr_shape_extra(const struct mr_route *route, uint16_t idx, struct mr_shape_extra *out);

/* The table's column for the shape's column `idx` (I-11): by its exact name, else in another letter
 * case, unless another column of the shape has that name exactly; -1. */
int mr_shape_match(const struct mr_shape *shape, const struct mr_table *table, uint16_t idx);

#endif
