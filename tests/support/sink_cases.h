/* Cases that run against every kind of sink, on one table t(id int8, a text, b text). One test
 * program's state: the current case. Thread: the test's own. MR_CONFORM(name, "sentence") { ... }
 * kinds with transactions, positions and DDL MR_CONFORM_ALL(name, "sentence") { ... }  standard
 * output, too */
#ifndef MR_TESTS_SUPPORT_SINK_CASES_H
#define MR_TESTS_SUPPORT_SINK_CASES_H

#include "schemas/plan.h"
#include "tests/support/sink_fixture.h"

struct mr_case {
    struct mr_sink_fixture f;
    struct mr_sink_fixture twin; /* where a case wants a second sink */
    struct mr_table *table;
    struct mr_row_build build; /* of `table` */
};
extern struct mr_case mr_case;

void mr_case_start(void);
void mr_case_stop(void);
void mr_case_run(enum mr_sink_kind kind, void (*run)(void));

#define MR_CONFORM(id, sentence)                                                                   \
    static void case_##id(void);                                                                   \
    MR_TEST_AT(id##_sqlite, "sqlite: " sentence)                                                   \
    {                                                                                              \
        mr_case_run(MR_KIND_SQLITE, case_##id);                                                    \
    }                                                                                              \
    MR_TEST_AT(id##_postgresql, "postgresql: " sentence)                                           \
    {                                                                                              \
        mr_case_run(MR_KIND_POSTGRESQL, case_##id);                                                \
    }                                                                                              \
    static void case_##id(void)
#define MR_CONFORM_ALL(id, sentence)                                                               \
    static void case_##id(void);                                                                   \
    MR_TEST_AT(id##_stdout, "stdout: " sentence)                                                   \
    {                                                                                              \
        mr_case_run(MR_KIND_STDOUT, case_##id);                                                    \
    }                                                                                              \
    MR_CONFORM(id, sentence)

#define MR_CASE_TYPE(t) {.type = (t), .length = -1, .precision = -1}
/* Column sets, NULL at their ends. */
extern const char *const mr_case_id_key[];
extern const char *const mr_case_all_cols[];
extern const char *const mr_case_id_and_a[];
extern const char *const mr_case_id_and_b[];

/* The first `n_key` of the columns are the key. */
int mr_case_apply(enum mr_ddl_kind kind, const char *name, const struct mr_shape_column *columns,
                  size_t n, size_t n_key);
void mr_case_open(const char *name); /* reads the table afresh */
/* Makes the table and opens it; the key is id, unless `n_key` is 0. */
void mr_case_make(const char *name, size_t n_key);
/* Makes t with the rows (1,one,uno) and (2,two,NULL). */
void mr_case_fill(void);

void mr_case_begin(void);
void mr_case_commit(void);
void mr_case_add(int64_t id, const char *a, const char *b); /* NULL: NULL */
/* Put, or delete, what was added, and forget it. */
int mr_case_put(enum mr_put mode);
int mr_case_put_as(enum mr_put mode, const char *const *names, const uint64_t *mask,
                   uint64_t *n_done);
/* Updates with that mask; `missing` has a flag for each row. */
int mr_case_update(uint64_t mask, bool *missing);
int mr_case_delete_match(int64_t id, const char *a, const char *b, const uint64_t *mask,
                         uint64_t *n_done);
/* Reads columns of these rows. */
void mr_case_read(const struct mr_colset *cols, const int64_t *ids, size_t n,
                  struct mr_slice *tuples);
int mr_case_delete(uint64_t *n_done);
/* Compares all rows of t: "1|one|uno\n". */
void mr_case_rows(const char *expected);

#endif
