/* Values into columns (contract.md sections 5 and 5.1; cases 112 to 141); numbers and bytes:
 * convert_number_test.c. */
#include "tests/support/convert_case.inc"

/* T-12 to T-20, T-17, T-19, T-25, T-26, T-80; cases 112 to 117, 121, 141 */
MR_TEST("times as numbers keep range, sentinels and direction of rounding")
{
    static const char date[] = NAMED("int", "io.debezium.time.Date");
    static const char micro[] = NAMED("long", "io.debezium.time.MicroTimestamp");
    static const char nano[] = NAMED("long", "io.debezium.time.NanoTimestamp");
    static const char millis[] = NAMED("long", "io.debezium.time.Timestamp");
    static const char time_us[] = NAMED("long", "io.debezium.time.MicroTime");
    static const char time_ns[] = NAMED("long", "io.debezium.time.NanoTime");
    static const struct number_case cases[] = {
        {date, NULL, -2147472692, "infinity"},
        {date, NULL, 2146033979, "infinity"}, /* connector 3.7, of a change */
        {date, NULL, -622191234, "infinity"}, /* and of a snapshot */
        {date, NULL, -625821272, "-infinity"},
        {date, NULL, -2147472691, "-infinity"},
        {date, NULL, 2145042905, "5874897-12-31"},
        {date, NULL, 2145042906, "!value.out_of_range"},
        {date, NULL, -2440588, "4714-11-24 BC"},
        {date, NULL, -2440589, "!value.out_of_range"},
        {date, "timestamptz", 1, "1970-01-02 00:00:00+00"},
        {date, "timestamp", -2147472692, "infinity"},
        {date, "timestamp", 2145042905, "!value.out_of_range"},
        {date, "timestamp", 106762939, "294276-12-31 00:00:00"},
        {date, "timestamp", 106762940, "!value.out_of_range"},
        {micro, NULL, INT64_C(9223372036825200000), "infinity"},
        {micro, NULL, INT64_C(-9223372036832400000), "-infinity"},
        {micro, NULL, INT64_MAX, "infinity"},
        {micro, NULL, INT64_MIN, "-infinity"},
        {micro, NULL, INT64_C(-210866803200000000), "4714-11-24 00:00:00 BC"},
        {micro, NULL, INT64_C(-210866803200000001), "!value.out_of_range"},
        {micro, "timestamptz", 0, "1970-01-01 00:00:00+00"},
        {micro, "date", INT64_C(86400000000), "1970-01-02"},
        {micro, "date", -INT64_C(86400000000), "1969-12-31"},
        {micro, "date", 1, "!value.lossy"},
        {nano, NULL, -1, "1969-12-31 23:59:59.999999"},
        {nano, NULL, INT64_MAX, "infinity"},
        {millis, NULL, INT64_C(9223372036825200), "infinity"},
        {millis, NULL, INT64_C(9223372036825200000), "infinity"}, /* connector 3.7 */
        {millis, NULL, INT64_C(-9223372036832400000), "-infinity"},
        {millis, NULL, INT64_C(-9223372036832400), "-infinity"},
        {millis, NULL, INT64_C(9223372036854776), "294247-01-10 04:00:54.776"},
        {millis, NULL, INT64_C(9224318015999999), "294276-12-31 23:59:59.999"},
        {millis, NULL, INT64_C(9224318016000000), "!value.out_of_range"},
        {millis, "date", INT64_C(9224317929600000), "294276-12-31"},
        {millis, NULL, 1, "1970-01-01 00:00:00.001"},
        {time_us, NULL, INT64_C(86400000000), "24:00:00"},
        {time_us, NULL, INT64_C(86400000001), "!value.out_of_range"},
        {time_us, NULL, -1, "!value.out_of_range"},
        {time_us, "interval", INT64_C(-3020399000000), "PT-838H-59M-59S"},
        {time_us, "timetz", 1000000, "00:00:01+00"},
        {time_ns, NULL, 1999, "00:00:00.000001"},
        {LOGICAL("long", "timestamp-millis"), NULL, 0, "1970-01-01 00:00:00+00"},
        {LOGICAL("long", "timestamp-micros"), NULL, INT64_C(9223372036825200000),
         "294247-01-10 04:00:25.2+00"},
        {LOGICAL("long", "local-timestamp-micros"), NULL, 0, "1970-01-01 00:00:00"},
        {LOGICAL("int", "time-millis"), NULL, 86400000, "24:00:00"},
        {NAMED("int", "io.debezium.time.Year"), NULL, 2024, "2024"},
        {NAMED("long", "io.debezium.time.MicroDuration"), NULL, 1500000, "PT1.5S"},
        {NAMED("long", "io.debezium.time.NanoDuration"), "int8", 1500, "1"},
    };
    CHECK(numbers, cases);
    pc.route.nanos_poison = true;
    mr_buf_reset(&value);
    wire_long(&value, 1);
    MR_CHECK_STR(into(nano, NULL, &value), "!temporal.nanos");
}

