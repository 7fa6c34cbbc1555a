/* Owns avro-c. Must not be called with bytes off the wire. Invariants: the lock is held around
 * every call into avro-c and across nothing else; values are walked with an explicit stack, whose
 * depth is the JSON's (MAX_DEPTH). */
#include "schemas/avro_lib.h"

#include <math.h>
#include <stdlib.h>

#include <avro.h>

#include "base/lock.h"
#include "base/memory.h"
#include "schemas/json.h"

#include "base/ban.h"

enum {
    RANK_AVRO_LIB = 65,
    MAX_DEPTH = 128,
    MAX_DATUM_BYTES = 64 * 1024 * 1024,
    MAX_DATUM_VALUES = 4 * 1024 * 1024
};

struct mr_avro_lib {
    avro_schema_t schema;
    avro_value_iface_t *class;
};

/* Process-wide because avro-c's reference counts are: its primitive schemas are static objects. */
static struct mr_lock avro_lock;

static void avro_lock_begin(void)
{
    mr_lock_init(&avro_lock, RANK_AVRO_LIB);
}

static void avro_enter(void) MR_ACQUIRES(avro_lock)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, avro_lock_begin);
    mr_lock_take(&avro_lock);
}

static int parse(const char *schema, size_t len, avro_schema_t *out, struct mr_err *err)
    MR_REQUIRES(avro_lock)
{
    if (len > INT32_MAX)
        return mr_err_set(err, MR_SCHEMA_TOO_LARGE, "a schema of %zu bytes", len);
    if (avro_schema_from_json_length(schema, len, out) != 0)
        return mr_err_set(err, MR_SCHEMA_INVALID, "avro-c: %s", avro_strerror());
    return 0;
}

int mr_avro_lib_check(const char *schema, size_t len, struct mr_err *err)
{
    avro_schema_t parsed = NULL;
    avro_enter();
    int rc = parse(schema, len, &parsed, err);
    if (rc == 0)
        avro_schema_decref(parsed);
    mr_lock_drop(&avro_lock);
    return rc;
}

int mr_avro_lib_new(const char *schema, size_t len, struct mr_avro_lib **out, struct mr_err *err)
{
    struct mr_avro_lib *lib = mr_memory_given(calloc(1, sizeof *lib));
    if (lib == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "an Avro encoder");
    avro_enter();
    int rc = parse(schema, len, &lib->schema, err);
    if (rc == 0)
        lib->class = avro_generic_class_from_schema(lib->schema);
    if (rc == 0 && lib->class == NULL) {
        rc = mr_err_set(err, MR_SCHEMA_INVALID, "avro-c: %s", avro_strerror());
        avro_schema_decref(lib->schema);
    }
    mr_lock_drop(&avro_lock);
    if (rc != 0)
        free(lib);
    else
        *out = lib;
    return rc;
}

void mr_avro_lib_free(struct mr_avro_lib *lib)
{
    if (lib == NULL)
        return;
    avro_enter();
    avro_value_iface_decref(lib->class);
    avro_schema_decref(lib->schema);
    mr_lock_drop(&avro_lock);
    free(lib);
}

/* A value being filled: containers stay on the stack until their last child is done. */
struct fill_frame {
    avro_value_t value;
    const struct mr_json *json;
    size_t next;
    struct mr_json_walk walk; /* maps */
};

struct fill {
    struct fill_frame *frames; /* MAX_DEPTH + 1 */
    size_t depth;
    struct mr_err *err;
};

static int misfit(const struct fill *fill, const char *what)
{
    return mr_err_set(fill->err, MR_VALUE_INVALID, "%s (at depth %zu)", what, fill->depth);
}

/* Code points 0-255 to bytes; the buffer is the caller's to release. */
static int latin1(const struct fill *fill, const struct mr_json *json, struct mr_buf *out)
{
    if (!mr_json_is(json, MR_JSON_STRING))
        return misfit(fill, "bytes need a string");
    struct mr_slice text = mr_json_string(json);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c >= 0xc4)
            return misfit(fill, "bytes need code points up to 255");
        if (c >= 0xc2) /* valid UTF-8: one more byte follows */
            c = (uint8_t)((c & 0x03) << 6 | (text.data[++i] & 0x3f));
        mr_buf_byte(out, c);
    }
    return mr_buf_ok(out) ? 0 : mr_err_set(fill->err, MR_NO_MEMORY, "bytes");
}

