/* Owns vectors: their limits and their texts. Source: pgvector, src/vector.c, halfvec.c and
 * sparsevec.c. */
#include "schemas/vector.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "schemas/json_text.h"

#include "base/ban.h"

#define HALF_LIMIT 65520.0 /* from here on rounding to nearest gives infinity */

int mr_vector_check(const struct mr_vector *v, const struct mr_coltype *to, struct mr_err *err)
{
    bool sparse = to->type == MR_T_SPARSEVEC;
    int32_t most = sparse ? MR_SPARSE_MAX_DIM : MR_VECTOR_MAX;
    if (v->dim < 1 || v->dim > most || v->n > MR_VECTOR_MAX)
        return mr_err_set(err, MR_VALUE_OUT_OF_RANGE, "%d dimensions, %u elements", (int)v->dim,
                          (unsigned)v->n);
    if (to->length > 0 && v->dim != to->length)
        return mr_err_set(err, MR_VALUE_INVALID, "%d dimensions into %s(%d)", (int)v->dim,
                          mr_type_name(to->type), (int)to->length);
    for (uint32_t i = 0; i < v->n; i++) {
        float stored = (float)v->v[i]; /* halves are made of it, too */
        if (!isfinite(stored) || (to->type == MR_T_HALFVEC && fabs((double)stored) >= HALF_LIMIT))
            return mr_err_set(err, MR_VALUE_OUT_OF_RANGE, "element %u is beyond %s", (unsigned)i,
                              mr_type_name(to->type));
    }
    return 0;
}

/* An element as the float that it is stored as. */
static void put_real(struct mr_buf *out, double v)
{
    mr_json_text_real(out, v, v == (double)(float)v, false);
}

void mr_vector_print(struct mr_buf *out, const struct mr_vector *v)
{
    mr_buf_byte(out, v->idx != NULL ? '{' : '[');
    for (uint32_t i = 0; i < v->n; i++) {
        if (i > 0)
            mr_buf_byte(out, ',');
        if (v->idx != NULL)
            mr_buf_fmt(out, "%lld:", (long long)v->idx[i] + 1);
        put_real(out, v->v[i]);
    }
    if (v->idx != NULL)
        mr_buf_fmt(out, "}/%d", (int)v->dim);
    else
        mr_buf_byte(out, ']');
}

void mr_vector_drop_zeros(struct mr_vector *v, int32_t *idx, double *reals)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < v->n; i++) {
        if ((float)reals[i] == 0)
            continue;
        idx[kept] = idx[i];
        reals[kept++] = reals[i];
    }
    v->n = kept;
}

struct element {
    int32_t idx;
    double v;
};

static int element_compare(const void *a, const void *b)
{
    int32_t left = ((const struct element *)a)->idx;
    int32_t right = ((const struct element *)b)->idx;
    return left < right ? -1 : left > right ? 1 : 0;
}

bool mr_vector_sort(const struct mr_vector_room *room, struct mr_vector *v)
{
    double *reals = mr_buf_items(room->reals);
    int32_t *idx = mr_buf_items(room->idx);
    struct element *all = v->n > 0 ? mr_memory_given(malloc(v->n * sizeof *all)) : NULL;
    uint32_t kept = 0;
    bool ok = all != NULL || v->n == 0;
    for (uint32_t i = 0; ok && i < v->n; i++)
        all[i] = (struct element){idx[i], reals[i]};
    if (ok && v->n > 1)
        qsort(all, v->n, sizeof *all, element_compare);
    for (uint32_t i = 0; ok && i < v->n; i++) {
        ok = i == 0 || all[i].idx != all[i - 1].idx;
        if (all[i].v == 0)
            continue;
        idx[kept] = all[i].idx;
        reals[kept++] = all[i].v;
    }
    free(all);
    v->n = kept;
    return ok;
}

struct scan {
    const uint8_t *at;
    const uint8_t *end; /* a NUL stands there */
};