/* `cast` */
MR_TEST("a cast allows what loses information, a unit makes numbers times")
{
    struct mr_route_column column = {.field = "v", .cast = "boolean"};
    static const struct number_case flags[] = {
        {"\"int\"", "bool", 1, "true"},
        {"\"int\"", "bool", 2, "!value.out_of_range"},
        {"\"int\"", NULL, 0, "false"},
        {"\"long\"", "float8", INT64_C(9007199254740993), "9007199254740992"},
    };
    static const struct number_case seconds[] = {
        {"\"long\"", NULL, 1, "1970-01-01 00:00:01+00"},
        {"\"long\"", "timestamp", -1, "1969-12-31 23:59:59"},
        {"\"long\"", "time", 61, "00:01:01"},
        {"\"long\"", "timestamptz", INT64_MAX, "!value.out_of_range"},
    };
    static const struct number_case days[] = {{"\"int\"", NULL, 1, "1970-01-02"}};
    pc.route.columns = &column;
    pc.route.n_columns = 1;
    CHECK(numbers, flags);
    column = (struct mr_route_column){.field = "v", .unit = "s"};
    CHECK(numbers, seconds);
    column.unit = "days";
    CHECK(numbers, days);
}

/* T-21 to T-23, T-27, T-29, T-35; cases 118 to 120, 122, 135 */
MR_TEST("times, intervals and uuids as text are parsed whole")
{
    static const char zoned[] = NAMED("string", "io.debezium.time.ZonedTimestamp");
    static const char zoned_time[] = NAMED("string", "io.debezium.time.ZonedTime");
    static const char iso_ts[] = NAMED("string", "io.debezium.time.IsoTimestamp");
    static const char iso_date[] = NAMED("string", "io.debezium.time.IsoDate");
    static const char interval[] = NAMED("string", "io.debezium.time.Interval");
    static const char uuid[] = NAMED("string", "io.debezium.data.Uuid");
    static const struct text_case cases[] = {
        {zoned, NULL, "2016-11-04T13:51:30.123456+02:00", "2016-11-04 11:51:30.123456+00"},
        {zoned, NULL, "+294247-01-01T23:59:59.999999Z", "294247-01-01 23:59:59.999999+00"},
        {zoned, NULL, "0000-01-01T00:00:00Z", "0001-01-01 00:00:00+00 BC"},
        {zoned, NULL, "-4712-12-31T00:00Z", "4713-12-31 00:00:00+00 BC"},
        {zoned, NULL, "infinity", "infinity"},
        {zoned, NULL, "-infinity", "-infinity"},
        {zoned, NULL, "2016-11-04T11:51:60Z", "!value.invalid"},
        {zoned, NULL, "2016-02-30T11:51:00Z", "!value.invalid"},
        {zoned, NULL, "2016-11-04T11:51:30", "!value.invalid"},
        {zoned, NULL, "2016-11-04T11:51:30Zx", "!value.invalid"},
        {zoned, NULL, "1969-12-31T23:59:59.9999999Z", "1969-12-31 23:59:59.999999+00"},
        {zoned_time, NULL, "13:51:30+02:00", "13:51:30+02"},
        {zoned_time, NULL, "24:00:00Z", "24:00:00+00"},
        {zoned_time, NULL, "24:00:01Z", "!value.invalid"},
        {zoned_time, NULL, "01:00:00-15:59:59", "01:00:00-15:59:59"},
        {zoned_time, NULL, "01:00:00+16:00", "!value.invalid"},
        {iso_date, NULL, "2017-09-15Z", "2017-09-15"},
        {iso_date, NULL, "-5877611-06-21Z", "infinity"},
        {iso_date, NULL, "-5877611-06-22Z", "-infinity"},
        {iso_date, NULL, "2017-09-15+01:00", "!value.invalid"},
        {NAMED("string", "io.debezium.time.IsoTime"), NULL, "04:05:11.789Z", "04:05:11.789"},
        {iso_ts, NULL, "2019-07-09T02:28:57.123456Z", "2019-07-09 02:28:57.123456"},
        {iso_ts, NULL, "2019-07-09T02:28:57+02:00", "2019-07-09 00:28:57"},
        {iso_ts, NULL, "+294247-01-10T04:00:25.2Z", "infinity"},
        {iso_ts, NULL, "-290308-12-21T19:59:27.6Z", "-infinity"},
        {interval, NULL, "P1Y2M3DT4H5M6.78S", "P1Y2M3DT4H5M6.78S"},
        {interval, NULL, "P-1Y-2MT-0.5S", "P-1Y-2MT-0.5S"},
        {interval, NULL, "P2147483648D", "!value.invalid"},
        {interval, "interval(0)", "PT1.5S", "!value.lossy"},
        {interval, NULL, "PT-0.0000001S", "PT-0.000001S"},
        {interval, NULL, "P", "!value.invalid"},
        {interval, NULL, "PT", "!value.invalid"},
        {uuid, NULL, "B68A35A7-17AD-35B3-AF2A-AE46EDB4545A",
         "b68a35a7-17ad-35b3-af2a-ae46edb4545a"},
        {uuid, NULL, "{b68a35a717ad35b3af2aae46edb4545a}", "b68a35a7-17ad-35b3-af2a-ae46edb4545a"},
        {uuid, NULL, "b68a35a7-17ad-35b3-af2a-ae46edb4545", "!value.invalid"},
        {uuid, "bytea", "b68a35a7-17ad-35b3-af2a-ae46edb4545a",
         "\\xb68a35a717ad35b3af2aae46edb4545a"},
        {NAMED("string", "io.debezium.data.EnumSet"), "text[]", "a,b", "{a,b}"},
        {NAMED("string", "io.debezium.data.EnumSet"), "text[]", "", "{}"},
        {NAMED("string", "io.debezium.data.EnumSet"), NULL, "a,b", "a,b"},
    };
    CHECK(texts, cases);
}

