/* The demo's verdict: every row of the target against the generator's own state, in both
 * directions. */
#ifndef MR_CONSUMER_DEMO_VERIFY_H
#define MR_CONSUMER_DEMO_VERIFY_H

#include "consumer/demo_model.h"
#include "sinks/reader.h"

enum { MR_DEMO_SHOWN_BYTES = 200 };

struct mr_demo_verdict {
    uint64_t n_rows; /* compared and equal, up to the first difference */
    bool equal;
    /* the first difference; the texts are cut at MR_DEMO_SHOWN_BYTES */
    const char *table;
    const char *column; /* NULL: the whole row is missing or too much */
    char key[64];       /* "id = 7" */
    char expected[MR_DEMO_SHOWN_BYTES + 8];
    char found[MR_DEMO_SHOWN_BYTES + 8];
};

/* Compares all tables in `schema` (NULL where the target has none). 0 with the verdict, which may
 * be unfavourable, or an error of the reader. */
int mr_demo_verify(struct mr_reader *reader, const char *schema, struct mr_demo_model *model,
                   struct mr_demo_verdict *out, struct mr_err *err);

/* Appends "orders, id = 7, column amount: expected 1.00, found 2.00". */
void mr_demo_verdict_print(const struct mr_demo_verdict *verdict, struct mr_buf *out);

#endif
