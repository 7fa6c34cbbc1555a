/* Numbers, bytes and bits into columns (contract.md sections 5, 5.1 and 5.2). */
#include "tests/support/convert_case.inc"

/* T-01, T-02, T-03, T-04, T-49, X-01 to X-03, S-15; case 138 */
MR_TEST("integers go where they fit exactly")
{
    static const char small[] = "{\"type\":\"int\",\"connect.type\":\"int16\"}";
    static const struct number_case cases[] = {
        {small, NULL, 32767, "32767"},
        {small, NULL, 32768, "!value.out_of_range"},
        {small, NULL, -32769, "!value.out_of_range"},
        {"\"long\"", "int4", INT32_MAX, "2147483647"},
        {"\"long\"", "int4", INT64_C(2147483648), "!value.out_of_range"},
        {"\"long\"", "oid", INT64_C(4294967295), "4294967295"},
        {"\"long\"", "oid", -1, "!value.out_of_range"},
        {"\"long\"", NULL, -1, "-1"}, /* MySQL's 2^64 - 1 as its source wraps it: not repaired */
        {"\"long\"", "float8", INT64_C(9007199254740992), "9007199254740992"},
        {"\"long\"", "float8", INT64_C(9007199254740993), "!value.lossy"},
        {"\"long\"", "float4", INT64_C(16777217), "!value.lossy"},
        {"\"long\"", "numeric", INT64_MIN, "-9223372036854775808"},
        {"\"long\"", "numeric(3,1)", 99, "99.0"},
        {"\"long\"", "numeric(3,1)", 100, "!value.out_of_range"},
        {"\"long\"", "text", -5, "-5"},
        {"\"long\"", "varchar(1)", 12, "!value.too_long"},
        {"\"long\"", "jsonb", 12, "12"},
        {"\"int\"", "bool", 1, "HALT type.incompatible"},
        {"\"int\"", "bytea", 1, "HALT type.incompatible"},
        {"\"int\"", "date", 1, "HALT type.incompatible"},
        {"\"int\"", "int4[]", 1, "HALT type.incompatible"},
    };
    CHECK(numbers, cases);
}

/* L-02: before the sink, so that the record alone is put aside */
MR_TEST("NaN is poison for a target that cannot hold it, but for an array's text")
{
    static const struct hex_case cases[] = {
        {"\"double\"", NULL, "000000000000f87f", "!value.out_of_range"},
        {"\"float\"", "float8", "0000c07f", "!value.out_of_range"},
        {"\"string\"", "float8", "064e614e", "!value.out_of_range"},
        {"\"double\"", NULL, "000000000000f07f", "Infinity"},
        {"\"double\"", "numeric", "000000000000f87f", "NaN"},
        {"{\"type\":\"array\",\"items\":\"double\"}", NULL, "02000000000000f87f00", "{NaN}"},
    };
    struct mr_emit_ops ops = mr_emit_text;
    ops.no_nan = true;
    pc.emit = &ops;
    CHECK(hexes, cases);
}

