/* Conversions: how a value of one meaning becomes a value of one column type (contract.md sections
 * 5 and 5.1). Two const tables: semantic -> (family, normaliser), and (family, target) -> writer;
 * what has no row is refused when the plan is compiled. A normaliser turns the wire's scalar into
 * its family's form; a writer checks it against the column and calls the emitter. Threads: tables
 * are const; a run belongs to one thread. */
#ifndef MR_SCHEMAS_CONVERT_H
#define MR_SCHEMAS_CONVERT_H

#include "schemas/emit.h"
#include "schemas/numeric.h"
#include "schemas/route.h"
#include "schemas/semantic.h"
#include "schemas/temporal.h"

enum mr_family {
    MR_FAM_NONE,
    MR_FAM_BOOLEAN,   /* i */
    MR_FAM_INTEGER,   /* i */
    MR_FAM_REAL,      /* d */
    MR_FAM_NUMERIC,   /* num */
    MR_FAM_TEXT,      /* s, not yet checked */
    MR_FAM_BYTES,     /* s */
    MR_FAM_DATE,      /* i: days or infinity */
    MR_FAM_TIME,      /* i: microseconds, any sign */
    MR_FAM_TIMETZ,    /* i, east_s */
    MR_FAM_TIMESTAMP, /* i: as schemas/temporal.h has it, or infinity; no zone */
    MR_FAM_INSTANT,   /* the same with a zone */
    MR_FAM_INTERVAL,  /* interval */
    MR_FAM_UUID,      /* uuid */
    MR_FAM_BITS,      /* s: octets, first bit high; n_bits */
    MR_FAM_GEOMETRY,  /* s: EWKB, checked; i: 1 for a closed path */
    MR_FAM_CIRCLE,    /* figure */
    MR_FAM_LINE,      /* figure */
    MR_FAM_VECTOR,    /* vector */
    MR_FAM_PAIRS,     /* pairs */
    MR_FAM_DOCUMENT,  /* s: JSON text that we made ourselves, or are about to check */
    MR_N_FAMILIES
};

/* A scalar on its way. Which members are set is the family's. */
struct mr_value {
    int64_t i;
    double d;
    struct mr_slice s;
    union {
        struct mr_numeric num;
        struct mr_figure figure;
        struct mr_vector vector;
        struct mr_pairs pairs;
    };
    struct mr_interval interval;
    int32_t east_s;
    uint32_t n_bits;
    uint8_t uuid[16];
};

/* Scratch and options while values of one record are converted. */
struct mr_convert_run {
    const struct mr_emit_ops *emit;
    struct mr_buf *out;
    struct mr_err *err;
    struct mr_num_scratch *num;
    struct mr_buf text;  /* of the value in hand: rendered text, bits */
    struct mr_buf more;  /* of a writer that needs text besides */
    struct mr_buf items; /* numbers and pairs of the value in hand */
    int64_t zone_us;     /* of times without a zone, east of UTC */
    bool nanos_poison;
    bool excess_scale_round;
    bool label_missed; /* an enum's label is not among those of the table as it was read */
    bool for_jsonb;    /* the document in hand goes to jsonb: no U+0000 (T-31) */
    enum mr_text_nul text_nul;
};

struct mr_convert;
typedef int mr_normalise_fn(struct mr_convert_run *run, const struct mr_convert *c,
                            struct mr_value *v);
typedef int mr_write_fn(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v);

struct mr_convert {
    mr_normalise_fn *normalise; /* NULL: the wire's form is the family's */
    mr_write_fn *write;
    struct mr_coltype to;            /* the column's type, or the element's */
    const struct mr_avro_node *node; /* of values that are read as a whole */
    enum mr_semantic semantic;
    int32_t scale;        /* decimals: of the schema */
    int32_t n_bits;       /* bits: of the schema; INT32_MAX: unbounded */
    bool lossy;           /* a cast allows to lose information */
    bool sentinels;       /* T-19 */
    enum mr_ts_unit unit; /* */
};

/* What decides a conversion. `cast`: the column names one. `unit` NULL or "s", "ms", "us", "ns",
 * "days". False if no row of the tables allows it. */
struct mr_convert_from {
    const struct mr_typed *typed;
    const char *unit;
    bool cast;
    bool sentinels;
};
bool mr_convert_find(const struct mr_convert_from *from, const struct mr_coltype *to,
                     struct mr_convert *out);

/* The conversion that only normalises, for leaves of JSON, and their family. */
enum mr_family mr_convert_leaf(const struct mr_typed *typed, struct mr_convert *out);
/* Appends a normalised value as a JSON leaf (S-21). */
int mr_convert_json(struct mr_convert_run *run, enum mr_family family, const struct mr_convert *c,
                    const struct mr_value *v, struct mr_buf *out);
/* Appends it as plain text. */
void mr_convert_text(enum mr_family family, const struct mr_convert *c, const struct mr_value *v,
                     struct mr_buf *out);

/* Appends a normalised value as a quoted item of an array literal. */
int mr_convert_literal(struct mr_convert_run *run, const struct mr_convert *c,
                       const struct mr_value *v, struct mr_buf *out);

/* Checks UTF-8 and U+0000 by text_nul; *text may then be a copy in run->more. */
int mr_convert_screen(struct mr_convert_run *run, struct mr_slice *text);

/* A text as a uuid in any of PostgreSQL's input forms (T-29). */
bool mr_uuid_parse(struct mr_slice text, uint8_t out[16]);

#endif
