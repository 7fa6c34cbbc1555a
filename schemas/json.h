/* JSON text as a tree to walk: schemas, answers of registries, defaults. Owner of the JSON library
 * in this layer. Bytes are untrusted: size, depth and number of values are counted before the
 * library sees them, since it recurses and allocates by value. Threads: a tree is read-only after
 * parsing; any thread may read it, one frees it. */
#ifndef MR_SCHEMAS_JSON_H
#define MR_SCHEMAS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct mr_json; /* a value; the root owns all below it */

enum mr_json_kind {
    MR_JSON_NULL,
    MR_JSON_BOOL,
    MR_JSON_INTEGER,
    MR_JSON_REAL,
    MR_JSON_STRING,
    MR_JSON_ARRAY,
    MR_JSON_OBJECT
};

struct mr_json_limits {
    size_t max_bytes;
    uint32_t max_depth;  /* nested arrays and objects */
    uint32_t max_values; /* all values together; bounds the tree's memory (about 150 bytes each) */
};

/* From now on what the JSON library does not get counts as memory refused (base/memory.h); once, at
 * the start of a program, since some of its faults do not say why. */
void mr_json_count_memory(void);

/* Parses one value; any kind may be the root, white space around it is allowed. Of an object's
 * equal names the last counts. Integers beyond 64 bits become reals. out   gives: mr_json_free();
 * untouched on error Errors: -MR_SCHEMA_TOO_LARGE beyond `limits`; -MR_SCHEMA_INVALID for text that
 * is not JSON. */
int mr_json_parse(const char *text, size_t len, const struct mr_json_limits *limits,
                  struct mr_json **out, struct mr_err *err);
void mr_json_free(struct mr_json *root); /* NULL is allowed */

enum mr_json_kind mr_json_kind(const struct mr_json *value);
static inline bool mr_json_is(const struct mr_json *value, enum mr_json_kind kind)
{
    return value != NULL && mr_json_kind(value) == kind;
}

/* Values; each asks for its own kind (mr_json_number: INTEGER or REAL). */
bool mr_json_bool(const struct mr_json *value);
int64_t mr_json_integer(const struct mr_json *value);
double mr_json_number(const struct mr_json *value);
struct mr_slice mr_json_string(const struct mr_json *value); /* valid UTF-8; may hold U+0000 */
/* The string as C text; NULL where `value` is NULL, no string, or holds U+0000. */
const char *mr_json_text(const struct mr_json *value);

size_t mr_json_size(const struct mr_json *value); /* of an array or object; 0 for the rest */
const struct mr_json *mr_json_at(const struct mr_json *array, size_t idx); /* NULL past the end */
/* NULL if absent, or if `object` is NULL or no object. */
const struct mr_json *mr_json_find(const struct mr_json *object, const char *name);

/* Members of an object in the order of the text. Start with `MR_JSON_WALK_INIT`; false at the end.
 */
struct mr_json_walk {
    void *at;
    bool begun;
    const char *name;
    const struct mr_json *value;
};
#define MR_JSON_WALK_INIT {.at = NULL, .begun = false, .name = NULL, .value = NULL}
bool mr_json_next(const struct mr_json *object, struct mr_json_walk *walk);

/* Appends the value as compact JSON text, members in their order. Check mr_buf_ok(). */
void mr_json_print(const struct mr_json *value, struct mr_buf *out);

#endif
