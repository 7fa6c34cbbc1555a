/* Vectors and hstore as text (contract.md T-38, T-44, T-45, X-08): as the extensions print them,
 * and back. Threads: any. */
#ifndef MR_SCHEMAS_VECTOR_H
#define MR_SCHEMAS_VECTOR_H

#include "base/err.h"
#include "schemas/emit.h"

enum { MR_VECTOR_MAX = 16000, MR_SPARSE_MAX_DIM = 1000000000 }; /* pgvector's own limits */

/* Where the numbers of a vector lie: `reals` first, `idx` beside. */
struct mr_vector_room {
    struct mr_buf *reals;
    struct mr_buf *idx;
};

/* May it be a value of the type, of so many dimensions (-1: any)? NaN, infinities, more than its
 * floats hold and wrong numbers of elements are errors: value.out_of_range, value.invalid. */
int mr_vector_check(const struct mr_vector *v, const struct mr_coltype *to, struct mr_err *err);

/* `[1,2,3]`; sparse `{1:1.5,3:2}/5`, whose indexes count from 1. */
void mr_vector_print(struct mr_buf *out, const struct mr_vector *v);
bool mr_vector_parse(struct mr_slice text, bool sparse, const struct mr_vector_room *room,
                     struct mr_vector *out);
/* Puts sparse elements in order and drops zeros; the arrays are the room's. False if an index
 * stands twice. */
bool mr_vector_sort(const struct mr_vector_room *room, struct mr_vector *v);
/* Drops what is zero as a float; `idx` and `reals` are v's own. */
void mr_vector_drop_zeros(struct mr_vector *v, int32_t *idx, double *reals);

/* `"a"=>"1", "b"=>NULL`, with quotes and backslashes escaped. */
void mr_pairs_print(struct mr_buf *out, const struct mr_pairs *v);
/* Orders them as struct mr_pairs wants it; of equal keys the last one wins (S-19). */
void mr_pairs_sort(const uint8_t *text, struct mr_pair *pairs, uint32_t *n);
/* hstore's text. `bytes` gets the texts, `pairs` the pairs. */
bool mr_pairs_parse(struct mr_slice text, struct mr_buf *bytes, struct mr_buf *pairs,
                    struct mr_pairs *out);
/* The same of an object of strings and nulls; `text` is valid JSON (mr_json_check). */
bool mr_pairs_parse_json(struct mr_slice text, struct mr_buf *bytes, struct mr_buf *pairs,
                         struct mr_pairs *out);

#endif
