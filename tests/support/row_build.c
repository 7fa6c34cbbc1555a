/* Owns the way from cells to tuples. Must not know any sink: it calls emit ops only. */
#include "tests/support/row_build.h"

#include <stdlib.h>
#include <string.h>

#include "schemas/temporal.h"
#include "tests/support/mr_test.h"

#include "base/ban.h"

enum { MAX_GROUPS = 64 };

void mr_row_build_init(struct mr_row_build *build, const struct mr_emit_ops *emit,
                       struct mr_table *table, const char *const *key)
{
    *build = (struct mr_row_build){.emit = emit, .table = mr_table_ref(table)};
    mr_arena_init(&build->arena, 0, 0);
    uint16_t *cols = mr_arena_alloc(&build->arena, MR_TABLE_MAX_COLUMNS * sizeof *cols);
    for (; key != NULL && *key != NULL; key++) {
        int col = mr_table_column(table, *key);
        if (col < 0)
            MR_FAIL("the table has no column %s", *key);
        cols[build->key.n_cols++] = (uint16_t)col;
    }
    build->key.cols = cols;
}

void mr_row_build_release(struct mr_row_build *build)
{
    if (build->table == NULL)
        return;
    mr_table_unref(build->table);
    mr_arena_release(&build->arena);
    free(build->rows);
    *build = (struct mr_row_build){.emit = NULL};
}

const struct mr_colset *mr_row_build_cols(struct mr_row_build *build, const char *const *names)
{
    struct mr_colset *set = mr_arena_alloc(&build->arena, sizeof *set);
    uint16_t *cols = mr_arena_alloc(&build->arena, MR_TABLE_MAX_COLUMNS * sizeof *cols);
    *set = (struct mr_colset){.cols = cols};
    for (; *names != NULL; names++) {
        int col = mr_table_column(build->table, *names);
        if (col < 0 || (set->n_cols > 0 && col <= cols[set->n_cols - 1]))
            MR_FAIL("column %s is absent or not in table order", *names);
        cols[set->n_cols++] = (uint16_t)col;
    }
    return set;
}

/* Decimal text into groups of four digits aligned at the point. */
static void emit_numeric(const struct mr_emit_ops *emit, struct mr_buf *out,
                         const struct mr_coltype *to, const char *text)
{
    struct mr_numeric v = {.sign = MR_NUM_POS};
    int16_t groups[MAX_GROUPS] = {0};
    if (strcmp(text, "NaN") == 0)
        v.sign = MR_NUM_NAN;
    if (v.sign == MR_NUM_NAN) {
        emit->numeric(out, to, &v);
        return;
    }
    if (*text == '-') {
        v.sign = MR_NUM_NEG;
        text++;
    }
    size_t n_before = strcspn(text, ".");
    size_t n_after = text[n_before] == '.' ? strlen(text + n_before + 1) : 0;
    size_t n_groups = (n_before + 3) / 4 + (n_after + 3) / 4;
    if (n_groups > MAX_GROUPS)
        MR_FAIL("more than %d groups of digits: %s", (int)MAX_GROUPS, text);
    size_t pad = (4 - n_before % 4) % 4;
    for (size_t i = 0; i < n_groups * 4; i++) {
        size_t at = i - pad;
        char digit = '0';
        if (i >= pad && at < n_before)
            digit = text[at];
        else if (i >= pad && at - n_before < n_after)
            digit = text[at + 1];
        groups[i / 4] = (int16_t)(groups[i / 4] * 10 + (digit - '0'));
    }
    size_t first = 0;
    while (first < n_groups && groups[first] == 0)
        first++;
    while (n_groups > first && groups[n_groups - 1] == 0)
        n_groups--;
    v.n_digits = (uint16_t)(n_groups - first);
    v.weight = v.n_digits == 0 ? 0 : (int32_t)((n_before + 3) / 4) - 1 - (int32_t)first;
    v.dscale = (uint16_t)n_after;
    v.digits = groups + first;
    emit->numeric(out, to, &v);
}

static void emit_bits(const struct mr_emit_ops *emit, struct mr_buf *out,
                      const struct mr_coltype *to, const struct mr_cell *cell)
{
    uint8_t bytes[64] = {0};
    if (cell->len > sizeof bytes * 8)
        MR_FAIL("more than %zu bits", sizeof bytes * 8);
    for (size_t i = 0; i < cell->len; i++) {
        if (cell->text[i] == '1')
            bytes[i / 8] = (uint8_t)(bytes[i / 8] | 0x80u >> (i % 8));
    }
    emit->bits(out, to, bytes, (uint32_t)cell->len);
}

