/* The nearest known name to one that is not known, for error messages. Threads: any. */
#ifndef MR_CONFIG_SUGGEST_H
#define MR_CONFIG_SUGGEST_H

#include <stddef.h>

/* Collects the best of the candidates that are offered one by one. Names are borrowed. */
struct mr_suggest {
    const char *wanted;
    const char *best; /* NULL: nothing near enough yet */
    size_t distance;
};

void mr_suggest_init(struct mr_suggest *suggest, const char *wanted);
void mr_suggest_offer(struct mr_suggest *suggest, const char *candidate);

/* Insertions, deletions, replacements and swaps of neighbours that turn a into b, letter case and
 * `-` for
 * `_` aside; names beyond 64 bytes count as far apart. */
size_t mr_suggest_distance(const char *a, const char *b);

#endif
