/* Owns checking that a text is JSON: one pass, a stack of one bit a level. Must not build values or
 * call a library. Source: RFC 8259; limits from contract.md T-31. */
#include "schemas/json_text.h"
#include "schemas/numeric.h"

#include "base/ban.h"

struct check {
    const uint8_t *at;
    const uint8_t *end;
    const uint8_t *start;
    bool jsonb;
    struct mr_err *err;
    uint32_t depth;
    uint8_t is_object[MR_JSON_MAX_DEPTH / 8 + 1];
};

static int bad(struct check *c, const char *what)
{
    return mr_err_set(c->err, MR_VALUE_INVALID_JSON, "%s at byte %zu", what,
                      (size_t)(c->at - c->start));
}

static void skip_blanks(struct check *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t' || *c->at == '\r'))
        c->at++;
}

static int hex4(struct check *c, unsigned *out)
{
    unsigned v = 0;
    if (c->end - c->at < 4)
        return bad(c, "a cut escape");
    for (int i = 0; i < 4; i++) {
        uint8_t h = *c->at++;
        uint8_t low = h | 0x20;
        if (h >= '0' && h <= '9')
            v = v << 4 | (unsigned)(h - '0');
        else if (low >= 'a' && low <= 'f')
            v = v << 4 | (unsigned)(low - 'a' + 10);
        else
            return bad(c, "a wrong escape");
    }
    *out = v;
    return 0;
}

/* Behind `\u`. */
static int check_unicode(struct check *c)
{
    unsigned unit;
    int rc = hex4(c, &unit);
    if (rc < 0 || !c->jsonb)
        return rc;
    if (unit == 0)
        return mr_err_set(c->err, MR_VALUE_JSON_NUL, "at byte %zu", (size_t)(c->at - c->start));
    if (unit < 0xd800 || unit > 0xdfff)
        return 0;
    if (unit > 0xdbff || c->end - c->at < 2 || c->at[0] != '\\' || c->at[1] != 'u')
        return bad(c, "a lone surrogate");
    c->at += 2;
    rc = hex4(c, &unit);
    if (rc < 0)
        return rc;
    return unit >= 0xdc00 && unit <= 0xdfff ? 0 : bad(c, "a lone surrogate");
}

static int check_escape(struct check *c)
{
    if (c->at >= c->end)
        return bad(c, "a cut string");
    static const uint8_t letters[] = {'"', '\\', '/', 'b', 'f', 'n', 'r', 't'};
    uint8_t letter = *c->at++;
    if (letter == 'u')
        return check_unicode(c);
    if (memchr(letters, letter, sizeof letters) == NULL)
        return bad(c, "a wrong escape");
    return 0;
}

/* Behind the opening quote. UTF-8 was checked for the whole text before. */
static int check_string(struct check *c)
{
    const uint8_t *first = c->at;
    while (c->at < c->end) {
        uint8_t byte = *c->at++;
        if (byte == '"') {
            if (c->at - first > MR_JSON_MAX_STRING)
                return mr_err_set(c->err, MR_VALUE_TOO_LARGE, "a string in the JSON text");
            return 0;
        }
        if (byte < 0x20)
            return bad(c, "a control character in a string");
        if (byte == '\\') {
            int rc = check_escape(c);
            if (rc < 0)
                return rc;
        }
    }
    return bad(c, "a cut string");
}

/* Digits at the cursor; how many. */
static int64_t scan_digits(struct check *c)
{
    const uint8_t *first = c->at;
    while (c->at < c->end && *c->at >= '0' && *c->at <= '9')
        c->at++;
    return c->at - first;
}

static int scan_exponent(struct check *c, int64_t *out)
{
    bool negative = false;
    if (c->at < c->end && (*c->at == '+' || *c->at == '-'))
        negative = *c->at++ == '-';
    const uint8_t *first = c->at;
    if (scan_digits(c) == 0)
        return bad(c, "a wrong number");
    int64_t v = 0;
    for (; first < c->at; first++)
        v = v < 1000000000 ? v * 10 + (*first - '0') : v;
    *out = negative ? -v : v;
    return 0;
}

