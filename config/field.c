/* Owns the fields that the option table points at: their defaults, equality, printed form and
 * description. Must know no option by name. Fields are reached by memcpy, so that the table needs
 * no accessor for each. */
#include <inttypes.h>
#include <string.h>

#include "config/choices.h"
#include "config/units.h"
#include "config/value.h"

#include "base/ban.h"

/* NOLINTBEGIN(bugprone-macro-parentheses): a declaration takes no parentheses */
#define GET(type, name, option, base)                                                              \
    type name;                                                                                     \
    memcpy(&(name), (const char *)(base) + (option)->at, sizeof(name))
/* NOLINTEND(bugprone-macro-parentheses) */

const char *mr_value_str(const struct mr_option *option, const void *base)
{
    GET(const char *, text, option, base);
    return text;
}

uint32_t mr_value_n_items(const struct mr_option *option, const void *base)
{
    uint32_t n_items = 0;
    memcpy(&n_items, (const char *)base + option->count, sizeof(n_items));
    return n_items;
}

const char *mr_value_items(const struct mr_option *option, const void *base)
{
    GET(const char *, items, option, base);
    return items;
}

static void bound_text(const struct mr_option *option, int64_t bound, struct mr_buf *out)
{
    if (option->type == MR_OPT_SIZE)
        mr_units_print_bytes((uint64_t)bound, out);
    else if (option->type == MR_OPT_TIME)
        mr_units_print_ms((uint64_t)bound, out);
    else if (option->type == MR_OPT_RATIO)
        mr_buf_fmt(out, "%g", (double)bound / 1000);
    else
        mr_buf_fmt(out, "%" PRId64, bound);
}

static void expected_range(const struct mr_option *option, struct mr_buf *out)
{
    if (option->max == 0)
        return;
    mr_buf_str(out, " from ");
    bound_text(option, option->min, out);
    mr_buf_str(out, " to ");
    bound_text(option, option->max, out);
    if (option->unit != NULL)
        mr_buf_fmt(out, " %s", option->unit);
}

void mr_value_expected(const struct mr_option *option, struct mr_buf *out)
{
    switch (option->type) {
    case MR_OPT_BOOL:
        mr_buf_str(out, "true or false, without quotes");
        break;
    case MR_OPT_U32:
        mr_buf_str(out, "a whole number");
        expected_range(option, out);
        mr_buf_str(out, ", without quotes");
        break;
    case MR_OPT_SIZE:
        mr_buf_str(out, "a size in quotes");
        expected_range(option, out);
        mr_buf_str(out, ", such as \"64KiB\" (B, KiB, MiB, GiB)");
        break;
    case MR_OPT_TIME:
        mr_buf_str(out, "a time in quotes");
        expected_range(option, out);
        mr_buf_str(out, ", such as \"500ms\" (ms, s, m, h, d)");
        break;
    case MR_OPT_RATIO:
        mr_buf_str(out, "a number");
        expected_range(option, out);
        break;
    case MR_OPT_STR:
        mr_buf_str(out, "a string in quotes");
        if (option->max > 0 && option->min > 0)
            mr_buf_fmt(out, " of %" PRId64 " to %" PRId64 " bytes", option->min, option->max);
        else if (option->max > 0)
            mr_buf_fmt(out, " of up to %" PRId64 " bytes", option->max);
        break;
    case MR_OPT_STRS:
        mr_buf_str(out, "a string, or an array of strings: [ \"a\", \"b\" ]");
        break;
    case MR_OPT_CHOICE:
        mr_choices_list(option->choices, out);
        break;
    case MR_OPT_START:
        mr_buf_str(out, "\"committed\", \"earliest\", \"latest\" or a time such as "
                        "\"2026-01-31T12:00:00Z\"");
        break;
    case MR_OPT_SCALAR:
        mr_buf_str(out, "a string, a number or a boolean");
        break;
    case MR_OPT_LIST:
        mr_buf_str(out, "a list of groups: ( { ... }, { ... } )");
        break;
    case MR_OPT_PROPERTIES:
        mr_buf_str(out, "a string, a number or a boolean");
        break;
    }
}

