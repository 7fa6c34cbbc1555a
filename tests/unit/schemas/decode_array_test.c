/* Arrays in arrays and array literals (contract.md T-60). */
#include "tests/support/convert_case.inc"

#define OF(items) "{\"type\":\"array\",\"items\":" items "}"

/* T-60 */
MR_TEST("arrays in arrays become one of several dimensions where the column is an array")
{
    static const char two[] = OF(OF("[\"null\",\"int\"]"));
    static const char three[] = OF(OF(OF("\"int\"")));
    static const char maybe[] = OF("[\"null\"," OF("\"int\"") "]");
    static const struct hex_case cases[] = {
        {two, NULL, "04 04 0202 0204 00 04 0206 00 00 00", "[[1, 2], [3, null]]"},
        {two, "int4[]", "04 04 0202 0204 00 04 0206 00 00 00", "2x2:{1,2,3,NULL}"},
        {two, "int4[]", "04 04 0202 0204 00 02 0206 00 00", "!value.invalid"},
        {two, "int4[]", "02 02 0202 00 02 04 0204 0206 00 00", "!value.invalid"},
        {two, "int4[]", "02 02 0202 00 02 02 0204 00 00", "2x1:{1,2}"},
        {two, "int4[]", "02 02 0202 02 0204 00 00", "1x2:{1,2}"},
        {two, "int4[]", "00", "{}"},
        {two, "int4[]", "02 00 00", "!value.lossy"},
        {two, "int2[]", "02 02 02 808008 00 00", "!value.out_of_range"},
        {two, "uuid[]", "00", "HALT type.incompatible"},
        {two, "int4[]", "02 04 0202", "!avro.truncated"},
        {three, "int8[]", "02 04 02 02 00 02 04 00 00 00", "1x2x1:{1,2}"},
        {maybe, "int4[]", "04 02 02 02 00 02 02 04 00 00", "2x1:{1,2}"},
        {maybe, "int4[]", "04 02 02 02 00 00 00", "!value.invalid"},
        {OF(OF(OF(OF(OF(OF(OF("\"int\""))))))), "int4[]", "00", "HALT type.incompatible"},
        {OF(OF("{\"type\":\"map\",\"values\":\"int\"}")), "int4[]", "00", "HALT type.incompatible"},
    };
    CHECK(hexes, cases);
}

/* T-60, X-08 */
MR_TEST("items without a writer go quoted into the literal of their array")
{
    static const struct hex_case cases[] = {
        {OF("[\"null\",\"string\"]"), "other[]", "06 02 02 61 00 02 06 225c2c 00",
         "{\"a\",NULL,\"\\\"\\\\,\"}"},
        {OF("\"string\""), "other[]", "02 00 00", "{\"\"}"},
        {OF("\"string\""), "other[]", "00", "{}"},
        {OF("\"string\""), "other[]", "02 02 00 00", "!value.nul"},
        {OF("\"string\""), "other(1)[]", "02 04 6162 00", "!value.too_long"},
        {OF("\"int\""), "other[]", "04 02 04 00", "{\"1\",\"2\"}"},
        {OF("\"bytes\""), "other[]", "00", "HALT type.incompatible"},
        {OF(OF("\"string\"")), "other[]", "04 02 02 61 00 02 02 62 00 00", "{{\"a\"},{\"b\"}}"},
        {OF(OF("\"string\"")), "other[]", "04 02 02 61 00 00 00", "!value.invalid"},
        {OF(DECIMAL(5, 3)), "other(19,2)[]", "02 04 03ed 00", "!numeric.excess_scale"},
    };
    CHECK(hexes, cases);
}

