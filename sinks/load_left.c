/* Owns whose values a row had before its key changed. Speaks to sink->ops only. Invariant
 * (contract.md U-30): a value is told only where it is the last one that is known of that row, and
 * where nothing says that there is a later one.
 *
 * A row may have come from another key itself, so the search goes on from half to half of the
 * changes: the batch's state of the old key, or the target's row where that is the newer one by
 * their guards, or the tomb that the old key has left. */
#include "sinks/load_left.h"

#include <stdlib.h>
#include <string.h>

#include "schemas/guard.h"
#include "sinks/load_kept.h"

#include "base/ban.h"

enum { MAX_CHAIN = 1000 }; /* changes of one row's key in a batch that are followed back */

/* One row's search. */
struct search {
    struct mr_row_left *at;   /* the half to be asked next; NULL: it is over */
    struct mr_row_left *came; /* of the same change; NULL: none */
    struct mr_slice *fields;
    bool *open; /* columns that are still looked for */
    bool state; /* does the batch's state count? */
    bool base;  /* does the target's row? */
    bool tomb;  /* is the old key's tomb asked? */
};

struct searches {
    struct mr_load *load;
    const struct mr_left_find *find;
    struct search *all;
};

static void field_take(struct search *search, size_t col, struct mr_slice field)
{
    search->fields[col] = field;
    search->open[col] = false;
}

static bool is_open(const struct searches *searches, const struct search *search)
{
    for (size_t i = 0; i < searches->find->cols->n_cols; i++) {
        if (search->open[i])
            return true;
    }
    return false;
}

/* ---- the halves of a change ---- */

/* Guard and old key of a half, as one text at `*at`. */
static struct mr_slice change_name(const struct mr_row_left *half, uint8_t **at)
{
    struct mr_slice name = {*at, half->tuple.len + half->key_tuple.len};
    memcpy(*at, half->tuple.data, half->tuple.len);
    memcpy(*at + half->tuple.len, half->key_tuple.data, half->key_tuple.len);
    *at += name.len;
    return name;
}

/* Those that left and have not been found by a row that came. */
static int names_make(struct mr_row_left *first, struct mr_map *names, uint8_t **at)
{
    int rc = 0;
    for (struct mr_row_left *left = first; rc == 0 && left != NULL; left = left->before) {
        if (left->came || left->taken || left->tuple.data == NULL)
            continue;
        struct mr_slice name = change_name(left, at);
        if (mr_map_find(names, name.data, name.len) == NULL) /* the last one has the name */
            rc = mr_map_put(names, name.data, name.len, left);
    }
    return rc;
}

static void halves_join(struct mr_row_left *first, const struct mr_map *names, uint8_t *at)
{
    for (struct mr_row_left *came = first; came != NULL; came = came->before) {
        if (!came->came || came->of != NULL || came->lost || came->tuple.data == NULL)
            continue;
        uint8_t *end = at;
        struct mr_slice name = change_name(came, &end);
        struct mr_row_left *left = mr_map_find(names, name.data, name.len);
        if (left == NULL || left->taken || !mr_slice_eq(left->new_key_tuple, came->new_key_tuple))
            continue;
        came->of = left;
        left->taken = true;
    }
}

int mr_left_pair(struct mr_load *load, struct mr_err *err)
{
    const struct mr_rows *rows = load->rows;
    struct mr_map names;
    size_t n_bytes = 1;
    size_t max = 1;
    if (rows->left == NULL || !rows->guard.on || !rows->guard.position)
        return 0;
    for (const struct mr_row_left *left = rows->left; left != NULL; left = left->before) {
        size_t len = left->tuple.len + left->key_tuple.len;
        n_bytes += len;
        max = len > max ? len : max;
    }
    uint8_t *bytes = malloc(n_bytes + max);
    uint8_t *at = bytes;
    mr_map_init(&names, rows->by_key.seed);
    int rc = bytes != NULL ? names_make(rows->left, &names, &at) : -MR_NO_MEMORY;
    if (rc == 0)
        halves_join(rows->left, &names, at);
    mr_map_release(&names);
    free(bytes);
    return rc == 0 ? 0 : mr_err_set(err, MR_NO_MEMORY, "rows that move");
}

/* ---- guards ---- */

static bool octets_of(const struct mr_load *load, const struct mr_row *row,
                      uint8_t octets[MR_GUARD_MAX_BYTES], struct mr_slice *out)
{
    struct mr_slice guard;
    if (!mr_row_guard(&load->rows->guard, row, &guard))
        return false;
    *out = (struct mr_slice){octets, mr_guard_octets(&load->rows->guard, guard, octets)};
    return true;
}

