/* Canonical key forms (contract.md F-33). */
#include "schemas/canon.h"

#include <math.h>

#include "schemas/numeric.h"
#include "tests/support/mr_test.h"

static struct mr_buf a;
static struct mr_buf b;
static const struct mr_coltype any = {.type = MR_T_TEXT};
static const struct mr_coltype padded = {.type = MR_T_BPCHAR, .length = 9};

MR_SETUP
{
    mr_buf_reset(&a);
    mr_buf_reset(&b);
}

MR_TEARDOWN
{
    mr_buf_release(&a);
    mr_buf_release(&b);
}

static bool same(void)
{
    bool equal = a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
    mr_buf_reset(&a);
    mr_buf_reset(&b);
    return equal;
}

static void number(struct mr_buf *out, int64_t v, int32_t scale)
{
    static struct mr_num_scratch scratch;
    struct mr_numeric num;
    MR_CHECK_OK(mr_numeric_from_i64(v, scale, &scratch, &num, NULL));
    mr_canon.numeric(out, &any, &num);
}

MR_TEST("what the target holds equal has one form")
{
    number(&a, 10, 1);
    number(&b, 100, 2);
    MR_CHECK(same());
    mr_canon.real(&a, &any, 0.0);
    mr_canon.real(&b, &any, -0.0);
    MR_CHECK(same());
    mr_canon.real(&a, &any, (double)NAN);
    mr_canon.real(&b, &any, -(double)NAN);
    MR_CHECK(same());
    mr_canon.text(&a, &padded, "ab  ", 4);
    mr_canon.text(&b, &padded, "ab", 2);
    MR_CHECK(same());
    mr_canon.interval(&a, &any, &(struct mr_interval){.months = 1});
    mr_canon.interval(&b, &any, &(struct mr_interval){.days = 31, .us = -INT64_C(86400000000)});
    MR_CHECK(same());
}

MR_TEST("what differs has another form, also across the border of two columns")
{
    number(&a, 10, 1);
    number(&b, 10, 2);
    MR_CHECK(!same());
    number(&a, 1, 0);
    number(&b, -1, 0);
    MR_CHECK(!same());
    mr_canon.text(&a, &any, "ab ", 3);
    mr_canon.text(&b, &any, "ab", 2);
    MR_CHECK(!same());
    mr_canon.text(&a, &any, "ab", 2);
    mr_canon.text(&a, &any, "c", 1);
    mr_canon.text(&b, &any, "a", 1);
    mr_canon.text(&b, &any, "bc", 2);
    MR_CHECK(!same());
}

/* F-33, T-80 */
MR_TEST("instants beyond Unix time have keys of their own, the others those that they always had")
{
    static const struct mr_coltype to = {.type = MR_T_TIMESTAMP};
    struct mr_buf first = MR_BUF_INIT;
    struct mr_buf second = MR_BUF_INIT;
    mr_canon.timestamp(&first, &to, 1 - INT64_C(946684800000000));
    MR_CHECK_INT(mr_get_u64(first.data + 4), 1);
    mr_buf_reset(&first);
    mr_canon.timestamp(&first, &to, INT64_MAX);
    mr_canon.timestamp(&second, &to, INT64_MAX - INT64_C(946684800000000));
    MR_CHECK(first.len != second.len);
    mr_buf_reset(&first);
    mr_canon.timestamp(&first, &to, INT64_C(9223371331199999999));
    MR_CHECK(first.len == second.len && memcmp(first.data, second.data, first.len) != 0);
    mr_buf_release(&first);
    mr_buf_release(&second);
}

/* F-33, T-40, T-44 */
MR_TEST("figures and vectors are equal where what is stored is")
{
    static const double zero[] = {-0.0, 0.1};
    static const double stored[] = {0.0, (double)0.1f};
    static const struct mr_coltype vector = {.type = MR_T_VECTOR};
    mr_canon.vector(&a, &vector, &(struct mr_vector){.dim = 2, .n = 2, .v = zero});
    mr_canon.vector(&b, &vector, &(struct mr_vector){.dim = 2, .n = 2, .v = stored});
    MR_CHECK(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
    mr_canon.figure(&a, &vector, &(struct mr_figure){.n = 2, .v = zero});
    mr_canon.figure(&b, &vector, &(struct mr_figure){.n = 2, .v = stored});
    MR_CHECK(a.len == b.len && memcmp(a.data, b.data, a.len) != 0);
}
