/* Owns cutting a JSON text into tokens. Must not build values. Invariant: a token's `next` is set
 * when it is closed, and no token is looked at before the whole text was accepted. Source: RFC
 * 8259. */
#include "schemas/json_tokens.h"

#include <stdlib.h>

#include "base/memory.h"

#include "base/ban.h"

enum { MAX_TEXT_BYTES = INT32_MAX, FIRST_TOKENS = 256 };

struct scan {
    struct mr_json_doc *doc;
    const uint8_t *at;
    const uint8_t *end;
    struct mr_err *err;
    uint32_t depth;
    uint32_t open[MR_JSON_DOC_MAX_DEPTH];
};

static int bad(struct scan *s, const char *what)
{
    return mr_err_set(s->err, MR_FRAMING_BAD_JSON, "%s at byte %zu", what,
                      (size_t)(s->at - s->doc->text.data));
}

static uint32_t offset(const struct scan *s)
{
    return (uint32_t)(s->at - s->doc->text.data);
}

static struct mr_json_token *token_new(struct scan *s, enum mr_json_kind kind)
{
    struct mr_json_doc *doc = s->doc;
    if (doc->n_tokens == doc->cap_tokens) {
        uint32_t cap = doc->cap_tokens == 0 ? FIRST_TOKENS : doc->cap_tokens * 2;
        struct mr_json_token *grown = mr_memory_given(realloc(doc->tokens, cap * sizeof *grown));
        if (grown == NULL)
            return NULL;
        doc->tokens = grown;
        doc->cap_tokens = cap;
    }
    struct mr_json_token *token = &doc->tokens[doc->n_tokens++];
    *token =
        (struct mr_json_token){.kind = (uint8_t)kind, .start = offset(s), .next = doc->n_tokens};
    return token;
}

static int no_memory(struct scan *s)
{
    return mr_err_set(s->err, MR_NO_MEMORY, "the tokens of a JSON text");
}