static int fill_bytes(const struct fill *fill, avro_value_t *value, const struct mr_json *json,
                      bool fixed)
{
    struct mr_buf bytes = {.limit = MAX_DATUM_BYTES};
    int rc = latin1(fill, json, &bytes);
    void *data = bytes.data != NULL ? (void *)bytes.data : (void *)&bytes;
    if (rc == 0 && fixed)
        rc = avro_value_set_fixed(value, data, bytes.len) == 0 ? 0 : misfit(fill, "fixed size");
    else if (rc == 0)
        rc = avro_value_set_bytes(value, data, bytes.len) == 0 ? 0 : misfit(fill, "bytes");
    mr_buf_release(&bytes);
    return rc;
}

static int fill_string(const struct fill *fill, avro_value_t *value, const struct mr_json *json)
{
    if (!mr_json_is(json, MR_JSON_STRING))
        return misfit(fill, "a string is needed");
    /* avro-c's length counts the zero at the end. */
    struct mr_slice text = mr_json_string(json);
    union {
        const uint8_t *in;
        char *out;
    } cast = {.in = text.data};
    return avro_value_set_string_len(value, cast.out, text.len + 1) == 0 ? 0
                                                                         : misfit(fill, "string");
}

static int fill_enum(const struct fill *fill, avro_value_t *value, const struct mr_json *json)
{
    const char *symbol = mr_json_text(json);
    if (symbol == NULL)
        return misfit(fill, "an enum needs a symbol");
    int idx = avro_schema_enum_get_by_name(avro_value_get_schema(value), symbol);
    return idx >= 0 && avro_value_set_enum(value, idx) == 0 ? 0 : misfit(fill, "unknown symbol");
}

static bool real_of(const struct mr_json *json, double *out)
{
    const char *text = mr_json_text(json);
    if (mr_json_is(json, MR_JSON_INTEGER) || mr_json_is(json, MR_JSON_REAL))
        *out = mr_json_number(json);
    else if (text != NULL && strcmp(text, "NaN") == 0)
        *out = (double)NAN;
    else if (text != NULL && strcmp(text, "Infinity") == 0)
        *out = (double)INFINITY;
    else if (text != NULL && strcmp(text, "-Infinity") == 0)
        *out = -(double)INFINITY;
    else
        return false;
    return true;
}

static int fill_number(const struct fill *fill, avro_value_t *value, const struct mr_json *json,
                       avro_type_t type)
{
    double real;
    int32_t small;
    if (type == AVRO_DOUBLE || type == AVRO_FLOAT) {
        if (!real_of(json, &real))
            return misfit(fill, "a number is needed");
        int set = type == AVRO_DOUBLE ? avro_value_set_double(value, real)
                                      : avro_value_set_float(value, (float)real);
        return set == 0 ? 0 : misfit(fill, "number");
    }
    if (!mr_json_is(json, MR_JSON_INTEGER))
        return misfit(fill, "an integer is needed");
    int64_t whole = mr_json_integer(json);
    if (type == AVRO_INT64)
        return avro_value_set_long(value, whole) == 0 ? 0 : misfit(fill, "long");
    if (!mr_i32_from_i64(whole, &small))
        return misfit(fill, "an int has 32 bits");
    return avro_value_set_int(value, small) == 0 ? 0 : misfit(fill, "int");
}

static int push(struct fill *fill, const avro_value_t *value, const struct mr_json *json)
{
    if (fill->depth > MAX_DEPTH)
        return misfit(fill, "nested too deeply");
    fill->frames[fill->depth++] =
        (struct fill_frame){.value = *value, .json = json, .walk = MR_JSON_WALK_INIT};
    return 0;
}

static bool branch_has_name(avro_schema_t branch, const char *name)
{
    const char *own = avro_schema_type_name(branch);
    const char *dot = strrchr(name, '.');
    if (dot == NULL)
        return strcmp(own, name) == 0;
    const char *space = is_avro_record(branch) || is_avro_enum(branch) || is_avro_fixed(branch)
                            ? avro_schema_namespace(branch)
                            : NULL;
    size_t n = (size_t)(dot - name);
    return space != NULL && strlen(space) == n && strncmp(space, name, n) == 0 &&
           strcmp(own, dot + 1) == 0;
}