/* design.md P5; T-13 to T-23, T-26: the server would round what its column has no digits for */
MR_TEST("a fraction of a second that the column would round is lossy, unless a cast allows it")
{
    static const char stamp[] = NAMED("long", "io.debezium.time.MicroTimestamp");
    static const char time[] = NAMED("long", "io.debezium.time.MicroTime");
    static const char span[] = NAMED("long", "io.debezium.time.MicroDuration");
    static const char zoned[] = NAMED("string", "io.debezium.time.ZonedTimestamp");
    static const struct number_case numbers[] = {
        {stamp, "timestamp(0)", 1600000, "!value.lossy"},
        {stamp, "timestamp(0)", -2000000, "1969-12-31 23:59:58"},
        {stamp, "timestamp(3)", -1000, "1969-12-31 23:59:59.999"},
        {stamp, "timestamptz(3)", -1, "!value.lossy"},
        {stamp, "timestamp(6)", -1, "1969-12-31 23:59:59.999999"},
        {stamp, "timestamp(0)", INT64_MAX, "infinity"},
        {time, "time(2)", 10000, "00:00:00.01"},
        {time, "time(2)", 1000, "!value.lossy"},
        {time, "timetz(2)", 1000, "!value.lossy"},
        {time, "interval(2)", 1000, "!value.lossy"},
        {span, "interval(0)", 500000, "!value.lossy"},
        {span, "interval(1)", 500000, "PT0.5S"},
    };
    static const struct text_case texts[] = {
        {zoned, "timestamptz(3)", "2020-01-01T00:00:00.1239Z", "!value.lossy"},
        {zoned, "timestamptz(3)", "2020-01-01T00:00:00.123Z", "2020-01-01 00:00:00.123+00"},
        {NAMED("string", "io.debezium.time.ZonedTime"), "timetz(0)", "01:00:00.5Z", "!value.lossy"},
        {"\"string\"", "timestamp(0)", "2020-01-01 00:00:00.5", "!value.lossy"},
        {"\"string\"", "time(0)", "00:00:00.5", "!value.lossy"},
        {"\"string\"", "timetz(0)", "00:00:00.5+00", "!value.lossy"},
        {"\"string\"", "interval(0)", "PT0.5S", "!value.lossy"},
    };
    static const struct number_case allowed[] = {
        {stamp, "timestamp(0)", 1600000, "1970-01-01 00:00:01.6"}};
    CHECK(numbers, numbers);
    CHECK(texts, texts);
    struct mr_route_column column = {.field = "v", .cast = "timestamp"};
    pc.route.columns = &column;
    pc.route.n_columns = 1;
    CHECK(numbers, allowed);
}

