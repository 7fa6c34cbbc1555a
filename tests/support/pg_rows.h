/* Rows for the PostgreSQL sink, made from readable values: "1|a|NULL" becomes a tuple of the
 * table's columns in the sink's own wire form. Only types that its tests use. */
#ifndef MR_TESTS_SUPPORT_PG_ROWS_H
#define MR_TESTS_SUPPORT_PG_ROWS_H

#include "schemas/rows.h"
#include "sinks/load.h"

enum { PG_ROWS_MAX = 4096, PG_ROWS_MAX_COLS = 64 };

struct pg_rows {
    struct mr_arena arena;
    struct mr_rows rows; /* not folded: what is added stands there */
    struct mr_row storage[PG_ROWS_MAX];
    struct mr_colset cols; /* of the rows added next */
    uint16_t col_idx[PG_ROWS_MAX_COLS];
    uint16_t key_idx[PG_ROWS_MAX_COLS];
};

/* `key` and `cols` are column names by commas; cols NULL: all columns. Takes no reference of the
 * table. */
void pg_rows_init(struct pg_rows *rows, struct mr_table *table, const char *key, const char *cols);
void pg_rows_release(struct pg_rows *rows);
/* Rows added from here on carry these columns. */
void pg_rows_columns(struct pg_rows *rows, const char *cols);
struct mr_row *pg_rows_put(struct pg_rows *rows, const char *values);
struct mr_row *pg_rows_delete(struct pg_rows *rows, const char *key_values);
/* Field `field` of the row is masked, too. */
void pg_rows_mask(struct pg_rows *rows, struct mr_row *row, uint16_t field);

#endif