/* null is the branch null; {"branch": value} any other. */
static int fill_union(struct fill *fill, avro_value_t *value, const struct mr_json *json)
{
    const char *name = "null";
    const struct mr_json *inner = json;
    if (json != NULL && !mr_json_is(json, MR_JSON_NULL)) {
        struct mr_json_walk walk = MR_JSON_WALK_INIT;
        if (!mr_json_is(json, MR_JSON_OBJECT) || mr_json_size(json) != 1 ||
            !mr_json_next(json, &walk))
            return misfit(fill, "a union needs null or {\"branch\": value}");
        name = walk.name;
        inner = walk.value;
    }
    avro_schema_t schema = avro_value_get_schema(value);
    for (size_t i = 0; i < avro_schema_union_size(schema); i++) {
        avro_value_t branch;
        if (!branch_has_name(avro_schema_union_branch(schema, (int)i), name))
            continue;
        if (avro_value_set_branch(value, (int)i, &branch) != 0)
            return misfit(fill, "union");
        return push(fill, &branch, inner);
    }
    return misfit(fill, "the union has no such branch");
}

/* One scalar, or the begin of a container, which replaces itself on the stack. */
static int fill_scalar(struct fill *fill, avro_value_t *value, const struct mr_json *json)
{
    avro_type_t type = avro_value_get_type(value);
    if (type == AVRO_UNION)
        return fill_union(fill, value, json);
    if (json == NULL && type != AVRO_NULL)
        return misfit(fill, "a field is missing");
    switch ((int)type) {
    case AVRO_STRING:
        return fill_string(fill, value, json);
    case AVRO_BYTES:
    case AVRO_FIXED:
        return fill_bytes(fill, value, json, type == AVRO_FIXED);
    case AVRO_ENUM:
        return fill_enum(fill, value, json);
    case AVRO_BOOLEAN:
        if (!mr_json_is(json, MR_JSON_BOOL))
            return misfit(fill, "a boolean is needed");
        return avro_value_set_boolean(value, mr_json_bool(json)) == 0 ? 0 : misfit(fill, "boolean");
    case AVRO_NULL:
        if (json != NULL && !mr_json_is(json, MR_JSON_NULL))
            return misfit(fill, "null is needed");
        return avro_value_set_null(value) == 0 ? 0 : misfit(fill, "null");
    default:
        return fill_number(fill, value, json, type);
    }
}

/* The next child of a container into *child; 1 when there is none left. */
static int next_child(struct fill *fill, struct fill_frame *frame, avro_value_t *child,
                      const struct mr_json **json)
{
    avro_type_t type = avro_value_get_type(&frame->value);
    if (type == AVRO_MAP) {
        if (!mr_json_next(frame->json, &frame->walk))
            return 1;
        *json = frame->walk.value;
        int is_new;
        return avro_value_add(&frame->value, frame->walk.name, child, NULL, &is_new) == 0
                   ? 0
                   : misfit(fill, "map");
    }
    if (type == AVRO_ARRAY) {
        *json = mr_json_at(frame->json, frame->next++);
        if (*json == NULL)
            return 1;
        return avro_value_append(&frame->value, child, NULL) == 0 ? 0 : misfit(fill, "array");
    }
    size_t n_fields;
    const char *name;
    if (avro_value_get_size(&frame->value, &n_fields) != 0 || frame->next == n_fields)
        return 1;
    if (avro_value_get_by_index(&frame->value, frame->next++, child, &name) != 0)
        return misfit(fill, "record");
    *json = mr_json_find(frame->json, name);
    return 0;
}

static bool is_container(avro_type_t type)
{
    return type == AVRO_RECORD || type == AVRO_ARRAY || type == AVRO_MAP;
}

static int fill_step(struct fill *fill)
{
    struct fill_frame *top = &fill->frames[fill->depth - 1];
    avro_type_t type = avro_value_get_type(&top->value);
    avro_value_t child;
    const struct mr_json *json = NULL;
    if (!is_container(type)) {
        avro_value_t value = top->value;
        json = top->json;
        fill->depth--;
        return fill_scalar(fill, &value, json);
    }
    enum mr_json_kind kind = type == AVRO_ARRAY ? MR_JSON_ARRAY : MR_JSON_OBJECT;
    if (!mr_json_is(top->json, kind))
        return misfit(fill, type == AVRO_ARRAY ? "an array is needed" : "an object is needed");
    int rc = next_child(fill, top, &child, &json);
    if (rc == 1) {
        fill->depth--;
        return 0;
    }
    return rc != 0 ? rc : push(fill, &child, json);
}

static int fill_value(avro_value_t *value, const struct mr_json *json, struct mr_err *err)
{
    struct fill fill = {.frames = mr_memory_given(calloc(MAX_DEPTH + 1, sizeof(struct fill_frame))),
                        .err = err};
    if (fill.frames == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "an Avro value");
    int rc = push(&fill, value, json);
    while (rc == 0 && fill.depth > 0)
        rc = fill_step(&fill);
    free(fill.frames);
    return rc;
}

