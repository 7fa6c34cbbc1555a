/* Owns writing JSON's leaves. Must not know Avro. */
#include "schemas/json_text.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/ban.h"

/* 0: as it is; else the letter behind the backslash, 'u' for the six-character form. */
static char escape_of(uint8_t c)
{
    switch (c) {
    case '"':
        return '"';
    case '\\':
        return '\\';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    default:
        return c < 0x20 ? 'u' : 0;
    }
}

void mr_json_text_string(struct mr_buf *out, struct mr_slice text)
{
    size_t from = 0;
    mr_buf_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        char letter = escape_of(text.data[i]);
        if (letter == 0)
            continue;
        mr_buf_add(out, text.data + from, i - from);
        from = i + 1;
        if (letter == 'u')
            mr_buf_fmt(out, "\\u%04x", text.data[i]);
        else
            mr_buf_add(out, (const char[2]){'\\', letter}, 2);
    }
    if (from < text.len)
        mr_buf_add(out, text.data + from, text.len - from);
    mr_buf_byte(out, '"');
}

void mr_json_text_base64(struct mr_buf *out, struct mr_slice bytes)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    mr_buf_byte(out, '"');
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t v = (uint32_t)bytes.data[i] << 16;
        if (left > 1)
            v |= (uint32_t)bytes.data[i + 1] << 8;
        if (left > 2)
            v |= bytes.data[i + 2];
        char four[4] = {letters[v >> 18], letters[v >> 12 & 63],
                        (char)(left > 1 ? letters[v >> 6 & 63] : '='),
                        (char)(left > 2 ? letters[v & 63] : '=')};
        mr_buf_add(out, four, sizeof four);
    }
    mr_buf_byte(out, '"');
}

void mr_json_text_integer(struct mr_buf *out, int64_t v)
{
    char text[24];
    size_t at = sizeof text;
    uint64_t magnitude = v < 0 ? ~(uint64_t)v + 1 : (uint64_t)v;
    do {
        text[--at] = (char)('0' + magnitude % 10);
        magnitude /= 10;
    } while (magnitude != 0);
    if (v < 0)
        text[--at] = '-';
    mr_buf_add(out, text + at, sizeof text - at);
}

static const char *real_word(double v)
{
    if (isnan(v))
        return "NaN";
    return v > 0 ? "Infinity" : "-Infinity";
}

static bool real_same(const char *text, double v, bool single)
{
    if (single)
        return strtof(text, NULL) == (float)v;
    return strtod(text, NULL) == v;
}

void mr_json_text_real(struct mr_buf *out, double v, bool single, bool quoted)
{
    char text[40];
    if (!isfinite(v)) {
        mr_buf_fmt(out, quoted ? "\"%s\"" : "%s", real_word(v));
        return;
    }
    /* So many digits always come back; numbers below the normal range have fewer to give. */
    bool normal = fabs(v) >= (single ? (double)FLT_MIN : DBL_MIN);
    int least = !normal ? 1 : single ? 6 : 15;
    int most = single ? 9 : 17;
    for (int digits = least; digits <= most; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, v);
        if (real_same(text, v, single))
            break;
    }
    mr_buf_str(out, text);
}