/* What the target has of the key is newer than the row. */
static bool is_behind(const struct mr_load *load, const struct mr_row *row,
                      const struct mr_guard_seen *seen)
{
    uint8_t octets[MR_GUARD_MAX_BYTES];
    struct mr_slice mine;
    const struct mr_slice theirs = {seen->octets, seen->len};
    return !octets_of(load, row, octets, &mine) || mr_guard_order(false, mine, theirs) < 0;
}

/* What is newer than the delete is not the row that moved; and the newer one of the batch's state
 * and the target's row is the one that the delete ended. Where the newer one is a tomb's,
 * there was a row that nobody has seen. */
static void weigh_guards(const struct mr_load *load, struct search *search,
                         const struct mr_guard_seen *seen)
{
    const struct mr_row_past *past = search->at->past;
    const struct mr_row deleted = {.op = MR_ROW_DELETE, .tuple = search->at->tuple};
    if (seen->state == MR_GUARD_ABSENT)
        search->base = false;
    if (seen->state != MR_GUARD_SEEN)
        return;
    if (is_behind(load, &deleted, seen)) {
        search->state = search->base = false;
    } else if (search->state) {
        const struct mr_row state = {.op = MR_ROW_UPSERT, .cols = past->cols, .tuple = past->tuple};
        if (is_behind(load, &state, seen)) {
            search->state = false;
            search->base = !load->rows->truncated;
        }
    }
}

/* Without guards nobody knows which of a key's states in several partitions was the last. */
static void weigh(const struct mr_load *load, struct search *search)
{
    const struct mr_row_left *left = search->at;
    const struct mr_row_past *past = left->past;
    bool known = !left->gone && (!left->unsure || load->rows->guard.on);
    search->state = known && past != NULL && past->cols != NULL;
    search->base = known && !load->rows->truncated &&
                   (past == NULL || (!past->replaced && past->came == NULL));
}

