/* Owns the texts of figures. Must not know a column. Invariant: a text is taken whole or not at
 * all. Source: PostgreSQL 15, src/backend/utils/adt/geo_ops.c, the *_in and *_out functions; of the
 * forms that the server reads only those that it writes are taken. */
#include "schemas/figure.h"

#include <math.h>
#include <stdlib.h>

#include "schemas/json_text.h"

#include "base/ban.h"

/* What stands around all points, and around each number list that is no point. */
static const struct form {
    const char *open;
    const char *close;
    uint32_t n; /* numbers; 0: any even number */
} forms[] = {
    [MR_T_POINT - MR_T_POINT] = {"", "", 2},     [MR_T_LINE - MR_T_POINT] = {"{", "}", 3},
    [MR_T_CIRCLE - MR_T_POINT] = {"<", ">", 3},  [MR_T_BOX - MR_T_POINT] = {"", "", 4},
    [MR_T_LSEG - MR_T_POINT] = {"[", "]", 4},    [MR_T_PATH - MR_T_POINT] = {"[", "]", 0},
    [MR_T_POLYGON - MR_T_POINT] = {"(", ")", 0},
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
    const uint8_t *end;
    struct mr_buf *room;
};

static void blanks(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || (*s->at >= 9 && *s->at <= 13)))
        s->at++;
}

static bool word(struct scan *s, const char *text)
{
    for (; *text != '\0'; text++) {
        blanks(s);
        if (s->at >= s->end || *s->at != (uint8_t)*text)
            return false;
        s->at++;
    }
    blanks(s);
    return true;
}

/* The nearest float, rounded once; beyond them all the double, so that a range check sees it. */
static double nearest_single(const char *text)
{
    float f = strtof(text, NULL);
    return isfinite(f) ? (double)f : strtod(text, NULL);
}

bool mr_real_parse(struct mr_slice text, bool single, double *out)
{
    char copy[64];
    char *end;
    if (text.len == 0 || text.len >= sizeof copy)
        return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    if (strcmp(copy, "Infinity") == 0 || strcmp(copy, "-Infinity") == 0 ||
        strcmp(copy, "NaN") == 0) {
        *out = copy[0] == 'N' ? (double)NAN : copy[0] == '-' ? -HUGE_VAL : HUGE_VAL;
        return true;
    }
    if (strspn(copy, "0123456789+-.eE") != text.len)
        return false;
    *out = strtod(copy, &end);
    if (single)
        *out = nearest_single(copy);
    return *end == '\0' && isfinite(*out);
}

static bool number(struct scan *s)
{
    double v;
    const uint8_t *first = s->at;
    while (s->at < s->end && strchr(",()[]{}<> \t\n\r\v\f", *s->at) == NULL)
        s->at++;
    if (!mr_real_parse((struct mr_slice){first, (size_t)(s->at - first)}, false, &v))
        return false;
    mr_buf_add(s->room, &v, sizeof v);
    blanks(s);
    return true;
}

static bool point(struct scan *s)
{
    return word(s, "(") && number(s) && word(s, ",") && number(s) && word(s, ")");
}

static bool figure_scan(struct scan *s, enum mr_type type, const struct form *form)
{
    if (!word(s, form->open))
        return false;
    if (type == MR_T_LINE)
        return number(s) && word(s, ",") && number(s) && word(s, ",") && number(s) &&
               word(s, form->close);
    if (!point(s))
        return false;
    if (type == MR_T_CIRCLE)
        return word(s, ",") && number(s) && word(s, form->close);
    while (s->at < s->end && *s->at == ',') {
        if (!word(s, ",") || !point(s))
            return false;
    }
    return word(s, form->close);
}

bool mr_figure_parse(struct mr_slice text, enum mr_type type, struct mr_buf *room,
                     struct mr_figure *out)
{
    struct scan s = {text.data, text.data + text.len, room};
    mr_buf_reset(room);
    blanks(&s);
    out->closed = type == MR_T_PATH && s.at < s.end && *s.at == '(';
    const struct form *form = form_of(type, out->closed);
    if (!figure_scan(&s, type, form) || s.at != s.end || !mr_buf_ok(room))
        return false;
    out->n = (uint32_t)(room->len / sizeof(double)); /* a text is far below 2^32 numbers */
    out->v = mr_buf_items(room);
    if (type == MR_T_BOX && out->n == 4)
        mr_figure_box(mr_buf_items(room));
    return (form->n == 0 || form->n == out->n) && mr_figure_valid(type, out);
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
