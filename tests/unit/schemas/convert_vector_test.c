/* Vectors, maps of texts, labels and sets (contract.md T-33, T-35 to T-38, T-44, T-45), into
 * columns. */
#include "tests/support/convert_case.inc"

#define ARRAY(items, name)                                                                         \
    "{\"type\":\"array\",\"items\":" items ",\"connect.name\":\"io.debezium.data." name "\"}"
#define ONE "000000000000f03f"
#define TWO "0000000000000040"
#define NIL "0000000000000000"

static const char doubles[] = ARRAY("\"double\"", "DoubleVector");
static const char floats[] = ARRAY("\"float\"", "FloatVector");

/* T-44 */
MR_TEST("vectors have 1 to 16000 finite elements that fit their floats")
{
    static const struct hex_case cases[] = {
        {doubles, NULL, "04" ONE TWO "00", "[1,2]"},
        {doubles, "vector(2)", "04" ONE TWO "00", "[1,2]"},
        {doubles, "vector(3)", "04" ONE TWO "00", "!value.invalid"},
        {doubles, "vector", "00", "!value.out_of_range"},
        {doubles, "vector", "02 000000000000f07f 00", "!value.out_of_range"},
        {doubles, "vector", "02 000000000000f87f 00", "!value.out_of_range"},
        {doubles, "vector", "02 9c7500883ce4377e 00", "!value.out_of_range"}, /* 1e300 */
        {doubles, "halfvec", "02 000000000000ef40 00", "[63488]"},
        {doubles, "halfvec", "02 00000000e0ffef40 00", "!value.out_of_range"}, /* 65535 */
        {doubles, "float8[]", "04" ONE TWO "00", "{1,2}"},
        {doubles, "jsonb", "04" ONE TWO "00", "[1, 2]"},
        {doubles, "text", "04" ONE TWO "00", "[1, 2]"},
        {doubles, "sparsevec", "04" ONE TWO "00", "HALT type.incompatible"},
        {floats, NULL, "02 0000c03f 00", "[1.5]"},
        {floats, "float4[]", "02 0000c03f 00", "{1.5}"},
        {"{\"type\":\"array\",\"items\":\"double\"}", "vector", "04" ONE TWO "00", "[1,2]"},
        {"{\"type\":\"array\",\"items\":[\"null\",\"float\"]}", "vector", "02 02 0000c03f 00",
         "[1.5]"},
        {"{\"type\":\"array\",\"items\":[\"null\",\"float\"]}", "vector", "02 00 00",
         "!value.invalid"},
        {"{\"type\":\"array\",\"items\":\"int\"}", "vector", "00", "HALT type.incompatible"},
    };
    CHECK(hexes, cases);
    mr_buf_reset(&value);
    wire_long(&value, 16001);
    for (int i = 0; i < 16001; i++)
        wire_double(&value, 1);
    wire_long(&value, 0);
    MR_CHECK_STR(into(doubles, "vector", &value), "!value.out_of_range");
}

#define SPARSE(vector)                                                                             \
    "{\"type\":\"record\",\"name\":\"S\",\"connect.name\":\"io.debezium.data."                     \
    "SparseDoubleVector\","                                                                        \
    "\"fields\":[{\"name\":\"dimensions\",\"type\":{\"type\":\"int\",\"connect.type\":\"int16\"}}" \
    ",{"                                                                                           \
    "\"name\":\"vector\",\"type\":" vector "}]}"

/* T-45, P-34; case 132 */
MR_TEST("sparse vectors count from one at the source, in any order, without zeros")
{
    static const char entries[] =
        SPARSE("{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"MapEntry\","
               "\"namespace\":\"io.confluent.connect.avro\",\"fields\":[{\"name\":\"key\",\"type\":"
               "\"int\"},{\"name\":\"value\",\"type\":\"double\"}]}}");
    static const char map[] = SPARSE("{\"type\":\"map\",\"values\":\"double\"}");
    static const struct hex_case cases[] = {
        {entries, NULL, "0a 04 06" TWO "02 000000000000f83f 00", "{1:1.5,3:2}/5"},
        {entries, NULL, "0a 04 06" TWO "02" NIL "00", "{3:2}/5"},
        {entries, NULL, "0a 00", "{}/5"},
        {entries, NULL, "0a 02 00" ONE "00", "!value.invalid"},
        {entries, NULL, "0a 02 0c" ONE "00", "!value.invalid"},
        {entries, NULL, "0a 04 02" ONE "02" TWO "00", "!value.invalid"},
        {entries, NULL, "00 00", "!value.invalid"},
        {entries, "sparsevec(4)", "0a 00", "!value.invalid"},
        {entries, "jsonb", "0a 02 06" TWO "00", "{\"dimensions\": 5, \"vector\": {\"3\": 2}}"},
        {entries, "vector", "0a 00", "HALT type.incompatible"},
        {map, NULL, "0a 04 02 33" TWO "02 31" ONE "00", "{1:1,3:2}/5"},
        {map, NULL, "0a 02 02 61" TWO "00", "!value.invalid"},
        {map, NULL, "0a 02 00" TWO "00", "!value.invalid"},
        {map, NULL, "0a 02 0e 78303030303033" TWO "00", "!value.invalid"},
    };
    CHECK(hexes, cases);
}

