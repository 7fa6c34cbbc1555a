/* Owns the backoff of every retry in the program, and the tables of what is tried before an error's
 * class decides. */
#include "consumer/retry.h"

#include <stdbool.h>
#include <string.h>

#include "base/ban.h"

uint32_t mr_retry_delay_ms(enum mr_class class, uint32_t attempt, struct mr_rng *rng)
{
    bool pause = class == MR_CLASS_PAUSE;
    uint64_t first = pause ? MR_PAUSE_FIRST_MS : MR_RETRY_FIRST_MS;
    uint64_t most = pause ? MR_PAUSE_MOST_MS : MR_RETRY_MOST_MS;
    uint64_t bound = first << (attempt < 16 ? attempt : 16);

    if (bound > most)
        bound = most;
    if (pause)
        return (uint32_t)bound; /* a probe at a known rhythm: jitter would only blur the alarm */
    return (uint32_t)(1 + mr_rng_below(rng, bound));
}

uint32_t mr_retry_quick_ms(struct mr_rng *rng)
{
    return (uint32_t)(MR_QUICK_LEAST_MS +
                      mr_rng_below(rng, MR_QUICK_MOST_MS - MR_QUICK_LEAST_MS + 1));
}

struct kind_row {
    enum mr_first first; /* what the first n_first of a batch get */
    uint8_t n_first;
    enum mr_first then; /* what those after them get */
};

static const struct kind_row kinds[MR_N_RETRY_KINDS] = {
    [MR_RETRY_LOST] = {MR_FIRST_QUICK, 5, MR_FIRST_NOTHING},
    [MR_RETRY_KEY] = {MR_FIRST_QUICK, 5, MR_FIRST_NOTHING},
    [MR_RETRY_REDUCTION] = {MR_FIRST_QUICK, 1, MR_FIRST_NOTHING},
    [MR_RETRY_SESSION] = {MR_FIRST_QUICK, 1, MR_FIRST_NOTHING},
    [MR_RETRY_CANCELLED] = {MR_FIRST_NOTHING, 2, MR_FIRST_HALVE},
    [MR_RETRY_MEMORY] = {MR_FIRST_HALVE, 0, MR_FIRST_HALVE},
    [MR_RETRY_INTERNAL] = {MR_FIRST_NOTHING, 2, MR_FIRST_SPLIT},
};

struct state_row {
    char state[6];
    enum mr_retry_kind kind;
    enum {
        OF_ANY,
        OF_KEY, /* only where the error is of the key's index */
        OF_ALL, /* only where it is no record's already */
    } of;
};

static const struct state_row states[] = {
    {"40001", MR_RETRY_LOST, OF_ANY},    {"40P01", MR_RETRY_LOST, OF_ANY},
    {"23505", MR_RETRY_KEY, OF_KEY},     {"21000", MR_RETRY_REDUCTION, OF_ANY},
    {"25P02", MR_RETRY_SESSION, OF_ANY}, {"3B001", MR_RETRY_SESSION, OF_ANY},
    {"2D000", MR_RETRY_SESSION, OF_ANY}, {"34000", MR_RETRY_SESSION, OF_ANY},
    {"26000", MR_RETRY_SESSION, OF_ANY}, {"57014", MR_RETRY_CANCELLED, OF_ANY},
    {"53200", MR_RETRY_MEMORY, OF_ANY},  {"XX000", MR_RETRY_INTERNAL, OF_ALL},
};

static bool is_of(const struct state_row *row, const struct mr_err *err)
{
    if (strcmp(row->state, err->sqlstate) != 0)
        return false;
    return row->of == OF_KEY ? err->on_key : row->of == OF_ANY || err->class != MR_CLASS_POISON;
}

enum mr_first mr_retry_first(struct mr_retries *retries, struct mr_err *err)
{
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        const struct state_row *row = &states[i];
        if (!is_of(row, err))
            continue;
        const struct kind_row *kind = &kinds[row->kind];
        bool first = retries->n[row->kind] < kind->n_first;
        retries->n[row->kind] = (uint8_t)(retries->n[row->kind] + first);
        enum mr_first what = first ? kind->first : kind->then;
        if (what == MR_FIRST_QUICK)
            err->class = MR_CLASS_RETRY;
        return what;
    }
    return MR_FIRST_NOTHING;
}
