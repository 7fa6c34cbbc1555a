/* Ordering guards (contract.md section 3.1): what of a record says how old it is, and the form of
 * it that a target stores and compares. Found once in a schema, made for each record of a route
 * that has a guard. Pure. Threads: any. */
#ifndef MR_SCHEMAS_GUARD_H
#define MR_SCHEMAS_GUARD_H

#include "schemas/envelope.h"
#include "schemas/rows.h"
#include "schemas/semantic.h"

enum { MR_GUARD_MAX_INPUTS = 8, MR_GUARD_MAX_BYTES = 64 };

/* What a guard is made of, in one value schema. */
struct mr_guard {
    enum mr_guard_kind kind;
    bool single;    /* one int64 part: a bigint, else a bytea (O-10) */
    bool in_source; /* inputs are fields of the envelope's source, else `record` is
                       the row's */
    const struct mr_avro_node *record; /* whose fields the inputs are */
    uint16_t n_inputs;
    int field[MR_GUARD_MAX_INPUTS]; /* in `record`; -1: this schema has no such field */
};

/* An input as it was read: a number, or text that lives as long as the record. */
struct mr_guard_input {
    bool set;
    int64_t i;
    struct mr_slice s;
};

struct mr_guard_value {
    bool null;      /* of a snapshot's row without one: the lowest (O-06) */
    int64_t single; /* where the guard is single */
    uint8_t len;    /* else `bytes`, which compare bytewise */
    uint8_t bytes[MR_GUARD_MAX_BYTES];
};

/* Finds the route's guard in a value's schema; kind MR_GUARD_NONE where the route has none, or the
 * layout carries none. Errors, both HALT: guard.missing where the schema cannot give one,
 * type.incompatible for a field that has no order. */
int mr_guard_find(const struct mr_route *route, const struct mr_envelope *env, struct mr_guard *out,
                  struct mr_err *err);

/* The name of an input, for errors. */
const char *mr_guard_input_name(const struct mr_guard *guard, const struct mr_route *route,
                                uint16_t idx);

/* Makes the guard of a record. Only a snapshot's row (`op` r) and a truncate (t) may lack it:
 * guard.missing (O-09). */
int mr_guard_make(const struct mr_guard *guard, char op, const struct mr_guard_input *inputs,
                  struct mr_guard_value *out, struct mr_err *err);

/* A guard's octets, from what an emitter wrote: they compare bytewise, also where the guard is
 * single. Returns their number. */
size_t mr_guard_octets(const struct mr_guard_use *use, struct mr_slice written,
                       uint8_t out[MR_GUARD_MAX_BYTES]);

/* What a target has of a key: the highest of its row's guard, its tomb's and its table's floor. */
enum mr_guard_state {
    MR_GUARD_ABSENT, /* neither row nor tomb */
    MR_GUARD_LOWEST, /* a row without a guard */
    MR_GUARD_SEEN
};
struct mr_guard_seen {
    uint8_t state;
    uint8_t len;
    uint8_t octets[MR_GUARD_MAX_BYTES];
};
/* One of them; data NULL: a row without a guard. */
void mr_guard_raise(struct mr_guard_seen *seen, struct mr_slice octets);

/* The order of two stored guards, as an emitter wrote them: below 0, 0, above 0. */
int mr_guard_order(bool single, struct mr_slice a, struct mr_slice b);

#endif
