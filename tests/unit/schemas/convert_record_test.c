/* Records that are one value (contract.md T-09, T-24, T-28), into columns. */
#include <stdlib.h>

#include "tests/support/convert_case.inc"

#define RECORD(name, fields)                                                                       \
    "{\"type\":\"record\",\"name\":\"X\",\"connect.name\":\"" name "\",\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":\"" type "\"}"
#define MAYBE(name, type) "{\"name\":\"" name "\",\"type\":[\"null\",\"" type "\"]}"
#define DATE_FIELDS MAYBE("year", "int") "," MAYBE("month", "int") "," MAYBE("day", "int")
#define TIME_FIELDS MAYBE("hour", "int") "," MAYBE("minute", "int") "," MAYBE("second", "int")
#define SPECIAL MAYBE("specialValue", "string")
#define TIME_NAME(name) "io.debezium.time.Structured" name

/* Fields as the case puts them: each number is there, a "-" is null. */
static void parts(const char *text)
{
    mr_buf_reset(&value);
    for (const char *at = text; *at != '\0';) {
        size_t len = strcspn(at, " ");
        if (len == 1 && *at == '-') {
            wire_long(&value, 0);
        } else {
            wire_long(&value, 1);
            if (*at == '\'') {
                char word[64];
                (void)snprintf(word, sizeof word, "%.*s", (int)len - 1, at + 1);
                wire_text(&value, word);
            } else {
                wire_long(&value, strtoll(at, NULL, 10));
            }
        }
        at += len + strspn(at + len, " ");
    }
}

static void check_parts(const struct text_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        parts(cases[i].text);
        const char *got = into(cases[i].type, cases[i].column, &value);
        if (strcmp(got, cases[i].want) != 0)
            MR_FAIL("%s %s into %s: got %s, want %s", cases[i].type, cases[i].text,
                    cases[i].column != NULL ? cases[i].column : "default", got, cases[i].want);
    }
}

/* T-24, T-80, T-83 */
MR_TEST("structured dates and timestamps are read by their fields' names")
{
    static const char date[] = RECORD(TIME_NAME("Date"), DATE_FIELDS "," SPECIAL);
    static const char stamp[] = RECORD(TIME_NAME("Timestamp"), DATE_FIELDS
                                       "," TIME_FIELDS "," MAYBE("nanos", "int") "," SPECIAL);
    static const char picos[] = RECORD(
        TIME_NAME("TimestampPrecision6SourceColumn6162"),
        MAYBE("picoseconds", "long") "," TIME_FIELDS "," MAYBE("more", "string") "," DATE_FIELDS);
    static const struct text_case cases[] = {
        {date, NULL, "2024 2 29 -", "2024-02-29"},
        {date, NULL, "2023 2 29 -", "!value.invalid"},
        {date, NULL, "0 1 1 -", "0001-01-01 BC"},
        {date, NULL, "0 0 0 -", "!value.invalid"},
        {date, NULL, "5874897 12 31 -", "5874897-12-31"},
        {date, NULL, "5874898 1 1 -", "!value.out_of_range"},
        {date, NULL, "- 1 1 -", "!value.invalid"},
        {date, NULL, "- - - 'POSITIVE_INFINITY", "infinity"},
        {date, NULL, "- - - 'NEGATIVE_INFINITY", "-infinity"},
        {date, NULL, "- - - 'NAN", "!value.invalid"},
        {date, "timestamptz", "2024 2 29 -", "2024-02-29 00:00:00+00"},
        {date, "text", "2024 2 29 -", "2024-02-29"},
        {date, "jsonb", "2024 2 29 -", "\"2024-02-29\""},
        {date, "int4", "2024 2 29 -", "HALT type.incompatible"},
        {stamp, NULL, "294276 12 31 23 59 59 999999000 -", "294276-12-31 23:59:59.999999"},
        {stamp, NULL, "294277 1 1 0 0 0 0 -", "!value.out_of_range"},
        {stamp, NULL, "294247 1 10 4 0 25 200000000 -", "294247-01-10 04:00:25.2"},
        {stamp, NULL, "1969 12 31 24 0 0 0 -", "1970-01-01 00:00:00"},
        {stamp, NULL, "1969 12 31 24 0 1 0 -", "!value.invalid"},
        {stamp, NULL, "1969 12 31 23 60 1 0 -", "!value.invalid"},
        {stamp, NULL, "1969 12 31 23 0 60 0 -", "!value.invalid"},
        {stamp, NULL, "1969 12 31 23 0 0 - -", "!value.invalid"},
        {stamp, NULL, "1969 12 31 23 0 0 1000000000 -", "!value.invalid"},
        {stamp, NULL, "1969 12 31 23 0 0 -1 -", "!value.invalid"},
        {stamp, NULL, "- - - - - - - 'NEGATIVE_INFINITY", "-infinity"},
        {stamp, "timestamp(0)", "1969 12 31 23 0 0 500000000 -", "!value.lossy"},
        {picos, NULL, "123456999999 1 2 3 'x 2000 1 1", "2000-01-01 01:02:03.123456"},
    };
    CHECK(parts, cases);
    pc.route.nanos_poison = true;
    parts("123456999999 1 2 3 'x 2000 1 1");
    MR_CHECK_STR(into(picos, NULL, &value), "!temporal.nanos");
}

