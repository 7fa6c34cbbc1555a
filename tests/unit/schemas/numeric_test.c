/* Exact decimals (contract.md T-70 to T-72, S-47). */
#include "schemas/numeric.h"

#include <stdlib.h>

#include "tests/support/mr_test.h"

static struct mr_num_scratch scratch;
static struct mr_numeric num;
static struct mr_err err;
static struct mr_buf text;

MR_SETUP
{
    mr_buf_reset(&text);
}

MR_TEARDOWN
{
    mr_buf_release(&text);
}

static const char *printed(void)
{
    mr_buf_reset(&text);
    mr_numeric_print(&num, &text);
    return mr_buf_cstr(&text);
}

static const char *from_i64(int64_t v, int32_t scale)
{
    MR_CHECK_OK(mr_numeric_from_i64(v, scale, &scratch, &num, &err));
    return printed();
}

/* T-70 */
MR_TEST("integers with a scale print all their digits")
{
    MR_CHECK_STR(from_i64(0, 2), "0.00");
    MR_CHECK_STR(from_i64(110, 2), "1.10");
    MR_CHECK_STR(from_i64(-1, 5), "-0.00001");
    MR_CHECK_STR(from_i64(123456789, 4), "12345.6789");
    MR_CHECK_STR(from_i64(123456789, 3), "123456.789");
    MR_CHECK_STR(from_i64(5, -2), "500");
    MR_CHECK_STR(from_i64(12345, -6), "12345000000");
    MR_CHECK_STR(from_i64(INT64_MIN, 0), "-9223372036854775808");
    MR_CHECK_STR(from_i64(INT64_MAX, 18), "9.223372036854775807");
    MR_CHECK_STR(from_i64(0, -5), "0");
}

/* T-70: no zero groups at the ends, no sign of zero */
MR_TEST("the digit groups are the wire's: aligned, stripped")
{
    (void)from_i64(10000, 0);
    MR_CHECK_INT(num.n_digits, 1);
    MR_CHECK_INT(num.weight, 1);
    (void)from_i64(1, 6);
    MR_CHECK_INT(num.n_digits, 1);
    MR_CHECK_INT(num.weight, -2);
    MR_CHECK_INT(num.digits[0], 100);
    (void)from_i64(0, 3);
    MR_CHECK_INT(num.n_digits, 0);
    MR_CHECK_INT(num.sign, MR_NUM_POS);
}

/* S-47 */
MR_TEST("two's complement of any length up to 8,192 bytes")
{
    uint8_t bytes[MR_NUM_MAX_BYTES + 1] = {0xff};
    struct mr_slice s = {bytes, 9};
    MR_CHECK_OK(mr_numeric_from_bytes(s, 0, &scratch, &num, &err));
    MR_CHECK_STR(printed(), "-18446744073709551616");
    bytes[0] = 0x80;
    s.len = 16;
    MR_CHECK_OK(mr_numeric_from_bytes(s, 38, &scratch, &num, &err));
    MR_CHECK_STR(printed(), "-1.70141183460469231731687303715884105728");
    memset(bytes, 0xff, sizeof bytes);
    MR_CHECK_OK(mr_numeric_from_bytes(s, 0, &scratch, &num, &err));
    MR_CHECK_STR(printed(), "-1");
    bytes[0] = 0x7f;
    s.len = MR_NUM_MAX_BYTES;
    MR_CHECK_OK(mr_numeric_from_bytes(s, 0, &scratch, &num, &err));
    MR_CHECK_U64(strlen(printed()), 19729);
    s.len++;
    MR_CHECK_INT(mr_numeric_from_bytes(s, 0, &scratch, &num, &err), -MR_VALUE_OUT_OF_RANGE);
}

/* The same by the schoolbook: digit by digit, the value doubled for each bit. */
static const char *schoolbook(const uint8_t *bytes, size_t len, int32_t scale)
{
    static char out[20000];
    static uint8_t digits[20000]; /* least first */
    size_t n = 1;
    bool negative = (bytes[0] & 0x80) != 0;
    digits[0] = 0;
    for (size_t bit = 0; bit < len * 8; bit++) {
        unsigned carry = (bytes[bit / 8] >> (7 - bit % 8) & 1) != (negative ? 1 : 0) ? 1 : 0;
        if (negative && bit + 1 == len * 8)
            carry++; /* -x = ~x + 1 */
        for (size_t i = 0; i < n; i++) {
            carry += 2u * digits[i];
            digits[i] = (uint8_t)(carry % 10);
            carry /= 10;
        }
        if (carry > 0)
            digits[n++] = (uint8_t)carry;
    }
    while (n <= (size_t)scale)
        digits[n++] = 0;
    size_t at = 0;
    if (negative)
        out[at++] = '-';
    for (size_t i = n; i > 0; i--) {
        if (i == (size_t)scale)
            out[at++] = '.';
        out[at++] = (char)('0' + digits[i - 1]);
    }
    out[at] = '\0';
    return out;
}

