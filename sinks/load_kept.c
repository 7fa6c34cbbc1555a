/* Owns what a tomb of a moved row says, and whose it is: the one change that took the row from its
 * old key to its new one. Speaks to sink->ops only. Invariant (contract.md U-32): a tomb gives its
 * values to no other change, so a row gets none that were never its own. Two records are of one
 * change if the first names the second's key, and either both came by one partition, where the
 * second stands behind the first and no later move of the old key between them, or both have the
 * same guard, made of the source's position; never if they have such guards that differ.
 *
 * Values: version, partition, offset of the delete, stream, new key, guard, then (name, type,
 * field) of each column, all texts with their length as two bytes. */
#include "sinks/load_kept.h"

#include <stdlib.h>
#include <string.h>

#include "schemas/guard.h"
#include "sinks/load_left.h"

#include "base/ban.h"

enum {
    KEPT_VERSION = 1,
    KEPT_CHUNK_BYTES = 64 * 1024,
    KEPT_PIECE_BYTES = 16 * 1024 * 1024, /* of one statement */
    FEW_ROWS = 8,
    CAME_ROWS = 4096,
    KEPT_ROW_BYTES = 128 * 1024 * 1024, /* more is not kept */
};

/* ---- writing ---- */

static void put_text(struct mr_buf *out, struct mr_slice text)
{
    mr_buf_u16(out, (uint16_t)text.len); /* names, keys and guards: far below 64 KiB */
    mr_buf_add(out, text.data, text.len);
}

static struct mr_slice type_name(const struct mr_column *column)
{
    return mr_slice_str(column->type.sql != NULL ? column->type.sql : "");
}

/* The octets of a record's guard; empty: it has none. */
static struct mr_slice guard_of(const struct mr_rows *rows, const struct mr_row_left *half,
                                uint8_t octets[MR_GUARD_MAX_BYTES])
{
    const struct mr_row row = {.op = MR_ROW_DELETE, .tuple = half->tuple};
    struct mr_slice guard;
    if (!rows->guard.on || !mr_row_guard(&rows->guard, &row, &guard))
        return (struct mr_slice){octets, 0};
    return (struct mr_slice){octets, mr_guard_octets(&rows->guard, guard, octets)};
}

/* A row that leaves, and what is known of it. */
struct leaving {
    struct mr_row_left *left;
    struct mr_slice values; /* in an arena; data NULL: nothing */
    bool found;             /* looked for already */
};

static void put_columns(struct mr_buf *out, const struct mr_table *table,
                        const struct mr_colset *kept, const struct mr_slice *fields)
{
    for (uint16_t i = 0; i < kept->n_cols; i++) {
        const struct mr_column *column = &table->columns[kept->cols[i]];
        if (fields[i].data == NULL)
            continue;
        put_text(out, mr_slice_str(column->name));
        put_text(out, type_name(column));
        mr_buf_add(out, fields[i].data, fields[i].len);
    }
}

static bool any_known(const struct mr_slice *fields, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (fields[i].data != NULL)
            return true;
    }
    return false;
}

/* The values of one row, unless nothing is known of it. */
static int values_make(const struct mr_load *load, const struct mr_left_find *find, size_t at,
                       struct leaving *row, struct mr_err *err)
{
    uint8_t octets[MR_GUARD_MAX_BYTES];
    struct mr_buf out = {.limit = KEPT_ROW_BYTES};
    const struct mr_row_left *left = row->left;
    const struct mr_slice *fields = find->fields + at * find->cols->n_cols;
    const struct mr_span *span = &load->spans[left->span_idx];
    row->found = true;
    row->values = (struct mr_slice){NULL, 0};
    if (!any_known(fields, find->cols->n_cols) || left->new_key_tuple.len > UINT16_MAX)
        return 0;
    mr_buf_byte(&out, KEPT_VERSION);
    mr_buf_u32(&out, (uint32_t)span->partition);
    mr_buf_u64(&out, (uint64_t)left->offset);
    put_text(&out, mr_slice_str(span->stream));
    put_text(&out, left->new_key_tuple);
    put_text(&out, guard_of(load->rows, left, octets));
    put_columns(&out, load->rows->table, find->cols, fields);
    int rc = 0;
    if (mr_buf_ok(&out)) { /* else too large to be kept */
        row->values = (struct mr_slice){mr_arena_copy(find->arena, out.data, out.len), out.len};
        if (row->values.data == NULL)
            rc = mr_err_set(err, MR_NO_MEMORY, "a row of %zu bytes", out.len);
    }
    mr_buf_release(&out);
    return rc;
}