/* T-13, T-14: MySQL's TIME has a sign, and no size that a day bounds */
MR_TEST("a time of any sign and size can be printed")
{
    static const struct number_case cases[] = {
        {LOGICAL("long", "time-micros"), "text", -1, "-00:00:00.000001"},
        {LOGICAL("long", "time-micros"), "text", INT64_C(3020399000000), "838:59:59"},
        {LOGICAL("long", "time-micros"), "text", INT64_MAX, "2562047788:00:54.775807"},
        {LOGICAL("long", "time-micros"), "text", INT64_MIN, "-2562047788:00:54.775808"},
    };
    CHECK(numbers, cases);
}

/* T-06, T-10, X-08, X-09; cases 139, 140 */
MR_TEST("strings are parsed into columns of other types, or refused one by one")
{
    static const struct text_case cases[] = {
        {"\"string\"", "int4", "12", "12"},
        {"\"string\"", "int4", " -12 ", "-12"},
        {"\"string\"", "int4", "x", "!value.invalid"},
        {"\"string\"", "int4", "", "!value.invalid"},
        {"\"string\"", "int4", "2147483648", "!value.out_of_range"},
        {"\"string\"", "int8", "9223372036854775808", "!value.out_of_range"},
        {"\"string\"", "int8", "-9223372036854775808", "-9223372036854775808"},
        {"\"string\"", "bool", "t", "true"},
        {"\"string\"", "bool", "OFF", "false"},
        {"\"string\"", "bool", "2", "!value.invalid"},
        /* "char" and name cut in silence what is longer than this */
        {"\"string\"", "other(1)", "x", "x"},
        {"\"string\"", "other(1)", "ab", "!value.too_long"},
        {"\"string\"", "other(1)", "\xc3\xa9", "!value.too_long"},
        {LOGICAL("string", "uuid"), "other(1)", "b68a35a7-17ad-35b3-af2a-ae46edb4545a",
         "!value.too_long"},
        /* money rounds to cents */
        {"\"string\"", "other(19,2)", "-$1,234.560", "-$1,234.560"},
        {"\"string\"", "other(19,2)", "12.345", "!numeric.excess_scale"},
        {"\"string\"", "other(19,2)", "12", "12"},
        {"\"string\"", "other", "12.345", "12.345"},
        {"\"string\"", "float8", "1e3", "1000"},
        {"\"string\"", "float8", "0x10", "!value.invalid"},
        {"\"string\"", "float8", "1e999", "!value.out_of_range"},
        {"\"string\"", "float8", "-1e-999", "!value.out_of_range"},
        {"\"string\"", "float8", "0.0e-999", "0"},
        {"\"string\"", "float4", "1e-60", "!value.out_of_range"},
        {"\"string\"", "float4", "1e60", "!value.out_of_range"},
        /* just below the middle of two floats: by way of a double it would go up */
        {"\"string\"", "float4", "1.00000017881393432617187499", "1.0000001"},
        {"\"string\"", "numeric", "POSITIVE_INFINITY", "Infinity"},
        {"\"string\"", "numeric", "1.50e2", "150"},
        {"\"string\"", "numeric(5,2)", "NaN", "NaN"},
        {"\"string\"", "numeric(5,2)", "Infinity", "!value.out_of_range"},
        {"\"string\"", "date", "2024-02-29", "2024-02-29"},
        {"\"string\"", "date", "2023-02-29", "!value.invalid"},
        {"\"string\"", "date", "2024-02-29 10:00", "!value.lossy"},
        {"\"string\"", "time", "10:11:12.5", "10:11:12.5"},
        {"\"string\"", "timestamp", "2024-02-29 10:11:12", "2024-02-29 10:11:12"},
        {"\"string\"", "timestamptz", "2024-02-29 10:11:12+02", "2024-02-29 08:11:12+00"},
        {"\"string\"", "timestamptz", "0044-03-15 BC", "0044-03-15 00:00:00+00 BC"},
        {"\"string\"", "uuid", "b68a35a7-17ad-35b3-af2a-ae46edb4545a",
         "b68a35a7-17ad-35b3-af2a-ae46edb4545a"},
        {"\"string\"", "json", "[1, 2]", "[1, 2]"},
        {"\"string\"", "jsonb", "[1,", "!value.invalid_json"},
        {"\"string\"", "bytea", "\\x6100", "\\x6100"},
        {"\"string\"", "bytea", "\\x6", "!value.invalid"},
        {"\"string\"", "bit(3)", "101", "101"},
        {"\"string\"", "bit(3)", "10", "!value.too_long"},
        {"\"string\"", "varchar(2)", "abc", "!value.too_long"},
        {"\"string\"", "varchar(2)", "ab  ", "ab"},
        {"\"string\"", "varchar(2)", "\xc3\xa9\xc3\xa9", "\xc3\xa9\xc3\xa9"},
        {"\"string\"", "bpchar(2)", "\xc3\xa9\xc3\xa9x", "!value.too_long"},
        {"\"string\"", "enum", "red", "red"},
        {"\"string\"", "other", "10.0.0.0/8", "10.0.0.0/8"},
        {"\"string\"", "int4[]", "1", "HALT type.incompatible"},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}", "int4", "", "!value.invalid"},
    };
    CHECK(texts, cases);
}

