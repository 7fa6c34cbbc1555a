/* The bytes of contract.md section 5, without the length word's surprise: each case is length and
 * payload. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "sinks/pg.h"
#include "tests/support/mr_test.h"

static struct mr_buf out;

MR_SETUP
{
    out = (struct mr_buf)MR_BUF_INIT;
}

MR_TEARDOWN
{
    mr_buf_release(&out);
}

/* What was emitted since the last call, as hex in words of four bytes. */
static const char *hex(void)
{
    static char text[512];
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < out.len; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%02x",
                                 i > 0 && i % 4 == 0 ? " " : "", out.data[i]);
    MR_CHECK(mr_buf_ok(&out));
    mr_buf_reset(&out);
    return text;
}

static const struct mr_coltype *type(enum mr_type of)
{
    static struct mr_coltype made;
    made = (struct mr_coltype){.type = of, .length = -1, .precision = -1, .elem_oid = 23};
    return &made;
}

// T-01..T-05, T-46
MR_TEST("booleans, integers and reals are big-endian")
{
    mr_pg_emit.boolean(&out, type(MR_T_BOOL), true);
    MR_CHECK_STR(hex(), "00000001 01");
    mr_pg_emit.integer(&out, type(MR_T_INT2), -2);
    MR_CHECK_STR(hex(), "00000002 fffe");
    mr_pg_emit.integer(&out, type(MR_T_INT4), 258);
    MR_CHECK_STR(hex(), "00000004 00000102");
    mr_pg_emit.integer(&out, type(MR_T_INT8), -1);
    MR_CHECK_STR(hex(), "00000008 ffffffff ffffffff");
    mr_pg_emit.integer(&out, type(MR_T_OID), 4294967295);
    MR_CHECK_STR(hex(), "00000004 ffffffff");
    mr_pg_emit.real(&out, type(MR_T_FLOAT4), -1.5);
    MR_CHECK_STR(hex(), "00000004 bfc00000");
    mr_pg_emit.real(&out, type(MR_T_FLOAT8), -0.0);
    MR_CHECK_STR(hex(), "00000008 80000000 00000000");
}

// T-N, T-70
MR_TEST("a numeric has base 10000 digits around the point and its scale")
{
    const int16_t digits[] = {1, 1000};
    struct mr_numeric v = {MR_NUM_POS, 0, 2, 2, digits}; /* 1.10 */
    mr_pg_emit.numeric(&out, type(MR_T_NUMERIC), &v);
    MR_CHECK_STR(hex(), "0000000c 00020000 00000002 000103e8");
    v = (struct mr_numeric){MR_NUM_NEG, -1, 4, 1, digits}; /* -0.0001 */
    mr_pg_emit.numeric(&out, type(MR_T_NUMERIC), &v);
    MR_CHECK_STR(hex(), "0000000a 0001ffff 40000004 0001");
    v = (struct mr_numeric){MR_NUM_NEG, 3, 2, 0, NULL}; /* no -0 */
    mr_pg_emit.numeric(&out, type(MR_T_NUMERIC), &v);
    MR_CHECK_STR(hex(), "00000008 00000000 00000002");
}

// T-11
MR_TEST("a numeric that is no number is its sign word alone")
{
    static const struct {
        enum mr_numeric_sign sign;
        const char *hex;
    } cases[] = {{MR_NUM_NAN, "00000008 00000000 c0000000"},
                 {MR_NUM_PINF, "00000008 00000000 d0000000"},
                 {MR_NUM_NINF, "00000008 00000000 f0000000"}};
    for (size_t i = 0; i < 3; i++) {
        struct mr_numeric v = {.sign = cases[i].sign, .dscale = 3};
        mr_pg_emit.numeric(&out, type(MR_T_NUMERIC), &v);
        MR_CHECK_STR(hex(), cases[i].hex);
    }
}

