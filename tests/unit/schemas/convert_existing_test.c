/* Values into existing columns of another type, row by row of contract.md section 5.1: what is
 * allowed, both sides of each border, and what is refused when the plan is made. */
#include "tests/support/convert_case.inc"

#define SMALL "{\"type\":\"int\",\"connect.type\":\"int16\"}"
#define ITEMS(type) "{\"type\":\"array\",\"items\":" type "}"
#define TEXT "\"string\""
static const char halt[] = "HALT type.incompatible";

/* Each of these columns is refused when the plan is made, before any record. */
static void check_refused(const char *type, const char *const *columns)
{
    mr_buf_reset(&value);
    for (; *columns != NULL; columns++) {
        const char *got = into(type, *columns, &value);
        if (strcmp(got, halt) != 0)
            MR_FAIL("%s into %s: got %s, want %s", type, *columns, got, halt);
    }
}

/* A route that names the type itself: what it loses is wanted. */
static struct mr_route_column *casting(const char *to)
{
    static struct mr_route_column column;
    column = (struct mr_route_column){.field = "v", .cast = to};
    pc.route.columns = &column;
    pc.route.n_columns = 1;
    return &column;
}

/* X-01, T-02, T-03, T-04 */
MR_TEST("integers go into wider ones, numbers and texts, and floats that hold them exactly")
{
    static const struct number_case cases[] = {
        {SMALL, NULL, -32768, "-32768"},
        {SMALL, NULL, 32767, "32767"},
        {SMALL, NULL, -32769, "!value.out_of_range"},
        {SMALL, NULL, 32768, "!value.out_of_range"},
        {SMALL, "int4", -32768, "-32768"},
        {SMALL, "int8", 32767, "32767"},
        {"\"int\"", NULL, INT32_MIN, "-2147483648"},
        {"\"int\"", NULL, INT32_MAX, "2147483647"},
        {"\"int\"", "int8", INT32_MIN, "-2147483648"},
        {"\"int\"", "text", INT32_MIN, "-2147483648"},
        {"\"int\"", "numeric(10)", INT32_MIN, "-2147483648"},
        {"\"long\"", NULL, INT64_MIN, "-9223372036854775808"},
        {"\"long\"", NULL, INT64_MAX, "9223372036854775807"},
        {"\"long\"", "numeric", INT64_MAX, "9223372036854775807"},
        {"\"long\"", "numeric(18)", INT64_C(999999999999999999), "999999999999999999"},
        {"\"long\"", "numeric(18)", INT64_C(1000000000000000000), "!value.out_of_range"},
        {"\"long\"", "numeric(4,2)", -99, "-99.00"},
        {"\"long\"", "numeric(4,2)", -100, "!value.out_of_range"},
        {"\"long\"", "float8", INT64_C(-9007199254740992), "-9007199254740992"},
        {"\"long\"", "float8", INT64_C(-9007199254740993), "!value.lossy"},
        {"\"long\"", "float8", INT64_C(9007199254740993), "!value.lossy"},
        {"\"int\"", "float4", -16777216, "-16777216"},
        {"\"int\"", "float4", -16777217, "!value.lossy"},
        {"\"int\"", "float4", 16777217, "!value.lossy"},
        {"\"int\"", "float8", INT32_MAX, "2147483647"},
    };
    static const char *const none[] = {"bool",   "bytea",  "date",        "time",
                                       "timetz", "uuid",   "timestamptz", "interval",
                                       "bit(8)", "int4[]", NULL};
    CHECK(numbers, cases);
    check_refused("\"int\"", none);
}

/* */
MR_TEST("integers go into narrower ones and oids value by value")
{
    static const struct number_case cases[] = {
        {"\"long\"", "int4", INT64_C(-2147483648), "-2147483648"},
        {"\"long\"", "int4", INT64_C(-2147483649), "!value.out_of_range"},
        {"\"long\"", "int4", INT64_C(2147483648), "!value.out_of_range"},
        {"\"long\"", "int2", -32768, "-32768"},
        {"\"long\"", "int2", -32769, "!value.out_of_range"},
        {"\"long\"", "int2", 32768, "!value.out_of_range"},
        {"\"int\"", "int2", 32767, "32767"},
        {"\"int\"", "int2", 32768, "!value.out_of_range"},
        {"\"long\"", "oid", 0, "0"},
        {"\"long\"", "oid", -1, "!value.out_of_range"},
        {"\"long\"", "oid", INT64_C(4294967295), "4294967295"},
        {"\"long\"", "oid", INT64_C(4294967296), "!value.out_of_range"},
    };
    CHECK(numbers, cases);
}

