/* The schema parser over arbitrary texts; the byte 0x1e separates the texts of references. Beside
 * memory safety: an error is one of three codes, and the canonical form of one accepted text is
 * accepted again with the same fingerprint, unless it uses the null namespace inside another one: a
 * name without a dot cannot say that it has none. */
#include <stdint.h>
#include <stdlib.h>

#include "schemas/avro_schema.h"

enum { MAX_TEXTS = 8 };

static void check(bool holds)
{
    if (!holds)
        abort();
}

static size_t split(const uint8_t *data, size_t size, struct mr_schema_text texts[MAX_TEXTS])
{
    size_t n = 0;
    size_t begin = 0;
    for (size_t at = 0; at <= size && n < MAX_TEXTS; at++) {
        if (at < size && data[at] != 0x1e)
            continue;
        texts[n++] = (struct mr_schema_text){(const char *)data + begin, at - begin};
        begin = at + 1;
    }
    return n;
}

static void check_again(const struct mr_schema *schema)
{
    struct mr_schema_opts opts = {.lenient_names = true};
    struct mr_buf form = MR_BUF_INIT;
    struct mr_err err = MR_ERR_INIT;
    struct mr_schema *again = NULL;
    uint64_t first = 0;
    uint64_t second = 1;
    check(mr_schema_canonical(schema, &form, &err) == 0);
    struct mr_schema_text text = {mr_buf_cstr(&form), form.len};
    if (mr_schema_parse(&text, 1, &opts, &again, &err) == 0) {
        check(mr_schema_fingerprint(schema, &first, &err) == 0);
        check(mr_schema_fingerprint(again, &second, &err) == 0);
        check(first == second);
    } else {
        /* A chain of types may be deeper, once written out, than JSON may be nested. */
        check(err.code == MR_SCHEMA_TOO_LARGE);
    }
    mr_schema_unref(again);
    mr_buf_release(&form);
}

static bool names_are_plain(const struct mr_schema *schema)
{
    return strstr(schema->text, "namespace") == NULL && strstr(schema->text, "\".") == NULL &&
           strchr(schema->text, '\\') == NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct mr_schema_text texts[MAX_TEXTS];
    struct mr_schema_opts opts = {.lenient_names = (data[0] & 1) != 0};
    size_t n = split(data + 1, size - 1, texts);
    struct mr_schema *schema = NULL;
    struct mr_err err = MR_ERR_INIT;
    int rc = mr_schema_parse(texts, n, &opts, &schema, &err);
    if (rc < 0) {
        check(rc == -MR_SCHEMA_INVALID || rc == -MR_SCHEMA_TOO_LARGE ||
              rc == -MR_SCHEMA_BAD_REFERENCE);
        return 0;
    }
    if (n == 1 && names_are_plain(schema))
        check_again(schema);
    mr_schema_unref(schema);
    return 0;
}