/* T-38; S-19 */
MR_TEST("maps of texts, and objects of them, become hstore where the column is that, documents "
        "elsewhere")
{
    static const char map[] = "{\"type\":\"map\",\"values\":[\"null\",\"string\"]}";
    static const char json[] = "{\"type\":\"string\",\"connect.name\":\"io.debezium.data.Json\"}";
    static const struct hex_case cases[] = {
        {map, NULL, "02 02 6b 02 02 76 00", "{\"k\": \"v\"}"},
        {map, "hstore", "04 04 6b6b 02 02 76 02 61 00 00", "\"a\"=>NULL, \"kk\"=>\"v\""},
        {map, "hstore", "06 02 6b 02 02 31 02 6b 00 02 6b 02 02 32 00", "\"k\"=>\"2\""},
        {map, "hstore", "04 00 02 00 00 02 02 62 00", "\"\"=>\"b\""},
        {map, "hstore", "00", ""},
        {map, "hstore", "02 02 22 02 02 5c 00", "\"\\\"\"=>\"\\\\\""},
        {map, "hstore", "02 02 00 02 02 76 00", "!value.nul"},
        {map, "hstore", "02 02 ff 02 02 76 00", "!value.utf8"},
        {map, "text", "02 02 6b 02 02 76 00", "{\"k\": \"v\"}"},
        {"{\"type\":\"map\",\"values\":\"int\"}", "hstore", "00", "HALT type.incompatible"},
    };
    static const struct hex_case stripped[] = {
        {map, "hstore", "02 04 006b 02 02 76 00", "\"k\"=>\"v\""},
    };
    static const struct text_case texts[] = {
        {"\"string\"", "hstore", "a=>1, \"b c\" => NULL,d=>\"null\"",
         "\"a\"=>\"1\", \"d\"=>\"null\", \"b c\"=>NULL"},
        {"\"string\"", "hstore", "\"a\\\"b\"=>\"\\\\\"", "\"a\\\"b\"=>\"\\\\\""},
        {"\"string\"", "hstore", "", ""},
        {"\"string\"", "hstore", "a=>", "!value.invalid"},
        {"\"string\"", "hstore", "a", "!value.invalid"},
        {"\"string\"", "hstore", "\"a=>1", "!value.invalid"},
        {"\"string\"", "hstore", "{\"a\":1}", "!value.invalid"},
        {json, "hstore", "{\"a\":\"1\", \"b\" : null}", "\"a\"=>\"1\", \"b\"=>NULL"},
        {json, "hstore", " {} ", ""},
        {json, "hstore", "{\"\":\"\",\"k\":\"x\",\"k\":\"y\"}", "\"\"=>\"\", \"k\"=>\"y\""},
        {json, "hstore", "{\"\\u00e9\\n\\\"\":\"\\ud83d\\ude00\\\\\"}",
         "\"\303\251\n\\\"\"=>\"\360\237\230\200\\\\\""},
        {json, "hstore", "{\"a\":1}", "!value.invalid"},
        {json, "hstore", "{\"a\":{}}", "!value.invalid"},
        {json, "hstore", "[\"a\"]", "!value.invalid"},
        {json, "hstore", "{\"a\":\"\\u0000\"}", "!value.json_nul"},
        {json, "hstore", "{\"a\":\"1\"", "!value.invalid_json"},
        {json, "hstore", "a=>1", "!value.invalid_json"},
    };
    CHECK(hexes, cases);
    CHECK(texts, texts);
    pc.route.text_nul = MR_TEXT_NUL_STRIP;
    CHECK(hexes, stripped);
}

/* U-10, U-05 */
MR_TEST("placeholders of maps and vectors are known in their columns too")
{
    static const char p[] = "__debezium_unavailable_value";
    static const char map[] = "{\"type\":\"map\",\"values\":\"string\"}";
    mr_buf_reset(&value);
    wire_long(&value, 1);
    wire_text(&value, p);
    wire_text(&value, p);
    wire_long(&value, 0);
    MR_CHECK_STR(into(map, "hstore", &value), "~");
    MR_CHECK_STR(into(map, "jsonb", &value), "~");
    mr_buf_reset(&value);
    wire_long(&value, (int64_t)sizeof p - 1);
    for (size_t i = 0; i < sizeof p - 1; i++)
        wire_double(&value, p[i]);
    wire_long(&value, 0);
    MR_CHECK_STR(into(doubles, "vector", &value), "~");
}