/* */
MR_TEST("0 and 1 are booleans only for a route that says so")
{
    static const struct number_case cases[] = {
        {"\"int\"", "bool", 0, "false"},
        {"\"long\"", "bool", 1, "true"},
        {"\"int\"", "bool", 2, "!value.out_of_range"},
        {"\"int\"", "bool", -1, "!value.out_of_range"},
    };
    static const char *const without[] = {"bool", NULL};
    check_refused("\"int\"", without);
    check_refused("\"long\"", without);
    (void)casting("boolean");
    CHECK(numbers, cases);
}

/* */
MR_TEST("booleans go into texts and integers")
{
    static const struct hex_case cases[] = {
        {"\"boolean\"", "text", "01", "true"},
        {"\"boolean\"", "text", "00", "false"},
        {"\"boolean\"", "varchar(4)", "01", "true"},
        {"\"boolean\"", "varchar(4)", "00", "!value.too_long"},
        {"\"boolean\"", "int2", "01", "1"},
        {"\"boolean\"", "int4", "00", "0"},
        {"\"boolean\"", "int8", "01", "1"},
        {"\"boolean\"", "jsonb", "01", "true"},
    };
    static const char *const none[] = {"numeric", "float4", "float8", "bytea", "date",
                                       "uuid",    "oid",    "bool[]", NULL};
    CHECK(hexes, cases);
    check_refused("\"boolean\"", none);
}

/* */
MR_TEST("a float is widened as it is, and printed by its own shortest digits")
{
    static const struct hex_case cases[] = {
        {"\"float\"", "float8", "cdcccc3d", "0.10000000149011612"},
        {"\"float\"", "numeric", "cdcccc3d", "0.1"},
        {"\"float\"", "text", "cdcccc3d", "0.1"},
        {"\"float\"", "numeric(3,2)", "cdcccc3d", "0.10"},
        {"\"float\"", "numeric(3,2)", "0000003e", "!numeric.excess_scale"}, /* 0.125 */
        {"\"float\"", "numeric", "0000c07f", "NaN"},
        {"\"float\"", "numeric", "0000807f", "Infinity"},
        {"\"float\"", "numeric(3,2)", "0000c07f", "NaN"},
        {"\"float\"", "numeric(3,2)", "000080ff", "!value.out_of_range"},
    };
    static const char *const none[] = {"int4", "int8", "bool", "date", "bytea", "uuid", NULL};
    CHECK(hexes, cases);
    check_refused("\"float\"", none);
}

/* */
MR_TEST("a double goes into numbers and texts, into a float only for a route that says so")
{
    static const struct hex_case cases[] = {
        {"\"double\"", "numeric", "9a9999999999b93f", "0.1"},
        {"\"double\"", "text", "9a9999999999b93f", "0.1"},
        {"\"double\"", "numeric(5,1)", "9a9999999999b93f", "0.1"},
        {"\"double\"", "numeric(2,1)", "0000000000002440", "!value.out_of_range"}, /* 10 */
        {"\"double\"", "numeric", "000000000000f0ff", "-Infinity"},
        {"\"double\"", "numeric", "000000000000f87f", "NaN"},
    };
    static const struct hex_case lossy[] = {
        {"\"double\"", "float4", "9a9999999999b93f", "0.1"},
        {"\"double\"", "float4", "000000e0ffffef47", "3.4028235e+38"},
        {"\"double\"", "float4", "000000000000f047", "!value.out_of_range"}, /* 2^128 */
        {"\"double\"", "float4", "000000000000f07f", "Infinity"},
    };
    static const char *const none[] = {"float4",    "int4",  "int8", "bool",
                                       "timestamp", "bytea", NULL};
    CHECK(hexes, cases);
    check_refused("\"double\"", none);
    (void)casting("real");
    CHECK(hexes, lossy);
}