/* T-60, X-08: what a cast would cut or round is looked for in each item */
MR_TEST("a text that is an array literal is measured item by item")
{
    static const struct text_case cases[] = {
        {"\"string\"", "other(3)[]", "{abc,\"a\\\"c\",{abc}}", "{abc,\"a\\\"c\",{abc}}"},
        {"\"string\"", "other(3)[]", "{abc,abcd}", "!value.too_long"},
        {"\"string\"", "other(3)[]", "{\"a,b\",\"a,bc\"}", "!value.too_long"},
        {"\"string\"", "other(19,2)[]", "{1.25,\"1,000.50\"}", "{1.25,\"1,000.50\"}"},
        {"\"string\"", "other(19,2)[]", "{1.25,1.255}", "!numeric.excess_scale"},
        {"\"string\"", "other(19,2)[]", "{1.25,\"1,000.505\"}", "!numeric.excess_scale"},
        {"\"string\"", "other(1)[]", "{NULL,a}", "{NULL,a}"},
        {"\"string\"", "other(1)[]", "{{null , a},{b,NULL}}", "{{null , a},{b,NULL}}"},
        {"\"string\"", "other(1)[]", "{\"NULL\"}", "!value.too_long"},
        {"\"string\"", "other(1)[]", "{NU\\LL}", "!value.too_long"},
        {"\"string\"", "other(1)[]", " { a , \t\"b\" } ", " { a , \t\"b\" } "},
        {"\"string\"", "other(1)[]", "{\" a\"}", "!value.too_long"},
        {"\"string\"", "other(1)[]", "{a\\ }", "!value.too_long"},
        {"\"string\"", "other(1)[]", "{a b}", "!value.too_long"},
        {"\"string\"", "other(1)[]", "[0:1]={a,b}", "[0:1]={a,b}"},
        {"\"string\"", "other(1)[]", " [1:1][-1:0] = {{a,b}}", " [1:1][-1:0] = {{a,b}}"},
        {"\"string\"", "other(1)[]", "[0:1]={a,bc}", "!value.too_long"},
        {"\"string\"", "other(1)[]", "{}", "{}"},
        {"\"string\"", "other(1)[]", "[0:1]", "!value.too_long"},
        {"\"string\"", "other(1)[]", "ab", "!value.too_long"},
        {"\"string\"", "other(19,2)[]", "[0:1]={1.25,NULL}", "[0:1]={1.25,NULL}"},
        {"\"string\"", "other(19,2)[]", "[0:1]={1.255,NULL}", "!numeric.excess_scale"},
    };
    CHECK(texts, cases);
}

/* T-39, T-60. Source: PostGIS, CREATE TYPE geometry (delimiter = ':') */
MR_TEST("geometries go as hex into the literal of their array, with colons between them")
{
    static const char geometry[] =
        OF("{\"type\":\"record\",\"name\":\"X\",\"connect.name\":\"io.debezium.data.geometry."
           "Geometry\",\"fields\":[{\"name\":\"wkb\",\"type\":\"bytes\"},{\"name\":\"srid\","
           "\"type\":[\"null\",\"int\"]}]}");
    static const char point[] =
        OF("{\"type\":\"record\",\"name\":\"X\",\"connect.name\":\"io.debezium.data.geometry."
           "Point\",\"fields\":[{\"name\":\"x\",\"type\":\"double\"},{\"name\":\"y\",\"type\":"
           "\"double\"}]}");
#define NILS "00000000000000000000000000000000"
    static const struct hex_case cases[] = {
        {geometry, "geometry[]", "04 2a 0101000000" NILS "00 2a 0101000000" NILS "02 04 00",
         "{\"0101000000" NILS "\":\"010100002002000000" NILS "\"}"},
        {geometry, "geography[]", "02 2a 0101000000" NILS "00 00", "{\"0101000000" NILS "\"}"},
        {geometry, "geometry[]", "02 00 00 00", "!value.invalid"},
        {geometry, "geometry[]", "00", "{}"},
        {geometry, NULL, "02 2a 0101000000" NILS "00 00", "{\\x0101000000" NILS "}"},
        {point, "geometry[]", "02 " NILS " 00", "{\"0101000000" NILS "\"}"},
        {OF("\"string\""), "geometry[]", "04 02 61 02 62 00", "{\"a\":\"b\"}"},
        {OF("\"bytes\""), "geometry[]", "00", "HALT type.incompatible"},
        {OF("\"int\""), "geometry[]", "00", "HALT type.incompatible"},
    };
    CHECK(hexes, cases);
}

/* T-38, T-60 */
MR_TEST("maps of texts go into an array of hstore")
{
    static const struct hex_case cases[] = {
        {OF("{\"type\":\"map\",\"values\":\"string\"}"), "hstore[]", "04 02 02 6b 02 76 00 00 00",
         "2:{\"k\"=>\"v\",}"},
    };
    CHECK(hexes, cases);
}