/* T-24 */
MR_TEST("structured times and zoned ones keep their offset")
{
    static const char plain[] = RECORD(TIME_NAME("Time"), TIME_FIELDS "," MAYBE("nanos", "int"));
    static const char zoned[] =
        RECORD(TIME_NAME("ZonedTime"), TIME_FIELDS "," MAYBE("offsetSeconds", "int"));
    static const char moment[] =
        RECORD(TIME_NAME("ZonedTimestamp"),
               DATE_FIELDS "," TIME_FIELDS "," MAYBE("nanos", "int") "," MAYBE(
                   "offsetSeconds", "int") "," MAYBE("zoneId", "string") "," SPECIAL);
    static const struct text_case cases[] = {
        {plain, NULL, "24 0 0 0", "24:00:00"},
        {plain, NULL, "24 0 0 1", "!value.invalid"},
        {plain, NULL, "25 0 0 0", "!value.invalid"},
        {plain, "interval", "1 0 0 500000000", "PT1H0.5S"},
        {zoned, NULL, "13 51 30 7200", "13:51:30+02"},
        {zoned, NULL, "13 51 30 57600", "!value.out_of_range"},
        {zoned, NULL, "13 51 30 -", "!value.invalid"},
        {moment, NULL, "2016 11 4 13 51 30 0 7200 'Europe/Berlin -", "2016-11-04 11:51:30+00"},
        {moment, NULL, "2016 11 4 13 51 30 0 - 'Z -", "2016-11-04 13:51:30+00"},
        {moment, NULL, "2016 11 4 13 51 30 0 - 'Europe/Berlin -", "!value.invalid"},
        {moment, NULL, "- - - - - - - - - 'POSITIVE_INFINITY", "infinity"},
    };
    CHECK(parts, cases);
}

/* T-28 */
MR_TEST("structured durations add up to an interval, part by part")
{
    static const char span[] =
        RECORD(TIME_NAME("Duration"),
               MAYBE("years", "int") "," MAYBE("months", "int") "," MAYBE("days", "int") "," MAYBE(
                   "hours", "int") "," MAYBE("minutes", "int") "," MAYBE("seconds",
                                                                         "long") "," MAYBE("nanos",
                                                                                           "int"));
    static const struct text_case cases[] = {
        {span, NULL, "1 2 3 4 5 6 780000000", "P1Y2M3DT4H5M6.78S"},
        {span, NULL, "-1 2 -3 4 -5 6 -7000", "P-10M-3DT3H55M5.999993S"},
        {span, NULL, "- - - 838 59 59 -", "PT838H59M59S"},
        {span, NULL, "- - - - - - -", "!value.invalid"},
        {span, NULL, "2147483647 - - - - - -", "!value.out_of_range"},
        {span, NULL, "- - - - - 9223372036855 -", "!value.out_of_range"},
        {span, "int8", "- - - - - 1 -", "1000000"},
        {span, "interval(0)", "- - - - - 1 500000000", "!value.lossy"},
        {span, "text", "1 - - - - - -", "P1Y"},
    };
    CHECK(parts, cases);
    pc.route.nanos_poison = true;
    parts("- - - - - - 1");
    MR_CHECK_STR(into(span, NULL, &value), "!temporal.nanos");
}

