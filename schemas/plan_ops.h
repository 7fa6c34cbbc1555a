/* A plan's inside: what plan.c compiles and decode*.c run. Others use plan.h.
 *
 * A record's fields become a flat array of ops, in wire order. An op reads one value, and where it
 * is mapped converts it into a field of the tuple; a slot is a place in the key. */
#ifndef MR_SCHEMAS_PLAN_OPS_H
#define MR_SCHEMAS_PLAN_OPS_H

#include "schemas/convert.h"
#include "schemas/envelope.h"
#include "schemas/guard.h"
#include "schemas/plan.h"
#include "schemas/shape.h"
#include "schemas/unavailable.h"

enum mr_op_wire {
    MR_W_NULL,
    MR_W_BOOLEAN,
    MR_W_INT,
    MR_W_LONG,
    MR_W_FLOAT,
    MR_W_DOUBLE,
    MR_W_BYTES, /* and string */
    MR_W_FIXED,
    MR_W_ENUM,
    MR_W_VAR_DECIMAL,
    MR_W_WHOLE,  /* a container that is one value */
    MR_W_ARRAY,  /* of scalars, into an array column */
    MR_W_MATRIX, /* arrays in arrays of scalars, into an array column or an array literal */
    MR_W_ROW,    /* a record into a row literal, or with n_levels 1 an array of them */
    MR_W_NESTED, /* rendered as JSON; unmapped: skipped by walking */
    MR_W_RECORD, /* a record taken apart: its fields' ops follow; null: they are */
};

/* What an unmapped op keeps for the envelope. */
enum mr_op_capture {
    MR_CAPTURE_NONE,
    MR_CAPTURE_SOURCE_TS,
    MR_CAPTURE_DELETED,
    MR_CAPTURE_OP,
    MR_CAPTURE_GUARD,    /* input number `slot` of the guard */
    MR_CAPTURE_GUARD_TS, /* the same, and the source's time */
};

struct mr_row_ops; /* a record's fields into a row type's attributes */

struct mr_op {
    uint8_t wire;       /* enum mr_op_wire */
    int8_t null_branch; /* -1: not nullable */
    bool mapped;
    bool not_null;    /* V-08 */
    bool detect;      /* placeholders are looked for */
    bool null_masks;  /* a null of an update is no value (U-13) */
    uint8_t capture;  /* enum mr_op_capture */
    uint16_t field;   /* of the tuple; MR_NO_IDX */
    uint16_t slot;    /* of the key; MR_NO_IDX */
    uint32_t size;    /* fixed: bytes; enum: symbols; record: ops of its fields, with theirs */
    uint8_t n_levels; /* matrix: arrays in each other */
    const struct mr_slice *symbols;
    const struct mr_row_ops *row;
    struct mr_typed typed;
    struct mr_convert convert; /* of an array's items */
    struct mr_coltype to;      /* the column's */
    const char *column;        /* for errors */
};

struct mr_ops {
    const struct mr_op *ops;
    uint32_t n;
};

/* Ops in the record's order; their `field` is the attribute's number. */
struct mr_row_ops {
    struct mr_ops ops;
    uint16_t n_attrs;
};

/* One field of the value's root record. */
enum mr_step_kind { MR_STEP_SKIP, MR_STEP_OP, MR_STEP_BEFORE, MR_STEP_AFTER };
struct mr_step {
    enum mr_step_kind kind;
    int null_branch; /* of the field, where `body` reads the value behind it; -1 */
    struct mr_ops body;
};

/* A field of the tuple. */
struct mr_tuple_field {
    enum mr_origin origin;
    enum mr_meta meta;
    uint16_t slot; /* where it can come from the key; MR_NO_IDX */
    bool nullable;
    struct mr_slice constant;  /* as the emitter wrote it */
    struct mr_convert convert; /* of meta and op */
    struct mr_coltype to;      /* of _unavailable */
    const char *column;
};

