/* Shapes and plans. A shape is what a pair of writer schemas (key, value) and a route ask of a
 * table; a plan is the compiled program that turns such a record's bytes into one tuple of the real
 * table.
 *
 *   key schema + value schema + route --mr_shape_derive--> shape
 *   shape + table (or none)           --mr_evolve_diff---> DDL wanted, done by the sink
 *   shape + table + emitter           --mr_plan_compile--> plan (immutable, counted references)
 *   plan + record bytes               --mr_decode_record-> op, key, tuple
 *
 * Threads: shapes and plans are immutable; a struct mr_decoder belongs to one thread. */
#ifndef MR_SCHEMAS_PLAN_H
#define MR_SCHEMAS_PLAN_H

#include "schemas/avro_schema.h"
#include "schemas/emit.h"
#include "schemas/route.h"
#include "schemas/rows.h"

struct mr_shape_column {
    const char *name;       /* in the target, after I-02..I-07 */
    const char *field;      /* in the record; NULL for meta columns */
    struct mr_coltype type; /* default type of contract.md section 5 */
    bool key;
    bool not_null;    /* only key columns */
    const char *dflt; /* an added column's DEFAULT as text of its type (V-06); NULL: none */
};

struct mr_shape; /* opaque; internals in schemas/shape.h */

/* What a shape is derived from. key NULL: no key schema (null key or raw format); value NULL: a
 * tombstone whose value schema is not known: a key-only shape that can only delete. */
struct mr_shape_from {
    struct mr_schema *key;
    enum mr_format
        raw_key; /* format where key is NULL and the payload is not: STRING, INT32, INT64, BYTES */
    struct mr_schema *value;
    const char *topic;
    bool
        envelope_topic; /* the topic's last value was an envelope: decides tombstones of `append` */
};

/* Errors: key.unsupported, key.unnamed, identifier.* (HALT), value.not_record,
 * envelope.unsupported, schema.encrypted (POISON) ... `table` (may be NULL) is the existing table:
 * it names a primitive key's column (F-21) and decides matches (I-11). Gives: mr_shape_free(). */
int mr_shape_derive(const struct mr_shape_from *from, const struct mr_route *route,
                    const struct mr_table *table, struct mr_shape **out, struct mr_err *err);
void mr_shape_free(struct mr_shape *shape);
const struct mr_shape_column *mr_shape_columns(const struct mr_shape *shape, uint16_t *n);
/* 1 envelope, 0 plain. */
bool mr_shape_is_envelope(const struct mr_shape *shape);

/* What has to be done to the table before a plan can be compiled; in `arena`. Errors: schema.drift
 * (freeze, discard_record), target.missing (create = false), target.no_unique_key,
 * target.not_null_missing, key.changed. A shape that only skips (heartbeats ...) wants nothing, and
 * is then compiled with table NULL. */
enum mr_ddl_kind {
    MR_DDL_NONE,
    MR_DDL_CREATE,
    MR_DDL_ADD_COLUMNS,
    MR_DDL_ADD_KEY,       /* V-17: the key of a table that millrace made without one */
    MR_DDL_DROP_NOT_NULL, /* V-08 */
    MR_DDL_WIDEN,         /* V-04: to types that hold every value of the present ones */
};
struct mr_ddl {
    enum mr_ddl_kind kind;
    /* CREATE, ADD_KEY: all; ADD_COLUMNS: the new ones; DROP_NOT_NULL, WIDEN: those to be altered,
     * by the table's own names, with the type wanted. */
    const struct mr_shape_column *columns;
    uint16_t n_columns;
    const uint16_t *key; /* CREATE, ADD_KEY: indexes into columns, in key order */
    uint16_t n_key;
    int64_t schema_id; /* for the audit trail: of the value, else of the key; 0: not known */
    _Atomic uint64_t *moved_ms; /* monotonic: who waits for it shows life there; NULL: need not */
};
int mr_evolve_diff(const struct mr_shape *shape, const struct mr_table *table,
                   const struct mr_route *route, struct mr_arena *arena, struct mr_ddl *out,
                   struct mr_err *err);

struct mr_plan;

/* Compiles; takes references of the schemas and the table. For an envelope without key columns
 * `table` may be NULL: the table is not there, and whether it is to be made only the record says
 * (a truncate needs none). Such a plan gives a truncate as a skip (with a guard as itself, since
 * older rows may come by other partitions), and target.missing for all that wants a row. Errors:
 * type.incompatible, target.no_unique_key, target.not_null_missing (HALT). Gives: mr_plan_unref().
 */
int mr_plan_compile(const struct mr_shape *shape, struct mr_table *table,
                    const struct mr_emit_ops *emit, const struct mr_route *route,
                    struct mr_plan **out, struct mr_err *err);