/* T-06, text_nul; case 129 */
MR_TEST("U+0000 is poison, stripped or replaced, as the route says")
{
    static const struct hex_case poison[] = {{"\"string\"", NULL, "06 610062", "!value.nul"}};
    static const struct hex_case strip[] = {{"\"string\"", NULL, "06 610062", "ab"},
                                            {"\"string\"", NULL, "02 00", ""},
                                            {"\"string\"", "varchar(2)", "06 610062", "ab"}};
    static const struct hex_case replace[] = {{"\"string\"", NULL, "06 610062",
                                               "a\xef\xbf\xbd"
                                               "b"}};
    CHECK(hexes, poison);
    pc.route.text_nul = MR_TEXT_NUL_STRIP;
    CHECK(hexes, strip);
    pc.route.text_nul = MR_TEXT_NUL_REPLACE;
    CHECK(hexes, replace);
}

/* T-30, T-31; case 130 */
MR_TEST("text for jsonb is checked for what the server refuses")
{
    static const char json[] = NAMED("string", "io.debezium.data.Json");
    static const struct text_case cases[] = {
        {json, NULL, "{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":2}"},
        {json, NULL, "{\"a\":\"\\u0000\"}", "!value.json_nul"},
        {json, NULL, "{\"\\u0000\":1}", "!value.json_nul"},
        {json, "json", "{\"a\":\"\\u0000\"}", "{\"a\":\"\\u0000\"}"},
        {json, NULL, "\"\\ud800\"", "!value.invalid_json"},
        {json, NULL, "1e200000", "!value.out_of_range"},
        {json, NULL, "nul", "!value.invalid_json"},
        {json, "text", "not json", "not json"},
    };
    static const struct hex_case nested[] = {
        {"{\"type\":\"map\",\"values\":\"string\"}", NULL, "02 026b 0200 00", "!value.json_nul"},
        {"{\"type\":\"map\",\"values\":\"string\"}", "json", "02 026b 0200 00",
         "{\"k\": \"\\u0000\"}"},
    };
    CHECK(texts, cases);
    CHECK(hexes, nested);
}

/* the server would refuse the others in the merge, for "{" is missing */
MR_TEST("into an array whose items have no writer go arrays and its own literal alone")
{
    static const struct text_case texts[] = {
        {"\"string\"", "other[]", "{10.0.0.1}", "{10.0.0.1}"},
        {NAMED("string", "io.debezium.data.EnumSet"), "other[]", "a,b", "HALT type.incompatible"},
        {"\"string\"", "other", "10.0.0.1", "10.0.0.1"},
    };
    static const struct hex_case cases[] = {
        {"{\"type\":\"array\",\"items\":\"string\"}", "other[]", "00", "{}"},
        {"{\"type\":\"map\",\"values\":\"int\"}", "other[]", "00", "HALT type.incompatible"},
        {"\"int\"", "other[]", "02", "HALT type.incompatible"},
        {LOGICAL("string", "uuid"), "other[]", "00", "HALT type.incompatible"},
        {"{\"type\":\"array\",\"items\":\"float\"}", "other", "020000c03f00", "[1.5]"},
    };
    CHECK(texts, texts);
    CHECK(hexes, cases);
    (void)into("{\"type\":\"map\",\"values\":\"int\"}", "other[]", &value);
    MR_CHECK_STR(pc.err.column, "v");
    MR_CHECK_STR(pc.err.detail, "'v': map into other[]");
}

