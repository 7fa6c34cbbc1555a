/* Rows of one table(id, a, b) on their way into a batch, with texts for fields, as the tests of
 * reduction gather them. One test program's state. Thread: the test's own. */
#ifndef MR_TESTS_SUPPORT_ROWS_CASE_H
#define MR_TESTS_SUPPORT_ROWS_CASE_H

#include "schemas/rows.h"

enum { ROWS_MASK_A = 2, ROWS_MASK_B = 4 };

struct rows_case {
    struct mr_table *table;
    struct mr_arena arena;
    struct mr_rows rows;
    int64_t offset; /* of the last record */
};
extern struct rows_case rows_case;
extern const uint16_t rows_case_key_cols[];
extern const struct mr_colset rows_case_key;
extern const struct mr_colset rows_case_all;

void rows_case_start(void);
/* The same with a key that only the target can compare; as text in `unique`. */
void rows_case_start_loose(struct mr_unique *unique);
void rows_case_stop(void);

/* Fields as texts; NULL is SQL's. Valid until the next call. */
struct mr_slice rows_case_fields(uint16_t n, const char *const *fields);
struct mr_slice rows_case_tuple(const char *id, const char *a, const char *b);
struct mr_row rows_case_row(const char *id); /* the next record's */

int rows_case_add(const char *id, const char *a, const char *b, uint64_t mask, uint32_t span_idx);
void rows_case_put(const char *id, const char *a, const char *b, uint64_t mask);
void rows_case_delete(const char *id, uint32_t span_idx);
/* The two halves of a change of the key; the second with b NULL. */
void rows_case_leave(const char *from, const char *to, uint32_t span_idx);
const struct mr_row *rows_case_move(const char *from, const char *to, const char *a, uint64_t mask);

/* "{2,x,~} of 1 {1,x,BIG} replaced": its fields, where it came from, and what the batch knows of
 * that; " of 1 in the target" where it is the target that knows, " of 1" where a tomb may. */
const char *rows_case_text(const struct mr_row *row);

#endif
