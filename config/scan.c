/* Owns the look at configuration text before libconfig parses it. Must not decide what is valid
 * beyond what it explains better than libconfig would, or what libconfig takes silently for
 * something else: integers beyond 32 bits without L (libconfig 1.5 wraps them) and missing commas
 * between strings (it joins them). */
#include "config/scan.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/setting.h"

#include "base/ban.h"

enum { SHOWN_BYTES = 40 };

void mr_scan_init(struct mr_scan *scan, const char *text, size_t len)
{
    *scan = (struct mr_scan){.start = text, .at = text, .end = text + len, .line = 1};
}

static bool word_start(char c)
{
    return isalpha((unsigned char)c) || c == '_' || c == '*';
}

static bool word_byte(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '*' || c == '-' || c == '.';
}

static char peek(const struct mr_scan *scan, size_t ahead)
{
    if ((size_t)(scan->end - scan->at) <= ahead)
        return '\0';
    return scan->at[ahead];
}

static void skip_line(struct mr_scan *scan)
{
    while (scan->at < scan->end && *scan->at != '\n')
        scan->at++;
}

/* Behind the comment that begins here; false when it has no end. */
static bool skip_comment(struct mr_scan *scan)
{
    for (scan->at += 2; scan->at < scan->end; scan->at++) {
        if (*scan->at == '\n')
            scan->line++;
        if (*scan->at == '*' && peek(scan, 1) == '/') {
            scan->at += 2;
            return true;
        }
    }
    return false;
}

/* Blanks and comments; false at a comment without an end. */
static bool skip_blank(struct mr_scan *scan)
{
    while (scan->at < scan->end) {
        char c = *scan->at;
        if (c == '\n') {
            scan->line++;
            scan->at++;
        } else if (c == ' ' || c == '\t' || c == '\r' || c == '\f') {
            scan->at++;
        } else if (c == '#' || (c == '/' && peek(scan, 1) == '/')) {
            skip_line(scan);
        } else if (c == '/' && peek(scan, 1) == '*') {
            if (!skip_comment(scan))
                return false;
        } else {
            break;
        }
    }
    return true;
}

static void take_string(struct mr_scan *scan, struct mr_token *token)
{
    token->text = ++scan->at;
    for (; scan->at < scan->end && *scan->at != '"'; scan->at++) {
        if (*scan->at == '\n')
            scan->line++;
        if (*scan->at == '\\' && scan->at + 1 < scan->end) {
            scan->at++;
            if (*scan->at == '\n')
                scan->line++;
        }
    }
    token->len = (size_t)(scan->at - token->text);
    token->kind = scan->at < scan->end ? MR_TOKEN_STRING : MR_TOKEN_OPEN_STRING;
    if (scan->at < scan->end)
        scan->at++;
}

/* True when nothing but blanks stands between the start of the line and here. */
static bool at_line_start(const struct mr_scan *scan)
{
    const char *at = scan->at;
    while (at > scan->start && (at[-1] == ' ' || at[-1] == '\t'))
        at--;
    return at == scan->start || at[-1] == '\n';
}

