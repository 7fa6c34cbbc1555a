/* A resolver's inside: what resolve.c compiles and resolve_run.c runs. Others use resolve.h.
 *
 * An op reads one value of the writer and writes one of the reader. Ops of a pair of named types
 * are made once, so that recursive types give a cyclic graph. */
#ifndef MR_SCHEMAS_RESOLVE_OPS_H
#define MR_SCHEMAS_RESOLVE_OPS_H

#include "schemas/resolve.h"

enum mr_res_kind {
    MR_RES_FAIL,   /* every value that comes here fails with `code` */
    MR_RES_NULL,   /* no bytes on either side */
    MR_RES_SCALAR, /* the same bytes, checked */
    MR_RES_REAL,   /* int, long or float to float or double */
    MR_RES_ENUM,
    MR_RES_RECORD,
    MR_RES_ITEMS,  /* array, map */
    MR_RES_BRANCH, /* the writer's union: by its index */
    MR_RES_WRAP,   /* into the reader's union: its index, then `inner` */
};

struct mr_res_op;

/* A writer's field, or a default between them. */
struct mr_res_field {
    const struct mr_res_op *op;      /* NULL: dropped, or a default */
    const struct mr_avro_node *type; /* of a dropped field */
    struct mr_slice bytes;           /* of a default */
    uint16_t place;                  /* in the reader; MR_RES_DROPPED */
};
enum { MR_RES_DROPPED = 0xffff };

struct mr_res_op {
    enum mr_res_kind kind;
    bool same; /* FAIL never, else: the bytes do not change */
    enum mr_code code;
    const char *why; /* of FAIL */
    const struct mr_avro_node *writer;
    const struct mr_avro_node *reader;
    const struct mr_res_op *inner;         /* ITEMS, WRAP */
    const struct mr_res_op *const *inners; /* BRANCH */
    uint32_t branch;                       /* WRAP */
    const int32_t *symbols;                /* ENUM: the reader's index; -1: it has none */
    const struct mr_res_field *fields;     /* RECORD, in the order of reading */
    uint32_t n_fields;
    bool in_order; /* fields are written in the reader's order */
};

struct mr_resolver {
    struct mr_arena arena;
    struct mr_schema *writer; /* references */
    struct mr_schema *reader;
    const struct mr_res_op *root;
};

/* A type at its place: what S-14 says of it. */
struct mr_res_place {
    const struct mr_avro_node *node;
    const struct mr_avro_props *props; /* NULL: the type's own */
};

/* resolve_match.c */
/* S-07: 2 the same type, 1 by promotion, 0 not at all. */
int mr_res_match(const struct mr_avro_node *w, const struct mr_avro_node *r);
/* The reader's branch for a writer's type; of records first the one of the same full name. -1 */
int mr_res_branch(const struct mr_avro_node *w, const struct mr_avro_node *r);
/* S-08: why the meanings do not go together; NULL: they do. */
const char *mr_res_clash(const struct mr_res_place *w, const struct mr_res_place *r);

#endif