/* S-47, T-70 */
MR_TEST("random values of every length print as the schoolbook has them")
{
    static const size_t lengths[] = {1, 7, 8, 9, 12, 16, 17, 31, 32, 33, 64, 65, 200, 1000};
    static uint8_t bytes[1000];
    uint64_t seed = UINT64_C(88172645463325252);
    for (unsigned i = 0; i < 40 * sizeof lengths / sizeof *lengths; i++) {
        struct mr_slice s = {bytes, lengths[i / 40]};
        for (size_t k = 0; k < s.len; k++) {
            seed ^= seed << 13; /* xorshift64 */
            seed ^= seed >> 7;
            seed ^= seed << 17;
            bytes[k] = i % 5 == 0 ? (uint8_t)(k > 0 ? 0 : 1) : (uint8_t)(seed >> 32);
        }
        if (s.len > 1 && (bytes[0] == 0 || bytes[0] == 0xff))
            bytes[0] = 0x40; /* no leading zeros for the schoolbook */
        if (s.len == 1)
            bytes[0] |= 1;
        int32_t scale = (int32_t)(i % 7);
        MR_CHECK_OK(mr_numeric_from_bytes(s, scale, &scratch, &num, &err));
        const char *want = schoolbook(bytes, s.len, scale);
        if (strcmp(printed(), want) != 0)
            MR_FAIL("%zu bytes, scale %d: %.80s, want %.80s", s.len, (int)scale, printed(), want);
    }
}

/* T-72 */
MR_TEST("more digits than the server has are refused, whatever the scale says")
{
    MR_CHECK_INT(mr_numeric_from_i64(1, 16384, &scratch, &num, &err), -MR_VALUE_OUT_OF_RANGE);
    MR_CHECK_INT(mr_numeric_from_i64(1, INT32_MIN, &scratch, &num, &err), -MR_VALUE_OUT_OF_RANGE);
    MR_CHECK_OK(mr_numeric_from_i64(1, -131071, &scratch, &num, &err));
    MR_CHECK_INT(mr_numeric_from_i64(1, -131072, &scratch, &num, &err), -MR_VALUE_OUT_OF_RANGE);
}

static const char *fitted(int64_t v, int32_t scale, struct mr_num_typmod to)
{
    MR_CHECK_OK(mr_numeric_from_i64(v, scale, &scratch, &num, &err));
    int rc = mr_numeric_fit(&num, &to, &scratch, &err);
    return rc < 0 ? mr_code_printed(rc) : printed();
}

/* T-71, T-72 */
MR_TEST("fitting rounds half away from zero, or refuses, at every digit of a group")
{
    const struct mr_num_typmod strict = {5, 2, false};
    const struct mr_num_typmod round = {5, 2, true};
    MR_CHECK_STR(fitted(1005, 3, strict), "numeric.excess_scale");
    MR_CHECK_STR(fitted(1000, 3, strict), "1.00");
    MR_CHECK_STR(fitted(1005, 3, round), "1.01");
    MR_CHECK_STR(fitted(-1005, 3, round), "-1.01");
    MR_CHECK_STR(fitted(1004, 3, round), "1.00");
    MR_CHECK_STR(fitted(999999, 3, round), "value.out_of_range");
    MR_CHECK_STR(fitted(4, 3, round), "0.00");
    MR_CHECK_STR(fitted(1, 12, round), "0.00");
    MR_CHECK_STR(fitted(99999, 4, (struct mr_num_typmod){9, 0, true}), "10");
    MR_CHECK_STR(fitted(123456, 5, (struct mr_num_typmod){9, 1, true}), "1.2");
    MR_CHECK_STR(fitted(123456, 5, (struct mr_num_typmod){9, 3, true}), "1.235");
    MR_CHECK_STR(fitted(123456, 5, (struct mr_num_typmod){9, 4, true}), "1.2346");
    MR_CHECK_STR(fitted(550, 0, (struct mr_num_typmod){5, -2, true}), "600");
    MR_CHECK_STR(fitted(500, 0, (struct mr_num_typmod){5, -2, false}), "500");
    MR_CHECK_STR(fitted(1, 0, (struct mr_num_typmod){-1, 0, false}), "1");
}

/* T-72: numeric(3,5) holds below 0.01 */
MR_TEST("a scale above the precision counts zeros behind the point")
{
    const struct mr_num_typmod small = {3, 5, false};
    MR_CHECK_STR(fitted(123, 5, small), "0.00123");
    MR_CHECK_STR(fitted(-999, 5, small), "-0.00999");
    MR_CHECK_STR(fitted(0, 5, small), "0.00000");
    MR_CHECK_STR(fitted(1000, 5, small), "value.out_of_range");
    MR_CHECK_STR(fitted(1, 0, small), "value.out_of_range");
    MR_CHECK_STR(fitted(99996, 7, (struct mr_num_typmod){3, 5, true}), "value.out_of_range");
    MR_CHECK_STR(fitted(1234, 9, (struct mr_num_typmod){2, 7, false}), "numeric.excess_scale");
    MR_CHECK_STR(fitted(12, 7, (struct mr_num_typmod){2, 7, false}), "0.0000012");
}

MR_TEST("only whole numbers within int64 are integers")
{
    int64_t v;
    (void)from_i64(INT64_MIN, 0);
    MR_CHECK(mr_numeric_to_i64(&num, &v));
    MR_CHECK_INT(v, INT64_MIN);
    (void)from_i64(100, 2);
    MR_CHECK(mr_numeric_to_i64(&num, &v));
    MR_CHECK_INT(v, 1);
    (void)from_i64(101, 2);
    MR_CHECK(!mr_numeric_to_i64(&num, &v));
    (void)from_i64(INT64_MAX, -1);
    MR_CHECK(!mr_numeric_to_i64(&num, &v));
}