static bool take_include(struct mr_scan *scan, struct mr_token *token)
{
    static const char word[] = "@include";
    size_t len = sizeof(word) - 1;
    if ((size_t)(scan->end - scan->at) <= len || memcmp(scan->at, word, len) != 0 ||
        !at_line_start(scan))
        return false;
    const char *at = scan->at + len;
    while (at < scan->end && (*at == ' ' || *at == '\t'))
        at++;
    const char *close =
        at < scan->end && *at == '"' ? memchr(at + 1, '"', (size_t)(scan->end - at - 1)) : NULL;
    if (close == NULL || memchr(at, '\n', (size_t)(close - at)) != NULL)
        return false;
    token->kind = MR_TOKEN_INCLUDE;
    token->text = at + 1;
    token->len = (size_t)(close - at - 1);
    scan->at = close + 1;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Of the token that begins here and is neither string nor include. */
static enum mr_token_kind kind_at(const struct mr_scan *scan)
{
    char c = *scan->at;
    if (is_digit(c) || ((c == '-' || c == '+') && is_digit(peek(scan, 1))))
        return MR_TOKEN_NUMBER;
    return word_start(c) ? MR_TOKEN_WORD : MR_TOKEN_PUNCT;
}

/* To the end of a word or number; a sign belongs to a number only behind its exponent's e. */
static void skip_run(struct mr_scan *scan, bool number)
{
    for (scan->at++; scan->at < scan->end; scan->at++) {
        char c = *scan->at;
        char before = scan->at[-1];
        bool sign = c == '-' || c == '+';
        if (number && sign && (before == 'e' || before == 'E'))
            continue;
        if (!word_byte(c) || (number && sign))
            break;
    }
}

struct mr_token mr_scan_next(struct mr_scan *scan)
{
    uint32_t comment_line = scan->line;
    struct mr_token token = {.kind = MR_TOKEN_END, .text = ""};
    if (!skip_blank(scan)) {
        token.kind = MR_TOKEN_OPEN_COMMENT;
        token.line = comment_line;
        return token;
    }
    token.line = scan->line;
    token.start = scan->at;
    token.text = scan->at;
    if (scan->at == scan->end)
        return token;
    char c = *scan->at;
    if (c == '"') {
        take_string(scan, &token);
        return token;
    }
    if (c == '@' && take_include(scan, &token))
        return token;
    token.kind = kind_at(scan);
    if (token.kind == MR_TOKEN_PUNCT)
        scan->at++;
    else
        skip_run(scan, token.kind == MR_TOKEN_NUMBER);
    token.len = (size_t)(scan->at - token.text);
    return token;
}

void mr_scan_rules_init(struct mr_scan_rules *rules)
{
    memset(rules, 0, sizeof(*rules));
    rules->before.kind = MR_TOKEN_END;
}

static int check_integer(const struct mr_token *token, const char *digits, int base,
                         const struct mr_conf_origin *at, struct mr_err *err)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(digits, &end, base);
    bool too_long = errno == ERANGE;
    bool has_l = *end == 'L' || *end == 'l';
    if (has_l)
        end += end[1] == 'L' || end[1] == 'l' ? 2 : 1;
    if (*end != '\0')
        return mr_setting_fail_at(
            err, at, MR_CONFIG_SYNTAX,
            "`%.*s` is not a number; write a value with a unit, and any text, in quotes: \"%.*s\"",
            (int)token->len, token->text, (int)token->len, token->text);
    if (too_long)
        return mr_setting_fail_at(err, at, MR_CONFIG_RANGE,
                                  "%.*s does not fit 64 bits; write a number "
                                  "from -9223372036854775808L to 9223372036854775807L",
                                  (int)token->len, token->text);
    if (!has_l && (value > INT32_MAX || value < INT32_MIN))
        return mr_setting_fail_at(err, at, MR_CONFIG_RANGE,
                                  "%.*s does not fit 32 bits and would be read as another number; "
                                  "write it with an L: %.*sL",
                                  (int)token->len, token->text, (int)token->len, token->text);
    return 0;
}

static int check_number(const struct mr_token *token, const struct mr_conf_origin *at,
                        struct mr_err *err)
{
    char text[SHOWN_BYTES + 1];
    if (token->len > SHOWN_BYTES)
        return mr_setting_fail_at(err, at, MR_CONFIG_RANGE,
                                  "a number of %zu digits; write text in quotes", token->len);
    memcpy(text, token->text, token->len);
    text[token->len] = '\0';
    const char *unsigned_text = text + (text[0] == '-' || text[0] == '+' ? 1 : 0);
    bool hex = unsigned_text[0] == '0' && tolower((unsigned char)unsigned_text[1]) == 'x';
    if (!hex && strpbrk(text, ".eE") != NULL) {
        char *end = NULL;
        (void)strtod(text, &end);
        if (*end == '\0')
            return 0;
    }
    return check_integer(token, text, hex ? 16 : 10, at, err);
}

static int push(struct mr_scan_rules *rules, char open, const struct mr_conf_origin *at,
                struct mr_err *err)
{
    if (rules->depth == MR_SCAN_DEPTH)
        return mr_setting_fail_at(err, at, MR_CONFIG_RANGE,
                                  "nested more than %d deep; no setting needs that", MR_SCAN_DEPTH);
    rules->brackets[rules->depth++] = (struct mr_scan_bracket){open, *at};
    return 0;
}

static int pop(struct mr_scan_rules *rules, char close, const struct mr_conf_origin *at,
               struct mr_err *err)
{
    if (rules->depth == 0)
        return mr_setting_fail_at(err, at, MR_CONFIG_SYNTAX, "`%c` closes nothing; remove it",
                                  close);
    const struct mr_scan_bracket *top = &rules->brackets[rules->depth - 1];
    const char *pairs = "(){}[]";
    char wanted = strchr(pairs, top->open)[1];
    if (close != wanted)
        return mr_setting_fail_at(err, at, MR_CONFIG_SYNTAX,
                                  "`%c` where the `%c` of line %u wants its `%c`", close, top->open,
                                  top->origin.line, wanted);
    if (rules->before_byte == ',' && close != '}')
        return mr_setting_fail_at(err, at, MR_CONFIG_SYNTAX,
                                  "a comma before `%c`; remove the last comma of the list", close);
    rules->depth--;
    return 0;
}