/* ---- reading ---- */

struct reading {
    const uint8_t *at;
    const uint8_t *end;
    bool bad;
};

static const uint8_t *take(struct reading *in, size_t n)
{
    const uint8_t *at = in->at;
    if (in->bad || (size_t)(in->end - in->at) < n) {
        in->bad = true;
        return NULL;
    }
    in->at += n;
    return at;
}

static struct mr_slice take_text(struct reading *in)
{
    const uint8_t *len = take(in, 2);
    size_t n = len != NULL ? mr_get_u16(len) : 0;
    const uint8_t *at = take(in, n);
    return (struct mr_slice){at, at != NULL ? n : 0};
}

static struct mr_slice take_field(struct reading *in)
{
    const uint8_t *at = in->at;
    const uint8_t *len = take(in, 4);
    if (len == NULL || take(in, mr_field_len(len) - 4) == NULL)
        return (struct mr_slice){NULL, 0};
    return (struct mr_slice){at, (size_t)(in->at - at)};
}

/* Whose a tomb is; the columns follow. */
struct origin {
    bool same_partition; /* as the row's that asks */
    uint64_t offset;
    struct mr_slice new_key;
    struct mr_slice guard;
};

static bool origin_take(const struct mr_load *load, uint32_t span_idx, struct reading *in,
                        struct origin *out)
{
    const struct mr_span *span = &load->spans[span_idx];
    const uint8_t *version = take(in, 1);
    const uint8_t *partition = take(in, 4);
    const uint8_t *offset = take(in, 8);
    struct mr_slice stream = take_text(in);
    out->new_key = take_text(in);
    out->guard = take_text(in);
    if (in->bad || *version != KEPT_VERSION)
        return false;
    out->offset = mr_get_u64(offset);
    out->same_partition = mr_get_u32(partition) == (uint32_t)span->partition &&
                          mr_slice_eq(stream, mr_slice_str(span->stream));
    return true;
}

/* Is the tomb that of the change by which this row came? */
static bool is_of_change(const struct mr_load *load, const struct mr_row_left *came,
                         struct reading *in)
{
    uint8_t octets[MR_GUARD_MAX_BYTES];
    struct origin origin;
    if (!origin_take(load, came->span_idx, in, &origin) ||
        !mr_slice_eq(origin.new_key, came->new_key_tuple))
        return false;
    struct mr_slice guard = guard_of(load->rows, came, octets);
    bool same_guard = origin.guard.len > 0 && mr_slice_eq(origin.guard, guard);
    return (origin.same_partition || (load->rows->guard.position && same_guard)) &&
           mr_rows_same_change(load->rows, origin.guard, guard);
}

/* The column's field, as it was written for the type that the column has now; the tomb's columns
 * ascend, but by the order of the table then. */
static struct mr_slice field_find(struct reading in, const struct mr_column *column)
{
    while (!in.bad && in.at < in.end) {
        struct mr_slice name = take_text(&in);
        struct mr_slice type = take_text(&in);
        struct mr_slice field = take_field(&in);
        if (!in.bad && mr_slice_eq(name, mr_slice_str(column->name)) &&
            mr_slice_eq(type, type_name(column)))
            return field;
    }
    return (struct mr_slice){NULL, 0};
}

static int kept_put(struct mr_load *load, struct mr_kept *kept, size_t n, struct mr_err *err)
{
    struct mr_kept_rows put = {
        .table = load->rows->table, .kept = kept, .n = n, .ttl_ms = load->route->moved_tomb_ttl_ms};
    return n > 0 ? load->session->ops->kept_put(load->session, &put, err) : 0;
}

