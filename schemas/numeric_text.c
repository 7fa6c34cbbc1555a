/* Owns reading a decimal number from text. Must not use strtod: the value has to stay exact. The
 * grammar is PostgreSQL's for numeric, without blanks; special values as contract.md T-10. */
#include <strings.h>

#include "schemas/numeric.h"

#include "base/ban.h"

struct num_scan {
    struct mr_slice digits; /* with the point inside */
    int64_t point;          /* digits before the point */
    int64_t n_digits;
    int64_t exponent;
    bool negative;
};

static const struct {
    const char *text;
    enum mr_numeric_sign sign;
} specials[] = {
    {"NaN", MR_NUM_NAN},
    {"Infinity", MR_NUM_PINF},
    {"+Infinity", MR_NUM_PINF},
    {"-Infinity", MR_NUM_NINF},
    {"POSITIVE_INFINITY", MR_NUM_PINF},
    {"NEGATIVE_INFINITY", MR_NUM_NINF},
};

static bool num_special(struct mr_slice text, struct mr_numeric *out)
{
    for (size_t i = 0; i < sizeof specials / sizeof *specials; i++) {
        if (strlen(specials[i].text) != text.len ||
            strncasecmp(specials[i].text, (const char *)text.data, text.len) != 0)
            continue;
        *out = (struct mr_numeric){.sign = specials[i].sign, .digits = NULL};
        return true;
    }
    return false;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Exponents are cut far outside of the range, so that nothing overflows. */
static bool scan_exponent(struct mr_slice text, size_t at, int64_t *out)
{
    bool negative = false;
    int64_t v = 0;
    if (at < text.len && (text.data[at] == '+' || text.data[at] == '-'))
        negative = text.data[at++] == '-';
    if (at >= text.len)
        return false;
    for (; at < text.len; at++) {
        if (!is_digit(text.data[at]))
            return false;
        if (v < 1000000000)
            v = v * 10 + (text.data[at] - '0');
    }
    *out = negative ? -v : v;
    return true;
}

static bool num_scan(struct mr_slice text, struct num_scan *scan)
{
    size_t at = 0;
    *scan = (struct num_scan){.point = -1};
    if (text.len > 0 && (text.data[0] == '+' || text.data[0] == '-'))
        scan->negative = text.data[at++] == '-';
    size_t first = at;
    for (; at < text.len; at++) {
        uint8_t c = text.data[at];
        if (c == '.' && scan->point < 0)
            scan->point = scan->n_digits;
        else if (is_digit(c))
            scan->n_digits++;
        else
            break;
    }
    scan->digits = (struct mr_slice){text.data + first, at - first};
    if (scan->point < 0)
        scan->point = scan->n_digits;
    if (scan->n_digits == 0)
        return false;
    if (at == text.len)
        return true;
    return (text.data[at] | 0x20) == 'e' && scan_exponent(text, at + 1, &scan->exponent);
}

/* Groups from the front; `lead` zero digits stand before the first one, to reach a group's border.
 */
static size_t num_groups(struct mr_slice text, unsigned lead, struct mr_num_scratch *scratch)
{
    size_t n = 0;
    unsigned have = lead;
    int group = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '.')
            continue;
        group = group * 10 + (text.data[i] - '0');
        if (++have == 4) {
            scratch->digits[n++] = (int16_t)group;
            have = 0;
            group = 0;
        }
    }
    for (; have > 0 && have < 4; have++)
        group *= 10;
    if (have == 4)
        scratch->digits[n++] = (int16_t)group;
    return n;
}

static bool scan_is_zero(const struct num_scan *scan)
{
    for (size_t i = 0; i < scan->digits.len; i++) {
        if (scan->digits.data[i] != '0' && scan->digits.data[i] != '.')
            return false;
    }
    return true;
}

/* Leading zeros say nothing, and would make the bounds refuse what fits. */
static void scan_trim(struct num_scan *scan)
{
    while (scan->digits.len > 0 && scan->digits.data[0] == '0' && scan->n_digits > 1) {
        scan->digits.data++;
        scan->digits.len--;
        scan->n_digits--;
        scan->point--;
    }
}

int mr_numeric_from_text(struct mr_slice text, struct mr_num_scratch *scratch,
                         struct mr_numeric *out, struct mr_err *err)
{
    struct num_scan scan;
    if (num_special(text, out))
        return 0;
    if (!num_scan(text, &scan))
        return mr_err_set(err, MR_VALUE_INVALID, "the text is not a number");
    scan_trim(&scan);
    int64_t behind = scan.n_digits - scan.point - scan.exponent;
    bool zero = scan_is_zero(&scan);
    int64_t before = zero ? 0 : scan.point + scan.exponent;
    if (behind > MR_NUM_MAX_SCALE || before > MR_NUM_MAX_INT_DIGITS ||
        scan.n_digits > MR_NUM_MAX_INT_DIGITS + MR_NUM_MAX_SCALE)
        return mr_err_set(err, MR_VALUE_OUT_OF_RANGE, "too many digits");
    *out = (struct mr_numeric){.sign = scan.negative ? MR_NUM_NEG : MR_NUM_POS,
                               .dscale = (uint16_t)(behind > 0 ? behind : 0),
                               .digits = scratch->digits};
    if (zero) {
        out->sign = MR_NUM_POS;
        return 0;
    }
    /* Digits before the point, rounded up to whole groups; C's % is negative for negative ones. */
    int64_t int_digits = scan.point + scan.exponent;
    int64_t rest = ((int_digits % 4) + 4) % 4;
    unsigned lead = (unsigned)((4 - rest) % 4);
    out->n_digits = (uint16_t)num_groups(scan.digits, lead, scratch);
    out->weight = (int32_t)((int_digits + lead) / 4 - 1);
    while (out->n_digits > 0 && out->digits[0] == 0) {
        out->digits++;
        out->n_digits--;
        out->weight--;
    }
    while (out->n_digits > 0 && out->digits[out->n_digits - 1] == 0)
        out->n_digits--;
    return 0;
}