/* */
MR_TEST("a decimal goes into numbers and texts, and whole ones into integers that hold them")
{
    static const struct hex_case cases[] = {
        {DECIMAL(9, 2), "numeric", "02 6e", "1.10"},
        {DECIMAL(9, 2), "numeric(9,4)", "02 6e", "1.1000"},
        {DECIMAL(9, 2), "numeric(3,1)", "02 6e", "1.1"},
        {DECIMAL(9, 2), "numeric(3,1)", "02 6f", "!numeric.excess_scale"},
        {DECIMAL(9, 2), "numeric(2,1)", "04 03de", "9.9"},
        {DECIMAL(9, 2), "numeric(2,1)", "04 03e8", "!value.out_of_range"},
        {DECIMAL(9, 2), "text", "02 6e", "1.10"},
        {DECIMAL(9, 2), "varchar(5)", "02 92", "-1.10"},
        {DECIMAL(9, 2), "varchar(4)", "02 92", "!value.too_long"},
        {DECIMAL(9, 2), "int4", "04 012c", "3"},
        {DECIMAL(9, 2), "int4", "04 012d", "!value.out_of_range"},
        {DECIMAL(20, 0), "int2", "04 7fff", "32767"},
        {DECIMAL(20, 0), "int2", "06 008000", "!value.out_of_range"},
        {DECIMAL(20, 0), "int4", "08 80000000", "-2147483648"},
        {DECIMAL(20, 0), "int4", "0a ff7fffffff", "!value.out_of_range"},
        {DECIMAL(20, 0), "int8", "10 7fffffffffffffff", "9223372036854775807"},
        {DECIMAL(20, 0), "int8", "12 008000000000000000", "!value.out_of_range"},
        {DECIMAL(20, 0), "oid", "0a 00ffffffff", "4294967295"},
        {DECIMAL(20, 0), "oid", "02 ff", "!value.out_of_range"},
    };
    static const struct hex_case lossy[] = {{DECIMAL(9, 2), "float8", "02 6e", "1.1"},
                                            {DECIMAL(9, 2), "float4", "02 6e", "1.1"}};
    static const char *const none[] = {"float4", "float8", "bool", "date", "bytea", "uuid", NULL};
    CHECK(hexes, cases);
    check_refused(DECIMAL(9, 2), none);
    (void)casting("double precision");
    CHECK(hexes, lossy);
}

/* X-08, T-10 */
MR_TEST("a string goes into every type, parsed here where we know the type")
{
    static const struct text_case cases[] = {
        {TEXT, "int2", "32767", "32767"},
        {TEXT, "int2", "32768", "!value.out_of_range"},
        {TEXT, "int4", "0x10", "!value.invalid"},
        {TEXT, "int4", "1.0", "!value.invalid"},
        {TEXT, "oid", "4294967296", "!value.out_of_range"},
        {TEXT, "float4", "1.5", "1.5"},
        {TEXT, "float8", "nan(1)", "!value.invalid"},
        {TEXT, "numeric(5,2)", "12.30", "12.30"},
        {TEXT, "numeric(5,2)", "12.301", "!numeric.excess_scale"},
        {TEXT, "numeric", "NEGATIVE_INFINITY", "-Infinity"},
        {TEXT, "bool", "yes", "true"},
        {TEXT, "bool", "maybe", "!value.invalid"},
        {TEXT, "uuid", "{b68a35a7-17ad-35b3-af2a-ae46edb4545a}",
         "b68a35a7-17ad-35b3-af2a-ae46edb4545a"},
        {TEXT, "uuid", "b68a35a7", "!value.invalid"},
        {TEXT, "date", "infinity", "infinity"},
        {TEXT, "date", "29.02.2024", "!value.invalid"},
        {TEXT, "time", "24:00:00", "24:00:00"},
        {TEXT, "time", "24:00:01", "!value.invalid"},
        {TEXT, "timetz", "10:00:00+02", "10:00:00+02"},
        {TEXT, "timestamp", "2024-02-29T10:11:12Z", "2024-02-29 10:11:12"},
        {TEXT, "timestamptz", "2024-02-29T10:11:12+02:00", "2024-02-29 08:11:12+00"},
        {TEXT, "timestamptz", "yesterday", "!value.invalid"},
        {TEXT, "interval", "P1DT1S", "P1DT1S"},
        {TEXT, "interval", "a while", "!value.invalid"},
        {TEXT, "json", "{\"a\":1}", "{\"a\":1}"},
        {TEXT, "jsonb", "{a:1}", "!value.invalid_json"},
        {TEXT, "jsonb", "\"\\u0000\"", "!value.json_nul"},
        {TEXT, "bytea", "ab", "\\x6162"},
        {TEXT, "bit(3)", "102", "!value.invalid"},
        {TEXT, "varbit", "0101", "0101"},
        {TEXT, "enum", "red", "red"},
        {TEXT, "other", "10.0.0.0/8", "10.0.0.0/8"}, /* a type that only the server knows */
        {TEXT, "other[]", "{10.0.0.0/8}", "{10.0.0.0/8}"},
    };
    CHECK(texts, cases);
}