int mr_kept_find(struct mr_load *load, const struct mr_kept_find *find, struct mr_err *err)
{
    struct mr_kept kept[MR_READ_MAX_ROWS];
    struct mr_kept_rows read = {.table = load->rows->table,
                                .kept = kept,
                                .n = find->n,
                                .arena = find->arena,
                                .ttl_ms = load->route->moved_tomb_ttl_ms};
    for (size_t i = 0; i < find->n; i++)
        kept[i] = (struct mr_kept){.key = find->came[i]->key_tuple};
    int rc = load->session->ops->kept_read(load->session, &read, err);
    for (size_t i = 0; rc == 0 && i < find->n; i++) {
        struct mr_slice *fields = find->fields + i * find->cols->n_cols;
        struct reading in = {kept[i].values.data, NULL, kept[i].values.data == NULL};
        if (in.bad)
            continue;
        in.end = in.at + kept[i].values.len;
        if (!is_of_change(load, find->came[i], &in))
            continue;
        for (uint16_t c = 0; c < find->cols->n_cols; c++)
            fields[c] = field_find(in, &load->rows->table->columns[find->cols->cols[c]]);
    }
    return rc;
}

/* ---- rows that leave ---- */

/* Columns that a row may have without them being sent: all that are written but the key's. */
static int kept_cols(const struct mr_load *load, struct mr_arena *arena, struct mr_colset *out,
                     struct mr_err *err)
{
    const struct mr_table *table = load->rows->table;
    const struct mr_colset *key = &load->rows->key;
    uint16_t *cols = mr_arena_alloc(arena, table->n_columns * sizeof *cols);
    uint16_t n = 0;
    if (cols == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "%u columns", (unsigned)table->n_columns);
    for (uint16_t i = 0; i < table->n_columns; i++) {
        bool is_key = false;
        for (uint16_t k = 0; k < key->n_cols; k++)
            is_key = is_key || key->cols[k] == i;
        if (!is_key && !table->columns[i].generated)
            cols[n++] = i;
    }
    *out = (struct mr_colset){.n_cols = n, .cols = cols};
    return 0;
}

/* Rows that leave together. */
struct piece {
    struct leaving *rows;
    size_t n;
    const struct mr_colset *kept;
    struct mr_arena arena;
    size_t n_bytes; /* of their values */
};

/* Finds what is known of some of a piece's rows. */
static int values_find(struct mr_load *load, struct piece *piece, struct leaving *const *rows,
                       size_t n, struct mr_err *err)
{
    struct mr_row_left *left[MR_READ_MAX_ROWS];
    struct mr_left_find find = {.of = left, .n = n, .cols = piece->kept, .arena = &piece->arena};
    find.fields = mr_arena_alloc(find.arena, (n * find.cols->n_cols + 1) * sizeof *find.fields);
    if (find.fields == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "%zu rows", n);
    for (size_t i = 0; i < n; i++)
        left[i] = rows[i]->left;
    int rc = n > 0 ? mr_left_find(load, &find, err) : 0;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = values_make(load, &find, i, rows[i], err);
    return rc;
}

/* A delete that finds no row takes a former tomb away, but not its own, if it comes once more, nor
 * that of a newer one. */
static bool may_drop(const struct mr_load *load, const struct mr_row_left *left,
                     struct mr_slice values)
{
    uint8_t octets[MR_GUARD_MAX_BYTES];
    struct origin origin;
    struct reading in = {values.data, values.data + values.len, false};
    if (!origin_take(load, left->span_idx, &in, &origin))
        return true;
    if (origin.same_partition && origin.offset == (uint64_t)left->offset)
        return false;
    struct mr_slice guard = guard_of(load->rows, left, octets);
    return origin.guard.len == 0 || guard.len == 0 ||
           mr_guard_order(false, guard, origin.guard) >= 0;
}

