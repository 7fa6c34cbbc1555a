/* Texts of figures (contract.md X-08): what the server reads is read here, as the same figure, and
 * nothing else is. */
#include <stdio.h>
#include <string.h>

#include "schemas/figure.h"
#include "tests/support/pg_fixture.h"

#define D60 "123456789012345678901234567890123456789012345678901234567890"
#define Z60 "000000000000000000000000000000000000000000000000000000000000"

static const char *const types[] = {"point", "line", "circle", "box", "lseg", "path", "polygon"};

static const char *const texts[] = {
    "1,2",
    "(1,2)",
    " ( 1 , 2 ) ",
    "((1,2))",
    "(1,2",
    "1,2)",
    "1 2",
    "",
    "()",
    "1,2,3",
    "(1,2,3)",
    "(1,2),3",
    "((1,2),3)",
    "<(1,2),3>",
    "<1,2,3>",
    "<(1,2),3",
    "<(1,2)3>",
    "<(1,2),-3>",
    "((1,2),3>",
    "<(1,2),3)",
    "{1,2,3}",
    "{1,2}",
    "{0,0,1}",
    "{1e-7,0,1}",
    "1,2,3,4",
    "(1,2,3,4)",
    "(1,2),(3,4)",
    "((1,2),(3,4))",
    "[(1,2),(3,4)]",
    "[1,2,3,4]",
    "[(1,2),(3,4))",
    "((1,2),(3,4)]",
    "(1,2)(3,4)",
    "(1,2),(3,4),",
    "(1,2),(1,2)",
    "(1,2),(1,4)",
    "(1,2),(3,2)",
    "(3,4),(1,2)",
    "(1,4),(3,2)",
    "(0.1,0.2),(0.3,0.7)",
    "(0,1),(2,5)",
    "1,2,3,4,5",
    "1,2,3,4,5,6",
    "((1,2),(3,4),(5,6))",
    "[(1,2),(3,4),(5,6)]",
    "(1,2),(3,4),(5,6)",
    "[(1,2)]",
    "((1,2),(3,4),)",
    "inf,-Infinity",
    "(NaN,+INF)",
    "(1e400,0)",
    "(1,2)x",
    "x",
    "(1,,2)",
    "(.5,-.5e1)",
    "[1,2]",
    "(((1,2),(3,4)))",
    "((1,2),(3,4)",
    "( ( 1 , 2 ) , ( 3 , 4 ) ) ",
    "[ ( 1 , 2 ) , ( 3 , 4 ) ] ",
    "(1,2)(3,4)(5,6)",
    "(1, 2), (1.0000001, 2)",
    "(0,0),(1,1e-7)",
    "(1,2),(3,4]",
    "(0." D60 D60 ",1)",
    "(" Z60 Z60 "17,1)",
    "(1" Z60 Z60 Z60 Z60 Z60 Z60 ",1)",
    "(0." Z60 Z60 Z60 Z60 Z60 Z60 "1,1)",
    "(0." Z60 Z60 Z60 Z60 Z60 Z60 ",1)",
    "1e-400,0",
    "1e-310,0",
    "4.9e-324,2e-324",
    "4.9e-324,-4.9e-324",
    "0e-400,0e400",
    "1e309,0",
    "-1e309,0",
    "1.7976931348623157e308,0",
    "0x10,0X1.8p3",
    "0x,1",
    "0x1p-1074,1",
    "0x1p-1075,1",
    "1e,2",
    "1e5e,2",
    "5.,+.5",
    ".,1",
    "-nan,nan(1)",
    "infin,1",
    "1d5,1f",
    "1__0,1",
    "- 1,1",
    "{1e-400,1,1}",
    "<(0x1,2),1e-400>",
    "((1,2),(3,4),(5,1e-400))",
};

/* What the server makes of it; "refused". */
static const char *by_server(const char *text, const char *type)
{
    return pg_server_query("SELECT shown('%s', '%s')", text, type);
}

static const char *by_us(const char *text, enum mr_type type)
{
    static char shown[256];
    struct mr_buf room = MR_BUF_INIT;
    struct mr_buf out = MR_BUF_INIT;
    struct mr_figure figure;
    if (mr_figure_parse(mr_slice_str(text), type, &room, &figure))
        mr_figure_print(&out, type, &figure);
    else
        mr_buf_str(&out, "refused");
    (void)snprintf(shown, sizeof shown, "%s", mr_buf_cstr(&out));
    mr_buf_release(&room);
    mr_buf_release(&out);
    return shown;
}

//
MR_TEST("a text is the figure that the server makes of it, or none where the server refuses it")
{
    pg_fixture_wipe();
    pg_server_exec("CREATE FUNCTION shown(t text, y text) RETURNS text LANGUAGE plpgsql AS $$ "
                   "DECLARE r text; BEGIN EXECUTE format('SELECT %%L::%%s::text', t, y) INTO r; "
                   "RETURN r; EXCEPTION WHEN OTHERS THEN RETURN 'refused'; END $$");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        for (size_t t = 0; t < sizeof types / sizeof types[0]; t++) {
            static const enum mr_type ours[] = {MR_T_POINT, MR_T_LINE, MR_T_CIRCLE, MR_T_BOX,
                                                MR_T_LSEG,  MR_T_PATH, MR_T_POLYGON};
            const char *want = by_server(texts[i], types[t]);
            if (strcmp(by_us(texts[i], ours[t]), want) != 0)
                printf("%s of '%s': %s, the server has %s\n", types[t], texts[i],
                       by_us(texts[i], ours[t]), want);
            MR_CHECK_STR(by_us(texts[i], ours[t]), want);
        }
    }
}