static void emit_scalar(const struct mr_emit_ops *emit, struct mr_buf *out,
                        const struct mr_coltype *to, const struct mr_cell *cell)
{
    const uint8_t *octets = (const uint8_t *)cell->text;
    const struct mr_interval span = {.us = cell->i, .days = cell->days, .months = cell->months};
    switch ((int)to->type) {
    case MR_T_BOOL:
        emit->boolean(out, to, cell->i != 0);
        break;
    case MR_T_INT2:
    case MR_T_INT4:
    case MR_T_INT8:
    case MR_T_OID:
        emit->integer(out, to, cell->i);
        break;
    case MR_T_FLOAT4:
    case MR_T_FLOAT8:
        emit->real(out, to, cell->r);
        break;
    case MR_T_NUMERIC:
        emit_numeric(emit, out, to, cell->text);
        break;
    case MR_T_BYTEA:
        emit->bytes(out, to, octets, cell->len);
        break;
    case MR_T_UUID:
        emit->uuid(out, to, octets);
        break;
    case MR_T_DATE:
        emit->date(out, to, (int32_t)cell->i);
        break;
    case MR_T_TIME:
        (emit->time)(out, to, cell->i);
        break;
    case MR_T_TIMETZ:
        emit->timetz(out, to, cell->i, cell->days);
        break;
    case MR_T_TIMESTAMP:
    case MR_T_TIMESTAMPTZ:
        emit->timestamp(out, to,
                        cell->i == INT64_MAX || cell->i == INT64_MIN ? cell->i
                                                                     : cell->i - MR_TS_EPOCH_US);
        break;
    case MR_T_INTERVAL:
        emit->interval(out, to, &span);
        break;
    case MR_T_BIT:
    case MR_T_VARBIT:
        emit_bits(emit, out, to, cell);
        break;
    case MR_T_TEXT:
    case MR_T_VARCHAR:
    case MR_T_BPCHAR:
    case MR_T_JSON:
    case MR_T_JSONB:
    case MR_T_ENUM:
    case MR_T_CAST:
    case MR_T_LTREE:
    case MR_T_GEOMETRY:
    case MR_T_GEOGRAPHY:
        emit->text(out, to, cell->text, cell->len);
        break;
    case MR_T_NONE:
    case MR_T_ARRAY:
    case MR_N_TYPES:
    default:
        MR_FAIL("no scalar of type %d", (int)to->type);
    }
}

static void emit_cell(const struct mr_row_build *build, struct mr_buf *out,
                      const struct mr_coltype *to, const struct mr_cell *cell)
{
    const struct mr_emit_ops *emit = build->emit;
    if (cell->kind == MR_CELL_NULL) {
        mr_buf_u32(out, UINT32_MAX);
        return;
    }
    if (to->type != MR_T_ARRAY) {
        emit_scalar(emit, out, to, cell);
        return;
    }
    struct mr_coltype elem = *to;
    elem.type = to->elem;
    elem.elem = MR_T_NONE;
    elem.oid = to->elem_oid;
    bool has_null = false;
    for (size_t i = 0; i < cell->len; i++)
        has_null = has_null || cell->items[i].kind == MR_CELL_NULL;
    size_t at = emit->array_begin(out, to, (uint32_t)cell->len, has_null);
    for (size_t i = 0; i < cell->len; i++) {
        if (cell->items[i].kind == MR_CELL_NULL)
            emit->array_null(out, &elem);
        else
            emit_scalar(emit, out, &elem, &cell->items[i]);
    }
    emit->array_end(out, to, at);
}

static struct mr_slice keep(struct mr_row_build *build, struct mr_buf *tuple)
{
    if (!mr_buf_ok(tuple))
        MR_FAIL("a tuple did not fit");
    struct mr_slice out = {mr_arena_copy(&build->arena, tuple->data, tuple->len), tuple->len};
    mr_buf_release(tuple);
    return out;
}

static const struct mr_row *add(struct mr_row_build *build, const struct mr_row *row)
{
    if (build->n_rows == build->cap_rows) {
        build->cap_rows = build->cap_rows == 0 ? 64 : build->cap_rows * 2;
        build->rows = realloc(build->rows, build->cap_rows * sizeof(struct mr_row *));
        if (build->rows == NULL)
            MR_FAIL("no memory for %zu rows", build->cap_rows);
    }
    struct mr_row *copy = mr_arena_alloc(&build->arena, sizeof *copy);
    *copy = *row;
    copy->key = copy->key_tuple;
    copy->offset = (int64_t)build->n_rows;
    build->rows[build->n_rows++] = copy;
    return copy;
}

const struct mr_row *mr_row_build_put(struct mr_row_build *build, const struct mr_colset *cols,
                                      const struct mr_cell *cells)
{
    struct mr_buf tuple = MR_BUF_INIT;
    struct mr_buf key = MR_BUF_INIT;
    mr_buf_u16(&tuple, cols->n_cols);
    for (uint16_t i = 0; i < cols->n_cols; i++)
        emit_cell(build, &tuple, &build->table->columns[cols->cols[i]].type, &cells[i]);
    mr_buf_u16(&key, build->key.n_cols);
    for (uint16_t k = 0; k < build->key.n_cols; k++) {
        uint16_t i = 0;
        while (i < cols->n_cols && cols->cols[i] != build->key.cols[k])
            i++;
        if (i == cols->n_cols)
            MR_FAIL("a key column is not in the set");
        emit_cell(build, &key, &build->table->columns[cols->cols[i]].type, &cells[i]);
    }
    struct mr_row row = {.op = MR_ROW_UPSERT, .cols = cols};
    row.tuple = keep(build, &tuple);
    row.key_tuple = keep(build, &key);
    return add(build, &row);
}

const struct mr_row *mr_row_build_delete(struct mr_row_build *build, const struct mr_cell *key)
{
    struct mr_buf tuple = MR_BUF_INIT;
    mr_buf_u16(&tuple, build->key.n_cols);
    for (uint16_t k = 0; k < build->key.n_cols; k++)
        emit_cell(build, &tuple, &build->table->columns[build->key.cols[k]].type, &key[k]);
    struct mr_row row = {.op = MR_ROW_DELETE};
    row.key_tuple = keep(build, &tuple);
    return add(build, &row);
}

void mr_row_build_forget(struct mr_row_build *build)
{
    build->n_rows = 0;
}
