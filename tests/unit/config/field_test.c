#include <string.h>

#include "config/choices.h"
#include "config/value.h"
#include "tests/support/mr_test.h"

/* One field of each kind that field.c prints. */
struct fields {
    const char *text;
    struct mr_strs texts;
    enum mr_conf_strategy choice;
    struct mr_conf_start start;
    struct mr_conf_scalar scalar;
    uint64_t size;
    double ratio;
    struct mr_meta_conf *items;
    uint32_t n_items;
};

static const struct mr_option text = {
    .name = "text", .type = MR_OPT_STR, .at = offsetof(struct fields, text), .dflt = "x"};
static const struct mr_option url = {
    .name = "url", .type = MR_OPT_STR, .at = offsetof(struct fields, text), .url = true};
static const struct mr_option secret = {
    .name = "secret", .type = MR_OPT_STR, .at = offsetof(struct fields, text), .secret = true};
static const struct mr_option texts = {
    .name = "texts", .type = MR_OPT_STRS, .at = offsetof(struct fields, texts), .dflt = "one"};
static const struct mr_option choice = {.name = "choice",
                                        .type = MR_OPT_CHOICE,
                                        .at = offsetof(struct fields, choice),
                                        .choices = &mr_choices_strategy,
                                        .dflt = "append"};
static const struct mr_option start = {.name = "start",
                                       .type = MR_OPT_START,
                                       .at = offsetof(struct fields, start),
                                       .dflt = "earliest"};
static const struct mr_option scalar = {
    .name = "scalar", .type = MR_OPT_SCALAR, .at = offsetof(struct fields, scalar)};
static const struct mr_option size = {.name = "size",
                                      .type = MR_OPT_SIZE,
                                      .at = offsetof(struct fields, size),
                                      .dflt = "2KiB",
                                      .max = 4096};
static const struct mr_option ratio = {.name = "ratio",
                                       .type = MR_OPT_RATIO,
                                       .at = offsetof(struct fields, ratio),
                                       .dflt = "0.25",
                                       .max = 1000};
static const struct mr_option list = {.name = "list",
                                      .type = MR_OPT_LIST,
                                      .at = offsetof(struct fields, items),
                                      .count = offsetof(struct fields, n_items)};

static const struct mr_option *const all[] = {&text,   &texts, &choice, &start,
                                              &scalar, &size,  &ratio,  &list};
enum { N_ALL = sizeof(all) / sizeof(all[0]) };

static struct fields f;
static struct mr_buf out;

MR_SETUP
{
    memset(&f, 0, sizeof(f));
    out = (struct mr_buf)MR_BUF_INIT;
    for (size_t i = 0; i < N_ALL; i++)
        mr_value_default(all[i], &f);
}
MR_TEARDOWN
{
    mr_buf_release(&out);
}

static const char *printed(const struct mr_option *option, bool hidden)
{
    mr_buf_reset(&out);
    mr_value_print(option, &f, hidden, &out);
    return mr_buf_cstr(&out);
}

MR_TEST("a default fills its field, and prints as one would write it")
{
    static const char *const expected[] = {"\"x\"", "[\"one\"]", "\"append\"", "\"earliest\"",
                                           "\"\"",  "\"2KiB\"",  "0.25",       "0"};
    for (size_t i = 0; i < N_ALL; i++)
        MR_CHECK_STR(printed(all[i], false), expected[i]);
}

MR_TEST("quotes, backslashes and control bytes are escaped")
{
    f.text = "a\"b\\c\nd\x01";
    MR_CHECK_STR(printed(&text, false), "\"a\\\"b\\\\c\\nd\\u0001\"");
}

MR_TEST("secrets, and what came from a file, are not printed; an empty one is")
{
    f.text = "hunter2";
    MR_CHECK_STR(printed(&secret, false), "\"(secret)\"");
    MR_CHECK_STR(printed(&text, true), "\"(secret)\"");
    MR_CHECK_STR(printed(&texts, true), "\"(secret)\"");
    f.text = "";
    MR_CHECK_STR(printed(&secret, false), "\"\"");
}

MR_TEST("a URL is printed without its password")
{
    f.text = "postgresql://u:pw@h/d";
    MR_CHECK_STR(printed(&url, false), "\"postgresql://u:***@h/d\"");
}

MR_TEST("a time stamp and a literal are printed in their own form")
{
    f.start = (struct mr_conf_start){MR_CONF_START_TIMESTAMP, 1500};
    f.scalar = (struct mr_conf_scalar){MR_CONF_WHOLE, "12"};
    MR_CHECK_STR(printed(&start, false), "\"1970-01-01T00:00:01.500Z\"");
    MR_CHECK_STR(printed(&scalar, false), "12");
}

MR_TEST("fields are equal when their values are, and differ when one part does")
{
    static const char *const two[] = {"one", "two"};
    char copy[] = "x";
    struct fields other = f;
    other.text = copy;
    for (size_t i = 0; i < N_ALL; i++)
        MR_CHECK(mr_value_equal(all[i], &f, &other));
    copy[0] = 'y';
    other.texts = (struct mr_strs){two, 2};
    other.choice = MR_CONF_UPSERT;
    other.start.timestamp_ms = 1;
    other.scalar.kind = MR_CONF_WHOLE;
    other.size++;
    other.ratio = 0.5;
    other.n_items = 1;
    for (size_t i = 0; i < N_ALL; i++) {
        if (mr_value_equal(all[i], &f, &other))
            MR_FAIL("%s", all[i]->name);
    }
    other.texts = (struct mr_strs){two + 1, 1};
    MR_CHECK(!mr_value_equal(&texts, &f, &other));
}
