/* Owns the invention and the printing of values. Must not use the converters of schemas/: what it
 * prints is what they are checked against. */
#include "consumer/demo_values.h"

#include <string.h>

#include "schemas/json_text.h"

#include "base/ban.h"

enum { US_PER_MS = 1000, SECONDS_PER_DAY = 86400, MAX_CENTS = 1000000, NULL_IN = 4 };
#define US_PER_S INT64_C(1000000)
#define US_PER_DAY (SECONDS_PER_DAY * US_PER_S)

/* ---- inventing ---- */

static const char *const names[] = {"Ada Lovelace",       "Grace Hopper",    "José García",
                                    "Zoë O'Brien",        "山田 太郎",       "Olga Ладыженская",
                                    "Émilie du Châtelet", "Sören \"S\" Berg"};
static const char *const tiers[] = {"bronze", "silver", "gold"};
static const char *const statuses[] = {"new", "paid", "packed", "shipped", "returned"};
static const char *const currencies[] = {"EUR", "USD", "JPY", "CHF"};
static const char *const channels[] = {"web", "store", "partner"};
static const char *const notes[] = {"",
                                    "leave at the door",
                                    "ring twice\nthen wait",
                                    "fragile: \"glass\" \\ keep upright",
                                    "tab\tseparated, comma, semicolon;",
                                    "merci 🎁 très bien"};

#define PICK(from, list) (list)[mr_rng_below((from)->rng, sizeof(list) / sizeof((list)[0]))]

static int64_t between(const struct mr_demo_inventor *from, int64_t low, int64_t high)
{
    return low + (int64_t)mr_rng_below(from->rng, (uint64_t)(high - low) + 1);
}

static void invent_uuid(const struct mr_demo_inventor *from)
{
    uint64_t a = mr_rng_u64(from->rng);
    uint64_t b = mr_rng_u64(from->rng);

    mr_buf_fmt(from->texts, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32),
               (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xfff),
               (unsigned)(0x8000 | (b >> 48 & 0x3fff)),
               (unsigned long long)(b & UINT64_C(0xffffffffffff)));
}

/* In the form that jsonb prints (names by length, then by bytes; one blank behind : and ,), so that
 * a target which keeps the text and one which keeps the value show the same. */
static void invent_document(const struct mr_demo_inventor *from)
{
    mr_buf_fmt(from->texts, "{\"gift\": %s, \"tags\": [", between(from, 0, 1) ? "true" : "false");
    for (int64_t i = 0, n = between(from, 0, 3); i < n; i++)
        mr_buf_fmt(from->texts, "%s\"t%lld\"", i > 0 ? ", " : "", (long long)between(from, 1, 99));
    mr_buf_fmt(from->texts, "], \"weight\": %lld.%lld, \"address\": {\"zip\": \"%05lld\", ",
               (long long)between(from, 0, 40), (long long)between(from, 1, 9),
               (long long)between(from, 1000, 99999));
    mr_buf_fmt(from->texts, "\"city\": \"Zürich\", \"note\": null}}");
}

static void invent_text(const struct mr_demo_inventor *from, enum mr_demo_content content)
{
    switch ((int)content) {
    case MR_DEMO_NAME:
        mr_buf_str(from->texts, PICK(from, names));
        break;
    case MR_DEMO_EMAIL:
        mr_buf_fmt(from->texts, "u%lld@example.org", (long long)between(from, 1, 9999999));
        break;
    case MR_DEMO_TIER:
        mr_buf_str(from->texts, PICK(from, tiers));
        break;
    case MR_DEMO_STATUS:
        mr_buf_str(from->texts, PICK(from, statuses));
        break;
    case MR_DEMO_CURRENCY:
        mr_buf_str(from->texts, PICK(from, currencies));
        break;
    case MR_DEMO_CHANNEL:
        mr_buf_str(from->texts, PICK(from, channels));
        break;
    case MR_DEMO_SKU:
        mr_buf_fmt(from->texts, "SKU-%06lld", (long long)between(from, 1, 999999));
        break;
    case MR_DEMO_RANDOM_UUID:
        invent_uuid(from);
        break;
    case MR_DEMO_DOCUMENT:
        invent_document(from);
        break;
    default:
        mr_buf_str(from->texts, PICK(from, notes));
        break;
    }
}