static int drop_some(struct mr_load *load, struct piece *piece, struct mr_err *err)
{
    struct mr_kept kept[MR_READ_MAX_ROWS];
    const struct mr_row_left *of[MR_READ_MAX_ROWS] = {NULL};
    struct mr_kept_rows read = {.table = load->rows->table,
                                .kept = kept,
                                .ttl_ms = load->route->moved_tomb_ttl_ms,
                                .arena = &piece->arena};
    size_t n_dropped = 0;
    for (size_t i = 0; i < piece->n; i++) {
        if (piece->rows[i].values.data != NULL)
            continue;
        of[read.n] = piece->rows[i].left;
        kept[read.n++] = (struct mr_kept){.key = piece->rows[i].left->key_tuple};
    }
    int rc = read.n > 0 ? load->session->ops->kept_read(load->session, &read, err) : 0;
    for (size_t i = 0; rc == 0 && i < read.n && of[i] != NULL; i++) {
        if (kept[i].values.data != NULL && may_drop(load, of[i], kept[i].values))
            kept[n_dropped++] = (struct mr_kept){.key = of[i]->key_tuple};
    }
    return rc == 0 ? kept_put(load, kept, n_dropped, err) : rc;
}

static int leave_some(struct mr_load *load, struct piece *piece, struct mr_err *err)
{
    struct mr_kept tombs[MR_READ_MAX_ROWS];
    struct leaving *asked[MR_READ_MAX_ROWS];
    size_t n_asked = 0;
    size_t n = 0;
    mr_arena_reset(&piece->arena);
    piece->n_bytes = 0;
    for (size_t i = 0; i < piece->n; i++) {
        if (!piece->rows[i].found)
            asked[n_asked++] = &piece->rows[i];
    }
    int rc = values_find(load, piece, asked, n_asked, err);
    for (size_t i = 0; rc == 0 && i < piece->n; i++) {
        const struct leaving *row = &piece->rows[i];
        if (row->values.data != NULL)
            tombs[n++] = (struct mr_kept){row->left->key_tuple, row->values};
        piece->n_bytes += row->values.len;
    }
    if (rc == 0)
        rc = kept_put(load, tombs, n, err);
    return rc == 0 ? drop_some(load, piece, err) : rc;
}

static bool is_again(const struct leaving *rows, size_t n, const struct leaving *row)
{
    for (size_t i = 0; i < n; i++) {
        if (mr_slice_eq(rows[i].left->key_tuple, row->left->key_tuple))
            return true;
    }
    return false;
}

/* Those whose new row is not in the batch, in the order they left. */
static int left_list(const struct mr_rows *rows, struct leaving **out, size_t *n_out,
                     struct mr_err *err)
{
    size_t n = 0;
    for (const struct mr_row_left *left = rows->left; left != NULL; left = left->before)
        n += left->taken || left->came ? 0 : 1;
    *n_out = n;
    *out = calloc(n + 1, sizeof **out);
    if (*out == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "rows that move");
    for (struct mr_row_left *left = rows->left; left != NULL; left = left->before) {
        if (!left->taken && !left->came)
            (*out)[--n].left = left;
    }
    return 0;
}

/* Piece by piece, in few bytes; a key's later move must not share a statement with the one before
 * it. */
static int leave_all(struct mr_load *load, const struct mr_colset *kept, struct leaving *rows,
                     size_t n_rows, struct mr_err *err)
{
    struct piece piece = {.rows = rows, .kept = kept};
    size_t max = FEW_ROWS;
    int rc = 0;
    mr_arena_init(&piece.arena, KEPT_CHUNK_BYTES, SIZE_MAX / 2);
    while (rc == 0 && piece.rows < rows + n_rows) {
        size_t n_left = (size_t)(rows + n_rows - piece.rows);
        size_t n = 1;
        while (n < max && n < n_left && !is_again(piece.rows, n, &piece.rows[n]))
            n++;
        piece.n = n;
        rc = leave_some(load, &piece, err);
        size_t fits = KEPT_PIECE_BYTES / (piece.n_bytes / n + 1);
        max = fits < 1 ? 1 : fits > MR_READ_MAX_ROWS ? MR_READ_MAX_ROWS : fits;
        piece.rows += n;
    }
    mr_arena_release(&piece.arena);
    struct mr_kept_rows expire = {
        .table = load->rows->table, .ttl_ms = load->route->moved_tomb_ttl_ms, .n_expire = n_rows};
    return rc == 0 && n_rows > 0 ? load->session->ops->kept_put(load->session, &expire, err) : rc;
}

/* ---- rows that came ---- */