/* jsonb keeps numbers as numeric: its bounds apply (T-31, T-72). */
static int check_number(struct check *c)
{
    int64_t fraction = 0;
    int64_t exponent = 0;
    if (*c->at == '-')
        c->at++;
    const uint8_t *first = c->at;
    int64_t whole = scan_digits(c);
    if (whole == 0 || (whole > 1 && *first == '0'))
        return bad(c, "a wrong number");
    bool zero_front = *first == '0';
    if (c->at < c->end && *c->at == '.') {
        c->at++;
        fraction = scan_digits(c);
        if (fraction == 0)
            return bad(c, "a wrong number");
    }
    if (c->at < c->end && (*c->at | 0x20) == 'e') {
        c->at++;
        int rc = scan_exponent(c, &exponent);
        if (rc < 0)
            return rc;
    }
    int64_t before = (zero_front ? 0 : whole) + exponent;
    if (c->jsonb && (before > MR_NUM_MAX_INT_DIGITS || fraction - exponent > MR_NUM_MAX_SCALE))
        return mr_err_set(c->err, MR_VALUE_OUT_OF_RANGE, "a number in the JSON text");
    return 0;
}

static int check_word(struct check *c, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(c->end - c->at) < n || memcmp(c->at, word, n) != 0)
        return bad(c, "an unknown word");
    c->at += n;
    return 0;
}

static bool in_object(const struct check *c)
{
    return (c->is_object[(c->depth - 1) / 8] >> ((c->depth - 1) % 8) & 1) != 0;
}

static int push(struct check *c, bool object)
{
    if (c->depth >= MR_JSON_MAX_DEPTH)
        return mr_err_set(c->err, MR_VALUE_TOO_LARGE, "JSON nested deeper than %d",
                          MR_JSON_MAX_DEPTH);
    uint8_t bit = (uint8_t)(1u << (c->depth % 8));
    uint8_t *byte = &c->is_object[c->depth / 8];
    *byte = (uint8_t)(object ? *byte | bit : *byte & ~bit);
    c->depth++;
    c->at++;
    return 0;
}

/* A member's name and its colon. */
static int check_name(struct check *c)
{
    skip_blanks(c);
    if (c->at >= c->end || *c->at != '"')
        return bad(c, "no member name");
    c->at++;
    int rc = check_string(c);
    if (rc < 0)
        return rc;
    skip_blanks(c);
    if (c->at >= c->end || *c->at != ':')
        return bad(c, "no colon");
    c->at++;
    return 0;
}

/* A leaf, or the opening of a container; `opened` says that values follow inside. */
static int check_value(struct check *c, bool *opened)
{
    *opened = false;
    skip_blanks(c);
    if (c->at >= c->end)
        return bad(c, "the text ends too early");
    switch (*c->at) {
    case '{':
    case '[': {
        uint8_t closing = *c->at == '{' ? '}' : ']';
        int rc = push(c, *c->at == '{');
        if (rc < 0)
            return rc;
        skip_blanks(c);
        *opened = c->at >= c->end || *c->at != closing;
        return *opened && closing == '}' ? check_name(c) : 0;
    }
    case '"':
        c->at++;
        return check_string(c);
    case 't':
        return check_word(c, "true");
    case 'f':
        return check_word(c, "false");
    case 'n':
        return check_word(c, "null");
    default:
        return check_number(c);
    }
}

/* Behind a value: closes what ends here, or steps to the next value. `more`: one follows. */
static int check_after(struct check *c, bool *more)
{
    *more = false;
    while (c->depth > 0) {
        skip_blanks(c);
        if (c->at >= c->end)
            return bad(c, "the text ends too early");
        bool object = in_object(c);
        if (*c->at == ',') {
            c->at++;
            *more = true;
            return object ? check_name(c) : 0;
        }
        if (*c->at != (object ? '}' : ']'))
            return bad(c, "no comma");
        c->at++;
        c->depth--;
    }
    return 0;
}

int mr_json_check(struct mr_slice text, bool for_jsonb, struct mr_err *err)
{
    struct check c = {.at = text.data,
                      .end = text.data + text.len,
                      .start = text.data,
                      .jsonb = for_jsonb,
                      .err = err};
    bool more = true;
    if (!mr_utf8_valid(text.data, text.len))
        return mr_err_set(err, MR_VALUE_UTF8, "in the JSON text");
    while (more) {
        bool opened;
        int rc = check_value(&c, &opened);
        if (rc == 0 && !opened)
            rc = check_after(&c, &more);
        if (rc < 0)
            return rc;
    }
    skip_blanks(&c);
    return c.at == c.end ? 0 : bad(&c, "text behind the value");
}