/* L-03, P5: before the sink, so that the record alone is put aside */
MR_TEST("a number that a column of numbers would change is poison, and says what to do")
{
    static char least[400] = "0.";
    memset(least + 2, '0', 306);
    memcpy(least + 308, "1", 2);
    static char lost[400] = "0.";
    memset(lost + 2, '0', 307);
    memcpy(lost + 309, "1", 2);
    static char zero[400] = "0.";
    memset(zero + 2, '0', 320);
    static const struct text_case texts[] = {
        {"\"string\"", "numeric", "0.1", "0.1"},
        {"\"string\"", "numeric", "-123456789.123456", "-123456789.123456"},
        {"\"string\"", "numeric", "123456789012345.6", "!value.lossy"},
        {"\"string\"", "numeric", "0.0000000000000001234", "0.0000000000000001234"},
        {"\"string\"", "numeric", "9223372036854775807", "9223372036854775807"},
        {"\"string\"", "numeric", "9223372036854775808", "!value.lossy"},
        {"\"string\"", "numeric", "1000000000000000.50", "!value.lossy"},
        {"\"string\"", "numeric", "12345678901234567890.10", "!value.lossy"},
        {"\"string\"", "numeric", least, least},
        {"\"string\"", "numeric", lost, "!value.lossy"},
        {"\"string\"", "numeric", zero, zero},
        {"\"string\"", "numeric", "NaN", "NaN"},
        {"\"string\"", "json", " 0.12345678901234567\n", "!value.lossy"},
        {"\"string\"", "json", "1e5", "!value.lossy"},
        {"\"string\"", "json", "[0.12345678901234567]", "[0.12345678901234567]"},
        {"\"string\"", "text", "0.12345678901234567", "0.12345678901234567"},
    };
    static const struct number_case numbers[] = {
        {"\"long\"", "numeric", INT64_MAX, "9223372036854775807"},
        {"\"long\"", "json", INT64_MAX, "9223372036854775807"},
        {DECIMAL(30, 2), "numeric", 0, "!value.lossy"},
        {DECIMAL(30, 2), "json", 0, "!value.lossy"},
        {"\"double\"", "json", 0, "!value.lossy"},
    };
    as_number = "DECIMAL";
    CHECK(texts, texts);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        mr_buf_reset(&value);
        if (strcmp(numbers[i].type, "\"double\"") == 0)
            wire_double(&value, 0.1 + 0.2);
        else if (numbers[i].v == 0)
            wire_hex(&value, "10 0100000000000001"); /* 2^56 + 1 of hundredths: 17 digits */
        else
            wire_long(&value, numbers[i].v);
        const char *got = into(numbers[i].type, numbers[i].column, &value);
        if (strcmp(got, numbers[i].want) != 0)
            MR_FAIL("%zu: got %s, want %s", i, got, numbers[i].want);
    }
    MR_CHECK_INT(pc.err.class, MR_CLASS_POISON);
    MR_CHECK_STR(pc.err.column, "v");
    MR_CHECK_STR(pc.err.detail, "a column declared DECIMAL keeps 15 digits; declare it as TEXT");
    static const struct text_case kept[] = {
        {"\"string\"", "numeric", "123456789012345.6", "123456789012345.6"},
        {"\"string\"", "json", "0.12345678901234567", "0.12345678901234567"}};
    struct mr_route_column cast = {.field = "v", .cast = "numeric"};
    as_number = NULL;
    CHECK(texts, kept);
    as_number = "DECIMAL";
    pc.route.columns = &cast;
    pc.route.n_columns = 1;
    CHECK(texts, kept);
}

/* T-08, T-09, T-70 to T-72, X-07, S-47; cases 58, 125 to 127 */
MR_TEST("decimals keep every digit, or say that they do not fit")
{
    static const char var[] =
        "{\"type\":\"record\",\"name\":\"D\",\"connect.name\":"
        "\"io.debezium.data.VariableScaleDecimal\",\"fields\":[{\"name\":\"scale\",\"type\":"
        "\"int\"},{\"name\":\"value\",\"type\":\"bytes\"}]}";
    static const struct hex_case cases[] = {
        {DECIMAL(9, 2), NULL, "00", "0.00"},
        {DECIMAL(9, 2), NULL, "02 6e", "1.10"},
        {DECIMAL(9, 2), NULL, "02 ff", "-0.01"},
        {DECIMAL(9, 0), NULL, "04 ff38", "-200"},
        {DECIMAL(9, 3), "numeric(5,2)", "04 03ed", "!numeric.excess_scale"},
        {DECIMAL(9, 3), "other(19,2)", "04 03ed", "!numeric.excess_scale"},
        {DECIMAL(9, 3), "numeric(5,2)", "04 03f2", "1.01"},
        {DECIMAL(9, 2), "numeric(5,2)", "06 0186a0", "!value.out_of_range"},
        {DECIMAL(9, 2), "int4", "04 012c", "3"},
        {DECIMAL(9, 2), "int4", "04 012d", "!value.out_of_range"},
        {DECIMAL(9, 2), "float8", "02 01", "HALT type.incompatible"},
        {DECIMAL(9, 2), "text", "02 01", "0.01"},
        {var, NULL, "03 02 05", "500"},
        {var, NULL, "04 02 05", "0.05"},
        {var, NULL, "ffffffff0f 02 05", "!value.out_of_range"},
        {var, NULL, "ffffffff0f 00", "0"},
        {DECIMAL(60, 0), NULL, "20 7fffffffffffffffffffffffffffffff",
         "170141183460469231731687303715884105727"},
        {DECIMAL(60, 5), NULL, "20 80000000000000000000000000000000",
         "-1701411834604692317316873037158841.05728"},
    };
    static const struct hex_case rounded[] = {
        {DECIMAL(9, 3), "numeric(5,2)", "04 03ed", "1.01"},
        {DECIMAL(9, 3), "numeric(5,2)", "04 fc13", "-1.01"},
        {DECIMAL(9, 3), "numeric(5,2)", "06 0f423f", "!value.out_of_range"},
        {DECIMAL(9, 3), "numeric(2,0)", "04 03ec", "1"},
    };
    CHECK(hexes, cases);
    pc.route.excess_scale_round = true;
    CHECK(hexes, rounded);
}

