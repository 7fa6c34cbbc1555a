/* One JSON text as a flat list of tokens over its own bytes: nothing is copied and no number is
 * rounded, since a token keeps its lexeme (contract.md F-11). Bounded: 64 levels, one token a
 * value, at most as many as the text has bytes. Threads: one owner. */
#ifndef MR_SCHEMAS_JSON_TOKENS_H
#define MR_SCHEMAS_JSON_TOKENS_H

#include "schemas/json.h"

enum { MR_JSON_DOC_MAX_DEPTH = 64, MR_JSON_NO_TOKEN = 0 };

struct mr_json_token {
    uint8_t kind;   /* enum mr_json_kind; INTEGER has neither point nor exponent */
    bool escaped;   /* a string with a backslash */
    uint32_t start; /* in the text; of a string behind its opening quote */
    uint32_t end;   /* of a string before its closing quote */
    uint32_t n;     /* items of an array, members of an object */
    uint32_t next;  /* the token behind this value and all inside it */
};

/* Tokens of an object's members come in pairs: the name (a string), the value. The root is token 0.
 */
struct mr_json_doc {
    struct mr_slice text; /* borrowed */
    struct mr_json_token *tokens;
    uint32_t n_tokens;
    uint32_t cap_tokens;
};
#define MR_JSON_DOC_INIT {.tokens = NULL}

/* Keeps the list's memory for the next text. Errors: -MR_FRAMING_BAD_JSON with the offset (bad
 * UTF-8 and deeper than 64 levels too), -MR_FRAMING_TOO_LARGE beyond 2 GiB, -MR_NO_MEMORY. */
int mr_json_doc_parse(struct mr_json_doc *doc, struct mr_slice text, struct mr_err *err);
void mr_json_doc_release(struct mr_json_doc *doc);

/* The value's own bytes: a number's lexeme, a string without quotes and still escaped, an array or
 * object with its brackets. */
static inline struct mr_slice mr_json_doc_raw(const struct mr_json_doc *doc, uint32_t token)
{
    const struct mr_json_token *t = &doc->tokens[token];
    return (struct mr_slice){doc->text.data + t->start, t->end - t->start};
}

/* Appends a string's characters, escapes undone. False for a lone surrogate. */
bool mr_json_doc_text(const struct mr_json_doc *doc, uint32_t token, struct mr_buf *out);
/* The same of the octets between a string's quotes, which were checked before. */
bool mr_json_unescape(struct mr_slice raw, struct mr_buf *out);
bool mr_json_doc_is(const struct mr_json_doc *doc, uint32_t token, const char *text);
/* The member's value, of equal names the last one's; MR_JSON_NO_TOKEN: absent, or no object. */
uint32_t mr_json_doc_find(const struct mr_json_doc *doc, uint32_t object, const char *name);

#endif