/* characters, not bytes */
MR_TEST("a string into a shorter column loses blanks only")
{
    static const struct text_case cases[] = {
        {TEXT, "varchar(3)", "abc", "abc"},
        {TEXT, "varchar(3)", "abcd", "!value.too_long"},
        {TEXT, "varchar(3)", "abc     ", "abc"},
        {TEXT, "varchar(3)", "abc  d", "!value.too_long"},
        {TEXT, "varchar(3)", "abc\t", "!value.too_long"},
        {TEXT, "varchar(3)", "\xf0\x9f\x98\x80\xe6\x97\xa5\xc3\xa9",
         "\xf0\x9f\x98\x80\xe6\x97\xa5\xc3\xa9"},
        {TEXT, "varchar(2)", "\xf0\x9f\x98\x80\xe6\x97\xa5\xc3\xa9", "!value.too_long"},
        {TEXT, "bpchar(1)", "a  ", "a"},
        {TEXT, "bpchar(1)", "ab", "!value.too_long"},
    };
    CHECK(texts, cases);
}

/* X-10, S-21 */
MR_TEST("everything but bytes goes into text by its canonical form, and all into JSON")
{
    static const struct number_case numbers[] = {
        {NAMED("int", "io.debezium.time.Date"), "text", 1, "1970-01-02"},
        {NAMED("int", "io.debezium.time.Date"), "jsonb", -2147472692, "\"infinity\""},
        {NAMED("long", "io.debezium.time.MicroTime"), "varchar(8)", 1000000, "00:00:01"},
        {NAMED("long", "io.debezium.time.MicroTime"), "varchar(7)", 1000000, "!value.too_long"},
        {NAMED("long", "io.debezium.time.MicroTimestamp"), "text", 1, "1970-01-01 00:00:00.000001"},
        {NAMED("long", "io.debezium.time.MicroTimestamp"), "json", 1,
         "\"1970-01-01T00:00:00.000001\""},
        {LOGICAL("long", "timestamp-micros"), "text", 0, "1970-01-01 00:00:00+00"},
        {NAMED("long", "io.debezium.time.MicroDuration"), "text", 1500000, "PT1.5S"},
        {NAMED("long", "io.debezium.time.MicroDuration"), "jsonb", 0, "\"PT0S\""},
        {"\"long\"", "jsonb", INT64_MAX, "9223372036854775807"},
        {"\"int\"", "json", -1, "-1"},
    };
    static const struct hex_case hexes[] = {
        {"\"double\"", "jsonb", "9a9999999999b93f", "0.1"},
        {"\"double\"", "jsonb", "000000000000f87f", "\"NaN\""},
        {DECIMAL(9, 2), "jsonb", "02 6e", "1.10"},
        {"\"bytes\"", "jsonb", "04 0001", "\"AAE=\""},
        {"\"bytes\"", "json", "00", "\"\""},
        {"[\"null\",\"int\"]", "text", "00", "NULL"},
        {"[\"null\",\"int\"]", "jsonb", "00", "NULL"},
        {"[\"null\",\"int\"]", "jsonb", "02 02", "1"},
        {ITEMS("\"int\""), "text", "04 02 04 00", "[1, 2]"},
        {ITEMS("\"int\""), "json", "00", "[]"},
    };
    static const struct text_case texts[] = {
        {NAMED("string", "io.debezium.data.Uuid"), "text", "B68A35A7-17AD-35B3-AF2A-AE46EDB4545A",
         "b68a35a7-17ad-35b3-af2a-ae46edb4545a"},
        {NAMED("string", "io.debezium.time.ZonedTime"), "text", "13:51:30+02:00", "13:51:30+02"},
        {NAMED("string", "io.debezium.time.ZonedTime"), "jsonb", "13:51:30+02:00",
         "\"13:51:30+02\""},
    };
    CHECK(numbers, numbers);
    CHECK(hexes, hexes);
    CHECK(texts, texts);
}