struct mr_plan {
    _Atomic uint32_t refs;
    struct mr_arena arena;
    struct mr_schema *key; /* references; NULL */
    struct mr_schema *value;
    struct mr_table *table; /* NULL: a plan that only skips */
    const struct mr_emit_ops *emit;
    enum mr_layout layout;
    const char *skip;
    bool append;
    bool envelope_topic;
    bool postgres;    /* the source's connector */
    bool key_missing; /* F-30: the table has a key, the records have none */
    bool in_order;    /* value fields come in the tuple's order, all others behind them */
    enum mr_key_form key_form;
    enum mr_format raw_key;
    struct mr_ops key_ops;
    struct mr_ops row;     /* the record of columns */
    struct mr_ops before;  /* the same over before's own type */
    struct mr_ops probe;   /* plain: captures `__deleted` and `__op`; n 0: it has none */
    const char *op_header; /* plain, single: the header that may hold the op (E-24) */
    const struct mr_step *steps;
    uint32_t n_steps;
    struct mr_colset cols;
    const struct mr_tuple_field *fields;
    uint16_t n_value_fields;   /* with in_order: how many come from the value */
    struct mr_colset key_cols; /* upsert: in the order of the unique index */
    struct mr_plan_ignored ignored;
    uint16_t n_slots;
    const char *slot_names[MR_KEY_MAX_COLUMNS];
    struct mr_unavailable unavailable;
    bool guarded;            /* the route has a guard: tombstones carry none (O-09) */
    struct mr_guard guard;   /* kind MR_GUARD_NONE: no guard is made */
    struct mr_ops guard_row; /* reads its inputs from a row, where they are not in the source */
    struct mr_ops guard_before;
    const char *guard_column;
    struct mr_guard_use guard_use;
    /* the route's, copied */
    enum mr_truncate truncate;
    enum mr_text_nul text_nul;
    bool tombstone_ignore;
    bool looks_before; /* key_change = "before" with a key, keyless = "match_full" without */
    bool looks_moved;  /* the headers of a change of the key are read (U-30, U-32) */
    int64_t zone_us;   /* east of UTC */
    bool nanos_poison;
    bool excess_scale_round;
    uint32_t max_zero_size_items;
    size_t max_record_bytes;
};

/* plan_ops.c: builds ops. `plan` is being made: arena, table, emit and unavailable are set. */
struct mr_op_make {
    struct mr_plan *plan;
    const struct mr_route *route;
    bool postgres; /* T-19 */
    struct mr_err *err;
    unsigned n_nested; /* row types that the op in hand is in */
};
/* An op that reads and checks the value, and keeps nothing. */
int mr_op_skip(struct mr_op_make *make, const struct mr_typed *typed, struct mr_op *out);
/* A record taken apart, whose fields' n_inner ops follow. */
void mr_op_branch(const struct mr_typed *typed, uint32_t n_inner, struct mr_op *out);
/* An op into a column. Errors: type.incompatible. */
struct mr_op_target {
    const struct mr_column *column;
    const struct mr_shape_source *source;
    const struct mr_typed *typed;
    uint16_t field;
    uint16_t slot;
};
int mr_op_column(struct mr_op_make *make, const struct mr_op_target *target, struct mr_op *out);
/* plan_guard.c: takes the shape's guard over; after the table is set. Errors: type.incompatible. */
int mr_guard_compile(struct mr_op_make *make, const struct mr_shape *shape);
/* Makes an op over field number `field` keep what the guard wants of it. */
void mr_guard_mark(const struct mr_guard *guard, int field, struct mr_op *op);
/* plan_extra.c: the conversion of a meta column or of append's _op, which no schema names. */
int mr_plan_meta(struct mr_op_make *make, const struct mr_shape_source *source,
                 const struct mr_column *column, struct mr_convert *out);
/* A constant as the emitter writes it into the column; in the plan's arena.
 * Errors: type.incompatible where the column cannot hold it. */
int mr_plan_constant(struct mr_op_make *make, const struct mr_shape_source *source,
                     const struct mr_column *column, struct mr_slice *out);
/* plan_composite.c: T-47; is the value a record, or an array of them, and the column a row type
 * that is known? */
bool mr_op_is_row(const struct mr_typed *typed, const struct mr_coltype *to);
/* The ops of its fields. Errors: type.incompatible where a field has no attribute. */
int mr_op_row(struct mr_op_make *make, const struct mr_op_target *target, struct mr_op *op);
/* Room for n ops in the plan's arena. */
struct mr_op *mr_op_room(struct mr_op_make *make, uint32_t n);

#endif