// T-06, T-07, T-30
MR_TEST("text and bytes go as they are, jsonb with its version byte")
{
    mr_pg_emit.text(&out, type(MR_T_TEXT), "ab", 2);
    MR_CHECK_STR(hex(), "00000002 6162");
    mr_pg_emit.text(&out, type(MR_T_JSON), "{}", 2);
    MR_CHECK_STR(hex(), "00000002 7b7d");
    mr_pg_emit.text(&out, type(MR_T_JSONB), "{}", 2);
    MR_CHECK_STR(hex(), "00000003 017b7d");
    mr_pg_emit.text(&out, type(MR_T_TEXT), "", 0);
    MR_CHECK_STR(hex(), "00000000");
    mr_pg_emit.bytes(&out, type(MR_T_BYTEA), (const uint8_t *)"\0\1", 2);
    MR_CHECK_STR(hex(), "00000002 0001");
    mr_pg_emit.bytes(&out, type(MR_T_CAST), (const uint8_t *)"\xab\1", 2);
    MR_CHECK_STR(hex(), "00000006 5c786162 3031");
    mr_pg_emit.uuid(&out, type(MR_T_UUID), (const uint8_t *)"0123456789abcdef");
    MR_CHECK_STR(hex(), "00000010 30313233 34353637 38396162 63646566");
}

// T-12, T-16, T-18, T-80
MR_TEST("dates are shifted to 2000-01-01 as timestamps are already, but for the infinities")
{
    mr_pg_emit.date(&out, type(MR_T_DATE), 10957);
    MR_CHECK_STR(hex(), "00000004 00000000");
    mr_pg_emit.date(&out, type(MR_T_DATE), 0);
    MR_CHECK_STR(hex(), "00000004 ffffd533");
    mr_pg_emit.date(&out, type(MR_T_DATE), INT32_MAX);
    MR_CHECK_STR(hex(), "00000004 7fffffff");
    mr_pg_emit.date(&out, type(MR_T_DATE), INT32_MIN);
    MR_CHECK_STR(hex(), "00000004 80000000");
    mr_pg_emit.timestamp(&out, type(MR_T_TIMESTAMP), 1);
    MR_CHECK_STR(hex(), "00000008 00000000 00000001");
    mr_pg_emit.timestamp(&out, type(MR_T_TIMESTAMPTZ), INT64_MAX);
    MR_CHECK_STR(hex(), "00000008 7fffffff ffffffff");
    mr_pg_emit.timestamp(&out, type(MR_T_TIMESTAMP), INT64_MIN);
    MR_CHECK_STR(hex(), "00000008 80000000 00000000");
}

// T-13, T-22, T-27
MR_TEST("a zone goes as seconds west, an interval as microseconds, days, months")
{
    mr_pg_emit.time(&out, type(MR_T_TIME), INT64_C(86400000000));
    MR_CHECK_STR(hex(), "00000008 00000014 1dd76000");
    mr_pg_emit.timetz(&out, type(MR_T_TIMETZ), 1, 7200);
    MR_CHECK_STR(hex(), "0000000c 00000000 00000001 ffffe3e0");
    struct mr_interval v = {.us = -1, .days = 2, .months = 14};
    mr_pg_emit.interval(&out, type(MR_T_INTERVAL), &v);
    MR_CHECK_STR(hex(), "00000010 ffffffff ffffffff 00000002 0000000e");
}

// T-33
MR_TEST("bits go with their count, the last byte padded on the right")
{
    mr_pg_emit.bits(&out, type(MR_T_VARBIT), (const uint8_t *)"\xa0\x80", 9);
    MR_CHECK_STR(hex(), "00000006 00000009 a080");
    mr_pg_emit.bits(&out, type(MR_T_VARBIT), NULL, 0);
    MR_CHECK_STR(hex(), "00000004 00000000");
}

// T-60
MR_TEST("an array has its dimension, null flag, element type and items")
{
    size_t at = mr_pg_emit.array_begin(&out, type(MR_T_ARRAY), 2, true);
    mr_pg_emit.integer(&out, type(MR_T_INT4), 7);
    mr_pg_emit.array_null(&out, type(MR_T_INT4));
    mr_pg_emit.array_end(&out, type(MR_T_ARRAY), at);
    MR_CHECK_STR(hex(), "00000020 00000001 00000001 00000017 00000002 00000001 "
                        "00000004 00000007 ffffffff");
    at = mr_pg_emit.array_begin(&out, type(MR_T_ARRAY), 0, false);
    mr_pg_emit.array_end(&out, type(MR_T_ARRAY), at);
    MR_CHECK_STR(hex(), "0000000c 00000000 00000000 00000017");
}

