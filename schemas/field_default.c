/* Owns the way from a default in a schema's JSON to a literal. The value goes through the same
 * normalisers as one off the wire, so that both mean the same. Must not quote: that is the
 * dialect's. */
#include "schemas/field_default.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "schemas/convert.h"
#include "schemas/json.h"

#include "base/ban.h"

enum { MAX_DEFAULT_BYTES = 65536 };
#define DAY_US INT64_C(86400000000)

/* S-09: bytes are written as the characters U+0000 to U+00FF. False for any other character. */
static bool octets_of(struct mr_slice text, struct mr_buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned c = text.data[i];
        if (c >= 0x80) {
            if (c > 0xc3 || i + 1 >= text.len)
                return false;
            c = (c & 0x1f) << 6 | (text.data[++i] & 0x3f);
        }
        mr_buf_byte(out, (uint8_t)c);
    }
    return mr_buf_ok(out);
}

/* NaN and the infinities come as texts from old producers. */
static bool real_of(const struct mr_json *json, double *out)
{
    const char *text = mr_json_text(json);
    if (text == NULL) {
        *out = mr_json_number(json);
        return mr_json_is(json, MR_JSON_INTEGER) || mr_json_is(json, MR_JSON_REAL);
    }
    bool minus = *text == '-';
    if (strcmp(text, "NaN") == 0)
        *out = (double)NAN;
    else if (strcmp(text + minus, "Infinity") == 0)
        *out = minus ? (double)-INFINITY : (double)INFINITY;
    else
        return false;
    return true;
}

/* The JSON value as the wire would have given it. False where it is not of the type. */
static bool scalar_of(const struct mr_typed *typed, const struct mr_json *json,
                      struct mr_buf *bytes, struct mr_value *out)
{
    *out = (struct mr_value){0};
    switch ((int)typed->node->kind) {
    case MR_AV_BOOLEAN:
        out->i = mr_json_is(json, MR_JSON_BOOL) && mr_json_bool(json);
        return mr_json_is(json, MR_JSON_BOOL);
    case MR_AV_INT:
    case MR_AV_LONG:
        if (!mr_json_is(json, MR_JSON_INTEGER))
            return false;
        out->i = mr_json_integer(json);
        return typed->node->kind == MR_AV_LONG || (out->i >= INT32_MIN && out->i <= INT32_MAX);
    case MR_AV_FLOAT:
    case MR_AV_DOUBLE:
        return real_of(json, &out->d);
    case MR_AV_STRING:
    case MR_AV_ENUM:
        if (mr_json_text(json) == NULL)
            return false;
        out->s = mr_json_string(json);
        return true;
    case MR_AV_BYTES:
    case MR_AV_FIXED:
        if (!mr_json_is(json, MR_JSON_STRING) || !octets_of(mr_json_string(json), bytes))
            return false;
        out->s = (struct mr_slice){bytes->data, bytes->len};
        return typed->node->kind == MR_AV_BYTES || bytes->len == typed->node->size;
    default:
        return false;
    }
}

static void print(enum mr_family family, const struct mr_convert *c, const struct mr_value *v,
                  struct mr_buf *out)
{
    static const char digits[] = "0123456789abcdef";
    if (family == MR_FAM_TEXT) {
        mr_buf_add(out, v->s.data, v->s.len);
        return;
    }
    if (family != MR_FAM_BYTES) {
        mr_convert_text(family, c, v, out);
        return;
    }
    mr_buf_str(out, "\\x");
    for (size_t i = 0; i < v->s.len; i++) {
        mr_buf_byte(out, (uint8_t)digits[v->s.data[i] >> 4]);
        mr_buf_byte(out, (uint8_t)digits[v->s.data[i] & 15]);
    }
}

/* Appends the literal; false where there is none. */
static bool literal(const struct mr_typed *typed, const struct mr_json *json, struct mr_buf *out)
{
    struct mr_err ignored = MR_ERR_INIT;
    struct mr_buf bytes = MR_BUF_INIT;
    struct mr_convert_run run = {.err = &ignored};
    struct mr_convert c;
    struct mr_value value;
    enum mr_family family = mr_convert_leaf(typed, &c);
    bool done = false;
    run.num = mr_memory_given(malloc(sizeof *run.num));
    if (run.num == NULL || family == MR_FAM_DOCUMENT || !scalar_of(typed, json, &bytes, &value))
        goto out;
    if (c.normalise != NULL && c.normalise(&run, &c, &value) < 0)
        goto out;
    if (family == MR_FAM_TIME && (value.i < 0 || value.i > DAY_US))
        goto out;
    print(family, &c, &value, out);
    done = mr_buf_ok(out);
out:
    free(run.num);
    mr_buf_release(&run.text);
    mr_buf_release(&run.more);
    mr_buf_release(&bytes);
    return done;
}

const char *mr_field_default(const struct mr_typed *typed, const char *default_json,
                             struct mr_arena *arena)
{
    static const struct mr_json_limits limits = {
        .max_bytes = MAX_DEFAULT_BYTES, .max_depth = 16, .max_values = 1024};
    struct mr_err ignored = MR_ERR_INIT;
    struct mr_json *json = NULL;
    struct mr_buf text = MR_BUF_INIT;
    const char *out = NULL;
    if (default_json == NULL ||
        mr_json_parse(default_json, strlen(default_json), &limits, &json, &ignored) < 0)
        return NULL;
    if (literal(typed, json, &text) && (text.len == 0 || memchr(text.data, 0, text.len) == NULL))
        out = mr_arena_copy(arena, mr_buf_cstr(&text), text.len + 1);
    mr_json_free(json);
    mr_buf_release(&text);
    return out;
}
