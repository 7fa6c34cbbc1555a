/* The payloads of typed tuples, and their JSON. Every type's text is read back through SQLite by
 * tests/component/sink_values_test.c; here are the forms and the edges. */
#include "sinks/typed_emit.h"

#include <math.h>
#include <string.h>

#include "tests/support/mr_test.h"

static struct mr_buf out;
static struct mr_buf json;

MR_TEARDOWN
{
    mr_buf_release(&out);
    mr_buf_release(&json);
}

static const struct mr_coltype int_list = {.type = MR_T_ARRAY, .elem = MR_T_INT8};

/* The payload that was emitted, as JSON of that type. */
static const char *json_of(enum mr_type type)
{
    MR_CHECK_U64(mr_get_u32(out.data), out.len - 4);
    mr_buf_reset(&json);
    mr_typed_json(&json, type, (struct mr_slice){out.data + 4, out.len - 4});
    mr_buf_reset(&out);
    return mr_buf_cstr(&json);
}

MR_TEST("a field is its length, a byte for its form, and the value")
{
    mr_typed_emit.text(&out, &(struct mr_coltype){.type = MR_T_TEXT}, "ab", 2);
    MR_CHECK_U64(out.len, 7);
    MR_CHECK_MEM(out.data, "\0\0\0\3tab", 7);
    mr_buf_reset(&out);
    mr_typed_emit.integer(&out, &(struct mr_coltype){.type = MR_T_INT4}, -2);
    MR_CHECK_U64(out.len, 13);
    MR_CHECK_MEM(out.data, "\0\0\0\11i\xff\xff\xff\xff\xff\xff\xff\xfe", 13);
    mr_buf_reset(&out);
    mr_typed_emit.bytes(&out, &(struct mr_coltype){.type = MR_T_BYTEA}, (const uint8_t *)"\0\1", 2);
    MR_CHECK_MEM(out.data, "\0\0\0\3b\0\1", 7);
}

/* S-21 */
MR_TEST("numbers are exact in JSON, and what is no JSON number is a string")
{
    const struct mr_coltype real = {.type = MR_T_FLOAT8};
    mr_typed_emit.integer(&out, &real, INT64_MIN);
    MR_CHECK_STR(json_of(MR_T_INT8), "-9223372036854775808");
    mr_typed_emit.real(&out, &real, 0.1);
    MR_CHECK_STR(json_of(MR_T_FLOAT8), "0.1");
    mr_typed_emit.real(&out, &real, (double)0.1f);
    MR_CHECK_STR(json_of(MR_T_FLOAT4), "0.1");
    mr_typed_emit.real(&out, &real, (double)NAN);
    MR_CHECK_STR(json_of(MR_T_FLOAT8), "\"NaN\"");
    mr_typed_emit.real(&out, &real, -(double)INFINITY);
    MR_CHECK_STR(json_of(MR_T_FLOAT8), "\"-Infinity\"");
    const int16_t digits[] = {12, 3400};
    struct mr_numeric v = {.sign = MR_NUM_NEG, .dscale = 3, .n_digits = 2, .digits = digits};
    mr_typed_emit.numeric(&out, &real, &v);
    MR_CHECK_STR(json_of(MR_T_NUMERIC), "-12.340");
    v.sign = MR_NUM_NAN;
    mr_typed_emit.numeric(&out, &real, &v);
    MR_CHECK_STR(json_of(MR_T_NUMERIC), "\"NaN\"");
    v.sign = MR_NUM_PINF;
    mr_typed_emit.numeric(&out, &real, &v);
    MR_CHECK_STR(json_of(MR_T_NUMERIC), "\"Infinity\"");
}

/* S-21 */
MR_TEST("booleans, bytes, documents and texts have their JSON forms")
{
    const struct mr_coltype any = {.type = MR_T_TEXT};
    mr_typed_emit.boolean(&out, &any, true);
    MR_CHECK_STR(json_of(MR_T_BOOL), "true");
    mr_typed_emit.bytes(&out, &any, (const uint8_t *)"abcd", 4);
    MR_CHECK_STR(json_of(MR_T_BYTEA), "\"YWJjZA==\"");
    mr_typed_emit.text(&out, &any, "{\"a\": 1}", 8);
    MR_CHECK_STR(json_of(MR_T_JSONB), "{\"a\": 1}");
    mr_typed_emit.text(&out, &any, "a\"\n", 3);
    MR_CHECK_STR(json_of(MR_T_TEXT), "\"a\\\"\\n\"");
}

