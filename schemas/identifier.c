/* Owns the way from a source's name to the target's. It quotes nothing: that is the dialect's. */
#include "schemas/identifier.h"

#include <string.h>

#include "schemas/digest.h"

#include "base/ban.h"

enum { HASH_HEX = 8, HASH_TAIL = HASH_HEX + 1, MAX_SHOWN = 100 };

static uint8_t fold(uint8_t c, uint8_t letter_case)
{
    if (letter_case == MR_CASE_LOWER && c >= 'A' && c <= 'Z')
        return (uint8_t)(c + ('a' - 'A'));
    if (letter_case == MR_CASE_UPPER && c >= 'a' && c <= 'z')
        return (uint8_t)(c - ('a' - 'A'));
    return c;
}

/* At most `max` of the text's bytes, cut at a character's border. `len` > max. */
static size_t cut_len(const char *text, size_t max)
{
    while (max > 0 && ((uint8_t)text[max] & 0xc0) == 0x80)
        max--;
    return max;
}

static int shorten(const char *text, size_t len, size_t max, char *out, struct mr_err *err)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t sha[MR_SHA256_BYTES];
    size_t keep = cut_len(text, max - HASH_TAIL);

    if (!mr_digest_sha256((struct mr_slice){(const uint8_t *)text, len}, sha))
        return mr_err_set(err, MR_NO_MEMORY, "SHA-256 is not to be had for a long name");
    memcpy(out, text, keep);
    out[keep] = '_';
    for (size_t i = 0; i < HASH_HEX; i++)
        out[keep + 1 + i] = digits[(sha[i / 2] >> (i % 2 == 0 ? 4 : 0)) & 15];
    out[keep + HASH_TAIL] = '\0';
    return 0;
}

/* NOLINTNEXTLINE(readability-function-size): six parameters, the interface of identifier.h */
int mr_identifier_make(const char *text, size_t len, const struct mr_identifier_opts *opts,
                       char *out, size_t cap, struct mr_err *err)
{
    size_t max = opts->max_bytes;

    if (len == 0)
        return mr_err_set(err, MR_IDENTIFIER_INVALID, "a name is empty");
    if (memchr(text, 0, len) != NULL || !mr_utf8_valid((const uint8_t *)text, len))
        return mr_err_set(err, MR_IDENTIFIER_INVALID, "a name holds U+0000 or is not UTF-8");
    if (max <= HASH_TAIL || cap <= max)
        return mr_err_set(err, MR_BUG, "no room for a name of %zu bytes", max);
    if (len > max && opts->long_halt)
        return mr_err_set(err, MR_IDENTIFIER_INVALID,
                          "the name '%.*s' has %zu bytes, the target takes %zu",
                          (int)(len > MAX_SHOWN ? cut_len(text, MAX_SHOWN) : len), text, len, max);
    if (len > max) {
        int rc = shorten(text, len, max, out, err);
        if (rc < 0)
            return rc;
    } else {
        memcpy(out, text, len);
        out[len] = '\0';
    }
    for (char *p = out; *p != '\0'; p++)
        *p = (char)fold((uint8_t)*p, opts->letter_case);
    return 0;
}
