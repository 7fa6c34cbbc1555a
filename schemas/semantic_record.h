/* Records that are one value: their fields are found by name, in any order, whatever else stands
 * between them (contract.md T-09, T-24, T-28, T-39..T-41, T-45). Threads: any. */
#ifndef MR_SCHEMAS_SEMANTIC_RECORD_H
#define MR_SCHEMAS_SEMANTIC_RECORD_H

#include "base/buf.h"
#include "schemas/semantic.h"

enum { MR_PARTS_MAX = 12 };

struct mr_part_spec {
    const char *name;
    uint32_t kinds; /* bits by enum mr_avro_kind */
    bool required;  /* in the schema; its value may be null all the same */
};
struct mr_record_spec {
    uint8_t n;
    struct mr_part_spec parts[MR_PARTS_MAX];
};

/* What a record of this meaning holds; NULL where it is no record. */
const struct mr_record_spec *mr_record_spec(enum mr_semantic semantic);
/* Has the type all that is required, and nothing of another kind under these names? */
bool mr_record_fits(const struct mr_record_spec *spec, const struct mr_avro_node *node);

/* A member's value. Which is set is its kind's: i for booleans and integers, d for floats, s for
 * texts and bytes, and the encoded bytes of a container. */
struct mr_part {
    bool known; /* the schema has it */
    bool set;   /* and it is not null */
    const struct mr_avro_node *node;
    int64_t i;
    double d;
    struct mr_slice s;
};

/* Takes a record's bytes apart, which were checked before; parts[k] is the spec's k-th. */
void mr_record_read(const struct mr_record_spec *spec, const struct mr_avro_node *node,
                    struct mr_slice bytes, struct mr_part *parts);

/* Places in the specs. */
enum { MR_PART_SCALE, MR_PART_VALUE };
enum { MR_PART_SPECIAL, MR_PART_YEAR, MR_PART_MONTH, MR_PART_DAY };
enum { MR_PART_HOUR = 4, MR_PART_MINUTE, MR_PART_SECOND, MR_PART_NANOS, MR_PART_PICOS };
enum { MR_PART_OFFSET = 9, MR_PART_ZONE };
enum { MR_PART_WKB, MR_PART_SRID, MR_PART_EXTENSIONS, MR_PART_X, MR_PART_Y };
enum { MR_PART_CENTER, MR_PART_RADIUS };
enum { MR_PART_DIMENSIONS, MR_PART_VECTOR };

#endif