static int write_value(avro_value_t *value, struct mr_buf *out, struct mr_err *err)
    MR_REQUIRES(avro_lock)
{
    size_t n;
    if (avro_value_sizeof(value, &n) != 0)
        return mr_err_set(err, MR_VALUE_INVALID, "avro-c: %s", avro_strerror());
    char *at = (char *)mr_buf_room(out, n);
    avro_writer_t writer = at != NULL ? avro_writer_memory(at, (int64_t)n) : NULL;
    if (writer == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "a datum of %zu bytes", n);
    int rc = avro_value_write(writer, value) == 0
                 ? 0
                 : mr_err_set(err, MR_VALUE_INVALID, "avro-c: %s", avro_strerror());
    avro_writer_free(writer);
    return rc;
}

int mr_avro_lib_encode(struct mr_avro_lib *lib, const char *json, size_t len, struct mr_buf *out,
                       struct mr_err *err)
{
    static const struct mr_json_limits limits = {MAX_DATUM_BYTES, MAX_DEPTH, MAX_DATUM_VALUES};
    struct mr_json *tree;
    avro_value_t value;
    int rc = mr_json_parse(json, len, &limits, &tree, err);
    if (rc < 0)
        return rc;
    avro_enter();
    if (avro_generic_value_new(lib->class, &value) != 0) {
        rc = mr_err_set(err, MR_NO_MEMORY, "an Avro value");
    } else {
        rc = fill_value(&value, tree, err);
        if (rc == 0)
            rc = write_value(&value, out, err);
        avro_value_decref(&value);
    }
    mr_lock_drop(&avro_lock);
    mr_json_free(tree);
    return rc;
}

static int print_value(const avro_value_t *value, struct mr_buf *out, struct mr_err *err)
    MR_REQUIRES(avro_lock)
{
    char *text = NULL;
    if (avro_value_to_json(value, 1, &text) != 0 || text == NULL)
        return mr_err_set(err, MR_VALUE_INVALID, "avro-c has no JSON for it");
    mr_buf_str(out, text);
    free(text); /* made by jansson, with malloc */
    return mr_buf_ok(out) ? 0 : mr_err_set(err, MR_NO_MEMORY, "JSON of a datum");
}

static int read_value(struct mr_slice datum, avro_value_t *value, struct mr_err *err)
    MR_REQUIRES(avro_lock)
{
    avro_reader_t reader = avro_reader_memory((const char *)datum.data, (int64_t)datum.len);
    if (reader == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "a reader");
    int rc = 0;
    char more;
    if (avro_value_read(reader, value) != 0)
        rc = mr_err_set(err, MR_AVRO_TRUNCATED, "avro-c: %s", avro_strerror());
    else if (avro_read(reader, &more, 1) == 0) /* avro_reader_is_eof knows files only */
        rc = mr_err_set(err, MR_AVRO_TRAILING, "bytes are left after avro-c's datum");
    avro_reader_free(reader);
    return rc;
}

int mr_avro_lib_decode(struct mr_avro_lib *lib, struct mr_slice datum, struct mr_buf *out,
                       struct mr_err *err)
{
    avro_value_t value;
    int rc;
    avro_enter();
    if (avro_generic_value_new(lib->class, &value) != 0) {
        rc = mr_err_set(err, MR_NO_MEMORY, "an Avro value");
    } else {
        rc = read_value(datum, &value, err);
        if (rc == 0)
            rc = print_value(&value, out, err);
        avro_value_decref(&value);
    }
    mr_lock_drop(&avro_lock);
    return rc;
}

int mr_avro_lib_encode_json(const char *schema, const char *json, struct mr_buf *out,
                            struct mr_err *err)
{
    struct mr_avro_lib *lib;
    int rc = mr_avro_lib_new(schema, strlen(schema), &lib, err);
    if (rc != 0)
        return rc;
    rc = mr_avro_lib_encode(lib, json, strlen(json), out, err);
    mr_avro_lib_free(lib);
    return rc;
}

int mr_avro_lib_decode_json(const char *schema, struct mr_slice datum, struct mr_buf *out,
                            struct mr_err *err)
{
    struct mr_avro_lib *lib;
    int rc = mr_avro_lib_new(schema, strlen(schema), &lib, err);
    if (rc != 0)
        return rc;
    rc = mr_avro_lib_decode(lib, datum, out, err);
    mr_avro_lib_free(lib);
    return rc;
}
