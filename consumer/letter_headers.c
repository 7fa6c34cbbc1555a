/* Owns the way back from a letter's headers to a record's. */
#include "consumer/letter_headers.h"

#include <string.h>

#include "schemas/json.h"

#include "base/ban.h"

enum { MAX_BYTES = 64 * 1024 * 1024, MAX_HEADERS = 100000, MAX_DEPTH = 8 };

static int digit(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Padded base64 into `out`, which has 3 octets for each 4 of it; the number of octets, or -1. */
static ptrdiff_t base64_read(struct mr_slice text, uint8_t *out)
{
    size_t n_pad = 0;
    ptrdiff_t at = 0;

    if (text.len % 4 != 0)
        return -1;
    while (n_pad < 2 && n_pad < text.len && text.data[text.len - 1 - n_pad] == '=')
        n_pad++;
    for (size_t i = 0; i < text.len; i += 4) {
        uint32_t bits = 0;
        for (size_t k = 0; k < 4; k++) {
            bool pad = i + k >= text.len - n_pad;
            int d = pad ? 0 : digit(text.data[i + k]);
            if (d < 0)
                return -1;
            bits = bits << 6 | (uint32_t)d;
        }
        for (int k = 16; k >= 0; k -= 8)
            out[at++] = (uint8_t)(bits >> k);
    }
    return at - (ptrdiff_t)n_pad;
}

static int bad(struct mr_err *err)
{
    return mr_err_set(err, MR_VALUE_INVALID_JSON, "the headers of a dead letter");
}

static int value_read(const struct mr_json *json, struct mr_arena *arena, struct mr_slice *out,
                      struct mr_err *err)
{
    *out = (struct mr_slice){NULL, 0};
    if (mr_json_is(json, MR_JSON_NULL))
        return 0;
    if (!mr_json_is(json, MR_JSON_STRING))
        return bad(err);
    struct mr_slice text = mr_json_string(json);
    uint8_t *bytes = mr_arena_alloc(arena, text.len / 4 * 3 + 1);
    if (bytes == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "the headers of a dead letter");
    ptrdiff_t len = base64_read(text, bytes);
    if (len < 0)
        return bad(err);
    *out = (struct mr_slice){bytes, (size_t)len};
    return 0;
}

static int header_read(const struct mr_json *json, struct mr_arena *arena,
                       struct mr_letter_header *out, struct mr_err *err)
{
    const char *name = mr_json_text(mr_json_find(json, "k"));
    const struct mr_json *value = mr_json_find(json, "v");

    if (name == NULL || value == NULL)
        return bad(err);
    out->name = mr_arena_copy(arena, name, strlen(name) + 1);
    if (out->name == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "the headers of a dead letter");
    return value_read(value, arena, &out->value, err);
}

int mr_letter_headers_parse(const char *json, struct mr_arena *arena, struct mr_letter_headers *out,
                            struct mr_err *err)
{
    static const struct mr_json_limits limits = {
        .max_bytes = MAX_BYTES, .max_depth = MAX_DEPTH, .max_values = 4 * MAX_HEADERS};
    struct mr_json *root = NULL;

    *out = (struct mr_letter_headers){.items = NULL};
    if (mr_json_parse(json, strlen(json), &limits, &root, err) < 0)
        return bad(err);
    size_t n = mr_json_size(root);
    struct mr_letter_header *items = mr_arena_alloc(arena, (n + 1) * sizeof *items);
    int rc = !mr_json_is(root, MR_JSON_ARRAY) || n > MAX_HEADERS ? bad(err) : 0;
    if (rc == 0 && items == NULL)
        rc = mr_err_set(err, MR_NO_MEMORY, "the headers of a dead letter");
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = header_read(mr_json_at(root, i), arena, &items[i], err);
    if (rc == 0)
        *out = (struct mr_letter_headers){.items = items, .n = n};
    mr_json_free(root);
    return rc;
}

static bool header_last(const void *owner, const char *name, struct mr_slice *value)
{
    const struct mr_letter_headers *headers = owner;

    for (size_t i = headers->n; i > 0; i--) {
        if (strcmp(headers->items[i - 1].name, name) != 0)
            continue;
        *value = headers->items[i - 1].value;
        return true;
    }
    return false;
}

struct mr_headers mr_letter_headers_as(const struct mr_letter_headers *headers)
{
    return (struct mr_headers){.owner = headers->n > 0 ? headers : NULL, .last = header_last};
}
