/* Reading Avro's wire form from bytes that nobody vouches for (contract.md S-30..S-45): one cursor
 * with the budgets of a whole record. A read that fails sets `fault` and returns false; the text is
 * made by mr_wire_fail() once the fault leaves the hot path. Threads: one owner. */
#ifndef MR_SCHEMAS_WIRE_H
#define MR_SCHEMAS_WIRE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"

enum {
    MR_WIRE_MAX_ITEMS = 4 * 1024 * 1024, /* S-37 */
    MR_WIRE_MAX_DEPTH = 64,              /* S-45 */
};

struct mr_wire {
    const uint8_t *at;
    const uint8_t *end;
    const uint8_t *start;
    enum mr_code fault;
    uint32_t n_items; /* S-37: of all containers so far */
    uint32_t n_zero;  /* S-36: leaf values without a byte so far */
    uint32_t max_zero;
};

/* A block of an array or map: `n` items (0: the end), and where it must end if it said its size. */
struct mr_wire_block {
    uint64_t n;
    const uint8_t *end; /* NULL: not said */
};

static inline void mr_wire_init(struct mr_wire *w, struct mr_slice bytes, uint32_t max_zero)
{
    static const uint8_t none[1];
    w->at = bytes.data != NULL ? bytes.data : none;
    w->end = w->at + bytes.len;
    w->start = w->at;
    w->fault = MR_OK;
    w->n_items = 0;
    w->n_zero = 0;
    w->max_zero = max_zero;
}

/* Formats the fault with its place in the datum; returns -fault. */
int mr_wire_fail(const struct mr_wire *w, struct mr_err *err);

static inline bool mr_wire_fault(struct mr_wire *w, enum mr_code code)
{
    w->fault = code;
    return false;
}

static inline size_t mr_wire_left(const struct mr_wire *w)
{
    return (size_t)(w->end - w->at);
}

/* Zigzag: intended wrap-around, on unsigned values. */
static inline int64_t mr_wire_unzigzag(uint64_t u)
{
    return (int64_t)((u >> 1) ^ (~(u & 1) + 1));
}

bool mr_wire_long_slow(struct mr_wire *w, int64_t *out);

static inline bool mr_wire_long(struct mr_wire *w, int64_t *out)
{
    if (w->at < w->end && *w->at < 0x80) {
        *out = mr_wire_unzigzag(*w->at++);
        return true;
    }
    return mr_wire_long_slow(w, out);
}

static inline bool mr_wire_int(struct mr_wire *w, int64_t *out)
{
    if (!mr_wire_long(w, out))
        return false;
    if (*out < INT32_MIN || *out > INT32_MAX)
        return mr_wire_fault(w, MR_AVRO_VARINT);
    return true;
}

static inline bool mr_wire_boolean(struct mr_wire *w, int64_t *out)
{
    if (w->at >= w->end)
        return mr_wire_fault(w, MR_AVRO_TRUNCATED);
    uint8_t byte = *w->at++;
    if (byte > 1)
        return mr_wire_fault(w, MR_AVRO_BOOLEAN);
    *out = byte;
    return true;
}

/* Little-endian on the wire; Avro specification, "Primitive Types". */
static inline bool mr_wire_float(struct mr_wire *w, double *out)
{
    uint32_t bits;
    float v;
    if (mr_wire_left(w) < sizeof bits)
        return mr_wire_fault(w, MR_AVRO_TRUNCATED);
    bits = (uint32_t)w->at[0] | ((uint32_t)w->at[1] << 8) | ((uint32_t)w->at[2] << 16) |
           ((uint32_t)w->at[3] << 24);
    memcpy(&v, &bits, sizeof v);
    w->at += sizeof bits;
    *out = (double)v;
    return true;
}

static inline bool mr_wire_double(struct mr_wire *w, double *out)
{
    uint64_t bits = 0;
    if (mr_wire_left(w) < sizeof bits)
        return mr_wire_fault(w, MR_AVRO_TRUNCATED);
    for (unsigned i = 0; i < sizeof bits; i++)
        bits |= (uint64_t)w->at[i] << (8 * i);
    memcpy(out, &bits, sizeof *out);
    w->at += sizeof bits;
    return true;
}

static inline bool mr_wire_fixed(struct mr_wire *w, size_t n, struct mr_slice *out)
{
    if (mr_wire_left(w) < n)
        return mr_wire_fault(w, MR_AVRO_TRUNCATED);
    *out = (struct mr_slice){w->at, n};
    w->at += n;
    return true;
}

/* Strings and bytes. A length beyond the input is a wrong length (S-38), not a cut datum. */
static inline bool mr_wire_bytes(struct mr_wire *w, struct mr_slice *out)
{
    int64_t len;
    if (!mr_wire_long(w, &len))
        return false;
    if (len < 0 || (uint64_t)len > mr_wire_left(w))
        return mr_wire_fault(w, MR_AVRO_LENGTH);
    *out = (struct mr_slice){w->at, (size_t)len};
    w->at += len;
    return true;
}

static inline bool mr_wire_index(struct mr_wire *w, uint32_t n, enum mr_code code, uint32_t *out)
{
    int64_t idx;
    if (!mr_wire_long(w, &idx))
        return false;
    if (idx < 0 || idx >= (int64_t)n)
        return mr_wire_fault(w, code);
    *out = (uint32_t)idx;
    return true;
}

static inline bool mr_wire_branch(struct mr_wire *w, uint32_t n, uint32_t *out)
{
    return mr_wire_index(w, n, MR_AVRO_BAD_UNION_INDEX, out);
}

static inline bool mr_wire_enum(struct mr_wire *w, uint32_t n, uint32_t *out)
{
    return mr_wire_index(w, n, MR_AVRO_ENUM_INDEX, out);
}

/* One leaf value without a byte: null outside of a union, fixed(0), an empty record. */
static inline bool mr_wire_zero(struct mr_wire *w)
{
    if (w->n_zero >= w->max_zero)
        return mr_wire_fault(w, MR_AVRO_BLOCK_COUNT);
    w->n_zero++;
    return true;
}

/* Opens the next block. min_bytes: least size of an item (maps: with its key). */
bool mr_wire_block_open(struct mr_wire *w, uint32_t min_bytes, struct mr_wire_block *out);

/* After the block's last item (S-34). */
static inline bool mr_wire_block_close(struct mr_wire *w, const struct mr_wire_block *block)
{
    if (block->end != NULL && block->end != w->at)
        return mr_wire_fault(w, MR_AVRO_BLOCK_SIZE);
    return true;
}

#endif