/* True where a value is expected: behind = or :, and in ( ) or [ ]. */
static bool value_place(const struct mr_scan_rules *rules)
{
    if (rules->before_byte == '=' || rules->before_byte == ':')
        return true;
    return rules->depth > 0 && rules->brackets[rules->depth - 1].open != '{';
}

static bool is_boolean(const struct mr_token *token)
{
    return (token->len == 4 && strncasecmp(token->text, "true", 4) == 0) ||
           (token->len == 5 && strncasecmp(token->text, "false", 5) == 0);
}

static int check_word(const struct mr_scan_rules *rules, const struct mr_token *token,
                      const struct mr_conf_origin *at, struct mr_err *err)
{
    int len = token->len > SHOWN_BYTES ? SHOWN_BYTES : (int)token->len;
    if (value_place(rules)) {
        if (is_boolean(token))
            return 0;
        return mr_setting_fail_at(
            err, at, MR_CONFIG_SYNTAX,
            "`%.*s` without quotes is no value; write \"%.*s\", or true or false", len, token->text,
            len, token->text);
    }
    if (token->text[0] == '_')
        return mr_setting_fail_at(
            err, at, MR_CONFIG_SYNTAX,
            "a key cannot begin with `_`: `%.*s`; names of fields and columns "
            "stand in quotes, as values",
            len, token->text);
    if (memchr(token->text, '.', token->len) != NULL)
        return mr_setting_fail_at(
            err, at, MR_CONFIG_SYNTAX,
            "a key cannot hold a dot: `%.*s`; write group: { key = value; }, and "
            "underscores in the Kafka client's properties",
            len, token->text);
    return 0;
}

static int check_string(const struct mr_scan_rules *rules, const struct mr_conf_origin *at,
                        struct mr_err *err)
{
    if (rules->before.kind == MR_TOKEN_STRING && rules->depth > 0 &&
        rules->brackets[rules->depth - 1].open != '{')
        return mr_setting_fail_at(
            err, at, MR_CONFIG_SYNTAX,
            "two strings without a comma between would be joined; add the comma");
    return 0;
}

static int check_punct(struct mr_scan_rules *rules, char c, const struct mr_conf_origin *at,
                       struct mr_err *err)
{
    if (strchr("([{", c) != NULL)
        return push(rules, c, at, err);
    if (strchr(")]}", c) != NULL)
        return pop(rules, c, at, err);
    if ((c == '=' || c == ':') && rules->before.kind == MR_TOKEN_STRING)
        return mr_setting_fail_at(err, at, MR_CONFIG_SYNTAX,
                                  "a key stands without quotes; remove them before `%c`", c);
    if (c == '@')
        return mr_setting_fail_at(err, at, MR_CONFIG_SYNTAX,
                                  "write @include \"FILE\" on a line of its own");
    if (c == '\'')
        return mr_setting_fail_at(err, at, MR_CONFIG_SYNTAX,
                                  "strings stand in double quotes, not single ones");
    return 0;
}

int mr_scan_rules_step(struct mr_scan_rules *rules, const struct mr_token *token, const char *file,
                       struct mr_err *err)
{
    struct mr_conf_origin at = {MR_CONF_FROM_FILE, file, token->line};
    int rc = 0;
    switch (token->kind) {
    case MR_TOKEN_WORD:
        rc = check_word(rules, token, &at, err);
        break;
    case MR_TOKEN_NUMBER:
        rc = check_number(token, &at, err);
        break;
    case MR_TOKEN_STRING:
        rc = check_string(rules, &at, err);
        break;
    case MR_TOKEN_PUNCT:
        rc = check_punct(rules, token->text[0], &at, err);
        break;
    case MR_TOKEN_OPEN_STRING:
        rc = mr_setting_fail_at(err, &at, MR_CONFIG_SYNTAX,
                                "the string that begins here has no end; add the quote");
        break;
    case MR_TOKEN_OPEN_COMMENT:
        rc = mr_setting_fail_at(err, &at, MR_CONFIG_SYNTAX,
                                "a comment after this line has no end; add */");
        break;
    case MR_TOKEN_INCLUDE:
    case MR_TOKEN_END:
        break;
    }
    rules->before = *token;
    rules->before_byte = '\0';
    if (token->kind == MR_TOKEN_PUNCT)
        rules->before_byte = token->text[0];
    return rc;
}
