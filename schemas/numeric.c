/* Owns exact decimals: making them and fitting them to a column. Must not touch floating point.
 * Invariant of every finished number: no leading or trailing zero groups, zero has none and is
 * positive, dscale is within 0..16383. */
#include "schemas/numeric.h"

#include "base/ban.h"

enum {
    NUM_BASE = 10000,
    NUM_LIMB_STEP = 100000000,
    NUM_PASS_STEPS = 8,  /* divisions in one pass over a long number */
    NUM_LONG_LIMBS = 12, /* from so many on; below, a pass of one is faster */
};

static const uint32_t pow10_small[4] = {1, 10, 100, 1000};

static int num_range(struct mr_err *err)
{
    return mr_err_set(err, MR_VALUE_OUT_OF_RANGE,
                      "beyond %d digits before or %d after the decimal point",
                      MR_NUM_MAX_INT_DIGITS, MR_NUM_MAX_SCALE);
}

/* Strips zero groups at both ends, and the sign of zero. */
static void num_strip(struct mr_numeric *num)
{
    while (num->n_digits > 0 && num->digits[0] == 0) {
        num->digits++;
        num->n_digits--;
        num->weight--;
    }
    while (num->n_digits > 0 && num->digits[num->n_digits - 1] == 0)
        num->n_digits--;
    if (num->n_digits == 0) {
        num->weight = 0;
        num->sign = MR_NUM_POS;
    }
}

/* How far a scale shifts: pad decimal digits to the next group border, then whole groups. */
struct num_shift {
    uint32_t pad;          /* multiply by 10^pad */
    int32_t groups_behind; /* groups behind the point; negative: zero groups before it */
};

static struct num_shift num_shift(int32_t scale)
{
    struct num_shift shift;
    if (scale >= 0) {
        shift.pad = (uint32_t)((4 - scale % 4) % 4);
        shift.groups_behind = (scale + 3) / 4;
    } else {
        shift.pad = (uint32_t)(-scale % 4);
        shift.groups_behind = scale / 4;
    }
    return shift;
}

static bool num_scale_ok(int32_t scale)
{
    return scale <= MR_NUM_MAX_SCALE && scale >= -MR_NUM_MAX_INT_DIGITS;
}

/* The number of digits before the point of a stripped number; below 0: zeros behind the point,
 * which a numeric(3,5) counts on. */
static int64_t num_int_digits(const struct mr_numeric *num)
{
    if (num->n_digits == 0)
        return INT32_MIN;
    int16_t lead = num->digits[0];
    int n = lead >= 1000 ? 4 : lead >= 100 ? 3 : lead >= 10 ? 2 : 1;
    return (int64_t)num->weight * 4 + n;
}

/* Groups in scratch->digits[first..MAX) are the magnitude, least at the end. */
static int num_finish(struct mr_numeric *out, struct mr_num_scratch *scratch, size_t first,
                      int32_t scale, struct mr_err *err)
{
    struct num_shift shift = num_shift(scale);
    size_t n = MR_NUM_MAX_GROUPS - first;
    out->digits = scratch->digits + first;
    out->n_digits = (uint16_t)n; /* <= MR_NUM_MAX_GROUPS */
    out->weight = (int32_t)n - 1 - shift.groups_behind;
    out->dscale = (uint16_t)(scale > 0 ? scale : 0);
    num_strip(out);
    if (num_int_digits(out) > MR_NUM_MAX_INT_DIGITS)
        return num_range(err);
    return 0;
}

int mr_numeric_from_i64(int64_t unscaled, int32_t scale, struct mr_num_scratch *scratch,
                        struct mr_numeric *out, struct mr_err *err)
{
    uint64_t magnitude = unscaled < 0 ? ~(uint64_t)unscaled + 1 : (uint64_t)unscaled;
    size_t first = MR_NUM_MAX_GROUPS;
    if (magnitude != 0 && !num_scale_ok(scale))
        return num_range(err);
    if (magnitude == 0 && scale < 0)
        scale = 0;
    if (scale > MR_NUM_MAX_SCALE)
        return num_range(err);
    /* The pad only touches the last group, so the product never has to fit 64 bits. */
    uint32_t pad = num_shift(scale).pad;
    if (pad > 0 && magnitude != 0) {
        uint32_t split = pow10_small[4 - pad];
        scratch->digits[--first] = (int16_t)(magnitude % split * pow10_small[pad]);
        magnitude /= split;
    }
    while (magnitude != 0) {
        scratch->digits[--first] = (int16_t)(magnitude % NUM_BASE);
        magnitude /= NUM_BASE;
    }
    out->sign = unscaled < 0 ? MR_NUM_NEG : MR_NUM_POS;
    return num_finish(out, scratch, first, scale, err);
}