static void skip_blanks(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\t' || *s->at == '\r'))
        s->at++;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(uint8_t c)
{
    uint8_t low = c | 0x20;
    return is_digit(c) || (low >= 'a' && low <= 'f');
}

/* Behind the backslash. */
static int scan_escape(struct scan *s)
{
    static const uint8_t letters[] = {'"', '\\', '/', 'b', 'f', 'n', 'r', 't'};
    if (s->at >= s->end)
        return bad(s, "a cut string");
    uint8_t letter = *s->at++;
    if (letter != 'u')
        return memchr(letters, letter, sizeof letters) != NULL ? 0 : bad(s, "a wrong escape");
    for (int i = 0; i < 4; i++, s->at++) {
        if (s->at >= s->end || !is_hex(*s->at))
            return bad(s, "a wrong escape");
    }
    return 0;
}

static int scan_string(struct scan *s)
{
    s->at++;
    struct mr_json_token *token = token_new(s, MR_JSON_STRING);
    if (token == NULL)
        return no_memory(s);
    while (s->at < s->end) {
        uint8_t c = *s->at;
        if (c == '"') {
            token->end = offset(s);
            s->at++;
            return 0;
        }
        if (c < 0x20)
            return bad(s, "a control character in a string");
        s->at++;
        if (c != '\\')
            continue;
        token->escaped = true;
        int rc = scan_escape(s);
        if (rc < 0)
            return rc;
    }
    return bad(s, "a cut string");
}

static size_t scan_digits(struct scan *s)
{
    const uint8_t *first = s->at;
    while (s->at < s->end && is_digit(*s->at))
        s->at++;
    return (size_t)(s->at - first);
}

static int scan_number(struct scan *s)
{
    struct mr_json_token *token = token_new(s, MR_JSON_INTEGER);
    if (token == NULL)
        return no_memory(s);
    if (*s->at == '-')
        s->at++;
    const uint8_t *first = s->at;
    size_t n = scan_digits(s);
    if (n == 0)
        return bad(s, "an unknown word");
    if (n > 1 && *first == '0')
        return bad(s, "a number with a leading zero");
    if (s->at < s->end && *s->at == '.') {
        token->kind = MR_JSON_REAL;
        s->at++;
        if (scan_digits(s) == 0)
            return bad(s, "a wrong number");
    }
    if (s->at < s->end && (*s->at | 0x20) == 'e') {
        token->kind = MR_JSON_REAL;
        s->at++;
        if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
            s->at++;
        if (scan_digits(s) == 0)
            return bad(s, "a wrong number");
    }
    token->end = offset(s);
    return 0;
}

static int scan_word(struct scan *s, const char *word, enum mr_json_kind kind)
{
    size_t n = strlen(word);
    struct mr_json_token *token = token_new(s, kind);
    if (token == NULL)
        return no_memory(s);
    if ((size_t)(s->end - s->at) < n || memcmp(s->at, word, n) != 0)
        return bad(s, "an unknown word");
    s->at += n;
    token->end = offset(s);
    return 0;
}

/* A member's name and its colon. */
static int scan_name(struct scan *s)
{
    skip_blanks(s);
    if (s->at >= s->end || *s->at != '"')
        return bad(s, "no member name");
    int rc = scan_string(s);
    if (rc < 0)
        return rc;
    skip_blanks(s);
    if (s->at >= s->end || *s->at != ':')
        return bad(s, "no colon");
    s->at++;
    return 0;
}

static void close_top(struct scan *s)
{
    struct mr_json_token *token = &s->doc->tokens[s->open[--s->depth]];
    s->at++;
    token->end = offset(s);
    token->next = s->doc->n_tokens;
}

/* Opens an array or object; `more`: a value follows inside. */
static int scan_open(struct scan *s, bool *more)
{
    bool object = *s->at == '{';
    if (s->depth == MR_JSON_DOC_MAX_DEPTH)
        return bad(s, "more than 64 levels");
    struct mr_json_token *token = token_new(s, object ? MR_JSON_OBJECT : MR_JSON_ARRAY);
    if (token == NULL)
        return no_memory(s);
    s->open[s->depth++] = s->doc->n_tokens - 1;
    s->at++;
    skip_blanks(s);
    *more = s->at >= s->end || *s->at != (object ? '}' : ']');
    if (!*more) {
        close_top(s);
        return 0;
    }
    token->n = 1;
    return object ? scan_name(s) : 0;
}

/* `more`: a value follows before anything else. */
static int scan_value(struct scan *s, bool *more)
{
    *more = false;
    skip_blanks(s);
    if (s->at >= s->end)
        return bad(s, "the text ends too early");
    switch (*s->at) {
    case '{':
    case '[':
        return scan_open(s, more);
    case '"':
        return scan_string(s);
    case 't':
        return scan_word(s, "true", MR_JSON_BOOL);
    case 'f':
        return scan_word(s, "false", MR_JSON_BOOL);
    case 'n':
        return scan_word(s, "null", MR_JSON_NULL);
    default:
        return scan_number(s);
    }
}

/* Behind a value: closes what ends here, or steps to the next value. */
static int scan_after(struct scan *s, bool *more)
{
    *more = false;
    while (s->depth > 0) {
        skip_blanks(s);
        if (s->at >= s->end)
            return bad(s, "the text ends too early");
        struct mr_json_token *top = &s->doc->tokens[s->open[s->depth - 1]];
        bool object = top->kind == MR_JSON_OBJECT;
        if (*s->at == ',') {
            top->n++;
            s->at++;
            *more = true;
            return object ? scan_name(s) : 0;
        }
        if (*s->at != (object ? '}' : ']'))
            return bad(s, "no comma");
        close_top(s);
    }
    return 0;
}

int mr_json_doc_parse(struct mr_json_doc *doc, struct mr_slice text, struct mr_err *err)
{
    struct scan s = {.doc = doc, .at = text.data, .end = text.data + text.len, .err = err};
    bool more = true;
    doc->text = text;
    doc->n_tokens = 0;
    if (text.len > MAX_TEXT_BYTES)
        return mr_err_set(err, MR_FRAMING_TOO_LARGE, "a JSON text of %zu bytes", text.len);
    if (!mr_utf8_valid(text.data, text.len))
        return mr_err_set(err, MR_FRAMING_BAD_JSON, "the text is not UTF-8");
    while (more) {
        int rc = scan_value(&s, &more);
        if (rc == 0 && !more)
            rc = scan_after(&s, &more);
        if (rc < 0)
            return rc;
    }
    skip_blanks(&s);
    return s.at == s.end ? 0 : bad(&s, "text behind the value");
}

void mr_json_doc_release(struct mr_json_doc *doc)
{
    free(doc->tokens);
    *doc = (struct mr_json_doc)MR_JSON_DOC_INIT;
}

static unsigned hex4(const uint8_t *at)
{
    unsigned v = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t low = at[i] | 0x20;
        v = v << 4 | (is_digit(at[i]) ? (unsigned)(at[i] - '0') : (unsigned)(low - 'a' + 10));
    }
    return v;
}