struct mr_plan *mr_plan_ref(struct mr_plan *plan);
void mr_plan_unref(struct mr_plan *plan);
struct mr_table *mr_plan_table(const struct mr_plan *plan);      /* borrowed */
const struct mr_colset *mr_plan_key(const struct mr_plan *plan); /* key columns; n_cols 0 keyless */

/* How the rows of its records are guarded. */
const struct mr_guard_use *mr_plan_guard(const struct mr_plan *plan);

/* Was it compiled without the table that it may need? */
bool mr_plan_lacks_table(const struct mr_plan *plan);

/* Fields that the plan reads past, since the table has no such column (`discard_column`, V-01) or
 * makes it itself (V-15). */
struct mr_plan_ignored {
    uint16_t n_discarded;
    uint16_t n_generated;
};
struct mr_plan_ignored mr_plan_ignored(const struct mr_plan *plan);

/* Does the plan read envelopes (else plain records, or keys alone)? */
bool mr_plan_is_envelope(const struct mr_plan *plan);

/* What one record asks for. Slices live in the decoder until its next call. */
enum mr_record_op { MR_REC_UPSERT, MR_REC_DELETE, MR_REC_APPEND, MR_REC_TRUNCATE, MR_REC_SKIP };
struct mr_decoded {
    enum mr_record_op op;
    const char *skip;     /* "skip.heartbeat" ...: why; NULL else */
    char op_letter;       /* c r u d t, '-' for a tombstone */
    bool insert;          /* c or r */
    int64_t source_ts_ms; /* source.ts_ms; -1 */
    const struct mr_colset *cols;
    struct mr_slice tuple; /* of a delete or truncate with a guard: that alone, as one field */
    struct mr_slice key;   /* canonical, F-33 */
    struct mr_slice key_tuple;
    const uint64_t *mask; /* NULL: none */
    /* The key that the row had before: by the header of masked rows (U-30), and of new ones where
     * rows that move are kept (U-32); with key_change = "before" (E-12), where key_changed says
     * that its row goes. data NULL: none. */
    struct mr_slice old_key;
    struct mr_slice old_key_tuple;
    bool key_changed;
    /* Of a delete: the key under which its row goes on (U-32). data NULL: none. */
    struct mr_slice new_key_tuple;
    /* keyless = "match_full" (E-40): what the one row that goes must equal, in `cols`, but for the
     * fields in match_mask; of updates and deletes. data NULL: none. */
    struct mr_slice match;
    const uint64_t *match_mask;
};

/* The record as the decoder needs it. */
struct mr_record_in {
    struct mr_slice key;     /* body after framing; data NULL: null key */
    struct mr_slice raw_key; /* with its framing; data NULL: not told */
    struct mr_slice old_key; /* mr_decode_old_framed() in the plan's form, where key was brought
                                into it; data NULL else */
    struct mr_slice value;   /* body after framing; data NULL: tombstone */
    size_t wire_bytes;       /* of key and value as they came, where they were brought into another
                                form; 0: as they are */
    struct mr_headers headers;
    const char *topic;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms; /* -1 */
    int64_t schema_id;    /* of the value; -1 */
    int64_t loaded_at_ms; /* the batch's, for _loaded_at */
};

/* Appends, with commas, the columns whose unavailable values PostgreSQL's connector can only send
 * as null (U-12) and that are not listed in unavailable_null_columns; how many. */
uint32_t mr_plan_unseen(const struct mr_plan *plan, struct mr_buf *names);
/* Is it one of them? */
bool mr_plan_is_unseen(const struct mr_plan *plan, const char *column);

struct mr_decoder; /* scratch of one thread: row buffer, explicit stack, number digits */
struct mr_decoder *mr_decoder_new(void);
void mr_decoder_free(struct mr_decoder *decoder);

/* Did the last record fail for an enum's label that the table, as the plan has it, does not know?
 * The target may know it by now. */
bool mr_decoder_missed_label(const struct mr_decoder *decoder);

/* Decodes one record by its plan. All checks of contract.md section 2 and of section 5's ranges
 * happen here; a POISON error names column and reason and leaves nothing behind. -MR_NO_MEMORY
 * where memory lacked, whatever else was found. `out` is filled on 0. */
int mr_decode_record(const struct mr_plan *plan, struct mr_decoder *decoder,
                     const struct mr_record_in *in, struct mr_decoded *out, struct mr_err *err);

/* The body in the Avro header __debezium.oldkey or __debezium.newkey, which has the frame of the
 * record's own key (U-30, U-32); `key` stands where it was read. False: there is none. */
bool mr_decode_old_framed(const struct mr_record_in *in, struct mr_slice *out);

#endif