/* T-60, L-05 */
MR_TEST("an array is one JSON text, also where its text is longer than what was emitted")
{
    size_t at = mr_typed_emit.array_begin(&out, &int_list, 3, true);
    mr_typed_emit.integer(&out, &int_list, 1);
    mr_typed_emit.array_null(&out, &int_list);
    mr_typed_emit.integer(&out, &int_list, -9007199254740993);
    mr_typed_emit.array_end(&out, &int_list, at);
    MR_CHECK_STR(json_of(MR_T_ARRAY), "[1,null,-9007199254740993]");

    const struct mr_coltype texts = {.type = MR_T_ARRAY, .elem = MR_T_TEXT};
    at = mr_typed_emit.array_begin(&out, &texts, 2, false);
    mr_typed_emit.text(&out, &texts, "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1", 16);
    mr_typed_emit.text(&out, &texts, "", 0);
    mr_typed_emit.array_end(&out, &texts, at);
    MR_CHECK_STR(json_of(MR_T_ARRAY),
                 "[\"\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001"
                 "\\u0001\\u0001\\u0001\\u0001\\u0001\",\"\"]");
}

/* G-06 */
MR_TEST("a buffer at its limit fails once, and nothing is written past it")
{
    const struct mr_coltype texts = {.type = MR_T_ARRAY, .elem = MR_T_TEXT};
    for (size_t limit = 8; limit < 200; limit += 7) {
        struct mr_buf small = {.limit = limit};
        size_t at = mr_typed_emit.array_begin(&small, &texts, 2, false);
        mr_typed_emit.text(&small, &texts, "0123456789012345678901234567890123456789", 40);
        mr_typed_emit.text(&small, &texts, "0123456789012345678901234567890123456789", 40);
        mr_typed_emit.array_end(&small, &texts, at);
        mr_typed_emit.uuid(&small, &texts, (const uint8_t *)"0123456789abcdef");
        mr_typed_emit.interval(&small, &texts, &(struct mr_interval){.us = 1});
        MR_CHECK(!mr_buf_ok(&small));
        MR_CHECK_U64(small.len, 0);
        mr_buf_release(&small);
    }
}

/* T-26, L-04 */
MR_TEST("an interval of many hours keeps them all")
{
    const struct mr_coltype span = {.type = MR_T_INTERVAL};
    mr_typed_emit.interval(&out, &span, &(struct mr_interval){.us = INT64_MIN});
    MR_CHECK_STR(json_of(MR_T_INTERVAL), "\"-2562047788:00:54.775808\"");
    mr_typed_emit.interval(&out, &span, &(struct mr_interval){.months = -13, .us = 3600000000});
    MR_CHECK_STR(json_of(MR_T_INTERVAL), "\"-1 years -1 mons +01:00:00\"");
    mr_typed_emit.interval(&out, &span, &(struct mr_interval){.months = -1, .days = 1});
    MR_CHECK_STR(json_of(MR_T_INTERVAL), "\"-1 mons +1 day\"");
    mr_typed_emit.interval(&out, &span, &(struct mr_interval){.months = 1, .days = -1});
    MR_CHECK_STR(json_of(MR_T_INTERVAL), "\"1 mon -1 days\"");
}

/* T-60, L-05 */
MR_TEST("arrays of several dimensions nest in JSON as they do at the source")
{
    static const struct mr_dims dims = {.n = 3, .len = {2, 1, 2}};
    size_t at = mr_typed_emit.matrix_begin(&out, &int_list, &dims, true);
    for (int i = 0; i < 3; i++)
        mr_typed_emit.integer(&out, &int_list, i);
    mr_typed_emit.array_null(&out, &int_list);
    mr_typed_emit.array_end(&out, &int_list, at);
    MR_CHECK_STR(json_of(MR_T_ARRAY), "[[[0,1]],[[2,null]]]");
}

/* T-38, T-40, T-44, L-05 */
MR_TEST("figures, vectors and pairs are the texts that PostgreSQL prints")
{
    static const double two[] = {1.5, -2};
    static const int32_t idx[] = {0, 2};
    static const struct mr_pair pair = {0, 1, 0, UINT32_MAX};
    mr_typed_emit.figure(&out, &(struct mr_coltype){.type = MR_T_POINT},
                         &(struct mr_figure){.n = 2, .v = two});
    MR_CHECK_STR(json_of(MR_T_TEXT), "\"(1.5,-2)\"");
    mr_typed_emit.vector(&out, &(struct mr_coltype){.type = MR_T_SPARSEVEC},
                         &(struct mr_vector){.dim = 5, .n = 2, .idx = idx, .v = two});
    MR_CHECK_STR(json_of(MR_T_TEXT), "\"{1:1.5,3:-2}/5\"");
    mr_typed_emit.pairs(&out, &(struct mr_coltype){.type = MR_T_HSTORE},
                        &(struct mr_pairs){.n = 1, .pairs = &pair, .text = (const uint8_t *)"a"});
    MR_CHECK_STR(json_of(MR_T_TEXT), "\"\\\"a\\\"=>NULL\"");
}