/* */
MR_TEST("a timestamp is read as UTC, and an instant is written as UTC's wall clock")
{
    static const struct number_case cases[] = {
        {NAMED("long", "io.debezium.time.MicroTimestamp"), "timestamptz", 1,
         "1970-01-01 00:00:00.000001+00"},
        {NAMED("long", "io.debezium.time.MicroTimestamp"), "timestamptz", INT64_MAX, "infinity"},
        {LOGICAL("long", "timestamp-micros"), "timestamp", -1, "1969-12-31 23:59:59.999999"},
        {LOGICAL("long", "timestamp-millis"), "timestamp", 1, "1970-01-01 00:00:00.001"},
    };
    static const struct text_case texts[] = {
        {NAMED("string", "io.debezium.time.ZonedTimestamp"), "timestamp",
         "2020-01-01T00:30:00+02:00", "2019-12-31 22:30:00"},
        {NAMED("string", "io.debezium.time.ZonedTimestamp"), "timestamp", "-infinity", "-infinity"},
    };
    static const char *const none[] = {"time", "timetz", "interval", "int8", "uuid", "bytea", NULL};
    CHECK(numbers, cases);
    CHECK(texts, texts);
    check_refused(LOGICAL("long", "timestamp-micros"), none);
    check_refused(NAMED("long", "io.debezium.time.MicroTimestamp"), none);
}

/* */
MR_TEST("a route's zone says which instant a wall clock means, and nothing else")
{
    static const char micro[] = NAMED("long", "io.debezium.time.MicroTimestamp");
    static const char date[] = NAMED("int", "io.debezium.time.Date");
    static const struct number_case numbers[] = {
        {micro, "timestamptz", 0, "1969-12-31 22:00:00+00"},
        {micro, "timestamptz", INT64_MAX, "infinity"},
        {micro, "timestamptz", INT64_MIN, "-infinity"},
        {micro, "timestamptz", INT64_C(-210866796000000000), "4714-11-24 00:00:00+00 BC"},
        {micro, "timestamptz", INT64_C(-210866796000000001), "!value.out_of_range"},
        {micro, "timestamp", 0, "1970-01-01 00:00:00"},
        {micro, "date", 0, "1970-01-01"},
        {micro, "text", 0, "1970-01-01 00:00:00"},
        {LOGICAL("long", "timestamp-micros"), "timestamptz", 0, "1970-01-01 00:00:00+00"},
        {date, "timestamptz", 0, "1970-01-01 00:00:00+00"}, /* midnight in UTC */
    };
    static const struct text_case texts[] = {
        {NAMED("string", "io.debezium.time.IsoTimestamp"), "timestamptz", "2020-01-01T00:00:00Z",
         "2019-12-31 22:00:00+00"},
        {TEXT, "timestamptz", "2020-01-01 00:00:00", "2019-12-31 22:00:00+00"},
        {TEXT, "timestamptz", "2020-01-01 00:00:00Z", "2020-01-01 00:00:00+00"},
        {TEXT, "timestamptz", "infinity", "infinity"},
        {TEXT, "timestamp", "2020-01-01 00:00:00", "2020-01-01 00:00:00"},
        {NAMED("string", "io.debezium.time.ZonedTimestamp"), "timestamptz", "2020-01-01T00:00:00Z",
         "2020-01-01 00:00:00+00"},
    };
    static const struct number_case west[] = {
        {micro, "timestamptz", 0, "1970-01-01 03:30:00+00"},
        {NAMED("long", "io.debezium.time.Timestamp"), "timestamptz", INT64_C(9224318003399999),
         "294276-12-31 23:59:59.999+00"},
        {NAMED("long", "io.debezium.time.Timestamp"), "timestamptz", INT64_C(9224318003400000),
         "!value.out_of_range"},
    };
    pc.route.zone_east_s = 7200;
    CHECK(numbers, numbers);
    CHECK(texts, texts);
    pc.route.zone_east_s = -12600;
    CHECK(numbers, west);
}

