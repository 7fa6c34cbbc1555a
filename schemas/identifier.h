/* Names in the target: kept as they are (always quoted by the dialect), folded on request, and
 * never longer than the server takes: a long name keeps its first bytes and gets a hash, so that it
 * is found again (contract.md I-02, I-03, I-05). The same function for tables, columns and stages.
 * Pure. */
#ifndef MR_SCHEMAS_IDENTIFIER_H
#define MR_SCHEMAS_IDENTIFIER_H

#include "base/buf.h"
#include "base/err.h"

enum mr_letter_case { MR_CASE_KEEP, MR_CASE_LOWER, MR_CASE_UPPER }; /* ASCII letters only */

struct mr_identifier_opts {
    uint8_t letter_case; /* enum mr_letter_case */
    bool long_halt;      /* identifier_long = "halt" */
    uint32_t max_bytes;  /* the server's; 63 for PostgreSQL */
};

/* Writes the name with its NUL to `out` (`cap` > max_bytes). Errors: identifier.invalid (empty,
 * U+0000, not UTF-8, or too long with long_halt). */
int mr_identifier_make(const char *text, size_t len, const struct mr_identifier_opts *opts,
                       char *out, size_t cap, struct mr_err *err);

#endif
