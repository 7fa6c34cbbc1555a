#include "config/value.h"

#include <string.h>

#include "config/choices.h"
#include "tests/support/mr_test.h"

/* One field of each type. */
struct fields {
    bool truth;
    uint32_t number;
    uint64_t size;
    uint64_t time;
    double ratio;
    const char *text;
    struct mr_strs texts;
    enum mr_conf_evolve choice;
    struct mr_conf_start start;
    struct mr_conf_scalar scalar;
};

static const struct mr_option truth = {
    .name = "truth", .type = MR_OPT_BOOL, .at = offsetof(struct fields, truth)};
static const struct mr_option number = {"number", MR_OPT_U32, offsetof(struct fields, number),
                                        .min = 1, .max = 100, .unit = "rows"};
static const struct mr_option size = {"size", MR_OPT_SIZE, offsetof(struct fields, size),
                                      .min = 1024, .max = 65536};
static const struct mr_option delay = {"delay", MR_OPT_TIME, offsetof(struct fields, time),
                                       .min = 100, .max = 60000};
static const struct mr_option ratio = {"ratio", MR_OPT_RATIO, offsetof(struct fields, ratio),
                                       .max = 1000};
static const struct mr_option text = {"text", MR_OPT_STR, offsetof(struct fields, text), .min = 1,
                                      .max = 5};
static const struct mr_option secret = {"secret", MR_OPT_TIME, offsetof(struct fields, time),
                                        .max = 1, .secret = true};
static const struct mr_option texts = {"texts", MR_OPT_STRS, offsetof(struct fields, texts),
                                       .max = 3};
static const struct mr_option choice = {"choice", MR_OPT_CHOICE, offsetof(struct fields, choice),
                                        .choices = &mr_choices_evolve};
static const struct mr_option strategy = {
    "strategy", MR_OPT_CHOICE, offsetof(struct fields, choice), .choices = &mr_choices_strategy};
static const struct mr_option start = {
    .name = "start", .type = MR_OPT_START, .at = offsetof(struct fields, start)};
static const struct mr_option scalar = {
    .name = "scalar", .type = MR_OPT_SCALAR, .at = offsetof(struct fields, scalar)};

static struct mr_arena arena;
static struct mr_err err;
static struct fields f;

MR_SETUP
{
    mr_arena_init(&arena, 0, 1 << 20);
    memset(&f, 0, sizeof(f));
}
MR_TEARDOWN
{
    mr_arena_release(&arena);
}

static int set(const struct mr_option *option, struct mr_setting setting)
{
    struct mr_value value = {option, &setting, option->name, &arena, &err};
    setting.origin.file = "";
    mr_err_clear(&err);
    return mr_value_set(&value, &f);
}

static int set_text(const struct mr_option *option, const char *value)
{
    return set(option, (struct mr_setting){.kind = MR_SETTING_TEXT, .text = value});
}

static int set_string(const struct mr_option *option, const char *value)
{
    return set(option, (struct mr_setting){.kind = MR_SETTING_STRING, .text = value});
}

static int set_int(const struct mr_option *option, int64_t value)
{
    return set(option,
               (struct mr_setting){
                   .kind = MR_SETTING_INT, .text = "0", .i64 = value, .f64 = (double)value});
}

static void says(int rc, int expected, const char *why)
{
    MR_CHECK_INT(rc, expected);
    if (strstr(err.detail, why) == NULL)
        MR_FAIL("\"%s\" does not say \"%s\"", err.detail, why);
}

MR_TEST("each type takes its own form, and the form that -o has")
{
    MR_CHECK_OK(set(&truth, (struct mr_setting){.kind = MR_SETTING_BOOL, .boolean = true}));
    MR_CHECK(f.truth);
    MR_CHECK_OK(set_text(&truth, "false"));
    MR_CHECK(!f.truth);
    MR_CHECK_OK(set_int(&number, 100));
    MR_CHECK_U64(f.number, 100);
    MR_CHECK_OK(set_text(&number, "7"));
    MR_CHECK_U64(f.number, 7);
    MR_CHECK_OK(set_string(&size, "64KiB"));
    MR_CHECK_U64(f.size, 65536);
    MR_CHECK_OK(set_string(&delay, "100ms"));
    MR_CHECK_U64(f.time, 100);
    MR_CHECK_OK(set_int(&ratio, 1));
    MR_CHECK(f.ratio > 0.999);
    MR_CHECK_OK(set_text(&ratio, "0.05"));
    MR_CHECK(f.ratio > 0.049 && f.ratio < 0.051);
    MR_CHECK_OK(set_string(&text, "abc"));
    MR_CHECK_STR(f.text, "abc");
    MR_CHECK_OK(set_string(&choice, "freeze"));
    MR_CHECK_INT(f.choice, MR_CONF_EVOLVE_FREEZE);
    MR_CHECK_OK(set_string(&start, "latest"));
    MR_CHECK_INT(f.start.kind, MR_CONF_START_LATEST);
    MR_CHECK_OK(set_string(&start, "1970-01-01T00:00:01Z"));
    MR_CHECK_INT(f.start.timestamp_ms, 1000);
    MR_CHECK_OK(set(&scalar, (struct mr_setting){.kind = MR_SETTING_FLOAT, .text = "1.5"}));
    MR_CHECK_INT(f.scalar.kind, MR_CONF_REAL);
    MR_CHECK_STR(f.scalar.text, "1.5");
}