static bool blank(uint8_t c)
{
    return c == ' ' || (c >= 9 && c <= 13);
}

static bool take(struct scan *s, char c)
{
    while (s->at < s->end && blank(*s->at))
        s->at++;
    if (s->at >= s->end || *s->at != (uint8_t)c)
        return false;
    s->at++;
    return true;
}

static void blanks(struct scan *s)
{
    while (s->at < s->end && blank(*s->at))
        s->at++;
}

static struct mr_slice token(struct scan *s)
{
    blanks(s);
    const uint8_t *first = s->at;
    while (s->at < s->end && !blank(*s->at) && strchr(",:]}/", *s->at) == NULL)
        s->at++;
    return (struct mr_slice){first, (size_t)(s->at - first)};
}

/* An element as pgvector reads it: a float, rounded once; beyond them all the double, so that a
 * range check sees it. `*lost`: it is far below the smallest. */
static bool real(struct scan *s, struct mr_buf *out, bool *lost)
{
    char *end;
    errno = 0;
    float f = strtof((const char *)s->at, &end);
    double v = isfinite(f) ? (double)f : strtod((const char *)s->at, NULL);
    *lost = errno == ERANGE && f == 0;
    if (end == (const char *)s->at || !isfinite(v))
        return false;
    s->at = (const uint8_t *)end;
    mr_buf_add(out, &v, sizeof v);
    return true;
}

static bool integer(struct scan *s, int32_t *out)
{
    struct mr_slice text = token(s);
    int64_t v = 0;
    if (text.len == 0 || text.len > 10)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        v = v * 10 + (text.data[i] - '0');
    }
    return mr_i32_from_i64(v, out);
}

static bool dense_parse(struct scan *s, struct mr_buf *reals)
{
    if (!take(s, '['))
        return false;
    bool lost; /* they are 0 here */
    do {
        if (!real(s, reals, &lost))
            return false;
    } while (take(s, ','));
    return take(s, ']');
}

static bool sparse_parse(struct scan *s, const struct mr_vector_room *room, int32_t *dim)
{
    int32_t idx;
    bool lost;
    if (!take(s, '{'))
        return false;
    if (!take(s, '}')) {
        do {
            if (!integer(s, &idx) || idx < 1 || !take(s, ':') || !real(s, room->reals, &lost) ||
                lost)
                return false;
            idx--;
            mr_buf_add(room->idx, &idx, sizeof idx);
        } while (take(s, ','));
        if (!take(s, '}'))
            return false;
    }
    return take(s, '/') && integer(s, dim);
}

bool mr_vector_parse(struct mr_slice text, bool sparse, const struct mr_vector_room *room,
                     struct mr_vector *out)
{
    struct mr_buf copy = MR_BUF_INIT;
    mr_buf_add(&copy, text.data, text.len);
    const uint8_t *at = (const uint8_t *)mr_buf_cstr(&copy);
    struct scan s = {at, at + copy.len};
    mr_buf_reset(room->reals);
    mr_buf_reset(room->idx);
    *out = (struct mr_vector){.dim = 0};
    bool ok = mr_buf_ok(&copy) &&
              (sparse ? sparse_parse(&s, room, &out->dim) : dense_parse(&s, room->reals));
    blanks(&s);
    ok = ok && s.at == s.end;
    mr_buf_release(&copy);
    if (!ok || !mr_buf_ok(room->reals) || !mr_buf_ok(room->idx))
        return false;
    out->n = (uint32_t)(room->reals->len / sizeof(double));
    out->v = mr_buf_items(room->reals);
    if (!sparse) {
        out->dim = (int32_t)out->n;
        return true;
    }
    static const int32_t none[1];
    out->idx = out->n > 0 ? mr_buf_items(room->idx) : none;
    if (!mr_vector_sort(room, out))
        return false;
    return out->n == 0 || out->idx[out->n - 1] < out->dim;
}
