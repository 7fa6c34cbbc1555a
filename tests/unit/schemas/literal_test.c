/* Values as texts for row literals (contract.md T-47): what PostgreSQL's types take in. */
#include "schemas/literal.h"

#include <math.h>
#include <string.h>

#include "tests/support/mr_test.h"

static struct mr_buf out;
static const struct mr_emit_ops *const e = &mr_literal_emit;
static const struct mr_coltype plain = {.type = MR_T_TEXT};

MR_SETUP
{
    out = (struct mr_buf)MR_BUF_INIT;
}

MR_TEARDOWN
{
    mr_buf_release(&out);
}

/* The one value that was written; its length word is right. */
static const char *text(void)
{
    static char shown[512];
    MR_CHECK(mr_buf_ok(&out) && out.len >= 4 && out.len - 4 < sizeof shown);
    MR_CHECK_U64(mr_get_u32(out.data), out.len - 4);
    memcpy(shown, out.data + 4, out.len - 4);
    shown[out.len - 4] = '\0';
    mr_buf_reset(&out);
    return shown;
}

// T-47
MR_TEST("scalars are written as their types read them")
{
    static const uint8_t bytes[16] = {0, 255, 16};
    static const struct mr_coltype f4 = {.type = MR_T_FLOAT4};
    static const struct mr_coltype geometry = {.type = MR_T_GEOMETRY};
    static const struct mr_coltype tz = {.type = MR_T_TIMESTAMPTZ};
    e->boolean(&out, &plain, true);
    MR_CHECK_STR(text(), "t");
    e->integer(&out, &plain, INT64_MIN);
    MR_CHECK_STR(text(), "-9223372036854775808");
    e->real(&out, &plain, -0.0);
    MR_CHECK_STR(text(), "-0");
    e->real(&out, &f4, (double)0.1F);
    MR_CHECK_STR(text(), "0.1");
    e->real(&out, &plain, (double)-INFINITY);
    MR_CHECK_STR(text(), "-Infinity");
    e->real(&out, &plain, (double)NAN);
    MR_CHECK_STR(text(), "NaN");
    e->numeric(&out, &plain, &(struct mr_numeric){.sign = MR_NUM_NAN});
    MR_CHECK_STR(text(), "NaN");
    e->bytes(&out, &plain, bytes, 3);
    MR_CHECK_STR(text(), "\\x00ff10");
    e->bytes(&out, &plain, NULL, 0);
    MR_CHECK_STR(text(), "\\x");
    e->bytes(&out, &geometry, bytes, 3);
    MR_CHECK_STR(text(), "00ff10");
    e->uuid(&out, &plain, bytes);
    MR_CHECK_STR(text(), "00ff1000000000000000000000000000");
    e->date(&out, &plain, -1);
    MR_CHECK_STR(text(), "1969-12-31");
    e->time(&out, &plain, 1);
    MR_CHECK_STR(text(), "00:00:00.000001");
    e->timetz(&out, &plain, 0, -3600);
    MR_CHECK_STR(text(), "00:00:00-01");
    e->timestamp(&out, &tz, 0);
    MR_CHECK_STR(text(), "2000-01-01 00:00:00+00");
    e->timestamp(&out, &plain, INT64_MAX);
    MR_CHECK_STR(text(), "infinity");
    e->bits(&out, &plain, (const uint8_t *)"\xa0\x80", 9);
    MR_CHECK_STR(text(), "101000001");
}

// T-27, T-47
MR_TEST("an interval is its three numbers, each with its sign")
{
    e->interval(&out, &plain, &(struct mr_interval){.us = -3661000001, .days = 3, .months = -14});
    MR_CHECK_STR(text(), "-14 mons 3 days -1:01:01.000001");
    e->interval(&out, &plain, &(struct mr_interval){.us = INT64_MIN});
    MR_CHECK_STR(text(), "0 mons 0 days -2562047788:00:54.775808");
}

// T-47, T-60
MR_TEST("arrays become literals whose items are quoted, with the delimiter of their type")
{
    static const struct mr_coltype texts = {.type = MR_T_ARRAY, .elem = MR_T_TEXT};
    static const struct mr_coltype boxes = {.type = MR_T_ARRAY, .elem = MR_T_BOX};
    static const struct mr_coltype box = {.type = MR_T_BOX};
    static const double corners[] = {2, 2, 0, 0};
    static const struct mr_figure figure = {.n = 4, .v = corners};
    size_t at = e->array_begin(&out, &texts, 2, true);
    e->text(&out, &plain, "a\"\\", 3);
    e->array_null(&out, &plain);
    e->array_end(&out, &texts, at);
    MR_CHECK_STR(text(), "{\"a\\\"\\\\\",NULL}");
    at = e->array_begin(&out, &texts, 0, false);
    e->array_end(&out, &texts, at);
    MR_CHECK_STR(text(), "{}");
    at = e->matrix_begin(&out, &texts, &(struct mr_dims){.n = 2, .len = {2, 2}}, false);
    for (int i = 0; i < 4; i++)
        e->integer(&out, &plain, i);
    e->array_end(&out, &texts, at);
    MR_CHECK_STR(text(), "{{\"0\",\"1\"},{\"2\",\"3\"}}");
    at = e->matrix_begin(&out, &texts, &(struct mr_dims){.n = 3, .len = {2, 1, 2}}, false);
    for (int i = 0; i < 4; i++)
        e->integer(&out, &plain, i);
    e->array_end(&out, &texts, at);
    MR_CHECK_STR(text(), "{{{\"0\",\"1\"}},{{\"2\",\"3\"}}}");
    at = e->matrix_begin(&out, &texts, &(struct mr_dims){.n = 3, .len = {1, 2, 1}}, false);
    for (int i = 0; i < 2; i++)
        e->integer(&out, &plain, i);
    e->array_end(&out, &texts, at);
    MR_CHECK_STR(text(), "{{{\"0\"},{\"1\"}}}");
    at = e->array_begin(&out, &boxes, 2, false);
    e->figure(&out, &box, &figure);
    e->figure(&out, &box, &figure);
    e->array_end(&out, &boxes, at);
    MR_CHECK_STR(text(), "{\"(2,2),(0,0)\";\"(2,2),(0,0)\"}");
}

// G-06
MR_TEST("a buffer without room fails and is not written behind")
{
    static char big[600];
    static const struct mr_coltype texts = {.type = MR_T_ARRAY, .elem = MR_T_TEXT};
    memset(big, '"', sizeof big);
    out.limit = 1000;
    size_t at = e->array_begin(&out, &texts, 1, false);
    e->text(&out, &plain, big, sizeof big);
    e->array_end(&out, &texts, at);
    MR_CHECK(!mr_buf_ok(&out));
    e->bytes(&out, &plain, (const uint8_t *)big, sizeof big);
    e->bits(&out, &plain, (const uint8_t *)big, 4000);
    MR_CHECK(!mr_buf_ok(&out));
}
