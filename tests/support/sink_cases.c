/* Owns what the cases of the sink suite share. Must not know any kind of sink. */
#include "tests/support/sink_cases.h"

#include <string.h>

#include "tests/support/mr_test.h"

struct mr_case mr_case;

void mr_case_start(void)
{
    mr_case = (struct mr_case){.table = NULL};
}

void mr_case_stop(void)
{
    mr_row_build_release(&mr_case.build);
    mr_table_unref(mr_case.table);
    mr_sink_fixture_stop(&mr_case.twin);
    mr_sink_fixture_stop(&mr_case.f);
    mr_case_start();
}

void mr_case_run(enum mr_sink_kind kind, void (*run)(void))
{
    mr_sink_fixture_start(&mr_case.f, kind);
    run();
}

const char *const mr_case_id_key[] = {"id", NULL};
const char *const mr_case_all_cols[] = {"id", "a", "b", NULL};
const char *const mr_case_id_and_a[] = {"id", "a", NULL};
const char *const mr_case_id_and_b[] = {"id", "b", NULL};

int mr_case_apply(enum mr_ddl_kind kind, const char *name, const struct mr_shape_column *columns,
                  size_t n, size_t n_key)
{
    static const uint16_t first[] = {0, 1, 2};
    const struct mr_ddl ddl = {.kind = kind,
                               .columns = columns,
                               .n_columns = (uint16_t)n,
                               .key = first,
                               .n_key = (uint16_t)n_key};
    return mr_case.f.ops->table_apply(mr_case.f.sink, NULL, name, &ddl, &mr_case.f.err);
}

void mr_case_open(const char *name)
{
    mr_table_unref(mr_case.table);
    mr_case.table = NULL;
    MR_CHECK_OK(mr_case.f.ops->table_open(mr_case.f.sink, NULL, name, true, &mr_case.table,
                                          &mr_case.f.err));
}

/* Table `name`(id int8, a text, b text); the key is id, unless `n_key` is 0. */
void mr_case_make(const char *name, size_t n_key)
{
    const struct mr_shape_column columns[] = {
        {.name = "id", .type = MR_CASE_TYPE(MR_T_INT8), .key = true},
        {.name = "a", .type = MR_CASE_TYPE(MR_T_TEXT)},
        {.name = "b", .type = MR_CASE_TYPE(MR_T_TEXT)}};
    MR_CHECK_OK(mr_case_apply(MR_DDL_CREATE, name, columns, 3, n_key));
    mr_case_open(name);
    mr_row_build_init(&mr_case.build, mr_case.f.ops->emit, mr_case.table,
                      n_key > 0 ? mr_case_id_key : NULL);
}

void mr_case_add(int64_t id, const char *a, const char *b)
{
    const struct mr_cell cells[] = {MR_INT(id), a != NULL ? MR_STR(a) : MR_NIL,
                                    b != NULL ? MR_STR(b) : MR_NIL};
    (void)mr_row_build_put(&mr_case.build, mr_row_build_cols(&mr_case.build, mr_case_all_cols),
                           cells);
}

void mr_case_begin(void)
{
    MR_CHECK_OK(
        mr_case.f.ops->begin(mr_case.f.session, &mr_case.table, 1, NULL, 0, &mr_case.f.err));
}

void mr_case_commit(void)
{
    MR_CHECK_OK(mr_case.f.ops->commit(mr_case.f.session, &mr_case.f.err));
}

/* Puts what was built, and forgets it. */
int mr_case_put_as(enum mr_put mode, const char *const *names, const uint64_t *mask,
                   uint64_t *n_done)
{
    const struct mr_put_rows rows = {.table = mr_case.table,
                                     .key = &mr_case.build.key,
                                     .cols = mr_row_build_cols(&mr_case.build, names),
                                     .mask = mask,
                                     .rows = mr_case.build.rows,
                                     .n_rows = mr_case.build.n_rows};
    int rc = mr_case.f.ops->put_rows(mr_case.f.session, &rows, mode, n_done, &mr_case.f.err);
    mr_row_build_forget(&mr_case.build);
    return rc;
}

int mr_case_put(enum mr_put mode)
{
    uint64_t n_done;
    return mr_case_put_as(mode, mr_case_all_cols, NULL, &n_done);
}

int mr_case_delete(uint64_t *n_done)
{
    int rc = mr_case.f.ops->delete_keys(mr_case.f.session, mr_case.table, &mr_case.build.key,
                                        mr_case.build.rows, mr_case.build.n_rows, n_done,
                                        &mr_case.f.err);
    mr_row_build_forget(&mr_case.build);
    return rc;
}

int mr_case_update(uint64_t mask, bool *missing)
{
    uint64_t n_done;
    const struct mr_put_rows rows = {.table = mr_case.table,
                                     .key = &mr_case.build.key,
                                     .cols = mr_row_build_cols(&mr_case.build, mr_case_all_cols),
                                     .mask = &mask,
                                     .rows = mr_case.build.rows,
                                     .n_rows = mr_case.build.n_rows,
                                     .missing = missing};
    int rc =
        mr_case.f.ops->put_rows(mr_case.f.session, &rows, MR_PUT_UPDATE, &n_done, &mr_case.f.err);
    mr_row_build_forget(&mr_case.build);
    return rc;
}

int mr_case_delete_match(int64_t id, const char *a, const char *b, const uint64_t *mask,
                         uint64_t *n_done)
{
    mr_row_build_forget(&mr_case.build);
    mr_case_add(id, a, b);
    struct mr_row row = *mr_case.build.rows[0];
    row.cols = mr_row_build_cols(&mr_case.build, mr_case_all_cols);
    row.mask = mask;
    int rc =
        mr_case.f.ops->delete_match(mr_case.f.session, mr_case.table, &row, n_done, &mr_case.f.err);
    mr_row_build_forget(&mr_case.build);
    return rc;
}

void mr_case_read(const struct mr_colset *cols, const int64_t *ids, size_t n,
                  struct mr_slice *tuples)
{
    struct mr_slice keys[MR_READ_MAX_ROWS];
    for (size_t i = 0; i < n; i++)
        keys[i] = mr_row_build_delete(&mr_case.build, &MR_INT(ids[i]))->key_tuple;
    const struct mr_read_rows read = {.table = mr_case.table,
                                      .key = &mr_case.build.key,
                                      .cols = cols,
                                      .keys = keys,
                                      .n_keys = n,
                                      .arena = &mr_case.build.arena,
                                      .tuples = tuples};
    MR_CHECK_OK(mr_case.f.ops->read_rows(mr_case.f.session, &read, &mr_case.f.err));
    mr_row_build_forget(&mr_case.build);
}

void mr_case_rows(const char *expected)
{
    MR_CHECK_STR(mr_sink_fixture_query(&mr_case.f, "SELECT id, a, b FROM t ORDER BY id, a"),
                 expected);
}

/* Rows (1,one,uno) and (2,two,NULL) are in t. */
void mr_case_fill(void)
{
    mr_case_make("t", 1);
    mr_case_add(1, "one", "uno");
    mr_case_add(2, "two", NULL);
    mr_case_begin();
    MR_CHECK_OK(mr_case_put(MR_PUT_INSERT));
    mr_case_commit();
}