/* T-60, X-19; cases 133, 134 */
MR_TEST("arrays of scalars become arrays, item rules apply, others become documents")
{
    static const char ints[] = "{\"type\":\"array\",\"items\":[\"null\",\"int\"]}";
    static const char texts[] = "{\"type\":\"array\",\"items\":\"string\"}";
    static const struct hex_case cases[] = {
        {ints, NULL, "00", "{}"},
        {ints, NULL, "04 02 02 00 00", "{1,NULL}"},
        {ints, "int2[]", "02 02 80 80 08 00", "!value.out_of_range"},
        {ints, "text[]", "02 02 02 00", "{1}"},
        {ints, "jsonb", "04 02 02 00 00", "[1, null]"},
        {ints, "uuid[]", "00", "HALT type.incompatible"},
        {texts, NULL, "02 02 ff 00", "!value.utf8"},
        {texts, "int4[]", "02 04 3132 00", "{12}"},
        {"{\"type\":\"array\",\"items\":{\"type\":\"array\",\"items\":\"int\"}}", NULL,
         "02 02 02 00 00", "[[1]]"},
    };
    CHECK(hexes, cases);
}

/* T-15, T-21, T-23, T-27 */
MR_TEST("texts of times below a microsecond are floored, or poison where the route says so")
{
    static const char zoned[] = NAMED("string", "io.debezium.time.ZonedTimestamp");
    static const char iso_time[] = NAMED("string", "io.debezium.time.IsoTime");
    static const char iso_ts[] = NAMED("string", "io.debezium.time.IsoTimestamp");
    static const char interval[] = NAMED("string", "io.debezium.time.Interval");
    static const struct text_case floored[] = {
        {zoned, NULL, "1969-12-31T23:59:59.9999999Z", "1969-12-31 23:59:59.999999+00"},
        {iso_time, NULL, "00:00:00.0000009Z", "00:00:00"},
        {iso_ts, NULL, "2019-07-09T02:28:57.123456789Z", "2019-07-09 02:28:57.123456"},
        {interval, NULL, "PT0.0000019S", "PT0.000001S"},
        {"\"string\"", "interval", "PT-1.0000001S", "PT-1.000001S"},
    };
    static const struct text_case poison[] = {
        {zoned, NULL, "1969-12-31T23:59:59.9999999Z", "!temporal.nanos"},
        {zoned, NULL, "1969-12-31T23:59:59.999999000Z", "1969-12-31 23:59:59.999999+00"},
        {iso_time, NULL, "00:00:00.0000009Z", "!temporal.nanos"},
        {iso_ts, NULL, "2019-07-09T02:28:57.123456789Z", "!temporal.nanos"},
        {interval, NULL, "PT0.0000019S", "!temporal.nanos"},
        {"\"string\"", "interval", "PT-1.0000001S", "!temporal.nanos"},
        {"\"string\"", "timestamptz", "2019-07-09T02:28:57.1234567Z", "!temporal.nanos"},
    };
    CHECK(texts, floored);
    pc.route.nanos_poison = true;
    CHECK(texts, poison);
}

/* T-14, S-21 */
MR_TEST("a time of day inside of a document is one, as in a column")
{
    static const char nested[] =
        "{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"N\",\"fields\":[{\"name\":"
        "\"t\","
        "\"type\":{\"type\":\"long\",\"connect.name\":\"io.debezium.time.MicroTime\"}}]}}";
    static const struct hex_case cases[] = {
        {nested, NULL, "02 8080bbdd8305 00", "[{\"t\": \"24:00:00\"}]"},
        {nested, NULL, "02 8280bbdd8305 00", "!value.out_of_range"},
        {nested, NULL, "02 01 00", "!value.out_of_range"},
    };
    CHECK(hexes, cases);
}
