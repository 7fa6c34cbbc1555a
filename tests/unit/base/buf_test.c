/* Growth and limits of buffers, checked narrowing, byte order and UTF-8. */
#include "base/buf.h"

#include "tests/support/mr_test.h"

static struct mr_buf buf;

MR_SETUP
{
    buf = (struct mr_buf)MR_BUF_INIT;
}

MR_TEARDOWN
{
    mr_buf_release(&buf);
}

MR_TEST("an empty buffer is an empty text and may be released twice")
{
    MR_CHECK_STR(mr_buf_cstr(&buf), "");
    mr_buf_release(&buf);
    mr_buf_release(&buf);
    MR_CHECK(mr_buf_ok(&buf));
}

MR_TEST("appends stand one behind the other and the text is terminated")
{
    mr_buf_str(&buf, "ab");
    mr_buf_byte(&buf, 'c');
    mr_buf_add(&buf, "def", 2);
    mr_buf_fmt(&buf, "-%d-%s", 42, "x");
    MR_CHECK_STR(mr_buf_cstr(&buf), "abcde-42-x");
    MR_CHECK_U64(buf.len, 10);
}

MR_TEST("a formatted text longer than the room left is printed whole")
{
    char long_text[500];
    memset(long_text, 'q', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    mr_buf_str(&buf, "<");
    mr_buf_fmt(&buf, "%s>", long_text);
    MR_CHECK_U64(buf.len, 501);
    MR_CHECK_STR(mr_buf_cstr(&buf) + 498, "qq>");
}

MR_TEST("zero bytes can be appended to an empty buffer")
{
    mr_buf_add(&buf, NULL, 0);
    MR_CHECK(mr_buf_ok(&buf));
    MR_CHECK_U64(buf.len, 0);
    MR_CHECK(mr_buf_room(&buf, 0) != NULL);
}

MR_TEST("a buffer may be filled to its limit exactly")
{
    buf.limit = 100;
    uint8_t *at = mr_buf_room(&buf, 100);
    MR_CHECK(at != NULL);
    memset(at, 'x', 100);
    MR_CHECK_U64(strlen(mr_buf_cstr(&buf)), 100);
    MR_CHECK(mr_buf_ok(&buf));
}

MR_TEST("one byte past the limit fails the buffer, which then holds nothing and takes nothing")
{
    buf.limit = 100;
    (void)mr_buf_room(&buf, 100);
    mr_buf_byte(&buf, 'x');
    MR_CHECK(!mr_buf_ok(&buf));
    mr_buf_str(&buf, "more");
    mr_buf_fmt(&buf, "%d", 1);
    mr_buf_u32(&buf, 1);
    MR_CHECK_U64(buf.len, 0);
    MR_CHECK_STR(mr_buf_cstr(&buf), "");
    MR_CHECK(!mr_buf_ok(&buf));
}

MR_TEST("a limit holds for formatted text too, within and past the room left")
{
    buf.limit = 10; /* the first room has 64 bytes */
    mr_buf_str(&buf, "12345");
    mr_buf_fmt(&buf, "%s", "67890");
    MR_CHECK(mr_buf_ok(&buf));
    mr_buf_fmt(&buf, "%s", "1");
    MR_CHECK(!mr_buf_ok(&buf));
    mr_buf_reset(&buf);
    mr_buf_fmt(&buf, "%s", "12345678901");
    MR_CHECK(!mr_buf_ok(&buf));
}

MR_TEST("a limit holds for appends that still fit the room of the first allocation")
{
    buf.limit = 10;
    mr_buf_str(&buf, "12345");
    mr_buf_str(&buf, "678901");
    MR_CHECK(!mr_buf_ok(&buf));
}

MR_TEST("a length that would wrap around is refused")
{
    mr_buf_str(&buf, "abc");
    MR_CHECK(mr_buf_room(&buf, SIZE_MAX) == NULL);
    mr_buf_reset(&buf);
    MR_CHECK(mr_buf_room(&buf, SIZE_MAX - 1) == NULL);
    mr_buf_reset(&buf);
    buf.limit = SIZE_MAX;
    MR_CHECK(mr_buf_room(&buf, SIZE_MAX) == NULL);
    MR_CHECK(!mr_buf_ok(&buf));
}

MR_TEST("a reset empties, forgives and keeps the capacity")
{
    mr_buf_str(&buf, "some text");
    size_t cap = buf.cap;
    mr_buf_reset(&buf);
    MR_CHECK_U64(buf.len, 0);
    MR_CHECK_U64(buf.cap, cap);
    buf.limit = 1;
    mr_buf_str(&buf, "too long");
    mr_buf_reset(&buf);
    mr_buf_str(&buf, "k");
    MR_CHECK(mr_buf_ok(&buf));
    MR_CHECK_STR(mr_buf_cstr(&buf), "k");
}

MR_TEST("a release keeps the limit")
{
    buf.limit = 7;
    mr_buf_str(&buf, "x");
    mr_buf_release(&buf);
    MR_CHECK_U64(buf.limit, 7);
    MR_CHECK(buf.data == NULL);
}

static void add_times(struct mr_buf *to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mr_buf_byte(to, 'x');
}

MR_TEST("buffers that share an allowance take it from each other, and give it back")
{
    size_t shared = 4000;
    struct mr_buf other = {.own = 100, .shared = &shared};
    buf.own = 100;
    buf.shared = &shared;
    add_times(&buf, 90);
    MR_CHECK_U64(shared, 4000); /* it has so much by itself */
    add_times(&buf, 1910);
    MR_CHECK(mr_buf_ok(&buf));
    MR_CHECK_U64(shared, 4000 - (buf.cap - 100));
    add_times(&other, 2300);
    MR_CHECK(!mr_buf_ok(&other));
    MR_CHECK_U64(shared, 4000 - (buf.cap - 100));
    mr_buf_release(&buf);
    MR_CHECK_U64(shared, 4000);
    mr_buf_reset(&other);
    add_times(&other, 2000);
    MR_CHECK(mr_buf_ok(&other));
    mr_buf_release(&other);
    MR_CHECK_U64(shared, 4000);
}

MR_TEST("what fits an allowance does not depend on capacity that was kept")
{
    for (size_t kept = 0; kept <= 100; kept += 10) {
        size_t shared = 1000;
        size_t held = 0;
        mr_buf_release(&buf);
        buf = (struct mr_buf){.own = 100, .shared = &shared};
        add_times(&buf, kept > 0 ? kept - 1 : 0);
        mr_buf_reset(&buf);
        for (; mr_buf_ok(&buf); held++)
            mr_buf_byte(&buf, 'x');
        MR_CHECK_U64(held, 622);
        MR_CHECK_U64(shared, 1000);
        buf.shared = NULL;
    }
}

MR_TEST("capacity grows in steps that keep a million appends cheap")
{
    size_t n_growths = 0;
    size_t cap = 0;
    for (int i = 0; i < 1000000; i++) {
        mr_buf_byte(&buf, (uint8_t)i);
        if (buf.cap != cap) {
            cap = buf.cap;
            n_growths++;
        }
    }
    MR_CHECK_U64(buf.len, 1000000);
    MR_CHECK(n_growths < 20);
    MR_CHECK_INT(buf.data[999999], 999999 & 0xff);
}

MR_TEST("numbers are stored and loaded in network order")
{
    mr_buf_u16(&buf, 0x0102);
    mr_buf_u32(&buf, 0x03040506);
    mr_buf_u64(&buf, UINT64_C(0x0708090a0b0c0d0e));
    MR_CHECK_MEM(buf.data, "\1\2\3\4\5\6\7\10\11\12\13\14\15\16", 14);
    MR_CHECK_U64(mr_get_u16(buf.data), 0x0102);
    MR_CHECK_U64(mr_get_u32(buf.data + 2), 0x03040506);
    MR_CHECK_U64(mr_get_u64(buf.data + 6), UINT64_C(0x0708090a0b0c0d0e));
}

MR_TEST("a length that is known late is written over its place, and only there")
{
    mr_buf_u32(&buf, 0);
    mr_buf_u16(&buf, 0);
    mr_buf_patch_u32(&buf, 0, 0xa1b2c3d4);
    mr_buf_patch_u16(&buf, 4, 0x0708);
    MR_CHECK_MEM(buf.data, "\xa1\xb2\xc3\xd4\x07\x08", 6);
    mr_buf_patch_u32(&buf, 3, 0xffffffff); /* its last byte is outside */
    mr_buf_patch_u16(&buf, SIZE_MAX, 0xffff);
    MR_CHECK_MEM(buf.data, "\xa1\xb2\xc3\xd4\x07\x08", 6);
}

MR_TEST("a patch of a buffer that failed meanwhile does nothing")
{
    buf.limit = 4;
    mr_buf_u32(&buf, 0);
    mr_buf_byte(&buf, 1);
    mr_buf_patch_u32(&buf, 0, 1);
    mr_buf_patch_u16(&buf, 0, 1);
    MR_CHECK(!mr_buf_ok(&buf));
}

MR_TEST("narrowing accepts both ends of the smaller type and nothing beyond")
{
    uint32_t u32 = 1;
    MR_CHECK(mr_u32_from_size(UINT32_MAX, &u32));
    MR_CHECK_U64(u32, UINT32_MAX);
    MR_CHECK(!mr_u32_from_size((size_t)UINT32_MAX + 1, &u32));
    int32_t i32 = 1;
    MR_CHECK(mr_i32_from_size(INT32_MAX, &i32));
    MR_CHECK(!mr_i32_from_size((size_t)INT32_MAX + 1, &i32));
    MR_CHECK_INT(i32, INT32_MAX);
    MR_CHECK(mr_i32_from_i64(INT32_MIN, &i32));
    MR_CHECK_INT(i32, INT32_MIN);
    MR_CHECK(!mr_i32_from_i64((int64_t)INT32_MIN - 1, &i32));
    MR_CHECK(!mr_i32_from_i64((int64_t)INT32_MAX + 1, &i32));
    MR_CHECK_INT(i32, INT32_MIN);
    int16_t i16 = 1;
    MR_CHECK(mr_i16_from_i64(INT16_MAX, &i16));
    MR_CHECK(mr_i16_from_i64(INT16_MIN, &i16));
    MR_CHECK(!mr_i16_from_i64(INT16_MAX + 1, &i16));
    MR_CHECK(!mr_i16_from_i64(INT16_MIN - 1, &i16));
    MR_CHECK_INT(i16, INT16_MIN);
}

/* S-41 */
MR_TEST("well-formed UTF-8 is accepted, to the ends of every length")
{
    static const char *const good[] = {
        "",
        "plain",
        "\x7f",
        "\xc2\x80",
        "\xdf\xbf",
        "\xe0\xa0\x80",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xef\xbf\xbf",
        "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
        "seven b\xc3\xa9",
        "eight by\xf0\x9f\x98\x80tes and more of them",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (!mr_utf8_valid((const uint8_t *)good[i], strlen(good[i])))
            MR_FAIL("case %zu", i);
    }
    MR_CHECK(mr_utf8_valid((const uint8_t *)"a\0b", 3));
    MR_CHECK(mr_utf8_valid(NULL, 0));
}

/* S-41 */
MR_TEST("overlong forms, surrogates, values past U+10FFFF and cut characters are refused")
{
    static const char *const bad[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xc2",
        "\xc2\x41",
        "\xe0\x80\x80",
        "\xe0\x9f\xbf",
        "\xe1\x80",
        "\xe1\x80\x41",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf\xbf",
        "\xf0\x90\x80",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xfe",
        "\xff",
        "eight by\xff",
        "0123456\xc3",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (mr_utf8_valid((const uint8_t *)bad[i], strlen(bad[i])))
            MR_FAIL("case %zu", i);
    }
}

/* Decodes by arithmetic instead of by ranges: a second opinion on every possible character. */
static bool plain_valid(const uint8_t *at, size_t len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t want = at[0] < 0x80 ? 1 : at[0] < 0xc0 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    if (want == 0 || at[0] >= 0xf8 || want != len)
        return false;
    uint32_t c = want == 1 ? at[0] : at[0] & (0x7fU >> want);
    for (size_t i = 1; i < want; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return false;
        c = (c << 6) | (at[i] & 0x3fU);
    }
    return c >= least[want] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
}

/* S-41 */
MR_TEST("every sequence of up to three bytes, and of four at the borders, is judged by the rule")
{
    uint8_t at[4];
    for (uint32_t v = 0; v < 0x1000000; v++) {
        at[0] = (uint8_t)(v >> 16);
        at[1] = (uint8_t)(v >> 8);
        at[2] = (uint8_t)v;
        size_t len = at[0] < 0x80 ? 1 : at[0] < 0xe0 ? 2 : 3;
        if (mr_utf8_valid(at, len) != plain_valid(at, len))
            MR_FAIL("%02x %02x %02x", at[0], at[1], at[2]);
    }
    for (uint32_t v = 0; v < 0x100000; v++) {
        at[0] = (uint8_t)(0xf0 + (v >> 16));
        at[1] = (uint8_t)(v >> 8);
        at[2] = 0xbf;
        at[3] = (uint8_t)v;
        if (mr_utf8_valid(at, 4) != plain_valid(at, 4))
            MR_FAIL("%02x %02x bf %02x", at[0], at[1], at[3]);
    }
}

MR_TEST("a step over UTF-8 gives the character's length, or 0")
{
    MR_CHECK_U64(mr_utf8_step((const uint8_t *)"a\xff", 2), 1);
    MR_CHECK_U64(mr_utf8_step((const uint8_t *)"\xf0\x9f\x98\x80", 4), 4);
    MR_CHECK_U64(mr_utf8_step((const uint8_t *)"\xf0\x9f\x98\x80", 3), 0);
    MR_CHECK_U64(mr_utf8_step((const uint8_t *)"", 0), 0);
}

MR_TEST("slices are equal by their bytes, and empty ones need none")
{
    struct mr_slice empty = {NULL, 0};
    MR_CHECK(mr_slice_eq(empty, mr_slice_str("")));
    MR_CHECK(mr_slice_eq(mr_slice_str("abc"), mr_slice_str("abc")));
    MR_CHECK(!mr_slice_eq(mr_slice_str("abc"), mr_slice_str("abd")));
    MR_CHECK(!mr_slice_eq(mr_slice_str("abc"), mr_slice_str("ab")));
}
