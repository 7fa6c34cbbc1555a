/* Geometries and figures (contract.md T-39 to T-41), into columns. */
#include "tests/support/convert_case.inc"

#define GEO(name, fields)                                                                          \
    "{\"type\":\"record\",\"name\":\"X\",\"connect.name\":\"io.debezium.data.geometry." name       \
    "\",\"fields\":[" fields "]}"
#define WKB "{\"name\":\"wkb\",\"type\":\"bytes\"}"
#define SRID "{\"name\":\"srid\",\"type\":[\"null\",\"int\"]}"
#define EXTENSIONS                                                                                 \
    "{\"name\":\"extensions\",\"type\":[\"null\",{\"type\":\"map\",\"values\":\"string\"}]}"
#define XY "{\"name\":\"x\",\"type\":\"double\"},{\"name\":\"y\",\"type\":\"double\"}"
#define ONE "000000000000f03f"
#define TWO "0000000000000040"
#define NIL "0000000000000000"
#define POINT_1_2 "01 01000000 " ONE TWO
/* Lengths of bytes, zigzag. */
#define BYTES_21 "2a "

static const char geometry[] = GEO("Geometry", WKB "," SRID "," EXTENSIONS);
static const char point[] =
    GEO("Point", XY ",{\"name\":\"wkb\",\"type\":[\"null\",\"bytes\"]}," SRID);

/* T-39 */
MR_TEST("a geometry gets its SRID between its type and its coordinates, in its own byte order")
{
    static const struct hex_case cases[] = {
        {geometry, NULL, BYTES_21 POINT_1_2 "00 00", "\\x0101000000" ONE TWO},
        {geometry, NULL, BYTES_21 POINT_1_2 "02 c843 00", "\\x0101000020e4100000" ONE TWO},
        {geometry, NULL, BYTES_21 "00 00000001 3ff0000000000000 4000000000000000 02 c843 00",
         "\\x0020000001000010e43ff00000000000004000000000000000"},
        {geometry, "bytea", BYTES_21 POINT_1_2 "02 c843 00", "\\x0101000020e4100000" ONE TWO},
        {geometry, "text", BYTES_21 POINT_1_2 "00 00",
         "0101000000000000000000F03F0000000000000040"},
        {geometry, NULL, BYTES_21 POINT_1_2 "02 00 00", "\\x0101000000" ONE TWO},
        {geometry, NULL, BYTES_21 POINT_1_2 "02 01 00", "!value.invalid"},
        {geometry, NULL, "32 01 01000020 e4100000" ONE TWO "02 02 00", "!value.invalid"},
        {geometry, NULL, "32 01 01000020 e4100000" ONE TWO "02 c843 00",
         "\\x0101000020e4100000" ONE TWO},
        {"\"bytes\"", "geometry", BYTES_21 POINT_1_2, "\\x0101000000" ONE TWO},
        {"\"bytes\"", "geometry", "02 01", "!value.invalid"},
        {geometry, "int4", BYTES_21 POINT_1_2 "00 00", "HALT type.incompatible"},
        {geometry, "other", BYTES_21 POINT_1_2 "00 00", "HALT type.incompatible"},
        {geometry, "jsonb", "0a 01 02000000 00 00",
         "{\"wkb\": \"AQIAAAA=\", \"srid\": null, "
         "\"extensions\": null}"},
    };
    CHECK(hexes, cases);
}

/* T-39 */
MR_TEST("geometries that are cut, unknown, nested too deep or followed by something are refused")
{
    static const char *const bad[] = {
        "00 00 00",                                  /* no bytes */
        "02 01 00 00",                               /* the order alone */
        "0a 02 01000000 00 00",                      /* no such order */
        "0a 01 63000000 00 00",                      /* no such type */
        "0a 01 a00f0000 00 00",                      /* nor such dimensions */
        "12 01 02000000 ffffffff 00 00",             /* 2^32 points */
        "12 01 03000000 ffffffff 00 00",             /* 2^32 rings */
        "12 01 07000000 01000000 00 00",             /* a member that is not there */
        "2c 01 01000000 " ONE TWO "ff 00 00",        /* a byte behind */
        "28 01 01000000 " ONE "00000000000000 00 00" /* the last byte is missing */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mr_buf_reset(&value);
        wire_hex(&value, bad[i]);
        const char *got = into(geometry, NULL, &value);
        if (strcmp(got, "!value.invalid") != 0)
            MR_FAIL("%s: %s", bad[i], got);
    }
    struct mr_buf deep = MR_BUF_INIT;
    for (int levels = 31; levels < 33; levels++) {
        mr_buf_reset(&deep);
        for (int i = 0; i < levels; i++)
            wire_hex(&deep, "01 07000000 01000000");
        wire_hex(&deep, POINT_1_2);
        mr_buf_reset(&value);
        wire_bytes(&value, deep.data, deep.len);
        wire_hex(&value, "00 00");
        const char *got = into(geometry, NULL, &value);
        MR_CHECK_INT(got[0], levels == 31 ? '\\' : '!');
    }
    mr_buf_release(&deep);
}