/* T-07, T-28, T-33, T-34, X-16; cases 57, 123, 124, 136 */
MR_TEST("bytes, bits and durations come out in the target's order")
{
    static const char bits10[] = "{\"type\":\"bytes\",\"connect.name\":\"io.debezium.data.Bits\","
                                 "\"connect.parameters\":{\"length\":\"10\"}}";
    static const char bits4[] = "{\"type\":\"bytes\",\"connect.name\":\"io.debezium.data.Bits\","
                                "\"connect.parameters\":{\"length\":\"4\"}}";
    static const char varbits[] = "{\"type\":\"bytes\",\"connect.name\":\"io.debezium.data.Bits\","
                                  "\"connect.parameters\":{\"length\":\"2147483647\"}}";
    static const char duration[] =
        "{\"type\":\"fixed\",\"name\":\"D\",\"size\":12,\"logicalType\":\"duration\"}";
    static const char uuid[] =
        "{\"type\":\"fixed\",\"name\":\"U\",\"size\":16,\"logicalType\":\"uuid\"}";
    static const struct hex_case cases[] = {
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}", NULL, "010203", "\\x010203"},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":0}", NULL, "", "\\x"},
        {"\"bytes\"", NULL, "00", "\\x"},
        {"\"bytes\"", "text", "00", "HALT type.incompatible"},
        {"\"bytes\"", "uuid", "02 61", "!value.invalid"},
        {bits10, NULL, "04 0102", "1000000001"},
        {bits10, NULL, "00", "0000000000"},
        {bits4, NULL, "02 10", "!value.out_of_range"},
        {bits4, NULL, "02 08", "1000"},
        {bits4, "bit(5)", "02 08", "!value.too_long"},
        {bits4, "varbit(4)", "02 01", "1"},
        {bits4, "varbit(4)", "02 10", "!value.too_long"},
        {varbits, NULL, "04 0501", "100000101"},
        {varbits, NULL, "02 00", ""},
        {"\"boolean\"", "bit(1)", "01", "1"},
        {"\"boolean\"", "int4", "01", "1"},
        {"\"boolean\"", "text", "00", "false"},
        {duration, NULL, "01000000 02000000 03000000", "P1M2DT0.003S"},
        {duration, NULL, "00000080 00000000 00000000", "!value.out_of_range"},
        {uuid, NULL, "b68a35a717ad35b3af2aae46edb4545a", "b68a35a7-17ad-35b3-af2a-ae46edb4545a"},
    };
    CHECK(hexes, cases);
}

/* T-05, X-05, X-06, S-44; case 137 */
MR_TEST("floats keep NaN and infinities, and are never narrowed unasked")
{
    static const struct hex_case cases[] = {
        {"\"double\"", NULL, "000000000000f87f", "NaN"},
        {"\"double\"", NULL, "000000000000f0ff", "-Infinity"},
        {"\"double\"", NULL, "0000000000000080", "-0"},
        {"\"double\"", "numeric", "9a9999999999b93f", "0.1"},
        {"\"double\"", "numeric", "000000000000f07f", "Infinity"},
        {"\"double\"", "numeric(5,2)", "000000000000f07f", "!value.out_of_range"},
        {"\"double\"", "float4", "9a9999999999b93f", "HALT type.incompatible"},
        {"\"double\"", "text", "9a9999999999b93f", "0.1"},
        {"\"float\"", NULL, "cdcccc3d", "0.1"},
        {"\"float\"", "float8", "cdcccc3d", "0.10000000149011612"},
        {"\"float\"", "numeric", "cdcccc3d", "0.1"},
    };
    CHECK(hexes, cases);
}
