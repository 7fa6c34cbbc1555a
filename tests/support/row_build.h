/* Rows for tests, built through a sink's own emitter: cells in, tuples out. Everything lives until
 * mr_row_build_release(). Thread: the test's own. */
#ifndef MR_TESTS_SUPPORT_ROW_BUILD_H
#define MR_TESTS_SUPPORT_ROW_BUILD_H

#include "base/arena.h"
#include "schemas/emit.h"
#include "schemas/rows.h"

/* A value, to be emitted as its column's type has it. */
struct mr_cell {
    enum {
        MR_CELL_NULL,
        MR_CELL_INT,
        MR_CELL_REAL,
        MR_CELL_TEXT,
        MR_CELL_SPAN,
        MR_CELL_ITEMS
    } kind;
    int64_t i; /* integers, booleans, days, microseconds */
    double r;
    const char
        *text; /* text, json, numeric as decimal text, bits as 0 and 1, uuid and bytes as octets */
    size_t len;
    int32_t days; /* intervals; seconds east of timetz */
    int32_t months;
    const struct mr_cell *items; /* arrays */
};

#define MR_NIL ((struct mr_cell){.kind = MR_CELL_NULL})
#define MR_INT(v) ((struct mr_cell){.kind = MR_CELL_INT, .i = (v)})
#define MR_REAL(v) ((struct mr_cell){.kind = MR_CELL_REAL, .r = (v)})
#define MR_TXT(v) ((struct mr_cell){.kind = MR_CELL_TEXT, .text = (v), .len = sizeof(v) - 1})
/* As an initializer of static tables. */
#define MR_CELL_TEXT_OF(v) {.kind = MR_CELL_TEXT, .text = (v), .len = sizeof(v) - 1}
#define MR_STR(v) ((struct mr_cell){.kind = MR_CELL_TEXT, .text = (v), .len = strlen(v)})
#define MR_SPAN(v, d, m)                                                                           \
    ((struct mr_cell){.kind = MR_CELL_SPAN, .i = (v), .days = (d), .months = (m)})
#define MR_ITEMS(v, n) ((struct mr_cell){.kind = MR_CELL_ITEMS, .items = (v), .len = (n)})

struct mr_row_build {
    const struct mr_emit_ops *emit;
    struct mr_table *table; /* a reference */
    struct mr_colset key;
    struct mr_arena arena;
    const struct mr_row **rows;
    size_t n_rows, cap_rows;
};

/* `key`: names, NULL at the end; NULL: keyless. */
void mr_row_build_init(struct mr_row_build *build, const struct mr_emit_ops *emit,
                       struct mr_table *table, const char *const *key);
void mr_row_build_release(struct mr_row_build *build); /* safe on a zeroed struct */

/* A column set by names in table order, NULL at the end. */
const struct mr_colset *mr_row_build_cols(struct mr_row_build *build, const char *const *names);

/* Adds a row with these cells, one a column of the set; key columns not in the set are not allowed.
 */
const struct mr_row *mr_row_build_put(struct mr_row_build *build, const struct mr_colset *cols,
                                      const struct mr_cell *cells);
/* Adds the delete of a key, cells in key order. */
const struct mr_row *mr_row_build_delete(struct mr_row_build *build, const struct mr_cell *key);
void mr_row_build_forget(struct mr_row_build *build); /* the list starts anew, rows stay alive */

#endif
