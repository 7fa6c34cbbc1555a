/* What a fold would forget: the rows as they came, of the few keys that had more than one in a
 * batch, so that a state that the target refuses can be taken apart again (contract.md ).
 * Rows that nothing was folded into stand for themselves. Threads: fill, then write. */
#ifndef MR_SCHEMAS_ROWS_JOURNAL_H
#define MR_SCHEMAS_ROWS_JOURNAL_H

#include "schemas/rows.h"

struct mr_row_entry {
    struct mr_row row; /* as mr_rows_add was given it, in the batch's arena */
    size_t at;         /* when it came, between the rows of the list: 2 i + 1 is row i */
    struct mr_row_entry *before;
};

/* The entries of one record, made before anything is changed. */
struct mr_journal_step {
    struct mr_row_entry *state; /* of the state that it meets; NULL: none, or it is noted already */
    struct mr_row_entry *came;
    bool shares; /* the state has the record's bytes, once it is folded */
};

/* `state` NULL: `came` meets none; `folds`: it becomes part of it. False: the arena has no room. */
bool mr_journal_prepare(const struct mr_rows *rows, const struct mr_row *state,
                        const struct mr_row *came, bool folds, struct mr_journal_step *step);
/* `state` as it is now; NULL: `came` was dropped. */
void mr_journal_note(struct mr_rows *rows, const struct mr_journal_step *step,
                     struct mr_row *state);

/* All rows as they came: where guards order them in the order of their coming, else by partition in
 * the order of `rank` (NULL: of their spans), then by offset. */
struct mr_unfolded {
    const struct mr_row **rows;
    size_t n_rows;
};
/* 0, or -MR_NO_MEMORY. Gives: mr_unfolded_release(), also after an error; the rows are lent. */
int mr_rows_unfold(const struct mr_rows *rows, const uint32_t *rank, struct mr_unfolded *out,
                   struct mr_err *err);
void mr_unfolded_release(struct mr_unfolded *unfolded);

#endif
