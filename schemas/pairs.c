/* Owns the pairs of hstore: their order, their text, and the objects of JSON that Debezium makes of
 * them (hstore.handling.mode = json, its default). Source: PostgreSQL, contrib/hstore, hstore_io.c.
 */
#include <stdlib.h>
#include <string.h>

#include "schemas/json_tokens.h"
#include "schemas/vector.h"

#include "base/ban.h"

static void put_quoted(struct mr_buf *out, struct mr_slice text)
{
    mr_buf_byte(out, '"');
    for (size_t i = 0; text.data != NULL && i < text.len; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\')
            mr_buf_byte(out, '\\');
        mr_buf_byte(out, text.data[i]);
    }
    mr_buf_byte(out, '"');
}

void mr_pairs_print(struct mr_buf *out, const struct mr_pairs *v)
{
    for (uint32_t i = 0; i < v->n; i++) {
        struct mr_slice value = mr_pair_value(v, i);
        mr_buf_str(out, i > 0 ? ", " : "");
        put_quoted(out, mr_pair_key(v, i));
        mr_buf_str(out, "=>");
        if (value.data == NULL)
            mr_buf_str(out, "NULL");
        else
            put_quoted(out, value);
    }
}

/* The text is not the comparison's to be given: a thread sorts one set at a time. */
static _Thread_local const uint8_t *sorted_text;

static int key_compare(const struct mr_pair *a, const struct mr_pair *b)
{
    if (a->key_len != b->key_len)
        return a->key_len < b->key_len ? -1 : 1;
    return memcmp(sorted_text + a->key_at, sorted_text + b->key_at, a->key_len);
}

/* Texts lie in the order of reading: of equal keys the place tells. */
static int pair_compare(const void *a, const void *b)
{
    const struct mr_pair *left = a;
    const struct mr_pair *right = b;
    int order = key_compare(left, right);
    if (order != 0)
        return order;
    return left->key_at < right->key_at ? -1 : left->key_at > right->key_at ? 1 : 0;
}

void mr_pairs_sort(const uint8_t *text, struct mr_pair *pairs, uint32_t *n)
{
    uint32_t kept = 0;
    sorted_text = text;
    if (*n > 1)
        qsort(pairs, *n, sizeof *pairs, pair_compare);
    for (uint32_t i = 0; i < *n; i++) {
        if (i + 1 == *n || key_compare(&pairs[i], &pairs[i + 1]) != 0)
            pairs[kept++] = pairs[i];
    }
    *n = kept;
}

struct scan {
    const uint8_t *at;
    const uint8_t *end;
    struct mr_buf *bytes;
};

static void blanks(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || (*s->at >= 9 && *s->at <= 13)))
        s->at++;
}

/* A word or a quoted text, its bytes appended; where they begin. */
static bool text(struct scan *s, size_t *at, bool *quoted)
{
    blanks(s);
    *at = s->bytes->len;
    *quoted = s->at < s->end && *s->at == '"';
    const uint8_t *first = s->at;
    s->at += *quoted ? 1 : 0;
    for (;;) {
        if (s->at >= s->end)
            return !*quoted && s->at > first;
        uint8_t c = *s->at;
        if (*quoted && c == '"') {
            s->at++;
            return true;
        }
        if (!*quoted && (c == '"' || c == ',' || c == '=' || c == ' ' || (c >= 9 && c <= 13)))
            return c != '"' && s->at > first;
        if (c == '\\' && ++s->at >= s->end)
            return false;
        mr_buf_byte(s->bytes, *s->at++);
    }
}

static bool is_null_word(const struct scan *s, size_t at)
{
    static const char word[] = "null";
    if (!mr_buf_ok(s->bytes) || s->bytes->len - at != sizeof word - 1)
        return false;
    for (size_t i = 0; i < sizeof word - 1; i++) {
        if ((s->bytes->data[at + i] | 0x20) != word[i])
            return false;
    }
    return true;
}