MR_TEST("a buffer at its limit is told once, at the end")
{
    out.limit = 8;
    mr_pg_emit.integer(&out, type(MR_T_INT8), 1);
    MR_CHECK(!mr_buf_ok(&out));
    size_t at = mr_pg_emit.array_begin(&out, type(MR_T_ARRAY), 1, false);
    mr_pg_emit.array_end(&out, type(MR_T_ARRAY), at);
    MR_CHECK(!mr_buf_ok(&out));
    mr_buf_reset(&out);
}

// T-36, T-39
MR_TEST("a label has a version byte, a geometry is staged as hex")
{
    mr_pg_emit.text(&out, type(MR_T_LTREE), "a.b", 3);
    MR_CHECK_STR(hex(), "00000004 01612e62");
    mr_pg_emit.text(&out, type(MR_T_GEOMETRY), "POINT(1 2)", 10);
    MR_CHECK_STR(hex(), "0000000a 504f494e 54283120 3229");
    mr_pg_emit.bytes(&out, type(MR_T_GEOMETRY), (const uint8_t *)"\x01\xff", 2);
    MR_CHECK_STR(hex(), "00000004 30316666");
}

// T-40, T-41
MR_TEST("figures are float8s, behind the form of a path and the number of points")
{
    static const double two[] = {1, 2};
    mr_pg_emit.figure(&out, type(MR_T_POINT), &(struct mr_figure){.n = 2, .v = two});
    MR_CHECK_STR(hex(), "00000010 3ff00000 00000000 40000000 00000000");
    mr_pg_emit.figure(&out, type(MR_T_PATH), &(struct mr_figure){.closed = true, .n = 2, .v = two});
    MR_CHECK_STR(hex(), "00000015 01000000 013ff000 00000000 00400000 00000000 00");
    mr_pg_emit.figure(&out, type(MR_T_POLYGON), &(struct mr_figure){.n = 2, .v = two});
    MR_CHECK_STR(hex(), "00000014 00000001 3ff00000 00000000 40000000 00000000");
}

// T-44, T-45
MR_TEST("vectors are dimensions and narrow floats, sparse ones with indexes from 0")
{
    static const double two[] = {1.5, -2};
    static const int32_t idx[] = {0, 2};
    mr_pg_emit.vector(&out, type(MR_T_VECTOR), &(struct mr_vector){.dim = 2, .n = 2, .v = two});
    MR_CHECK_STR(hex(), "0000000c 00020000 3fc00000 c0000000");
    mr_pg_emit.vector(&out, type(MR_T_HALFVEC), &(struct mr_vector){.dim = 2, .n = 2, .v = two});
    MR_CHECK_STR(hex(), "00000008 00020000 3e00c000");
    mr_pg_emit.vector(&out, type(MR_T_SPARSEVEC),
                      &(struct mr_vector){.dim = 5, .n = 2, .idx = idx, .v = two});
    MR_CHECK_STR(hex(), "0000001c 00000005 00000002 00000000 00000000 00000002 3fc00000 c0000000");
}

// T-38
MR_TEST("pairs are counted texts, null is a length of -1")
{
    static const struct mr_pair pairs[] = {{0, 1, 0, UINT32_MAX}, {1, 2, 3, 0}};
    mr_pg_emit.pairs(&out, type(MR_T_HSTORE),
                     &(struct mr_pairs){.n = 2, .pairs = pairs, .text = (const uint8_t *)"abc"});
    MR_CHECK_STR(hex(), "00000017 00000002 00000001 61ffffff ff000000 02626300 000000");
}

// T-60
MR_TEST("an array of several dimensions has a length and a lower bound for each")
{
    static const struct mr_dims dims = {.n = 2, .len = {1, 2}};
    static const struct mr_coltype ints = {.type = MR_T_ARRAY, .elem = MR_T_INT2, .elem_oid = 21};
    size_t at = mr_pg_emit.matrix_begin(&out, &ints, &dims, true);
    mr_pg_emit.integer(&out, type(MR_T_INT2), 1);
    mr_pg_emit.array_null(&out, type(MR_T_INT2));
    mr_pg_emit.array_end(&out, &ints, at);
    MR_CHECK_STR(hex(), "00000026 00000002 00000001 00000015 00000001 00000001 00000002 00000001 "
                        "00000002 0001ffff ffff");
}