/* T-40 */
MR_TEST("a point is its x and y, or what its bytes say where those are null")
{
    static const char nullable[] = GEO(
        "Point", "{\"name\":\"x\",\"type\":[\"null\",\"double\"]},{\"name\":\"y\",\"type\":["
                 "\"null\",\"double\"]},{\"name\":\"wkb\",\"type\":[\"null\",\"bytes\"]}," SRID);
    static const struct hex_case cases[] = {
        {point, NULL, ONE TWO "00 00", "(1,2)"},
        {point, "text", ONE TWO "00 00", "(1,2)"},
        {point, "geometry", ONE TWO "00 00", "\\x0101000000" ONE TWO},
        {point, "geometry", NIL NIL "02" BYTES_21 POINT_1_2 "02 c843",
         "\\x0101000020e4100000" ONE TWO},
        {point, "point", ONE TWO "00 02 c843", "!value.lossy"},
        {point, "point", ONE TWO "00 02 00", "(1,2)"},
        {point, "circle", ONE TWO "00 00", "HALT type.incompatible"},
        {point, "jsonb", ONE TWO "00 00", "{\"x\": 1, \"y\": 2, \"wkb\": null, \"srid\": null}"},
        {nullable, NULL, "00 00 02" BYTES_21 POINT_1_2 "00", "(1,2)"},
        {nullable, NULL, "00 00 00 00", "!value.invalid"},
        {nullable, NULL, "02" ONE "00 00 00", "!value.invalid"},
    };
    CHECK(hexes, cases);
}

#define LINE_2 "52 01 02000000 02000000 " NIL NIL NIL ONE
#define LINE_1 "32 01 02000000 01000000 " NIL NIL
#define RING_5(a, b, c, d) "ba01 01 03000000 01000000 05000000 " a b c d a
#define RECT RING_5(ONE ONE, ONE NIL, NIL NIL, NIL ONE)

/* T-39 */
MR_TEST("boxes, segments, paths and polygons are rebuilt from their geometries")
{
    static const char box[] =
        "{\"type\":\"record\",\"name\":\"X\",\"connect.name\":\"io.debezium.data.geometry."
        "Geometry\","
        "\"connect.parameters\":{\"__debezium.source.column.type\":\"BOX\"},\"fields\":[" WKB
        "," SRID "," EXTENSIONS "]}";
    static const struct hex_case cases[] = {
        {box, NULL, RECT "00 00", "(1,1),(0,0)"},
        {geometry, "box", RECT "00 02 02 08 74797065 06 626f78 00", "(1,1),(0,0)"},
        {geometry, "box", RING_5(NIL NIL, NIL ONE, ONE ONE, ONE NIL) "00 00", "(1,1),(0,0)"},
        {geometry, "box", RING_5(ONE ONE, ONE ONE, ONE ONE, ONE ONE) "00 00", "(1,1),(1,1)"},
        {geometry, "box", RING_5(NIL NIL, ONE ONE, ONE NIL, NIL NIL) "00 00", "!value.invalid"},
        {geometry, "box", LINE_2 "00 00", "!value.invalid"},
        {geometry, "lseg", LINE_2 "00 00", "[(0,0),(0,1)]"},
        {geometry, "lseg", LINE_1 "00 00", "!value.invalid"},
        {geometry, "path", LINE_2 "00 00", "[(0,0),(0,1)]"},
        {geometry, "path", LINE_2 "00 02 02 0c 636c6f736564 08 74727565 00", "((0,0),(0,1))"},
        {geometry, "polygon", RECT "00 00", "((1,1),(1,0),(0,0),(0,1))"},
        {geometry, "polygon", RING_5(ONE ONE, ONE NIL, NIL NIL, NIL ONE) "02 02 00",
         "!value.lossy"},
        {geometry, "point", BYTES_21 POINT_1_2 "00 00", "(1,2)"},
        {geometry, "point", LINE_2 "00 00", "!value.invalid"},
        {geometry, "line", LINE_2 "00 00", "HALT type.incompatible"},
    };
    CHECK(hexes, cases);
}

