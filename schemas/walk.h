/* Walks one value of any schema straight over its bytes with an explicit stack: skips it with all
 * structural checks (contract.md S-30..S-45), or renders it as JSON text on the way (S-21).
 * Threads: one owner. */
#ifndef MR_SCHEMAS_WALK_H
#define MR_SCHEMAS_WALK_H

#include "schemas/convert.h"
#include "schemas/semantic.h"
#include "schemas/wire.h"

/* Reads a scalar (every kind but record, array, map and union) into the member that its kind has:
 * i for booleans and integers, d for float and double, s for bytes, fixed, string and an enum's
 * symbol. False: the fault is in `w`. */
bool mr_walk_scalar(struct mr_wire *w, const struct mr_avro_node *node, struct mr_value *v);

/* Reads a VariableScaleDecimal record: i the scale, s the unscaled bytes. */
bool mr_walk_var_decimal(struct mr_wire *w, const struct mr_avro_node *node, struct mr_value *v);

/* Reads a value that conversions know: a scalar, a VariableScaleDecimal, or into `s` the bytes of a
 * container that is one value. */
bool mr_walk_value(struct mr_wire *w, const struct mr_typed *typed, struct mr_value *v);

/* Skips a value. False: the fault is in `w`. Strings are not checked for UTF-8 (S-41). */
bool mr_walk_skip(struct mr_wire *w, const struct mr_avro_node *node);

/* Appends the value as JSON to `out`. `run` lends scratch and options for leaves. Errors: as the
 * wire's fault, value.* of a leaf. The caller checks mr_buf_ok(out). */
int mr_walk_json(struct mr_wire *w, const struct mr_typed *typed, struct mr_convert_run *run,
                 struct mr_buf *out);

#endif
