/* Positions by hand: which ones are meant, where they would be put, and putting them there. A
 * position that is put is claimed first, so that whoever owned it is fenced, and then moved under
 * that claim's epoch (design.md section 4). Thread: main; brokers and target are asked. */
#ifndef MR_CONSUMER_PLACING_H
#define MR_CONSUMER_PLACING_H

#include "consumer/ends.h"

/* Which positions are meant: a topic's, or one partition's. */
struct mr_pick {
    char stream[MR_STREAM_NAME_BYTES];
    int32_t partition; /* -1: all of the topic */
};
/* "TOPIC" or "TOPIC/PARTITION". Errors: config.usage. */
int mr_pick_parse(const char *word, struct mr_pick *out, struct mr_err *err);
/* Is it one of the picks? Without picks each is. */
bool mr_pick_meets(const struct mr_pick *picks, size_t n, const struct mr_position *position);

/* "earliest", "latest", an offset, or a time stamp. Errors: config.usage. */
int mr_place_rule_parse(const char *word, struct mr_place_rule *out, struct mr_err *err);

struct mr_placement {
    bool found; /* the target had a position */
    struct mr_position from;
    struct mr_position to;
    int64_t low; /* of the log */
    int64_t high;
};

struct mr_placing {
    struct mr_placement *items;
    size_t n, cap;
};
void mr_placing_release(struct mr_placing *placing); /* zeroes are allowed */

/* What the rule means for each of the picks; without picks for each position that is stored.
 * Nothing is altered. Errors: of one partition, which it names, as of mr_position_place; and what
 * asking may give. */
struct mr_place_wish {
    const struct mr_pick *picks;
    size_t n_picks;
    struct mr_place_rule rule;
};
int mr_placing_plan(struct mr_ends *ends, const struct mr_place_wish *wish, struct mr_placing *out,
                    struct mr_err *err);
/* Puts all of them. Errors: position.fenced when an instance claimed one in between, again and
 * again; then none was moved. */
int mr_placing_apply(struct mr_ends *ends, const struct mr_placing *placing, struct mr_err *err);

#endif
