/* Owns the texts of figures. Must not know a column. Invariant: a text is taken whole or not at
 * all. Source: PostgreSQL 15, src/backend/utils/adt/geo_ops.c, the *_in and *_out functions: all
 * forms that the server reads are. */
#include "schemas/figure.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "schemas/json_text.h"

#include "base/ban.h"

/* What stands around all points, and around each number list that is no point. */
static const struct form {
    const char *open;
    const char *close;
} forms[] = {
    [MR_T_POINT - MR_T_POINT] = {"", ""},     [MR_T_LINE - MR_T_POINT] = {"{", "}"},
    [MR_T_CIRCLE - MR_T_POINT] = {"<", ">"},  [MR_T_BOX - MR_T_POINT] = {"", ""},
    [MR_T_LSEG - MR_T_POINT] = {"[", "]"},    [MR_T_PATH - MR_T_POINT] = {"[", "]"},
    [MR_T_POLYGON - MR_T_POINT] = {"(", ")"},
};

static const struct form *form_of(enum mr_type type, bool closed)
{
    bool round = type == MR_T_PATH && closed;
    return &forms[(round ? MR_T_POLYGON : type) - MR_T_POINT];
}

static void put_real(struct mr_buf *out, double v)
{
    mr_json_text_real(out, v, false, false);
}

static void put_point(struct mr_buf *out, const double *v)
{
    mr_buf_byte(out, '(');
    put_real(out, v[0]);
    mr_buf_byte(out, ',');
    put_real(out, v[1]);
    mr_buf_byte(out, ')');
}

void mr_figure_print(struct mr_buf *out, enum mr_type type, const struct mr_figure *v)
{
    const struct form *form = form_of(type, v->closed);
    mr_buf_str(out, form->open);
    if (type == MR_T_LINE) {
        for (uint32_t i = 0; i < v->n; i++) {
            mr_buf_str(out, i > 0 ? "," : "");
            put_real(out, v->v[i]);
        }
    } else {
        for (uint32_t i = 0; i + 1 < v->n; i += 2) {
            mr_buf_str(out, i > 0 ? "," : "");
            put_point(out, v->v + i);
        }
    }
    if (type == MR_T_CIRCLE) {
        mr_buf_byte(out, ',');
        put_real(out, v->v[2]);
    }
    mr_buf_str(out, form->close);
}

struct scan {
    const uint8_t *at;
    const uint8_t *end; /* a NUL stands there */
    struct mr_buf *room;
};

static void blanks(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || (*s->at >= 9 && *s->at <= 13)))
        s->at++;
}

static bool is_next(const struct scan *s, char c)
{
    return s->at < s->end && *s->at == (uint8_t)c;
}

static bool eat(struct scan *s, char c)
{
    if (!is_next(s, c))
        return false;
    s->at++;
    blanks(s);
    return true;
}

/* What the server asks, too; a number below the smallest is none. Source: float.c,
 * float8in_internal(). */
static bool number(struct scan *s)
{
    char *end;
    errno = 0;
    double v = strtod((const char *)s->at, &end);
    bool beyond = errno == ERANGE && (v == 0 || !isfinite(v));
    if (end == (const char *)s->at || beyond)
        return false;
    s->at = (const uint8_t *)end;
    mr_buf_add(s->room, &v, sizeof v);
    blanks(s);
    return true;
}

/* `x,y` or `(x,y)`. */
static bool pair(struct scan *s)
{
    blanks(s);
    bool round = eat(s, '(');
    return number(s) && eat(s, ',') && number(s) && (!round || eat(s, ')'));
}

/* Is it a bracket that no other one follows? */
static bool is_lone(const struct scan *s)
{
    return is_next(s, '(') && memchr(s->at + 1, '(', (size_t)(s->end - s->at) - 1) == NULL;
}

/* Opens what stands around points; how many closings are due then. */
static unsigned points_open(struct scan *s, bool *open)
{
    struct scan inner = *s;
    *open = eat(s, '[');
    if (*open)
        return 1;
    if (!is_next(s, '('))
        return 0;
    (void)eat(&inner, '(');
    if (!is_next(&inner, '(') && !is_lone(s))
        return 0; /* the first point's own */
    *s = inner;
    return 1;
}

/* Points with or without brackets of their own and around all of them, commas between them. */
static bool points(struct scan *s, size_t n, bool may_open, bool *open)
{
    blanks(s);
    unsigned due = points_open(s, open);
    if (*open && !may_open)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!pair(s))
            return false;
        (void)eat(s, ',');
    }
    return due == 0 || eat(s, ')') || (*open && eat(s, ']'));
}

