/* One route, its schemas, its table and its plan, for tests of the schemas layer: records go in as
 * bytes, what is asked for comes out as one readable text. */
#ifndef MR_TESTS_SUPPORT_PLAN_CASE_H
#define MR_TESTS_SUPPORT_PLAN_CASE_H

#include "schemas/plan.h"

struct plan_case {
    struct mr_route route; /* defaults of the configuration; tests change it before opening */
    const char *topic;     /* default "s.public.t" */
    bool envelope_topic;
    enum mr_format raw_key;
    const struct mr_emit_ops *emit; /* default mr_emit_text */
    struct mr_table *table;         /* NULL until opened or set by plan_case_table() */
    struct mr_plan *plan;
    struct mr_decoder *decoder;
    struct mr_decoded decoded; /* of the last record */
    struct mr_err err;
    struct mr_record_in in; /* tests may set headers and meta */
};

void plan_case_init(struct plan_case *pc);
void plan_case_release(struct plan_case *pc);

/* The existing table: "id int4 pk, a text, b varchar(2) notnull, n numeric(5,2), x int4[]". */
void plan_case_table(struct plan_case *pc, const char *columns);

/* Derives, applies the DDL that evolve wants to the table, compiles. 0 or -code; the step's error
 * is in pc->err. Schemas are JSON texts; NULL: none. May be called again with other schemas. */
int plan_case_open(struct plan_case *pc, const char *key, const char *value);

/* Decodes one record: "c{1,x,y}", "u{1,x,~}", "d(1)", "d={1,x,y}" by the whole row, "t", "a{...}"
 * for append, "skip.heartbeat", or
 * "!avro.trailing". data NULL is null. The text is valid until the next call. */
const char *plan_case_run(struct plan_case *pc, struct mr_slice key, struct mr_slice value);

/* The table as text: "id int4 pk, a text". */
const char *plan_case_columns(struct plan_case *pc);

/* Avro bytes by hand. */
void wire_long(struct mr_buf *out, int64_t v);
void wire_text(struct mr_buf *out, const char *text);
void wire_bytes(struct mr_buf *out, const void *bytes, size_t len);
void wire_double(struct mr_buf *out, double v);
void wire_float(struct mr_buf *out, float v);
/* "00 ff 1a": blanks between bytes are ignored. */
void wire_hex(struct mr_buf *out, const char *hex);
struct mr_slice wire_slice(const struct mr_buf *buf);

#define PLAN_NULL ((struct mr_slice){NULL, 0})

#endif
