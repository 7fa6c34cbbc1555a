/* What the demo's source database holds: a row a key, as the generator left it. The verdict
 * compares the target with it. Thread: one owner at a time (the feed's thread, then main once it
 * rests). */
#ifndef MR_CONSUMER_DEMO_MODEL_H
#define MR_CONSUMER_DEMO_MODEL_H

#include "base/err.h"
#include "consumer/demo_values.h"

struct mr_demo_row {
    uint64_t key;                  /* mr_demo_key_of its key columns */
    bool seen;                     /* of the comparison */
    struct mr_demo_value values[]; /* n_columns of the table; their texts lie behind them */
};

struct mr_demo_rows {
    struct mr_demo_row **rows; /* no order: a removed one is replaced by the last */
    size_t n_rows;
    size_t capacity;
};

struct mr_demo_model {
    struct mr_demo_rows tables[MR_DEMO_N_TABLES];
};

void mr_demo_model_init(struct mr_demo_model *model);
void mr_demo_model_release(struct mr_demo_model *model);

/* One number for the key columns: 32 bits for the first, 31 for the second. */
uint64_t mr_demo_key_of(const struct mr_demo_table *table, const struct mr_demo_value *values);

/* Copies `values` in: as a new row at the end, or in the place of row `idx`. -MR_NO_MEMORY. */
int mr_demo_model_add(struct mr_demo_model *model, uint16_t table,
                      const struct mr_demo_value *values, struct mr_err *err);
int mr_demo_model_replace(struct mr_demo_model *model, uint16_t table, size_t idx,
                          const struct mr_demo_value *values, struct mr_err *err);
void mr_demo_model_remove(struct mr_demo_model *model, uint16_t table, size_t idx);
/* Rows of all tables. */
size_t mr_demo_model_count(const struct mr_demo_model *model);

#endif