/* The magnitude as 32-bit limbs, least first; returns how many are used. */
static size_t limbs_load(struct mr_slice bytes, bool negative, uint32_t *limbs)
{
    size_t n = 0;
    uint64_t carry = negative ? 1 : 0;
    size_t at = bytes.len;
    while (at > 0) {
        uint32_t limb = 0;
        unsigned shift = 0;
        for (; shift < 32 && at > 0; shift += 8)
            limb |= (uint32_t)(negative ? (uint8_t)~bytes.data[--at] : bytes.data[--at]) << shift;
        uint64_t sum = (uint64_t)limb + carry;
        /* The missing upper bytes of the last limb are sign bits: ~0xff.. = 0. */
        limbs[n++] = (uint32_t)sum;
        carry = sum >> 32;
    }
    if (carry != 0)
        limbs[n++] = 1;
    while (n > 0 && limbs[n - 1] == 0)
        n--;
    return n;
}

static size_t limbs_multiply(uint32_t *limbs, size_t n, uint32_t by)
{
    uint64_t carry = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t v = (uint64_t)limbs[i] * by + carry;
        limbs[i] = (uint32_t)v;
        carry = v >> 32;
    }
    if (carry != 0)
        limbs[n++] = (uint32_t)carry;
    return n;
}

/* Divides by 10^8 `n_rests` times in one pass and gives the remainders. The divisions of a row wait
 * for each other, those of two rows do not: in a long number several rows take the time of one. */
static inline void limbs_pass(uint32_t *limbs, size_t *n, uint64_t *rests, unsigned n_rests)
{
    memset(rests, 0, n_rests * sizeof *rests);
    for (size_t i = *n; i > 0; i--) {
        uint32_t limb = limbs[i - 1];
        for (unsigned k = 0; k < n_rests; k++) {
            uint64_t v = (rests[k] << 32) | limb;
            limb = (uint32_t)(v / NUM_LIMB_STEP);
            rests[k] = v % NUM_LIMB_STEP;
        }
        limbs[i - 1] = limb;
    }
    while (*n > 0 && limbs[*n - 1] == 0)
        (*n)--;
}

static int num_from_limbs(struct mr_slice bytes, int32_t scale, struct mr_num_scratch *scratch,
                          struct mr_numeric *out, struct mr_err *err)
{
    bool negative = (bytes.data[0] & 0x80) != 0;
    size_t first = MR_NUM_MAX_GROUPS;
    size_t n = limbs_load(bytes, negative, scratch->limbs);
    if (n == 0)
        return mr_numeric_from_i64(0, scale, scratch, out, err);
    if (!num_scale_ok(scale))
        return num_range(err);
    n = limbs_multiply(scratch->limbs, n, pow10_small[num_shift(scale).pad]);
    while (n > 0) {
        uint64_t rests[NUM_PASS_STEPS];
        unsigned n_rests = n < NUM_LONG_LIMBS ? 1 : NUM_PASS_STEPS;
        if (n_rests == 1) /* two calls: each with a number that the compiler knows */
            limbs_pass(scratch->limbs, &n, rests, 1);
        else
            limbs_pass(scratch->limbs, &n, rests, NUM_PASS_STEPS);
        for (unsigned k = 0; k < n_rests; k++) {
            scratch->digits[--first] = (int16_t)(rests[k] % NUM_BASE);
            scratch->digits[--first] = (int16_t)(rests[k] / NUM_BASE);
        }
    }
    out->sign = negative ? MR_NUM_NEG : MR_NUM_POS;
    return num_finish(out, scratch, first, scale, err);
}

int mr_numeric_from_bytes(struct mr_slice bytes, int32_t scale, struct mr_num_scratch *scratch,
                          struct mr_numeric *out, struct mr_err *err)
{
    if (bytes.len > MR_NUM_MAX_BYTES)
        return mr_err_set(err, MR_VALUE_OUT_OF_RANGE, "a decimal of %zu bytes", bytes.len);
    if (bytes.len > 8)
        return num_from_limbs(bytes, scale, scratch, out, err);
    uint64_t v = bytes.len > 0 && (bytes.data[0] & 0x80) != 0 ? UINT64_MAX : 0;
    for (size_t i = 0; i < bytes.len; i++)
        v = v << 8 | bytes.data[i];
    return mr_numeric_from_i64((int64_t)v, scale, scratch, out, err);
}

/* Rounds half away from zero to `scale` digits: base is the group that holds the last kept digit.
 */
static void num_round(struct mr_numeric *num, int32_t scale, struct mr_num_scratch *scratch)
{
    /* One more group in front takes a carry. */
    size_t n = num->n_digits;
    int16_t *d = scratch->digits + 1;
    memmove(d, num->digits, n * sizeof *d);
    d[-1] = 0;
    int32_t weight = num->weight + 1;
    d -= 1;
    n += 1;
    /* Decimal digits kept, counted from the front of d. */
    int64_t keep = ((int64_t)weight + 1) * 4 + scale;
    if (keep < 0 || (uint64_t)keep / 4 >= n) {
        if (keep < 0)
            n = 0;
    } else {
        size_t group = (size_t)keep / 4;
        int unit = (int)pow10_small[3 - keep % 4]; /* place value of the first dropped digit */
        int dropped = d[group] / unit % 10;
        d[group] = (int16_t)(d[group] - d[group] % (unit * 10));
        if (keep % 4 == 0)
            d[group] = 0;
        n = group + 1;
        int carry = dropped >= 5 ? (keep % 4 == 0 ? NUM_BASE : unit * 10) : 0;
        for (size_t i = group + 1; carry != 0 && i > 0; i--) {
            int v = d[i - 1] + carry;
            d[i - 1] = (int16_t)(v % NUM_BASE);
            carry = v / NUM_BASE;
        }
    }
    num->digits = d;
    num->n_digits = (uint16_t)n;
    num->weight = weight;
    num_strip(num);
}