/* */
MR_TEST("a timestamp is a date at midnight only, an instant never unless the route says so")
{
    static const char stamp[] = NAMED("long", "io.debezium.time.MicroTimestamp");
    static const char instant[] = LOGICAL("long", "timestamp-micros");
    static const struct number_case cases[] = {
        {stamp, "date", 0, "1970-01-01"},
        {stamp, "date", 1, "!value.lossy"},
        {stamp, "date", -1, "!value.lossy"},
        {stamp, "date", INT64_C(-86400000000), "1969-12-31"},
        {stamp, "date", INT64_C(86399999999), "!value.lossy"},
        {stamp, "date", INT64_C(-210866803200000000), "4714-11-24 BC"},
        {stamp, "date", INT64_MIN, "-infinity"},
    };
    static const struct number_case lossy[] = {{stamp, "date", -1, "1969-12-31"},
                                               {instant, "date", 1, "1970-01-01"}};
    static const char *const none[] = {"date", NULL};
    CHECK(numbers, cases);
    check_refused(instant, none);
    (void)casting("date");
    CHECK(numbers, lossy);
}

/* */
MR_TEST("a date is its midnight in UTC, a time is one in UTC or a span")
{
    static const char date[] = NAMED("int", "io.debezium.time.Date");
    static const char time[] = NAMED("long", "io.debezium.time.MicroTime");
    static const struct number_case cases[] = {
        {date, "timestamp", 1, "1970-01-02 00:00:00"},
        {date, "timestamptz", -1, "1969-12-31 00:00:00+00"},
        {date, "timestamp", -2147472692, "infinity"},
        {date, "timestamptz", -2147472691, "-infinity"},
        {date, "timestamptz", -2440588, "4714-11-24 00:00:00+00 BC"},
        {date, "timestamptz", 106762939, "294276-12-31 00:00:00+00"},
        {date, "timestamptz", 106762940, "!value.out_of_range"},
        {time, "timetz", 0, "00:00:00+00"},
        {time, "timetz", INT64_C(86400000000), "24:00:00+00"},
        {time, "timetz", INT64_C(86400000001), "!value.out_of_range"},
        {time, "timetz", -1, "!value.out_of_range"},
        {time, "interval", -1, "PT-0.000001S"},
        {time, "interval", INT64_C(90000000000), "PT25H"},
    };
    static const char *const no_date[] = {"time", "timetz", "interval", "int4", "bytea", NULL};
    static const char *const no_time[] = {"date", "timestamp", "timestamptz", "int8", NULL};
    CHECK(numbers, cases);
    check_refused(date, no_date);
    check_refused(time, no_time);
}

/* */
MR_TEST("sixteen bytes are a uuid and a uuid is sixteen bytes; bytes are no text")
{
    static const struct hex_case cases[] = {
        {"\"bytes\"", "bytea", "04 00ff", "\\x00ff"},
        {"\"bytes\"", "uuid", "20 b68a35a717ad35b3af2aae46edb4545a",
         "b68a35a7-17ad-35b3-af2a-ae46edb4545a"},
        {"\"bytes\"", "uuid", "1e b68a35a717ad35b3af2aae46edb454", "!value.invalid"},
        {"\"bytes\"", "uuid", "22 b68a35a717ad35b3af2aae46edb4545a00", "!value.invalid"},
        {"\"bytes\"", "uuid", "00", "!value.invalid"},
        {"{\"type\":\"fixed\",\"name\":\"U\",\"size\":16,\"logicalType\":\"uuid\"}", "bytea",
         "b68a35a717ad35b3af2aae46edb4545a", "\\xb68a35a717ad35b3af2aae46edb4545a"},
    };
    static const struct text_case texts[] = {
        {LOGICAL("string", "uuid"), "text", "B68A35A717AD35B3AF2AAE46EDB4545A",
         "b68a35a7-17ad-35b3-af2a-ae46edb4545a"},
        {LOGICAL("string", "uuid"), "bytea", "b68a35a7-17ad-35b3-af2a-ae46edb4545a",
         "\\xb68a35a717ad35b3af2aae46edb4545a"},
    };
    static const char *const none[] = {"text", "varchar(40)", "bpchar(4)", "int4",
                                       "bool", "date",        "bit(8)",    NULL};
    static const char *const no_uuid[] = {"int8", "numeric", "date", "bit(128)", NULL};
    CHECK(hexes, cases);
    CHECK(texts, texts);
    check_refused("\"bytes\"", none);
    check_refused(LOGICAL("string", "uuid"), no_uuid);
}