/* T-41 */
MR_TEST("circles and lines have the numbers that make one")
{
    static const char circle[] =
        GEO("Circle", "{\"name\":\"center\",\"type\":{\"type\":\"record\",\"name\":\"P\","
                      "\"connect.name\":\"io.debezium.data.geometry.Point\",\"fields\":[" XY
                      "]}},{\"name\":\"radius\",\"type\":\"double\"}");
    static const char line[] =
        GEO("Line", "{\"name\":\"a\",\"type\":\"double\"},{\"name\":\"b\",\"type\":\"double\"},{"
                    "\"name\":\"c\",\"type\":\"double\"}");
    static const struct hex_case cases[] = {
        {circle, NULL, ONE TWO TWO, "<(1,2),2>"},
        {circle, "text", ONE TWO NIL, "<(1,2),0>"},
        {circle, NULL, ONE TWO "000000000000f0bf", "!value.invalid"},
        {circle, "line", ONE TWO TWO, "HALT type.incompatible"},
        {line, NULL, "000000000000f0bf" NIL TWO, "{-1,0,2}"},
        {line, NULL, NIL NIL TWO, "!value.invalid"},
    };
    CHECK(hexes, cases);
}

/* T-60 */
MR_TEST("arrays of points are arrays of points")
{
    static const char points[] = "{\"type\":\"array\",\"items\":" GEO("Point", XY) "}";
    static const struct hex_case cases[] = {
        {points, NULL, "04" ONE TWO NIL ONE "00", "{(1,2),(0,1)}"},
        {points, "jsonb", "02" ONE TWO "00", "[{\"x\": 1, \"y\": 2}]"},
        {points, "other[]", "02" ONE TWO "00", "HALT type.incompatible"},
    };
    CHECK(hexes, cases);
}

/* */
MR_TEST("texts become figures in the forms that the server reads")
{
    static const struct text_case cases[] = {
        {"\"string\"", "point", "(1.5,-2)", "(1.5,-2)"},
        {"\"string\"", "point", " ( 1e3 , Infinity ) ", "(1000,Infinity)"},
        {"\"string\"", "point", "1 , +inf", "(1,Infinity)"},
        {"\"string\"", "point", "(1,2", "!value.invalid"},
        {"\"string\"", "point", "(1,2)x", "!value.invalid"},
        {"\"string\"", "point", "(1,2),(3,4)", "!value.invalid"},
        {"\"string\"", "point", "(0x1,2)", "(1,2)"},
        {"\"string\"", "point", "(1e-400,2)", "!value.invalid"},
        {"\"string\"", "line", "{1,2,3}", "{1,2,3}"},
        {"\"string\"", "line", "{0,0,3}", "!value.invalid"},
        {"\"string\"", "circle", "<(1,2),3>", "<(1,2),3>"},
        {"\"string\"", "circle", "<(1,2),-3>", "!value.invalid"},
        {"\"string\"", "box", "(0,1),(1,0)", "(1,1),(0,0)"},
        {"\"string\"", "lseg", "[(0,1),(1,0)]", "[(0,1),(1,0)]"},
        {"\"string\"", "path", "[(0,1)]", "[(0,1)]"},
        {"\"string\"", "path", "((0,1),(1,0))", "((0,1),(1,0))"},
        {"\"string\"", "path", "[(0,1),(1,0)", "!value.invalid"},
        {"\"string\"", "path", "(0,1,1,0)", "((0,1),(1,0))"},
        {"\"string\"", "polygon", "0,1,1", "!value.invalid"},
        {"\"string\"", "polygon", "0,1,1,0", "((0,1),(1,0))"},
        {"\"string\"", "box", "1,0,0,1", "(1,1),(0,0)"},
        {"\"string\"", "box", "[(0,1),(1,0)]", "!value.invalid"},
        {"\"string\"", "circle", "1,2,3", "<(1,2),3>"},
        {"\"string\"", "line", "(0,1),(2,5)", "{2,-1,1}"},
        {"\"string\"", "line", "(0,1),(0,1)", "!value.invalid"},
        {"\"string\"", "polygon", "((0,1),(1,0))", "((0,1),(1,0))"},
        {"\"string\"", "polygon", "", "!value.invalid"},
        {"\"string\"", "geometry", "SRID=4326;POINT(1 2)", "SRID=4326;POINT(1 2)"},
    };
    CHECK(texts, cases);
}