/* The default of a type that mr_value_set() does not fill without memory. */
static void default_reference(const struct mr_option *option, void *base)
{
    char *field = (char *)base + option->at;
    const char *text = option->dflt == NULL ? "" : option->dflt;
    struct mr_strs strs = {&option->dflt, option->dflt == NULL ? 0 : 1};
    struct mr_conf_scalar scalar = {MR_CONF_TEXT, text};
    void *nothing = NULL;
    uint32_t none = 0;
    if (option->type == MR_OPT_STR) {
        memcpy(field, &text, sizeof(text));
    } else if (option->type == MR_OPT_STRS) {
        memcpy(field, &strs, sizeof(strs));
    } else if (option->type == MR_OPT_SCALAR) {
        memcpy(field, &scalar, sizeof(scalar));
    } else {
        memcpy(field, &nothing, sizeof(nothing));
        memcpy((char *)base + option->count, &none, sizeof(none));
    }
}

void mr_value_default(const struct mr_option *option, void *base)
{
    struct mr_setting setting = {.name = "", .kind = MR_SETTING_TEXT, .text = option->dflt};
    struct mr_value value = {option, &setting, option->name, NULL, NULL};
    switch (option->type) {
    case MR_OPT_STR:
    case MR_OPT_STRS:
    case MR_OPT_SCALAR:
    case MR_OPT_LIST:
    case MR_OPT_PROPERTIES:
        default_reference(option, base);
        break;
    case MR_OPT_BOOL:
    case MR_OPT_U32:
    case MR_OPT_SIZE:
    case MR_OPT_TIME:
    case MR_OPT_RATIO:
    case MR_OPT_CHOICE:
    case MR_OPT_START:
        /* Without a default the field keeps the zero of its struct. options_test.c reads every
         * default with an error to look at. */
        if (option->dflt != NULL)
            (void)mr_value_set(&value, base);
        break;
    }
}

static bool strs_equal(const struct mr_option *option, const void *a, const void *b)
{
    GET(struct mr_strs, one, option, a);
    GET(struct mr_strs, two, option, b);
    if (one.n_items != two.n_items)
        return false;
    for (uint32_t i = 0; i < one.n_items; i++) {
        if (strcmp(one.items[i], two.items[i]) != 0)
            return false;
    }
    return true;
}

static bool scalar_equal(const struct mr_option *option, const void *a, const void *b)
{
    GET(struct mr_conf_scalar, one, option, a);
    GET(struct mr_conf_scalar, two, option, b);
    return one.kind == two.kind && strcmp(one.text, two.text) == 0;
}

static bool start_equal(const struct mr_option *option, const void *a, const void *b)
{
    GET(struct mr_conf_start, one, option, a);
    GET(struct mr_conf_start, two, option, b);
    return one.kind == two.kind && one.timestamp_ms == two.timestamp_ms;
}

static size_t plain_bytes(enum mr_opt_type type)
{
    if (type == MR_OPT_BOOL)
        return sizeof(bool);
    if (type == MR_OPT_U32)
        return sizeof(uint32_t);
    if (type == MR_OPT_CHOICE)
        return sizeof(int);
    if (type == MR_OPT_RATIO)
        return sizeof(double);
    return sizeof(uint64_t);
}

bool mr_value_equal(const struct mr_option *option, const void *a, const void *b)
{
    switch (option->type) {
    case MR_OPT_STR:
        return strcmp(mr_value_str(option, a), mr_value_str(option, b)) == 0;
    case MR_OPT_STRS:
        return strs_equal(option, a, b);
    case MR_OPT_SCALAR:
        return scalar_equal(option, a, b);
    case MR_OPT_START:
        return start_equal(option, a, b);
    case MR_OPT_LIST:
    case MR_OPT_PROPERTIES:
        return mr_value_n_items(option, a) == mr_value_n_items(option, b);
    case MR_OPT_BOOL:
    case MR_OPT_U32:
    case MR_OPT_SIZE:
    case MR_OPT_TIME:
    case MR_OPT_RATIO:
    case MR_OPT_CHOICE:
        break;
    }
    return memcmp((const char *)a + option->at, (const char *)b + option->at,
                  plain_bytes(option->type)) == 0;
}