/* The least scale that holds the number; negative where it ends in zeros before the point. */
static int64_t num_used_scale(const struct mr_numeric *num)
{
    if (num->n_digits == 0)
        return INT32_MIN;
    int64_t last_weight = (int64_t)num->weight - (num->n_digits - 1);
    int16_t last = num->digits[num->n_digits - 1];
    int trailing = last % 1000 == 0 ? 3 : last % 100 == 0 ? 2 : last % 10 == 0 ? 1 : 0;
    return -last_weight * 4 - trailing;
}

int mr_numeric_fit(struct mr_numeric *num, const struct mr_num_typmod *to,
                   struct mr_num_scratch *scratch, struct mr_err *err)
{
    if (to->precision < 0 || num->sign == MR_NUM_NAN)
        return 0;
    if (num->sign == MR_NUM_PINF || num->sign == MR_NUM_NINF)
        return mr_err_set(err, MR_VALUE_OUT_OF_RANGE, "infinity into numeric(%d,%d)",
                          (int)to->precision, (int)to->scale);
    if (num_used_scale(num) > to->scale) {
        if (!to->round)
            return mr_err_set(err, MR_NUMERIC_EXCESS_SCALE, "%d digits behind the point, %d fit",
                              (int)num_used_scale(num), (int)to->scale);
        num_round(num, to->scale, scratch);
    }
    if (num_int_digits(num) > (int64_t)to->precision - to->scale)
        return mr_err_set(err, MR_VALUE_OUT_OF_RANGE, "%d digits before the point, %d fit",
                          (int)num_int_digits(num), (int)(to->precision - to->scale));
    num->dscale = (uint16_t)(to->scale > 0 ? to->scale : 0);
    return 0;
}

bool mr_numeric_to_i64(const struct mr_numeric *num, int64_t *out)
{
    if (num->sign > MR_NUM_NEG || num_used_scale(num) > 0 || num->weight > 4)
        return false;
    uint64_t magnitude = 0;
    for (int32_t i = 0; num->n_digits > 0 && i <= num->weight; i++) {
        uint64_t group = i < (int32_t)num->n_digits ? (uint64_t)num->digits[i] : 0;
        if (__builtin_mul_overflow(magnitude, (uint64_t)NUM_BASE, &magnitude) ||
            __builtin_add_overflow(magnitude, group, &magnitude))
            return false;
    }
    uint64_t most = (uint64_t)INT64_MAX + (num->sign == MR_NUM_NEG ? 1 : 0);
    if (magnitude > most)
        return false;
    *out = num->sign == MR_NUM_NEG ? (int64_t)(~magnitude + 1) : (int64_t)magnitude;
    return true;
}

static void print_group(struct mr_buf *out, int group, int first, int n)
{
    char text[4] = {(char)('0' + group / 1000), (char)('0' + group / 100 % 10),
                    (char)('0' + group / 10 % 10), (char)('0' + group % 10)};
    mr_buf_add(out, text + first, (size_t)n);
}

/* The group of that weight, 0 where the number has none. */
static int num_group(const struct mr_numeric *num, int64_t weight)
{
    int64_t idx = (int64_t)num->weight - weight;
    return idx >= 0 && idx < num->n_digits ? num->digits[idx] : 0;
}

void mr_numeric_print(const struct mr_numeric *num, struct mr_buf *out)
{
    static const char *const special[] = {
        [MR_NUM_NAN] = "NaN", [MR_NUM_PINF] = "Infinity", [MR_NUM_NINF] = "-Infinity"};
    if (num->sign > MR_NUM_NEG) {
        mr_buf_add(out, special[num->sign], strlen(special[num->sign]));
        return;
    }
    if (num->sign == MR_NUM_NEG)
        mr_buf_byte(out, '-');
    int64_t top = num->n_digits > 0 && num->weight > 0 ? num->weight : 0;
    int lead = num_group(num, top);
    int skip = lead >= 1000 ? 0 : lead >= 100 ? 1 : lead >= 10 ? 2 : 3;
    print_group(out, lead, skip, 4 - skip);
    for (int64_t w = top - 1; w >= 0; w--)
        print_group(out, num_group(num, w), 0, 4);
    if (num->dscale == 0)
        return;
    mr_buf_byte(out, '.');
    int64_t left = num->dscale;
    for (int64_t w = -1; left > 0; w--, left -= 4)
        print_group(out, num_group(num, w), 0, left < 4 ? (int)left : 4);
}
