/* The bare types, and those whose meaning hangs on who wrote them (contract.md section 5); borders
 * of numbers and timestamps. Types with a name of their own: convert_test.c. */
#include "tests/support/convert_case.inc"

/* T-02, T-03, T-04, T-49: a BIGINT UNSIGNED that wrapped at the source stays as it came */
MR_TEST("integers keep their width, and what wrapped at the source stays as it is")
{
    static const struct number_case cases[] = {
        {"{\"type\":\"int\",\"connect.type\":\"int8\"}", NULL, -128, "-128"},
        {"{\"type\":\"int\",\"connect.type\":\"int8\"}", NULL, 127, "127"},
        {"{\"type\":\"int\",\"connect.type\":\"int16\"}", NULL, -32768, "-32768"},
        {"{\"type\":\"int\",\"connect.type\":\"int16\"}", NULL, 32768, "!value.out_of_range"},
        {"\"int\"", NULL, INT32_MIN, "-2147483648"},
        {"\"long\"", NULL, INT64_MAX, "9223372036854775807"},
        {"\"long\"", NULL, -1, "-1"}, /* 18446744073709551615 at the source */
        {NAMED("int", "io.debezium.time.Date"), NULL, 0, "1970-01-01"}, /* or 0000-00-00 */
    };
    static const struct hex_case wide[] = {
        {DECIMAL(20, 0), NULL, "12 00ffffffffffffffff", "18446744073709551615"},
        {"[\"null\",\"long\"]", NULL, "00", "NULL"},
    };
    static const char *const columns[] = {"v int2", "v int2", "v int2", "v int2",
                                          "v int4", "v int8", "v int8", "v date"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_numbers(&cases[i], 1);
        MR_CHECK_STR(plan_case_columns(&pc), columns[i]);
    }
    CHECK(hexes, wide);
}

/* T-17, S-14 */
MR_TEST("timestamp-millis is an instant, but a wall clock where connect.name says so")
{
    static const char both[] =
        "{\"type\":\"long\",\"connect.name\":\"org.apache.kafka.connect.data."
        "Timestamp\",\"logicalType\":\"timestamp-millis\"}";
    static const struct number_case cases[] = {
        {LOGICAL("long", "timestamp-millis"), NULL, -1, "1969-12-31 23:59:59.999+00"},
        {LOGICAL("long", "timestamp-millis"), NULL, INT64_C(-210866803200000),
         "4714-11-24 00:00:00+00 BC"},
        {LOGICAL("long", "timestamp-millis"), NULL, INT64_C(-210866803200001),
         "!value.out_of_range"},
        {LOGICAL("long", "timestamp-millis"), NULL, INT64_C(9223372036825200), "infinity"},
        {both, NULL, -1, "1969-12-31 23:59:59.999"},
    };
    CHECK(numbers, cases);
}

#define STAMPS(connector)                                                                          \
    "{\"type\":\"record\",\"name\":\"Envelope\",\"fields\":["                                      \
    "{\"name\":\"before\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"V\",\"fields\":["     \
    "{\"name\":\"v\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}}]}]},"      \
    "{\"name\":\"after\",\"type\":[\"null\",\"V\"]},"                                              \
    "{\"name\":\"source\",\"type\":{\"type\":\"record\",\"name\":\"Source\",\"connect.name\":"     \
    "\"io.debezium.connector." connector ".Source\",\"fields\":["                                  \
    "{\"name\":\"connector\",\"type\":\"string\"}]}},"                                             \
    "{\"name\":\"op\",\"type\":\"string\"}]}"