MR_TEST("strings come as one, as a list, or with commas from -o")
{
    struct mr_setting *list = mr_setting_new(&arena, NULL, "texts", MR_SETTING_LIST);
    mr_setting_new(&arena, list, "", MR_SETTING_STRING)->text = "x, y";
    mr_setting_new(&arena, list, "", MR_SETTING_STRING)->text = "z";
    MR_CHECK_OK(set(&texts, *list));
    MR_CHECK_U64(f.texts.n_items, 2);
    MR_CHECK_STR(f.texts.items[0], "x, y");
    MR_CHECK_OK(set_string(&texts, "a,b"));
    MR_CHECK_U64(f.texts.n_items, 1);
    MR_CHECK_OK(set_text(&texts, "a , b,c"));
    MR_CHECK_U64(f.texts.n_items, 3);
    MR_CHECK_STR(f.texts.items[0], "a");
    MR_CHECK_STR(f.texts.items[1], "b");
    MR_CHECK_STR(f.texts.items[2], "c");
    MR_CHECK_OK(set_text(&texts, ""));
    MR_CHECK_U64(f.texts.n_items, 0);
    says(set_text(&texts, "a,,b"), -MR_CONFIG_RANGE, "has an empty string");
    says(set_text(&texts, "a,b,c,d"), -MR_CONFIG_RANGE, "has 4 entries of at most 3");
    mr_setting_new(&arena, list, "", MR_SETTING_INT);
    says(set(&texts, *list), -MR_CONFIG_TYPE, "has an entry that is no string");
}

MR_TEST("a wrong type says what is there and what is wanted")
{
    says(set_string(&number, "5"), -MR_CONFIG_TYPE,
         "`number` is a string; it wants a whole number from 1 to 100 rows, without quotes");
    says(set_int(&size, 5), -MR_CONFIG_TYPE,
         "is a whole number; it wants a size in quotes from 1KiB to 64KiB");
    says(set_int(&delay, 5), -MR_CONFIG_TYPE,
         "it wants a time in quotes from 100ms to 1m, such as \"500ms\"");
    says(set_string(&truth, "true"), -MR_CONFIG_TYPE, "it wants true or false, without quotes");
    says(set_text(&truth, "yes"), -MR_CONFIG_TYPE, "cannot be read from \"yes\"");
    says(set_int(&text, 5), -MR_CONFIG_TYPE, "a string in quotes of 1 to 5 bytes");
    says(set_int(&choice, 5), -MR_CONFIG_TYPE, "\"add\" | \"widen\"");
    says(set_int(&start, 5), -MR_CONFIG_TYPE, "\"committed\"");
    says(set_string(&ratio, "0.1"), -MR_CONFIG_TYPE, "a number from 0 to 1");
    says(set(&scalar, (struct mr_setting){.kind = MR_SETTING_GROUP}), -MR_CONFIG_TYPE,
         "is a group");
}

MR_TEST("a value out of range says the range")
{
    says(set_int(&number, 0), -MR_CONFIG_RANGE, "from 1 to 100 rows");
    says(set_int(&number, 4294967297), -MR_CONFIG_RANGE, "from 1 to 100 rows");
    says(set_text(&number, "-1"), -MR_CONFIG_RANGE, "cannot be -1");
    says(set_string(&size, "1B"), -MR_CONFIG_RANGE, "cannot be 1B");
    says(set_string(&size, "1GiB"), -MR_CONFIG_RANGE, "to 64KiB");
    says(set_string(&delay, "2m"), -MR_CONFIG_RANGE, "to 1m");
    says(set_int(&ratio, 2), -MR_CONFIG_RANGE, "from 0 to 1");
    says(set_text(&ratio, "nan"), -MR_CONFIG_RANGE, "from 0 to 1");
    says(set_string(&text, ""), -MR_CONFIG_RANGE, "has 0 bytes");
    says(set_string(&text, "abcdef"), -MR_CONFIG_RANGE, "has 6 bytes");
    says(set_string(&start, "2026-02-30"), -MR_CONFIG_RANGE, "cannot be 2026-02-30");
}

MR_TEST("a word that is near another is corrected")
{
    says(set_string(&choice, "freze"), -MR_CONFIG_RANGE, "did you mean \"freeze\"");
    says(set_string(&choice, "qqq"), -MR_CONFIG_RANGE, "cannot be qqq; it wants \"add\"");
}

MR_TEST("a word whose feature this version lacks is refused as such")
{
    says(set_string(&strategy, "scd2"), -MR_CONFIG_INVALID,
         "\"scd2\" is not supported by this version");
}

MR_TEST("a secret value does not show in an error")
{
    says(set_string(&secret, "hunter2"), -MR_CONFIG_TYPE, "(secret)");
    MR_CHECK(strstr(err.detail, "hunter2") == NULL);
    says(set(&number,
             (struct mr_setting){.kind = MR_SETTING_TEXT, .text = "hunter2", .secret = true}),
         -MR_CONFIG_TYPE, "(secret)");
    MR_CHECK(strstr(err.detail, "hunter2") == NULL);
}