void mr_value_quote(const char *text, struct mr_buf *out)
{
    mr_buf_byte(out, '"');
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            mr_buf_fmt(out, "\\%c", c);
        else if (c == '\n')
            mr_buf_str(out, "\\n");
        else if (c < 0x20)
            mr_buf_fmt(out, "\\u%04x", c);
        else
            mr_buf_byte(out, c);
    }
    mr_buf_byte(out, '"');
}

static void print_text(const struct mr_option *option, const char *text, struct mr_buf *out)
{
    struct mr_buf shown = MR_BUF_INIT;
    if (option->url)
        mr_config_redact_url(text, &shown);
    mr_value_quote(option->url ? mr_buf_cstr(&shown) : text, out);
    mr_buf_release(&shown);
}

static void print_strs(const struct mr_option *option, const void *base, struct mr_buf *out)
{
    GET(struct mr_strs, strs, option, base);
    mr_buf_str(out, "[");
    for (uint32_t i = 0; i < strs.n_items; i++) {
        mr_buf_str(out, i == 0 ? "" : ", ");
        print_text(option, strs.items[i], out);
    }
    mr_buf_str(out, "]");
}

static void print_start(const struct mr_option *option, const void *base, struct mr_buf *out)
{
    static const char *const words[] = {"", "committed", "earliest", "latest"};
    GET(struct mr_conf_start, start, option, base);
    mr_buf_byte(out, '"');
    if (start.kind == MR_CONF_START_TIMESTAMP)
        mr_units_print_timestamp(start.timestamp_ms, out);
    else
        mr_buf_str(out, words[start.kind]);
    mr_buf_byte(out, '"');
}

static void print_number(const struct mr_option *option, const void *base, struct mr_buf *out)
{
    if (option->type == MR_OPT_BOOL) {
        GET(bool, yes, option, base);
        mr_buf_str(out, yes ? "true" : "false");
    } else if (option->type == MR_OPT_U32) {
        GET(uint32_t, number, option, base);
        mr_buf_fmt(out, "%" PRIu32, number);
    } else if (option->type == MR_OPT_RATIO) {
        GET(double, ratio, option, base);
        mr_buf_fmt(out, "%g", ratio);
    } else {
        GET(uint64_t, amount, option, base);
        mr_buf_byte(out, '"');
        if (option->type == MR_OPT_SIZE)
            mr_units_print_bytes(amount, out);
        else
            mr_units_print_ms(amount, out);
        mr_buf_byte(out, '"');
    }
}

static void print_scalar(const struct mr_option *option, const void *base, struct mr_buf *out)
{
    GET(struct mr_conf_scalar, scalar, option, base);
    if (scalar.kind == MR_CONF_TEXT)
        mr_value_quote(scalar.text, out);
    else
        mr_buf_str(out, scalar.text);
}

static bool is_set(const struct mr_option *option, const void *base)
{
    return option->type != MR_OPT_STR || mr_value_str(option, base)[0] != '\0';
}

void mr_value_print(const struct mr_option *option, const void *base, bool secret,
                    struct mr_buf *out)
{
    if ((option->secret || secret) && is_set(option, base)) {
        mr_buf_str(out, "\"(secret)\"");
        return;
    }
    switch (option->type) {
    case MR_OPT_BOOL:
    case MR_OPT_U32:
    case MR_OPT_SIZE:
    case MR_OPT_TIME:
    case MR_OPT_RATIO:
        print_number(option, base, out);
        break;
    case MR_OPT_STR:
        print_text(option, mr_value_str(option, base), out);
        break;
    case MR_OPT_STRS:
        print_strs(option, base, out);
        break;
    case MR_OPT_CHOICE: {
        GET(int, word, option, base);
        mr_value_quote(mr_choices_name(option->choices, word), out);
        break;
    }
    case MR_OPT_START:
        print_start(option, base, out);
        break;
    case MR_OPT_SCALAR:
        print_scalar(option, base, out);
        break;
    case MR_OPT_LIST:
    case MR_OPT_PROPERTIES:
        mr_buf_fmt(out, "%" PRIu32, mr_value_n_items(option, base));
        break;
    }
}