/* T-19 */
MR_TEST("timestamp-micros has infinities from PostgreSQL's connector only")
{
    static const struct {
        const char *schema;
        const char *connector;
        int64_t us;
        const char *want;
    } cases[] = {
        {STAMPS("postgresql"), "postgresql", INT64_C(9223372036825200000), "c{infinity}"},
        {STAMPS("postgresql"), "postgresql", INT64_C(-9223372036832400000), "c{-infinity}"},
        {STAMPS("postgresql"), "postgresql", 1, "c{1970-01-01 00:00:00.000001+00}"},
        {STAMPS("mysql"), "mysql", INT64_C(9223372036825200000), "c{294247-01-10 04:00:25.2+00}"},
        {STAMPS("mysql"), "mysql", INT64_C(-9223372036832400000), "!value.out_of_range"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mr_table_unref(pc.table);
        pc.table = NULL;
        MR_CHECK_OK(plan_case_open(&pc, NULL, cases[i].schema));
        mr_buf_reset(&value);
        wire_hex(&value, "00 02");
        wire_long(&value, cases[i].us);
        wire_text(&value, cases[i].connector);
        wire_text(&value, "c");
        const char *got = plan_case_run(&pc, PLAN_NULL, wire_slice(&value));
        if (strcmp(got, cases[i].want) != 0)
            MR_FAIL("%s %lld: got %s, want %s", cases[i].connector, (long long)cases[i].us, got,
                    cases[i].want);
    }
}

/* T-48, S-17, S-19, S-20 */
MR_TEST("maps, structs and unions are jsonb")
{
    static const char record[] =
        "{\"type\":\"record\",\"name\":\"S\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},"
        "{\"name\":\"b\",\"type\":[\"null\",\"string\"]}]}";
    static const struct hex_case cases[] = {
        {"{\"type\":\"map\",\"values\":\"long\"}", NULL, "02 02 6b 02 00", "{\"k\": 1}"},
        {record, NULL, "02 02 02 78", "{\"a\": 1, \"b\": \"x\"}"},
        {record, NULL, "02 00", "{\"a\": 1, \"b\": null}"},
        {"[\"null\",\"int\",\"string\"]", NULL, "02 02", "{\"int\": 1}"},
        {"[\"null\",\"int\",\"string\"]", NULL, "00", "NULL"},
        {"{\"type\":\"array\",\"items\":{\"type\":\"map\",\"values\":\"int\"}}", NULL,
         "02 02 02 6b 02 00 00", "[{\"k\": 1}]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_hexes(&cases[i], 1);
        MR_CHECK_STR(plan_case_columns(&pc), "v jsonb");
    }
}

/* T-70, T-71, T-72 */
MR_TEST("a number fits its column to the last digit, or says which border it crosses")
{
    static const char var[] =
        "{\"type\":\"record\",\"name\":\"D\",\"connect.name\":"
        "\"io.debezium.data.VariableScaleDecimal\",\"fields\":[{\"name\":\"scale\",\"type\":"
        "\"int\"},{\"name\":\"value\",\"type\":\"bytes\"}]}";
    static const struct hex_case cases[] = {
        {DECIMAL(9, 2), NULL, "02 00", "0.00"}, /* T-70: a zero has no sign and keeps its scale */
        {DECIMAL(9, 2), NULL, "02 6e", "1.10"},
        {DECIMAL(9, 4), NULL, "06 0186a0", "10.0000"}, /* groups end at the point */
        {var, NULL, "07 02 05", "50000"},              /* scale -4: multiplied out */
        {DECIMAL(9, 2), "numeric(4,2)", "04 270f", "99.99"},
        {DECIMAL(9, 2), "numeric(4,2)", "04 2710", "!value.out_of_range"},
        {DECIMAL(9, 2), "numeric(4,2)", "04 d8f1", "-99.99"},
        {DECIMAL(9, 2), "numeric(4,2)", "04 d8f0", "!value.out_of_range"},
        {DECIMAL(9, 3), "numeric(4,2)", "02 0a", "0.01"},
        {DECIMAL(9, 3), "numeric(4,2)", "02 0b", "!numeric.excess_scale"},
    };
    static const struct hex_case rounded[] = {
        {DECIMAL(9, 3), "numeric(4,2)", "02 0f", "0.02"}, /* half away from zero */
        {DECIMAL(9, 3), "numeric(4,2)", "02 f1", "-0.02"},
        {DECIMAL(9, 3), "numeric(4,2)", "02 0e", "0.01"},
        {DECIMAL(9, 3), "numeric(4,2)", "06 01869a", "99.99"},
        {DECIMAL(9, 3), "numeric(4,2)", "06 01869b", "!value.out_of_range"}, /* 100.00 */
    };
    CHECK(hexes, cases);
    pc.route.excess_scale_round = true;
    CHECK(hexes, rounded);
}

/* T-80, T-83 */
MR_TEST("timestamps end at 4714-11-24 BC and 294276-12-31, and are never clamped to infinity")
{
    static const char micro[] = NAMED("long", "io.debezium.time.MicroTimestamp");
    static const char milli[] = NAMED("long", "io.debezium.time.Timestamp");
    static const char zoned[] = NAMED("string", "io.debezium.time.ZonedTimestamp");
    static const struct number_case numbers[] = {
        {micro, NULL, INT64_C(-210866803200000000), "4714-11-24 00:00:00 BC"},
        {micro, NULL, INT64_C(-210866803200000001), "!value.out_of_range"},
        {milli, NULL, INT64_C(9224318015999999), "294276-12-31 23:59:59.999"},
        {milli, NULL, INT64_C(9224318016000000), "!value.out_of_range"},
        {milli, NULL, INT64_C(-62135596800000), "0001-01-01 00:00:00"},
        {milli, NULL, INT64_C(-62135596800001), "0001-12-31 23:59:59.999 BC"},
        {milli, NULL, INT64_C(-12219292800000), "1582-10-15 00:00:00"}, /* no Julian switch */
        {milli, NULL, INT64_C(-12219292800001), "1582-10-14 23:59:59.999"},
    };
    static const struct text_case texts[] = {
        {zoned, NULL, "+294276-12-31T23:59:59.999999Z", "294276-12-31 23:59:59.999999+00"},
        {zoned, NULL, "+294277-01-01T00:00:00Z", "!value.out_of_range"},
        {zoned, NULL, "-4713-11-24T00:00:00Z", "4714-11-24 00:00:00+00 BC"},
        {zoned, NULL, "-4713-11-23T23:59:59.999999Z", "!value.out_of_range"},
        {zoned, NULL, "-4713-11-24T00:00:00+00:01", "!value.out_of_range"},
        {zoned, NULL, "-0001-06-15T12:00:00Z", "0002-06-15 12:00:00+00 BC"},
        {zoned, NULL, "0000-02-29T00:00:00Z", "0001-02-29 00:00:00+00 BC"}, /* a leap year */
    };
    CHECK(numbers, numbers);
    CHECK(texts, texts);
}