static int64_t invent_number(const struct mr_demo_inventor *from,
                             const struct mr_demo_column *column)
{
    switch ((int)column->content) {
    case MR_DEMO_REFERENCE:
        return between(from, 1, from->max_reference);
    case MR_DEMO_MONEY:
        return between(from, -MAX_CENTS / 10, MAX_CENTS);
    case MR_DEMO_SMALL:
        return between(from, -3, 300);
    case MR_DEMO_FLAG:
        return between(from, 0, 1);
    case MR_DEMO_DAY:
        return between(from, -10000, 20000);
    case MR_DEMO_NOW:
    default:
        return column->kind == MR_DEMO_ZONED ? from->now_us - from->now_us % US_PER_MS
                                             : from->now_us;
    }
}

bool mr_demo_kind_is_text(enum mr_demo_kind kind)
{
    return kind == MR_DEMO_TEXT || kind == MR_DEMO_ENUM || kind == MR_DEMO_UUID ||
           kind == MR_DEMO_JSON;
}

void mr_demo_value_invent(const struct mr_demo_inventor *from, const struct mr_demo_column *column,
                          struct mr_demo_value *out)
{
    *out = (struct mr_demo_value){.text = NULL};
    out->is_null = column->nullable && mr_rng_below(from->rng, NULL_IN) == 0;
    if (out->is_null)
        return;
    if (!mr_demo_kind_is_text(column->kind)) {
        out->number = invent_number(from, column);
        return;
    }
    out->number = (int64_t)from->texts->len;
    invent_text(from, column->content);
    mr_buf_byte(from->texts, 0);
}

void mr_demo_values_settle(const struct mr_demo_table *table, struct mr_demo_value *values,
                           const struct mr_buf *texts, const bool *invented)
{
    for (uint16_t i = 0; i < table->n_columns; i++) {
        bool text = mr_demo_kind_is_text(table->columns[i].kind);
        if (invented[i] && text && !values[i].is_null && mr_buf_ok(texts))
            values[i].text = (const char *)texts->data + values[i].number;
    }
}

void mr_demo_value_filler(const struct mr_demo_column *column, struct mr_demo_value *out)
{
    *out = (struct mr_demo_value){.text = "", .is_null = column->nullable};
}

/* ---- printing ---- */

struct civil {
    int64_t year;
    int month, day;
};

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* By counting: slow, plain, and nobody else's algorithm. The demo's days lie within 1940..2030. */
static struct civil civil_of(int64_t days)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    struct civil at = {.year = 1970, .month = 1, .day = 1};

    while (days < 0)
        days += is_leap(--at.year) ? 366 : 365;
    for (int n = is_leap(at.year) ? 366 : 365; days >= n; n = is_leap(at.year) ? 366 : 365) {
        days -= n;
        at.year++;
    }
    for (;; at.month++) {
        int n = lengths[at.month - 1] + (at.month == 2 && is_leap(at.year) ? 1 : 0);
        if (days < n)
            break;
        days -= n;
    }
    at.day += (int)days;
    return at;
}

static void print_date(int64_t days, struct mr_buf *out)
{
    struct civil at = civil_of(days);
    mr_buf_fmt(out, "%04lld-%02d-%02d", (long long)at.year, at.month, at.day);
}

/* The demo's times lie after 1970. No zero stands at the end of a fraction, and no fraction where
 * there is none, as PostgreSQL and Java have it. */
static void print_time(int64_t us, char between, struct mr_buf *out)
{
    int64_t seconds = us / US_PER_S % SECONDS_PER_DAY;
    int64_t fraction = us % US_PER_S;
    int digits = 6;

    print_date(us / US_PER_DAY, out);
    mr_buf_fmt(out, "%c%02d:%02d:%02d", between, (int)(seconds / 3600), (int)(seconds / 60 % 60),
               (int)(seconds % 60));
    if (fraction == 0)
        return;
    for (; fraction % 10 == 0; digits--)
        fraction /= 10;
    mr_buf_fmt(out, ".%0*lld", digits, (long long)fraction);
}