/* T-09, T-60; case 127 */
MR_TEST("decimals of any scale are read whatever their record looks like, alone and in arrays")
{
    static const char other[] =
        RECORD("io.debezium.data.VariableScaleDecimal",
               FIELD("note", "string") "," MAYBE("value", "bytes") "," FIELD("scale", "int"));
    static const char array[] = "{\"type\":\"array\",\"items\":[\"null\"," RECORD(
        "io.debezium.data.VariableScaleDecimal",
        FIELD("scale", "int") "," FIELD("value", "bytes")) "]}";
    static const char others[] = "{\"type\":\"array\",\"items\":" RECORD(
        "io.debezium.data.VariableScaleDecimal",
        FIELD("value", "bytes") "," FIELD("x", "int") "," FIELD("scale", "int")) "}";
    static const struct hex_case cases[] = {
        {other, NULL, "02 61 02 02 05 03", "500"},
        {other, NULL, "02 61 00 03", "!value.invalid"},
        {other, "jsonb", "02 61 02 02 05 04", "0.05"},
        {array, NULL, "04 02 02 02 05 00 00", "{0.5,NULL}"},
        {array, "numeric(3,1)[]", "02 02 04 02 05 00", "!numeric.excess_scale"},
        {array, "jsonb", "04 02 02 02 05 00 00", "[0.5, null]"},
        {others, NULL, "02 02 05 0e 02 00", "{0.5}"},
    };
    CHECK(hexes, cases);
}

MR_TEST("a record that lacks what its meaning needs is a document")
{
    static const char no_day[] =
        RECORD(TIME_NAME("Date"), FIELD("year", "int") "," FIELD("month", "int"));
    static const char text_day[] =
        RECORD(TIME_NAME("Date"),
               FIELD("year", "int") "," FIELD("month", "int") "," FIELD("day", "string"));
    static const char unknown[] = RECORD(TIME_NAME("Dates"), DATE_FIELDS);
    static const struct hex_case cases[] = {
        {no_day, NULL, "02 04", "{\"year\": 1, \"month\": 2}"},
        {text_day, NULL, "02 04 02 33", "{\"year\": 1, \"month\": 2, \"day\": \"3\"}"},
        {unknown, NULL, "00 00 00", "{\"year\": null, \"month\": null, \"day\": null}"},
    };
    CHECK(hexes, cases);
}

/* S-21 */
MR_TEST("inside of a document structured times are leaves, geometries are built as they are")
{
    static const char nested[] =
        "{\"type\":\"record\",\"name\":\"N\",\"fields\":[{\"name\":\"d\",\"type\":" RECORD(
            TIME_NAME("Date"), DATE_FIELDS) "},{\"name\":\"p\",\"type\":{\"type\":\"record\","
                                            "\"name\":\"P\",\"connect.name\":\"io.debezium.data."
                                            "geometry.Point\",\"fields\":[" FIELD(
                                                "x", "double") "," FIELD("y", "double") "]}}]}";
    static const struct hex_case cases[] = {
        {nested, NULL, "02 d01f 02 02 02 04 000000000000f83f 0000000000000040",
         "{\"d\": \"2024-01-02\", \"p\": {\"x\": 1.5, \"y\": 2}}"},
    };
    CHECK(hexes, cases);
}
