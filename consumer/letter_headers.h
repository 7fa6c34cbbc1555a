/* A dead letter's headers, back from the JSON that they are kept as: [{"k":name,"v":base64|null}],
 * in their order. Bytes are untrusted: anybody may write a letter. Thread: its owner's. */
#ifndef MR_CONSUMER_LETTER_HEADERS_H
#define MR_CONSUMER_LETTER_HEADERS_H

#include "base/arena.h"
#include "base/err.h"
#include "schemas/headers.h"

struct mr_letter_header {
    const char *name;
    struct mr_slice value; /* data NULL: null */
};
struct mr_letter_headers {
    const struct mr_letter_header *items;
    size_t n;
};

/* In the arena. Errors: value.invalid_json for text that has another form, internal.no_memory. */
int mr_letter_headers_parse(const char *json, struct mr_arena *arena, struct mr_letter_headers *out,
                            struct mr_err *err);
/* As the record's; `headers` is borrowed. */
struct mr_headers mr_letter_headers_as(const struct mr_letter_headers *headers);

#endif