/* X-18, T-30, T-31 */
MR_TEST("JSON goes into text as it stands, and text into JSON if it is some")
{
    static const char json[] = NAMED("string", "io.debezium.data.Json");
    static const struct text_case cases[] = {
        {json, NULL, " {\"a\": 1} ", " {\"a\": 1} "},
        {json, "json", " {\"a\": 1, \"a\": 2}", " {\"a\": 1, \"a\": 2}"},
        {json, "text", " {\"a\": 1}", " {\"a\": 1}"},
        {json, "varchar(2)", "[]", "[]"},
        {json, "varchar(1)", "[]", "!value.too_long"},
        {json, "jsonb", "{", "!value.invalid_json"},
        {json, "json", "\"\\u0000\"", "\"\\u0000\""},
        {json, "jsonb", "{\"\\u0000\": 1}", "!value.json_nul"},
        {TEXT, "json", "[1,", "!value.invalid_json"},
        {TEXT, "jsonb", "\"\\ud800\"", "!value.invalid_json"},
        {TEXT, "jsonb", "1e200000", "!value.out_of_range"},
        {TEXT, "jsonb", "null", "null"},
    };
    CHECK(texts, cases);
}

/* */
MR_TEST("an array goes where its items may go, or into JSON as a whole")
{
    static const struct hex_case cases[] = {
        {ITEMS("\"int\""), "int8[]", "04 02 04 00", "{1,2}"},
        {ITEMS("\"int\""), "text[]", "04 02 04 00", "{1,2}"},
        {ITEMS("\"long\""), "int4[]", "02 feffffff0f 00", "{2147483647}"},
        {ITEMS("\"long\""), "int4[]", "02 8080808010 00", "!value.out_of_range"},
        {ITEMS("\"string\""), "varchar(2)[]", "02 04 6162 00", "{ab}"},
        {ITEMS("\"string\""), "varchar(2)[]", "02 06 616263 00", "!value.too_long"},
        {ITEMS("\"string\""), "int4[]", "02 02 37 00", "{7}"},
        {ITEMS("\"string\""), "int4[]", "02 02 78 00", "!value.invalid"},
        {ITEMS("\"int\""), "jsonb", "04 02 04 00", "[1, 2]"},
        {ITEMS("\"int\""), "other[]", "04 02 04 00", "{\"1\",\"2\"}"},
        {ITEMS(NAMED("int", "io.debezium.time.Date")), "timestamp[]", "02 02 00",
         "{1970-01-02 00:00:00}"},
        {ITEMS("\"bytes\""), "jsonb", "02 02 00 00", "[\"AA==\"]"},
    };
    static const char *const none[] = {"bool[]", "bytea[]", "date[]", "int4", NULL};
    CHECK(hexes, cases);
    check_refused(ITEMS("\"int\""), none);
}

/* */
MR_TEST("an enum takes the labels that the table had when it was read, where they are known")
{
    static const char *texts[] = {"", "gr", "green", "red", "\xc3\xa9"}; /* sorted by bytes */
    static const struct mr_labels colours = {.n = 5, .texts = texts};
    static const struct text_case cases[] = {
        {TEXT, "enum", "red", "red"},
        {TEXT, "enum", "green", "green"},
        {TEXT, "enum", "gr", "gr"},
        {TEXT, "enum", "", ""},
        {TEXT, "enum", "\xc3\xa9", "\xc3\xa9"},
        {TEXT, "enum", "Red", "!value.invalid"},
        {TEXT, "enum", "re", "!value.invalid"},
        {TEXT, "enum", "reds", "!value.invalid"},
        {TEXT, "enum", "gre", "!value.invalid"},
        {TEXT, "enum", " red", "!value.invalid"},
        {TEXT, "other", "red", "red"}, /* a domain over it */
        {TEXT, "other", "Red", "!value.invalid"},
        {NAMED("string", "io.debezium.data.EnumSet"), "enum[]", "red,gr", "{red,gr}"}, /* T-35 */
        {NAMED("string", "io.debezium.data.EnumSet"), "enum[]", "red,re", "!value.invalid"},
        {TEXT, "enum", "\xff", "!value.utf8"},
    };
    static const struct hex_case hexes[] = {
        {ITEMS("\"string\""), "enum[]", "02 06 726564 00", "{red}"},
        {ITEMS("\"string\""), "enum[]", "02 04 7265 00", "!value.invalid"},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"red\",\"blue\"]}", "enum", "00", "red"},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"red\",\"blue\"]}", "enum", "02",
         "!value.invalid"},
    };
    static const struct text_case unknown[] = {{TEXT, "enum", "anything", "anything"}};
    static const char *const none[] = {"enum", NULL};
    labels = &colours;
    CHECK(texts, cases);
    MR_CHECK(!mr_decoder_missed_label(pc.decoder)); /* the last one's fault was another */
    CHECK(hexes, hexes);
    MR_CHECK(mr_decoder_missed_label(pc.decoder));
    check_refused("\"int\"", none);
    labels = NULL;
    CHECK(texts, unknown);
}

