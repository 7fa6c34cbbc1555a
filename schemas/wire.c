/* Owns the slow paths of reading Avro's wire form: long varints, block headers, the text of a
 * fault. Must not know what a value means. Invariant: `at` never passes `end`. */
#include "schemas/wire.h"

#include "base/ban.h"

int mr_wire_fail(const struct mr_wire *w, struct mr_err *err)
{
    return mr_err_set(err, w->fault, "at byte %zu of %zu", (size_t)(w->at - w->start),
                      (size_t)(w->end - w->start));
}

/* S-30: the tenth byte holds bit 63 alone, and ends. */
bool mr_wire_long_slow(struct mr_wire *w, int64_t *out)
{
    uint64_t u = 0;
    const uint8_t *at = w->at;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (at >= w->end)
            return mr_wire_fault(w, MR_AVRO_TRUNCATED);
        uint8_t byte = *at++;
        if (shift == 63 && byte > 1)
            return mr_wire_fault(w, MR_AVRO_VARINT);
        u |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            w->at = at;
            *out = mr_wire_unzigzag(u);
            return true;
        }
    }
    return mr_wire_fault(w, MR_AVRO_VARINT);
}

/* The sized form: minus the count, then the block's bytes (S-33, S-34). */
static bool block_size(struct mr_wire *w, int64_t count, struct mr_wire_block *out)
{
    int64_t size;
    if (count == INT64_MIN)
        return mr_wire_fault(w, MR_AVRO_BLOCK_COUNT);
    if (!mr_wire_long(w, &size))
        return false;
    if (size < 0 || (uint64_t)size > mr_wire_left(w))
        return mr_wire_fault(w, MR_AVRO_BLOCK_SIZE);
    out->n = (uint64_t)-count;
    out->end = w->at + size;
    return true;
}

bool mr_wire_block_open(struct mr_wire *w, uint32_t min_bytes, struct mr_wire_block *out)
{
    int64_t count;
    if (!mr_wire_long(w, &count))
        return false;
    *out = (struct mr_wire_block){.n = count > 0 ? (uint64_t)count : 0, .end = NULL};
    if (count < 0 && !block_size(w, count, out))
        return false;
    if (out->n == 0)
        return true;
    /* S-35 by division, so that nothing overflows. */
    if (min_bytes > 0 && out->n > mr_wire_left(w) / min_bytes)
        return mr_wire_fault(w, MR_AVRO_BLOCK_COUNT);
    if (min_bytes == 0 && out->n > w->max_zero - w->n_zero)
        return mr_wire_fault(w, MR_AVRO_BLOCK_COUNT);
    if (out->n > MR_WIRE_MAX_ITEMS - w->n_items)
        return mr_wire_fault(w, MR_AVRO_TOO_MANY_ITEMS);
    w->n_items += (uint32_t)out->n;
    return true;
}
