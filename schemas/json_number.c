/* Owns exact numbers of JSON. Must not use floating point. Invariant: digits are counted before
 * they are kept, and zeros that an exponent asks for before they are made. */
#include "schemas/json_number.h"

#include "base/ban.h"

enum { MAX_EXPONENT = 200000, CHUNK_DIGITS = 9, MAX_LIMBS = MR_JSON_NUMBER_DIGITS / 9 + 2 };

static int too_large(struct mr_err *err)
{
    return mr_err_set(err, MR_VALUE_OUT_OF_RANGE, "a JSON number of more than %d digits",
                      MR_JSON_NUMBER_DIGITS);
}

static int read_exponent(const uint8_t *at, const uint8_t *end, int64_t *out, struct mr_err *err)
{
    bool negative = false;
    int64_t v = 0;
    if (at < end && (*at == '+' || *at == '-'))
        negative = *at++ == '-';
    for (; at < end; at++) {
        v = v * 10 + (*at - '0');
        if (v > MAX_EXPONENT)
            return mr_err_set(err, MR_VALUE_OUT_OF_RANGE, "a JSON number's exponent");
    }
    *out = negative ? -v : v;
    return 0;
}

int mr_json_number_parse(struct mr_slice lexeme, struct mr_json_number *out, struct mr_err *err)
{
    const uint8_t *at = lexeme.data;
    const uint8_t *end = at + lexeme.len;
    int64_t fraction = 0;
    int64_t exponent = 0;
    bool behind_point = false;
    out->n = 0;
    out->negative = at < end && *at == '-';
    at += out->negative;
    for (; at < end && (*at | 0x20) != 'e'; at++) {
        if (*at == '.') {
            behind_point = true;
            continue;
        }
        fraction += behind_point;
        if (out->n == 0 && *at == '0')
            continue;
        if (out->n == MR_JSON_NUMBER_DIGITS)
            return too_large(err);
        out->digits[out->n++] = (uint8_t)(*at - '0');
    }
    int rc = at < end ? read_exponent(at + 1, end, &exponent, err) : 0;
    if (rc == 0 && fraction - exponent > MAX_EXPONENT)
        rc = mr_err_set(err, MR_VALUE_OUT_OF_RANGE, "a JSON number's fraction");
    out->scale = rc == 0 ? (int32_t)(fraction - exponent) : 0;
    return rc;
}

/* How many digits the number has at `scale`: negative scale adds zeros, a smaller one takes digits
 * away, which must be zeros. False: they are not. */
static bool digits_at(const struct mr_json_number *number, int32_t scale, int64_t *n)
{
    int64_t more = (int64_t)scale - number->scale;
    *n = number->n + more;
    if (number->n == 0 || more >= 0)
        return true;
    for (int64_t i = *n > 0 ? *n : 0; i < number->n; i++) {
        if (number->digits[i] != 0)
            return false;
    }
    return *n > 0;
}

bool mr_json_number_to_i64(const struct mr_json_number *number, int64_t *out, bool *fraction)
{
    int64_t n;
    uint64_t v = 0;
    *fraction = !digits_at(number, 0, &n);
    if (*fraction || (number->n > 0 && n > 19))
        return false;
    for (int64_t i = 0; number->n > 0 && i < n; i++)
        v = v * 10 + (i < number->n ? number->digits[i] : 0); /* 19 digits fit 64 bits */
    uint64_t most = (uint64_t)INT64_MAX + (number->negative ? 1 : 0);
    if (v > most)
        return false;
    *out = number->negative ? (int64_t)(~v + 1) : (int64_t)v;
    return true;
}

/* limbs = limbs * times + plus; how many there are then. */
static uint32_t limbs_step(uint32_t *limbs, uint32_t n, uint32_t times, uint32_t plus)
{
    uint64_t carry = plus;
    for (uint32_t i = 0; i < n; i++) {
        carry += (uint64_t)limbs[i] * times;
        limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry > 0)
        limbs[n++] = (uint32_t)carry;
    return n;
}

static uint32_t limbs_make(const struct mr_json_number *number, uint32_t n_digits, uint32_t *limbs)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < n_digits;) {
        uint32_t chunk = 0;
        uint32_t times = 1;
        for (int k = 0; k < CHUNK_DIGITS && i < n_digits; k++, i++) {
            chunk = chunk * 10 + (i < number->n ? number->digits[i] : 0);
            times *= 10;
        }
        n = limbs_step(limbs, n, times, chunk);
    }
    return n;
}

/* Two's complement of the magnitude in `limbs`, with a byte more where the sign needs it. */
static void put_bytes(const uint32_t *limbs, uint32_t n, bool negative, struct mr_buf *out)
{
    uint8_t bytes[MAX_LIMBS * 4 + 1];
    size_t len = (size_t)n * 4;
    unsigned carry = negative ? 1 : 0;
    for (size_t i = 0; i <= len; i++) { /* the lowest first, into the end of `bytes` */
        unsigned byte = i < len ? limbs[i / 4] >> (i % 4 * 8) & 0xff : 0;
        if (negative) {
            byte = (~byte & 0xff) + carry;
            carry = byte >> 8;
        }
        bytes[len - i] = (uint8_t)byte;
    }
    size_t first = 0;
    uint8_t filler = negative ? 0xff : 0;
    while (first < len && bytes[first] == filler && ((bytes[first + 1] ^ filler) & 0x80) == 0)
        first++;
    mr_buf_add(out, bytes + first, len + 1 - first);
}

int mr_json_number_to_bytes(const struct mr_json_number *number, int32_t scale, struct mr_buf *out,
                            struct mr_err *err)
{
    uint32_t limbs[MAX_LIMBS];
    int64_t n;
    if (!digits_at(number, scale, &n))
        return mr_err_set(err, MR_VALUE_INVALID, "a number with more than %d fractional digits",
                          scale);
    if (number->n > 0 && n > MR_JSON_NUMBER_DIGITS)
        return too_large(err);
    uint32_t n_limbs = number->n > 0 ? limbs_make(number, (uint32_t)n, limbs) : 0;
    put_bytes(limbs, n_limbs, number->negative && n_limbs > 0, out);
    return 0;
}
