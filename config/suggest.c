/* Owns the edit distance. Must not know options. Near enough is a third of the longer name, and at
 * least one letter, so that `batch.maxrows` finds `batch.max_rows` and `xyz` finds nothing. */
#include "config/suggest.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "base/ban.h"

enum { NAME_BYTES = 64, PREFIX_BYTES = 4 };

static int folded(char c)
{
    return c == '-' ? '_' : tolower((unsigned char)c);
}

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

size_t mr_suggest_distance(const char *a, const char *b)
{
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);
    if (a_len > NAME_BYTES || b_len > NAME_BYTES)
        return SIZE_MAX;
    /* Three rows of the matrix: a swap of neighbours looks two rows back. */
    size_t rows[3][NAME_BYTES + 1];
    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        const size_t *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t differ = folded(a[i - 1]) == folded(b[j - 1]) ? 0 : 1;
            row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + differ);
            if (i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) &&
                folded(a[i - 2]) == folded(b[j - 1]) && two_above[j - 2] + 1 < row[j])
                row[j] = two_above[j - 2] + 1;
        }
    }
    return rows[a_len % 3][b_len];
}

void mr_suggest_init(struct mr_suggest *suggest, const char *wanted)
{
    *suggest = (struct mr_suggest){.wanted = wanted, .distance = SIZE_MAX};
}

void mr_suggest_offer(struct mr_suggest *suggest, const char *candidate)
{
    size_t distance = mr_suggest_distance(suggest->wanted, candidate);
    size_t longer = strlen(suggest->wanted);
    if (strlen(candidate) > longer)
        longer = strlen(candidate);
    size_t allowed = longer / 3 > 1 ? longer / 3 : 1;
    /* `warning` for `warn`: one is the beginning of the other. */
    size_t shorter =
        strlen(suggest->wanted) < strlen(candidate) ? strlen(suggest->wanted) : strlen(candidate);
    if (shorter >= PREFIX_BYTES && strncmp(suggest->wanted, candidate, shorter) == 0)
        allowed = longer;
    if (distance <= allowed && distance < suggest->distance) {
        suggest->best = candidate;
        suggest->distance = distance;
    }
}