/* */
MR_TEST("an interval is a text, and microseconds where it has no days and months")
{
    static const char interval[] = NAMED("string", "io.debezium.time.Interval");
    static const char span[] = NAMED("long", "io.debezium.time.MicroDuration");
    static const struct text_case cases[] = {
        {interval, "text", "P1Y2M3DT4H5M6.78S", "P1Y2M3DT4H5M6.78S"},
        {interval, "int8", "PT1H0.000001S", "3600000001"},
        {interval, "int8", "PT-0.5S", "-500000"},
        {interval, "int8", "P1D", "!value.lossy"},
        {interval, "int8", "P1M", "!value.lossy"},
        {interval, "int8", "P-1DT24H", "!value.lossy"},
    };
    static const struct number_case numbers[] = {
        {span, "int8", INT64_MAX, "9223372036854775807"},
        {span, "int8", INT64_MIN, "-9223372036854775808"},
    };
    static const char *const none[] = {"int4", "int2", "numeric", "float8", "time", "date", NULL};
    CHECK(texts, cases);
    CHECK(numbers, numbers);
    check_refused(interval, none);
}

/* */
MR_TEST("a plain number is a time only by the unit that its column's entry names")
{
    static const char *const without[] = {"timestamp", "timestamptz", "date", "time", NULL};
    static const char *const no_day_time[] = {"time", NULL};
    static const char *const never[] = {"timetz", "interval", NULL};
    static const struct {
        const char *unit;
        struct number_case one;
    } cases[] = {
        {"s", {"\"long\"", "timestamp", -1, "1969-12-31 23:59:59"}},
        {"ms", {"\"long\"", "timestamptz", 1, "1970-01-01 00:00:00.001+00"}},
        {"us", {"\"long\"", "timestamp", 1, "1970-01-01 00:00:00.000001"}},
        {"ns", {"\"long\"", "timestamp", -1, "1969-12-31 23:59:59.999999"}},
        {"days", {"\"int\"", "date", -2440588, "4714-11-24 BC"}},
        {"days", {"\"int\"", "date", -2440589, "!value.out_of_range"}},
        {"days", {"\"int\"", "date", -2147472692, "!value.out_of_range"}}, /* no sentinel */
        {"days", {"\"int\"", "timestamp", 1, "1970-01-02 00:00:00"}},
        {"s", {"\"int\"", "date", 86400, "1970-01-02"}},
        {"ms", {"\"long\"", "date", 86400001, "!value.lossy"}},
        {"s", {"\"int\"", "time", 86400, "24:00:00"}},
        {"s", {"\"int\"", "time", 86401, "!value.out_of_range"}},
        {"ns", {"\"long\"", "time", 1999, "00:00:00.000001"}},
        {"s", {"\"long\"", "timestamp", INT64_C(9224318015999), "294276-12-31 23:59:59"}},
        {"s", {"\"long\"", "timestamp", INT64_C(9224318016000), "!value.out_of_range"}},
        {"us", {"\"long\"", "timestamp", INT64_MAX, "294247-01-10 04:00:54.775807"}},
    };
    check_refused("\"long\"", without);
    struct mr_route_column *column = casting(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        column->unit = cases[i].unit;
        check_numbers(&cases[i].one, 1);
    }
    column->unit = "days";
    check_refused("\"int\"", no_day_time);
    column->unit = "s";
    check_refused("\"long\"", never);
}