/* Texts are far below 4 GiB, as their record is. */
static bool pair(struct scan *s, struct mr_pair *out)
{
    bool quoted;
    size_t at;
    if (!text(s, &at, &quoted))
        return false;
    out->key_at = (uint32_t)at;
    out->key_len = (uint32_t)(s->bytes->len - at);
    mr_buf_byte(s->bytes, 0); /* so that empty keys have places of their own */
    blanks(s);
    if (s->end - s->at < 2 || s->at[0] != '=' || s->at[1] != '>')
        return false;
    s->at += 2;
    if (!text(s, &at, &quoted))
        return false;
    bool null = !quoted && is_null_word(s, at);
    out->value_at = (uint32_t)at;
    out->value_len = null ? UINT32_MAX : (uint32_t)(s->bytes->len - at);
    blanks(s);
    return true;
}

/* The texts do not move any more. */
static bool settle(struct mr_buf *bytes, struct mr_buf *pairs, struct mr_pairs *out)
{
    if (!mr_buf_ok(bytes) || !mr_buf_ok(pairs))
        return false;
    if (out->n > 0)
        mr_pairs_sort(bytes->data, mr_buf_items(pairs), &out->n);
    out->pairs = mr_buf_items(pairs);
    out->text = bytes->data;
    return true;
}

static void begin(struct mr_buf *bytes, struct mr_buf *pairs, struct mr_pairs *out)
{
    mr_buf_reset(bytes);
    mr_buf_reset(pairs);
    *out = (struct mr_pairs){.n = 0};
}

static void add(struct mr_buf *pairs, const struct mr_pair *one, struct mr_pairs *out)
{
    mr_buf_add(pairs, one, sizeof *one);
    out->n++;
}

bool mr_pairs_parse(struct mr_slice from, struct mr_buf *bytes, struct mr_buf *pairs,
                    struct mr_pairs *out)
{
    struct scan s = {from.data, from.data + from.len, bytes};
    begin(bytes, pairs, out);
    blanks(&s);
    while (s.at < s.end) {
        struct mr_pair one;
        if (!pair(&s, &one))
            return false;
        add(pairs, &one, out);
        if (s.at < s.end && *s.at != ',')
            return false;
        if (s.at < s.end)
            s.at++;
    }
    return settle(bytes, pairs, out);
}

/* ---- an object of JSON ---- */

static bool take(struct scan *s, char wanted)
{
    blanks(s);
    if (s->at >= s->end || *s->at != (uint8_t)wanted)
        return false;
    s->at++;
    return true;
}

static bool json_string(struct scan *s, size_t *at)
{
    *at = s->bytes->len;
    if (!take(s, '"'))
        return false;
    const uint8_t *first = s->at;
    while (s->at < s->end && *s->at != '"')
        s->at += *s->at == '\\' ? 2 : 1;
    if (s->at >= s->end)
        return false;
    return mr_json_unescape((struct mr_slice){first, (size_t)(s->at++ - first)}, s->bytes);
}

static bool json_pair(struct scan *s, struct mr_pair *out)
{
    size_t at;
    if (!json_string(s, &at))
        return false;
    out->key_at = (uint32_t)at;
    out->key_len = (uint32_t)(s->bytes->len - at);
    mr_buf_byte(s->bytes, 0);
    if (!take(s, ':'))
        return false;
    blanks(s);
    out->value_at = 0;
    out->value_len = UINT32_MAX;
    if (s->end - s->at >= 4 && memcmp(s->at, "null", 4) == 0) {
        s->at += 4;
        return true;
    }
    if (!json_string(s, &at))
        return false;
    out->value_at = (uint32_t)at;
    out->value_len = (uint32_t)(s->bytes->len - at);
    return true;
}

bool mr_pairs_parse_json(struct mr_slice from, struct mr_buf *bytes, struct mr_buf *pairs,
                         struct mr_pairs *out)
{
    struct scan s = {from.data, from.data + from.len, bytes};
    begin(bytes, pairs, out);
    if (!take(&s, '{'))
        return false;
    while (!take(&s, '}')) {
        struct mr_pair one;
        if ((out->n > 0 && !take(&s, ',')) || !json_pair(&s, &one))
            return false;
        add(pairs, &one, out);
    }
    return settle(bytes, pairs, out);
}