/* T-36, T-37, T-32, T-35 */
MR_TEST("labels, search vectors, documents and sets have their columns")
{
    static const char ltree[] = NAMED("string", "io.debezium.data.Ltree");
    static const char set[] = NAMED("string", "io.debezium.data.EnumSet");
    static const struct text_case cases[] = {
        {ltree, NULL, "a.b", "a.b"},
        {ltree, "text", "a.b", "a.b"},
        {"\"string\"", "ltree", "a.b", "a.b"},
        {ltree, NULL, "", ""},
        {ltree, NULL, "Z_9-.\xc3\xa4", "Z_9-.\xc3\xa4"},
        {ltree, NULL, "a b", "!value.invalid"},
        {ltree, NULL, "a..b", "!value.invalid"},
        {ltree, NULL, ".a", "!value.invalid"},
        {ltree, NULL, "a.", "!value.invalid"},
        {"\"string\"", "ltree", "a/b", "!value.invalid"},
        {NAMED("string", "io.debezium.data.Tsvector"), NULL, "'a':1 'b''c'", "'a':1 'b''c'"},
        {NAMED("string", "io.debezium.data.Xml"), NULL, "<a/>", "<a/>"},
        {set, NULL, "a,b", "a,b"},
        {set, "text[]", "a,b", "{a,b}"},
        {set, "varchar(1)[]", "a,b", "{a,b}"},
        {set, "varchar(1)[]", "a,bc", "!value.too_long"},
        {set, "enum[]", "a,b", "{a,b}"},
        {set, "text[]", "", "{}"},
        {"\"string\"", "vector", "[1,2]abc", "!value.invalid"},
        {"\"string\"", "vector", "[1,2] ", "[1,2]"},
        {"\"string\"", "vector(2)", "[1, 2.5]", "[1,2.5]"},
        {"\"string\"", "vector(2)", "[1]", "!value.invalid"},
        {"\"string\"", "vector", "[]", "!value.invalid"},
        {"\"string\"", "vector", "[1,]", "!value.invalid"},
        {"\"string\"", "vector", "[1,NaN]", "!value.invalid"},
        {"\"string\"", "halfvec", "[1e6]", "!value.out_of_range"},
        {"\"string\"", "sparsevec", "{3:2,1:1.5}/5", "{1:1.5,3:2}/5"},
        {"\"string\"", "sparsevec", "{}/5", "{}/5"},
        {"\"string\"", "sparsevec", "{1:1e-60,2:1}/5", "!value.invalid"},
        {"\"string\"", "sparsevec", "{1:0e-60,2:1}/5", "{2:1}/5"},
        {"\"string\"", "halfvec", "[65519.9]", "[65519.9]"},
        {"\"string\"", "halfvec", "[65519.999999]", "!value.out_of_range"},
        {"\"string\"", "vector", "[1.00000005960464477539062500001]", "[1.0000001]"},
        {"\"string\"", "vector", "[1e39]", "!value.out_of_range"},
        {"\"string\"", "vector", "[0x1p3,1e-40]", "[8,1e-40]"},
        {"\"string\"", "vector", "[0x]", "!value.invalid"},
        {"\"string\"", "vector", "[1e-400]", "[0]"},
        {"\"string\"", "vector",
         "[0.11111111111111111111111111111111111111111111111111111111111111111111111]",
         "[0.11111111]"},
        {"\"string\"", "sparsevec", "{1:0x1p3,2:1e-39}/3", "{1:8,2:1e-39}/3"},
        {"\"string\"", "sparsevec", "{1:1e-400}/3", "!value.invalid"},
        {"\"string\"", "sparsevec", "{6:1}/5", "!value.invalid"},
        {"\"string\"", "sparsevec", "{0:1}/5", "!value.invalid"},
        {"\"string\"", "sparsevec", "{1:1}", "!value.invalid"},
    };
    CHECK(texts, cases);
}

/* T-33 */
MR_TEST("bits of a varying column are as many as are set, up to its length")
{
    static const char varying[] =
        "{\"type\":\"bytes\",\"connect.name\":\"io.debezium.data.Bits\",\"connect.parameters\":{"
        "\"length\":\"10\",\"__debezium.source.column.type\":\"VARBIT\"}}";
    static const char fixed[] =
        "{\"type\":\"bytes\",\"connect.name\":\"io.debezium.data.Bits\",\"connect.parameters\":{"
        "\"length\":\"10\",\"__debezium.source.column.type\":\"BIT\"}}";
    static const char unknown[] = "{\"type\":\"bytes\",\"connect.name\":\"io.debezium.data.Bits\","
                                  "\"connect.parameters\":{\"length\":\"10\"}}";
    static const struct hex_case cases[] = {
        {varying, NULL, "02 05", "101"},
        {varying, NULL, "04 0002", "1000000000"},
        {varying, NULL, "04 0004", "!value.too_long"},
        {varying, NULL, "00", ""},
        {fixed, "varbit(10)", "02 01", "0000000001"},
        {unknown, "varbit(10)", "02 01", "1"},
        {unknown, "varbit", "02 05", "101"},
        {unknown, NULL, "02 01", "0000000001"},
    };
    CHECK(hexes, cases);
}