static int weigh_all(const struct searches *searches, struct search *const *asked, size_t n,
                     struct mr_err *err)
{
    struct mr_load *load = searches->load;
    struct mr_guard_seen seen[MR_READ_MAX_ROWS];
    struct mr_row keys[MR_READ_MAX_ROWS];
    const struct mr_row *rows[MR_READ_MAX_ROWS];
    const struct mr_guarded what = {.table = load->rows->table,
                                    .key = &load->rows->key,
                                    .guard = &load->rows->guard,
                                    .rows = rows,
                                    .n_rows = n};
    for (size_t i = 0; i < n; i++)
        weigh(load, asked[i]);
    if (!load->rows->guard.on)
        return 0;
    memset(seen, 0, n * sizeof *seen);
    for (size_t i = 0; i < n; i++) {
        keys[i] = (struct mr_row){
            .op = MR_ROW_DELETE, .key = asked[i]->at->key, .key_tuple = asked[i]->at->key_tuple};
        rows[i] = &keys[i];
    }
    int rc = load->session->ops->guards_read(load->session, &what, seen, err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        weigh_guards(load, asked[i], &seen[i]);
    return rc;
}

/* ---- values ---- */

/* Takes what the batch's state has. What it masks goes on; what it does not mention is the
 * target's, or a default that nobody knows here. */
static void state_take(const struct searches *searches, struct search *search)
{
    const struct mr_colset *cols = searches->find->cols;
    const struct mr_row_past *past = search->at->past;
    for (uint16_t i = 0; i < cols->n_cols; i++) {
        uint16_t idx;
        struct mr_slice field;
        bool has = mr_tuple_column(past->cols, past->tuple, cols->cols[i], &idx, &field);
        if (has && search->open[i] && !mr_row_is_masked(past->mask, idx))
            field_take(search, i, field);
        else if (!has && !search->base)
            search->open[i] = false;
    }
}

static void base_take(const struct searches *searches, struct search *search, struct mr_slice tuple)
{
    const uint8_t *at = tuple.data + 2;
    for (size_t i = 0; i < searches->find->cols->n_cols; i++) {
        struct mr_slice field = {at, mr_field_len(at)};
        at += field.len;
        if (search->open[i])
            field_take(search, i, field);
    }
}

static int bases_take(const struct searches *searches, struct search *const *asked, size_t n,
                      struct mr_err *err)
{
    struct mr_load *load = searches->load;
    struct mr_slice keys[MR_READ_MAX_ROWS];
    struct mr_slice tuples[MR_READ_MAX_ROWS];
    const struct search *of[MR_READ_MAX_ROWS];
    struct mr_read_rows read = {.table = load->rows->table,
                                .key = &load->rows->key,
                                .cols = searches->find->cols,
                                .keys = keys,
                                .arena = searches->find->arena,
                                .tuples = tuples};
    for (size_t i = 0; i < n; i++) {
        if (!asked[i]->base || !is_open(searches, asked[i]))
            continue;
        of[read.n_keys] = asked[i];
        keys[read.n_keys++] = asked[i]->at->key_tuple;
    }
    int rc = read.n_keys > 0 ? load->session->ops->read_rows(load->session, &read, err) : 0;
    size_t at = 0;
    for (size_t i = 0; rc == 0 && i < n && at < read.n_keys; i++) {
        if (asked[i] != of[at])
            continue;
        if (tuples[at].data != NULL)
            base_take(searches, asked[i], tuples[at]);
        else
            asked[i]->base = false;
        at++;
    }
    return rc;
}

/* Rows whose halves that left are in the batch. */
static int batch_ask(const struct searches *searches, struct search *const *asked, size_t n,
                     struct mr_err *err)
{
    int rc = weigh_all(searches, asked, n, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (asked[i]->state)
            state_take(searches, asked[i]);
    }
    if (rc == 0)
        rc = bases_take(searches, asked, n, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const struct mr_row_past *past = asked[i]->at->past;
        if (asked[i]->at->plain && !asked[i]->state && !asked[i]->base &&
            (past == NULL || past->cols == NULL))
            asked[i]->tomb = true; /* the delete is the tombstone of one that came before */
        else
            asked[i]->at = asked[i]->state && is_open(searches, asked[i]) ? past->came : NULL;
    }
    return rc;
}

static int tombs_ask(const struct searches *searches, struct search *const *asked, size_t n,
                     struct mr_err *err)
{
    size_t n_cols = searches->find->cols->n_cols;
    const struct mr_row_left *came[MR_READ_MAX_ROWS];
    struct mr_kept_find find = {
        .came = came, .n = n, .cols = searches->find->cols, .arena = searches->find->arena};
    find.fields = calloc(n * n_cols + 1, sizeof *find.fields);
    if (find.fields == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "%zu rows", n);
    for (size_t i = 0; i < n; i++)
        came[i] = asked[i]->came;
    int rc = mr_kept_find(searches->load, &find, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        for (size_t c = 0; c < n_cols; c++) {
            struct mr_slice field = find.fields[i * n_cols + c];
            if (asked[i]->open[c] && field.data != NULL)
                field_take(asked[i], c, field);
        }
        asked[i]->at = NULL;
    }
    free(find.fields);
    return rc;
}

/* Goes from a half that came to the one that left, if the batch has it. */
static void other_half(struct search *search)
{
    if (search->at == NULL || !search->at->came)
        return;
    search->came = search->at;
    if (search->at->lost)
        search->at = NULL;
    else if (search->at->of != NULL)
        search->at = search->at->of;
    else
        search->tomb = true;
}

/* One step of all that go on. */
static int step(const struct searches *searches, bool *goes_on, struct mr_err *err)
{
    struct search *in_batch[MR_READ_MAX_ROWS];
    struct search *in_tombs[MR_READ_MAX_ROWS];
    size_t n_batch = 0;
    size_t n_tombs = 0;
    for (size_t i = 0; i < searches->find->n; i++) {
        struct search *search = &searches->all[i];
        if (!search->tomb)
            other_half(search);
        if (search->at != NULL && search->tomb)
            in_tombs[n_tombs++] = search;
        else if (search->at != NULL)
            in_batch[n_batch++] = search;
    }
    *goes_on = n_batch > 0;
    int rc = n_batch > 0 ? batch_ask(searches, in_batch, n_batch, err) : 0;
    return rc == 0 && n_tombs > 0 ? tombs_ask(searches, in_tombs, n_tombs, err) : rc;
}

int mr_left_find(struct mr_load *load, const struct mr_left_find *find, struct mr_err *err)
{
    size_t n_cols = find->cols->n_cols;
    size_t max_steps = MAX_CHAIN;
    bool goes_on = true;
    struct searches searches = {.load = load, .find = find};
    bool *open = malloc(find->n * n_cols + 1);
    searches.all = calloc(find->n + 1, sizeof *searches.all);
    int rc = open != NULL && searches.all != NULL
                 ? 0
                 : mr_err_set(err, MR_NO_MEMORY, "%zu rows that move", find->n);
    if (rc == 0) {
        memset(open, 1, find->n * n_cols);
        memset(find->fields, 0, find->n * n_cols * sizeof *find->fields);
    }
    for (size_t i = 0; rc == 0 && i < find->n; i++)
        searches.all[i] = (struct search){
            .at = find->of[i], .fields = find->fields + i * n_cols, .open = open + i * n_cols};
    /* each step is one change further back, unless guards that are no positions go round */
    for (; rc == 0 && goes_on && max_steps > 0; max_steps--)
        rc = step(&searches, &goes_on, err);
    free(searches.all);
    free(open);
    return rc;
}