/* By the commas between the numbers; 0: not pairs of them. */
static size_t count_points(const struct scan *s)
{
    size_t n = 0;
    for (const uint8_t *at = s->at; at < s->end; at++)
        n += *at == ',' ? 1 : 0;
    return n % 2 == 1 ? (n + 1) / 2 : 0;
}

static bool circle(struct scan *s)
{
    struct scan inner = *s;
    bool sharp = eat(s, '<');
    bool round = !sharp && eat(&inner, '(') && is_next(&inner, '(');
    if (round)
        *s = inner;
    if (!pair(s))
        return false;
    (void)eat(s, ',');
    return number(s) && (!(sharp || round) || eat(s, '>') || eat(s, ')'));
}

/* A path may have a bracket more around numbers without any. */
static bool path(struct scan *s, bool *closed)
{
    bool open;
    size_t n = count_points(s);
    bool lone = is_lone(s);
    if (lone)
        (void)eat(s, '(');
    if (n == 0 || !points(s, n, true, &open) || (lone && !eat(s, ')')))
        return false;
    *closed = !open;
    return true;
}

static bool is_same(double a, double b)
{
    return a == b || fabs(a - b) <= 1e-06;
}

/* The line through two points. Source: geo_ops.c, point_sl() and line_construct(). */
static bool line_through(struct mr_buf *room)
{
    double *v = mr_buf_items(room);
    double x = v[0];
    double y = v[1];
    bool steep = is_same(x, v[2]);
    bool flat = is_same(y, v[3]);
    if (steep && flat)
        return false;
    double slope = steep || flat ? 0 : (y - v[3]) / (x - v[2]);
    double rest = y - slope * x;
    room->len = 3 * sizeof *v;
    v[0] = steep ? -1 : slope;
    v[1] = steep ? 0 : -1;
    v[2] = steep ? x : flat ? y : rest == 0 ? 0 : rest;
    return steep || flat || (isfinite(slope) && slope != 0 && isfinite(rest));
}

static bool line(struct scan *s)
{
    bool open;
    if (eat(s, '{'))
        return number(s) && eat(s, ',') && number(s) && eat(s, ',') && number(s) && eat(s, '}');
    return points(s, 2, true, &open) && mr_buf_ok(s->room) && line_through(s->room);
}

static bool figure_scan(struct scan *s, enum mr_type type, struct mr_figure *out)
{
    bool open;
    size_t n;
    if (type == MR_T_POINT)
        return pair(s);
    if (type == MR_T_CIRCLE)
        return circle(s);
    if (type == MR_T_LINE)
        return line(s);
    if (type == MR_T_PATH)
        return path(s, &out->closed);
    n = type == MR_T_POLYGON ? count_points(s) : 2;
    return n > 0 && points(s, n, type == MR_T_LSEG, &open);
}

bool mr_figure_parse(struct mr_slice text, enum mr_type type, struct mr_buf *room,
                     struct mr_figure *out)
{
    struct mr_buf copy = MR_BUF_INIT;
    mr_buf_add(&copy, text.data, text.len);
    const uint8_t *at = (const uint8_t *)mr_buf_cstr(&copy);
    struct scan s = {at, at + copy.len, room};
    mr_buf_reset(room);
    blanks(&s);
    out->closed = false;
    bool ok = mr_buf_ok(&copy) && figure_scan(&s, type, out) && s.at == s.end && mr_buf_ok(room);
    mr_buf_release(&copy);
    if (!ok)
        return false;
    out->n = (uint32_t)(room->len / sizeof(double)); /* a text is far below 2^32 numbers */
    out->v = mr_buf_items(room);
    if (type == MR_T_BOX)
        mr_figure_box(mr_buf_items(room));
    return mr_figure_valid(type, out);
}

void mr_figure_box(double v[4])
{
    for (int i = 0; i < 2; i++) {
        if (v[i] >= v[i + 2])
            continue;
        double low = v[i];
        v[i] = v[i + 2];
        v[i + 2] = low;
    }
}

bool mr_figure_valid(enum mr_type type, const struct mr_figure *v)
{
    if (type == MR_T_CIRCLE)
        return !(v->v[2] < 0);
    /* The server's own idea of 0. */
    return type != MR_T_LINE || !(fabs(v->v[0]) <= 1e-06) || !(fabs(v->v[1]) <= 1e-06);
}