/* What keys had left for these rows is used up, whether they asked for it or not. They are those
 * from `left` on. */
static int came_drop(struct mr_load *load, const struct mr_row_left *left,
                     const struct mr_kept_rows *read, struct mr_err *err)
{
    size_t n_used = 0;
    size_t i = 0;
    int rc = load->session->ops->kept_read(load->session, read, err);
    for (; rc == 0 && left != NULL && i < read->n; left = left->before) {
        struct mr_slice values = left->came ? read->kept[i++].values : (struct mr_slice){NULL, 0};
        if (values.data == NULL)
            continue;
        struct reading in = {values.data, values.data + values.len, false};
        if (is_of_change(load, left, &in))
            read->kept[n_used++] = (struct mr_kept){.key = left->key_tuple};
    }
    return rc == 0 ? kept_put(load, read->kept, n_used, err) : rc;
}

/* One question for many: few of them have a tomb. */
static int came_all(struct mr_load *load, struct mr_err *err)
{
    struct mr_kept *kept = calloc(CAME_ROWS, sizeof *kept);
    struct mr_arena arena;
    const struct mr_row_left *left = load->rows->left;
    int rc = kept != NULL ? 0 : mr_err_set(err, MR_NO_MEMORY, "rows that move");
    mr_arena_init(&arena, KEPT_CHUNK_BYTES, SIZE_MAX / 2);
    while (rc == 0 && left != NULL) {
        const struct mr_row_left *first = left;
        struct mr_kept_rows read = {.table = load->rows->table,
                                    .kept = kept,
                                    .ttl_ms = load->route->moved_tomb_ttl_ms,
                                    .arena = &arena};
        for (; left != NULL && read.n < CAME_ROWS; left = left->before) {
            if (left->came)
                kept[read.n++] = (struct mr_kept){.key = left->key_tuple};
        }
        mr_arena_reset(&arena);
        if (read.n > 0)
            rc = came_drop(load, first, &read, err);
    }
    mr_arena_release(&arena);
    free(kept);
    return rc;
}

/* A row that came from another key itself may have left a tomb there, which another one may be put
 * in place of: so those are asked first. */
static int moved_find(struct mr_load *load, struct piece *piece, struct mr_err *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < piece->n; i++) {
        struct leaving *row = &piece->rows[i];
        if (row->left->past != NULL && row->left->past->came != NULL)
            rc = values_find(load, piece, &row, 1, err);
    }
    return rc;
}

/* Where rows are not kept, a tomb of a time when they were is none of a later move of its key. */
static int former_drop(struct mr_load *load, const struct leaving *rows, size_t n,
                       struct mr_err *err)
{
    struct mr_kept *kept = calloc(n + 1, sizeof *kept);
    int rc = kept != NULL ? 0 : mr_err_set(err, MR_NO_MEMORY, "rows that move");
    for (size_t i = 0; rc == 0 && i < n; i++)
        kept[i] = (struct mr_kept){.key = rows[i].left->key_tuple};
    if (rc == 0)
        rc = kept_put(load, kept, n, err);
    free(kept);
    return rc;
}

static int kept_all(struct mr_load *load, struct leaving *rows, size_t n, struct mr_err *err)
{
    struct mr_colset kept;
    struct piece all = {.rows = rows, .n = n, .kept = &kept};
    bool keep = load->route->keep_moved;
    mr_arena_init(&all.arena, KEPT_CHUNK_BYTES, SIZE_MAX / 2);
    int rc = kept_cols(load, &all.arena, &kept, err);
    if (rc == 0 && keep)
        rc = moved_find(load, &all, err);
    if (rc == 0)
        rc = came_all(load, err);
    if (rc == 0)
        rc = keep ? leave_all(load, &kept, rows, n, err) : former_drop(load, rows, n, err);
    mr_arena_release(&all.arena);
    return rc;
}

int mr_kept_leave(struct mr_load *load, struct mr_err *err)
{
    struct leaving *rows = NULL;
    size_t n = 0;
    if (load->rows->left == NULL)
        return 0;
    int rc = left_list(load->rows, &rows, &n, err);
    if (rc == 0)
        rc = kept_all(load, rows, n, err);
    free(rows);
    return rc;
}
