/* Owns jansson in this layer. Must not be given text that was not measured: jansson recurses up to
 * its own depth of 2048 and allocates a table for each object, so depth and number of values are
 * counted first by one pass over the bytes. Invariant: a struct mr_json is a json_t. */
#include "schemas/json.h"

#include <stdlib.h>

#include <jansson.h>

#include "base/memory.h"

#include "base/ban.h"

static json_t *json_of(const struct mr_json *value)
{
    /* jansson's readers take a non-const json_t but do not change it. */
    union {
        const struct mr_json *in;
        json_t *out;
    } cast = {.in = value};
    return cast.out;
}

static struct mr_json *json_wrap(json_t *value)
{
    union {
        json_t *in;
        struct mr_json *out;
    } cast = {.in = value};
    return cast.out;
}

/* Position behind the string whose opening quote is at `at`. */
static size_t string_end(const char *text, size_t len, size_t at)
{
    for (at++; at < len && text[at] != '"'; at++) {
        if (text[at] == '\\')
            at++;
    }
    return at + 1;
}

/* Counts what parsing would build. Text that is not JSON may be counted wrongly: never too low for
 * what the parser builds before it sees the fault, since each value follows '[', '{', ',' or ':'.
 */
static int json_measure(const char *text, size_t len, const struct mr_json_limits *limits,
                        struct mr_err *err)
{
    uint32_t depth = 0;
    uint32_t n_values = 1;
    for (size_t at = 0; at < len;) {
        char c = text[at];
        if (c == '"') {
            at = string_end(text, len, at);
            continue;
        }
        at++;
        if (c == ']' || c == '}') {
            depth -= depth > 0;
            continue;
        }
        bool opens = c == '[' || c == '{';
        if (!opens && c != ',')
            continue;
        depth += opens;
        n_values++;
        if (depth > limits->max_depth)
            return mr_err_set(err, MR_SCHEMA_TOO_LARGE, "JSON is nested deeper than %u",
                              (unsigned)limits->max_depth);
        if (n_values > limits->max_values)
            return mr_err_set(err, MR_SCHEMA_TOO_LARGE, "JSON has more than %u values",
                              (unsigned)limits->max_values);
    }
    return 0;
}

static void *counted_malloc(size_t n)
{
    return mr_memory_given(malloc(n));
}

void mr_json_count_memory(void)
{
    json_set_alloc_funcs(counted_malloc, free);
}

int mr_json_parse(const char *text, size_t len, const struct mr_json_limits *limits,
                  struct mr_json **out, struct mr_err *err)
{
    if (len > limits->max_bytes)
        return mr_err_set(err, MR_SCHEMA_TOO_LARGE, "JSON of %zu bytes, the limit is %zu", len,
                          limits->max_bytes);
    uint32_t mark = mr_memory_mark();
    int rc = json_measure(text, len, limits, err);
    if (rc < 0)
        return rc;
    /* U+0000 is common: the default of a decimal column is the one byte 0 (S-09). */
    size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
    json_error_t fault;
    json_t *root = json_loadb(text, len, flags, &fault);
    if (root == NULL && json_error_code(&fault) == json_error_numeric_overflow)
        root = json_loadb(text, len, flags | JSON_DECODE_INT_AS_REAL, &fault);
    if (root == NULL && json_error_code(&fault) == json_error_out_of_memory)
        return mr_err_set(err, MR_NO_MEMORY, "parsing JSON of %zu bytes", len);
    if (root == NULL) {
        rc = mr_err_set(err, MR_SCHEMA_INVALID, "not JSON at line %d column %d: %s", fault.line,
                        fault.column, fault.text);
        return mr_memory_judge(mark, rc, err, "parsing JSON");
    }
    *out = json_wrap(root);
    return 0;
}

void mr_json_free(struct mr_json *root)
{
    json_decref(json_of(root));
}

enum mr_json_kind mr_json_kind(const struct mr_json *value)
{
    switch (json_typeof(json_of(value))) {
    case JSON_OBJECT:
        return MR_JSON_OBJECT;
    case JSON_ARRAY:
        return MR_JSON_ARRAY;
    case JSON_STRING:
        return MR_JSON_STRING;
    case JSON_INTEGER:
        return MR_JSON_INTEGER;
    case JSON_REAL:
        return MR_JSON_REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return MR_JSON_BOOL;
    case JSON_NULL:
    default:
        return MR_JSON_NULL;
    }
}

bool mr_json_bool(const struct mr_json *value)
{
    return json_is_true(json_of(value));
}

int64_t mr_json_integer(const struct mr_json *value)
{
    return json_integer_value(json_of(value));
}

double mr_json_number(const struct mr_json *value)
{
    return json_number_value(json_of(value));
}

struct mr_slice mr_json_string(const struct mr_json *value)
{
    const char *text = json_string_value(json_of(value));
    return (struct mr_slice){(const uint8_t *)text, json_string_length(json_of(value))};
}

const char *mr_json_text(const struct mr_json *value)
{
    if (!mr_json_is(value, MR_JSON_STRING))
        return NULL;
    const char *text = json_string_value(json_of(value));
    return strlen(text) == json_string_length(json_of(value)) ? text : NULL;
}

size_t mr_json_size(const struct mr_json *value)
{
    if (mr_json_is(value, MR_JSON_ARRAY))
        return json_array_size(json_of(value));
    return mr_json_is(value, MR_JSON_OBJECT) ? json_object_size(json_of(value)) : 0;
}

const struct mr_json *mr_json_at(const struct mr_json *array, size_t idx)
{
    return json_wrap(json_array_get(json_of(array), idx));
}

const struct mr_json *mr_json_find(const struct mr_json *object, const char *name)
{
    return json_wrap(json_object_get(json_of(object), name));
}

bool mr_json_next(const struct mr_json *object, struct mr_json_walk *walk)
{
    json_t *of = json_of(object);
    walk->at = walk->begun ? json_object_iter_next(of, walk->at) : json_object_iter(of);
    walk->begun = true;
    if (walk->at == NULL)
        return false;
    walk->name = json_object_iter_key(walk->at);
    walk->value = json_wrap(json_object_iter_value(walk->at));
    return true;
}

static int print_chunk(const char *bytes, size_t n, void *arg)
{
    struct mr_buf *out = arg;
    mr_buf_add(out, bytes, n);
    return mr_buf_ok(out) ? 0 : -1;
}

void mr_json_print(const struct mr_json *value, struct mr_buf *out)
{
    if (json_dump_callback(json_of(value), print_chunk, out, JSON_COMPACT | JSON_ENCODE_ANY) != 0)
        out->failed = true;
}
