/* The tokens of libconfig's syntax, without its meaning. libconfig says no more than "syntax error"
 * and the line, and reads some numbers wrong without saying so; the scan finds those first.
 * Threads: any. */
#ifndef MR_CONFIG_SCAN_H
#define MR_CONFIG_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"

enum mr_token_kind {
    MR_TOKEN_END,
    MR_TOKEN_WORD,        /* a key, true, false */
    MR_TOKEN_NUMBER,      /* with its sign and L */
    MR_TOKEN_STRING,      /* without its quotes, escapes not resolved */
    MR_TOKEN_PUNCT,       /* one of ( ) [ ] { } = : ; , or any other byte */
    MR_TOKEN_INCLUDE,     /* @include "path" at the start of a line; the path */
    MR_TOKEN_OPEN_STRING, /* without an end */
    MR_TOKEN_OPEN_COMMENT
};

struct mr_token {
    enum mr_token_kind kind;
    const char *text;
    size_t len;
    uint32_t line;
    const char *start; /* with quotes, or the @ */
};

struct mr_scan {
    const char *start;
    const char *at;
    const char *end;
    uint32_t line;
};

void mr_scan_init(struct mr_scan *scan, const char *text, size_t len);
struct mr_token mr_scan_next(struct mr_scan *scan);

/* The rules that go over tokens of all files in their order. */
enum { MR_SCAN_DEPTH = 16 };

struct mr_scan_bracket {
    char open;
    struct mr_conf_origin origin;
};

struct mr_scan_rules {
    struct mr_scan_bracket brackets[MR_SCAN_DEPTH];
    uint32_t depth;
    struct mr_token before; /* the token before; text may be gone, kind and first byte stay */
    char before_byte;
};

void mr_scan_rules_init(struct mr_scan_rules *rules);

/* 0, or a FATAL error with the place and the remedy. */
int mr_scan_rules_step(struct mr_scan_rules *rules, const struct mr_token *token, const char *file,
                       struct mr_err *err);

#endif