static void put_utf8(struct mr_buf *out, uint32_t c)
{
    if (c >= 0x10000) {
        mr_buf_byte(out, (uint8_t)(0xf0 | c >> 18));
        mr_buf_byte(out, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
    } else if (c >= 0x800) {
        mr_buf_byte(out, (uint8_t)(0xe0 | c >> 12));
    }
    if (c >= 0x800)
        mr_buf_byte(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
    else if (c >= 0x80)
        mr_buf_byte(out, (uint8_t)(0xc0 | c >> 6));
    mr_buf_byte(out, (uint8_t)(c < 0x80 ? c : 0x80 | (c & 0x3f)));
}

/* Behind `\u`; steps over what it took. Syntax was checked, pairs of surrogates were not. */
static bool put_unicode(const uint8_t **at, const uint8_t *end, struct mr_buf *out)
{
    uint32_t c = hex4(*at);
    *at += 4;
    if (c >= 0xdc00 && c <= 0xdfff)
        return false;
    if (c >= 0xd800 && c <= 0xdbff) {
        if (end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u')
            return false;
        uint32_t low = hex4(*at + 2);
        if (low < 0xdc00 || low > 0xdfff)
            return false;
        *at += 6;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    put_utf8(out, c);
    return true;
}

bool mr_json_doc_text(const struct mr_json_doc *doc, uint32_t token, struct mr_buf *out)
{
    struct mr_slice raw = mr_json_doc_raw(doc, token);
    if (doc->tokens[token].escaped)
        return mr_json_unescape(raw, out);
    mr_buf_add(out, raw.data, raw.len);
    return true;
}

bool mr_json_unescape(struct mr_slice raw, struct mr_buf *out)
{
    static const char letters[] = "bfnrt";
    static const char meant[] = "\b\f\n\r\t";
    const uint8_t *end = raw.data + raw.len;
    for (const uint8_t *at = raw.data; at < end;) {
        if (*at != '\\') {
            mr_buf_byte(out, *at++);
            continue;
        }
        uint8_t letter = at[1];
        at += 2;
        if (letter == 'u') {
            if (!put_unicode(&at, end, out))
                return false;
            continue;
        }
        const char *found = strchr(letters, letter);
        mr_buf_byte(out, found != NULL ? (uint8_t)meant[found - letters] : letter);
    }
    return true;
}

static bool is_escaped(const struct mr_json_doc *doc, uint32_t token, const char *text)
{
    struct mr_buf plain = MR_BUF_INIT;
    bool same = mr_json_doc_text(doc, token, &plain) && mr_buf_ok(&plain) &&
                mr_slice_eq((struct mr_slice){plain.data, plain.len}, mr_slice_str(text));
    mr_buf_release(&plain);
    return same;
}

bool mr_json_doc_is(const struct mr_json_doc *doc, uint32_t token, const char *text)
{
    const struct mr_json_token *t = &doc->tokens[token];
    if (t->kind != MR_JSON_STRING)
        return false;
    if (t->escaped)
        return is_escaped(doc, token, text);
    return mr_slice_eq(mr_json_doc_raw(doc, token), mr_slice_str(text));
}

uint32_t mr_json_doc_find(const struct mr_json_doc *doc, uint32_t object, const char *name)
{
    uint32_t found = MR_JSON_NO_TOKEN;
    if (doc->tokens[object].kind != MR_JSON_OBJECT)
        return found;
    uint32_t at = object + 1;
    for (uint32_t i = 0; i < doc->tokens[object].n; i++) {
        if (mr_json_doc_is(doc, at, name))
            found = at + 1;
        at = doc->tokens[at + 1].next;
    }
    return found;
}