static void print_decimal(int64_t cents, struct mr_buf *out)
{
    int64_t size = cents < 0 ? -cents : cents;
    mr_buf_fmt(out, "%s%lld.%02lld", cents < 0 ? "-" : "", (long long)(size / 100),
               (long long)(size % 100));
}

void mr_demo_value_print(const struct mr_demo_column *column, const struct mr_demo_value *value,
                         struct mr_buf *out)
{
    if (value->is_null)
        return;
    switch (column->kind) {
    case MR_DEMO_INT:
    case MR_DEMO_SMALLINT:
        mr_buf_fmt(out, "%lld", (long long)value->number);
        break;
    case MR_DEMO_BOOL:
        mr_buf_str(out, value->number != 0 ? "true" : "false");
        break;
    case MR_DEMO_DECIMAL:
        print_decimal(value->number, out);
        break;
    case MR_DEMO_DATE:
        print_date(value->number, out);
        break;
    case MR_DEMO_MICROS:
        print_time(value->number, ' ', out);
        break;
    case MR_DEMO_ZONED:
        print_time(value->number, ' ', out);
        mr_buf_str(out, "+00");
        break;
    case MR_DEMO_TEXT:
    case MR_DEMO_ENUM:
    case MR_DEMO_UUID:
    case MR_DEMO_JSON:
        mr_buf_str(out, value->text);
        break;
    }
}

/* ---- as Debezium writes them, in Avro's JSON encoding ---- */

/* Two's complement, big-endian, as short as it can be; Avro's JSON has a code point for each byte.
 */
static void json_decimal(int64_t number, struct mr_buf *out)
{
    int n_bytes = 1;

    while (n_bytes < 8 && (number >> (8 * n_bytes - 1)) != 0 && (number >> (8 * n_bytes - 1)) != -1)
        n_bytes++;
    mr_buf_byte(out, '"');
    for (int i = n_bytes - 1; i >= 0; i--)
        mr_buf_fmt(out, "\\u%04x", (unsigned)((uint64_t)number >> (8 * i) & 0xff));
    mr_buf_byte(out, '"');
}

static void json_plain(const struct mr_demo_column *column, const struct mr_demo_value *value,
                       struct mr_buf *out)
{
    switch (column->kind) {
    case MR_DEMO_BOOL:
        mr_buf_str(out, value->number != 0 ? "true" : "false");
        break;
    case MR_DEMO_DECIMAL:
        json_decimal(value->number, out);
        break;
    case MR_DEMO_ZONED:
        mr_buf_byte(out, '"');
        print_time(value->number, 'T', out);
        mr_buf_str(out, "Z\"");
        break;
    case MR_DEMO_INT:
    case MR_DEMO_SMALLINT:
    case MR_DEMO_DATE:
    case MR_DEMO_MICROS:
        mr_buf_fmt(out, "%lld", (long long)value->number);
        break;
    case MR_DEMO_TEXT:
    case MR_DEMO_ENUM:
    case MR_DEMO_UUID:
    case MR_DEMO_JSON:
        mr_json_text_string(out, mr_slice_str(value->text));
        break;
    }
}

static const char *branch_of(enum mr_demo_kind kind)
{
    switch (kind) {
    case MR_DEMO_BOOL:
        return "boolean";
    case MR_DEMO_DECIMAL:
        return "bytes";
    case MR_DEMO_MICROS:
        return "long";
    case MR_DEMO_INT:
    case MR_DEMO_SMALLINT:
    case MR_DEMO_DATE:
        return "int";
    case MR_DEMO_ZONED:
    case MR_DEMO_TEXT:
    case MR_DEMO_ENUM:
    case MR_DEMO_UUID:
    case MR_DEMO_JSON:
        return "string";
    }
    return "null";
}

void mr_demo_value_json(const struct mr_demo_column *column, const struct mr_demo_value *value,
                        struct mr_buf *out)
{
    if (value->is_null) {
        mr_buf_str(out, "null");
        return;
    }
    if (column->nullable)
        mr_buf_fmt(out, "{\"%s\":", branch_of(column->kind));
    json_plain(column, value, out);
    if (column->nullable)
        mr_buf_byte(out, '}');
}
