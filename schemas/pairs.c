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
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\')
            mr_buf_byte(out, '\\');
        mr_buf_byte(out, text.data[i]);
    }
    mr_buf_byte(out, '"');
}

void mr_pairs_print(struct mr_buf *out, const struct mr_pairs *v)
{
    for (uint32_t i = 0; i < v->n; i++) {
        mr_buf_str(out, i > 0 ? ", " : "");
        put_quoted(out, v->pairs[i].key);
        mr_buf_str(out, "=>");
        if (v->pairs[i].value.data == NULL)
            mr_buf_str(out, "NULL");
        else
            put_quoted(out, v->pairs[i].value);
    }
}

static int key_compare(const struct mr_pair *a, const struct mr_pair *b)
{
    if (a->key.len != b->key.len)
        return a->key.len < b->key.len ? -1 : 1;
    return a->key.len > 0 ? memcmp(a->key.data, b->key.data, a->key.len) : 0;
}

/* Texts lie in one buffer in the order of reading: of equal keys the address tells. */
static int pair_compare(const void *a, const void *b)
{
    const struct mr_pair *left = a;
    const struct mr_pair *right = b;
    int order = key_compare(left, right);
    if (order != 0)
        return order;
    return left->key.data < right->key.data ? -1 : left->key.data > right->key.data ? 1 : 0;
}

void mr_pairs_sort(struct mr_pair *pairs, uint32_t *n)
{
    uint32_t kept = 0;
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

/* Where texts lie until the buffer stands still. */
struct place {
    size_t key;
    size_t value;
    size_t end;
    bool null;
};

static bool pair(struct scan *s, struct place *out)
{
    bool quoted;
    if (!text(s, &out->key, &quoted))
        return false;
    mr_buf_byte(s->bytes, 0); /* so that empty keys have addresses of their own */
    blanks(s);
    if (s->end - s->at < 2 || s->at[0] != '=' || s->at[1] != '>')
        return false;
    s->at += 2;
    if (!text(s, &out->value, &quoted))
        return false;
    out->null = !quoted && is_null_word(s, out->value);
    out->end = s->bytes->len;
    blanks(s);
    return true;
}

/* The texts do not move any more: places become pairs. */
static bool settle(struct mr_buf *bytes, struct mr_buf *pairs, struct mr_pairs *out)
{
    if (!mr_buf_ok(bytes) || !mr_buf_ok(pairs))
        return false;
    _Static_assert(sizeof(struct place) == sizeof(struct mr_pair), "read and written in place");
    for (uint32_t i = 0; i < out->n; i++) {
        struct place place;
        uint8_t *at = pairs->data + i * sizeof place;
        memcpy(&place, at, sizeof place);
        struct mr_pair done = {.key = {bytes->data + place.key, place.value - 1 - place.key},
                               .value = {place.null ? NULL : bytes->data + place.value,
                                         place.null ? 0 : place.end - place.value}};
        memcpy(at, &done, sizeof done);
    }
    if (out->n > 0)
        mr_pairs_sort((struct mr_pair *)(void *)pairs->data, &out->n);
    out->pairs = (const struct mr_pair *)(const void *)pairs->data;
    return true;
}

static void begin(struct mr_buf *bytes, struct mr_buf *pairs, struct mr_pairs *out)
{
    mr_buf_reset(bytes);
    mr_buf_reset(pairs);
    *out = (struct mr_pairs){.n = 0};
}

static void add(struct mr_buf *pairs, const struct place *place, struct mr_pairs *out)
{
    mr_buf_add(pairs, place, sizeof *place);
    out->n++;
}

bool mr_pairs_parse(struct mr_slice from, struct mr_buf *bytes, struct mr_buf *pairs,
                    struct mr_pairs *out)
{
    struct scan s = {from.data, from.data + from.len, bytes};
    begin(bytes, pairs, out);
    blanks(&s);
    while (s.at < s.end) {
        struct place place;
        if (!pair(&s, &place))
            return false;
        add(pairs, &place, out);
        if (s.at < s.end && *s.at++ != ',')
            return false;
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

static bool json_pair(struct scan *s, struct place *out)
{
    if (!json_string(s, &out->key))
        return false;
    mr_buf_byte(s->bytes, 0);
    if (!take(s, ':'))
        return false;
    blanks(s);
    out->null = s->end - s->at >= 4 && memcmp(s->at, "null", 4) == 0;
    out->value = s->bytes->len;
    if (out->null)
        s->at += 4;
    else if (!json_string(s, &out->value))
        return false;
    out->end = s->bytes->len;
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
        struct place place;
        if ((out->n > 0 && !take(&s, ',')) || !json_pair(&s, &place))
            return false;
        add(pairs, &place, out);
    }
    return settle(bytes, pairs, out);
}
