/* Guards: what of a source block makes them, and the order of what is stored (contract.md section
 * 3.1). Also the test of decode_guard.c and plan_guard.c. */
#include "schemas/guard.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/support/mr_test.h"
#include "tests/support/plan_case.h"

enum { MOST = 6 };

/* "5" is a number, "'x'" a text, "-" is null. */
static void input_of(const char *text, struct mr_guard_input *out)
{
    *out = (struct mr_guard_input){.set = strcmp(text, "-") != 0};
    size_t len = strlen(text);
    if (text[0] == '\'')
        out->s = (struct mr_slice){(const uint8_t *)text + 1, len - 2};
    else if (out->set)
        out->i = strtoll(text, NULL, 10);
}

/* The guard as text: "single 5", hex octets, "null", or "missing". */
static const char *made(const struct mr_guard *guard, char op, const char *const *inputs)
{
    static char text[2 * MR_GUARD_MAX_BYTES + 16];
    struct mr_guard_input in[MR_GUARD_MAX_INPUTS];
    struct mr_guard_value out;
    struct mr_err err = MR_ERR_INIT;
    memset(in, 0, sizeof in);
    for (uint16_t i = 0; i < MOST && inputs[i] != NULL; i++)
        input_of(inputs[i], &in[i]);
    int rc = mr_guard_make(guard, op, in, &out, &err);
    if (rc < 0) {
        MR_CHECK_INT(rc, -MR_GUARD_MISSING);
        return "missing";
    }
    if (out.null)
        return "null";
    if (guard->single)
        (void)snprintf(text, sizeof text, "single %lld", (long long)out.single);
    text[0] = guard->single ? 's' : '\0';
    for (uint8_t i = 0; !guard->single && i < out.len; i++)
        (void)snprintf(text + (size_t)2 * i, 3, "%02x", out.bytes[i]);
    return text;
}

struct guard_case {
    enum mr_guard_kind kind;
    bool single;
    char op;
    const char *inputs[MOST];
    const char *expected;
};

#define Z16 "0000000000000000"

static const struct guard_case cases[] = {
    /* O-01 */
    {MR_GUARD_LSN,
     false,
     'u',
     {"200", "'[\"150\",\"200\"]'"},
     "0000000000000096"
     "00000000000000c8"},
    {MR_GUARD_LSN,
     false,
     'u',
     {"200", "' [ \"150\" , null]'"},
     "0000000000000096"
     "00000000000000c8"},
    {MR_GUARD_LSN, false, 'r', {"200", "'[null,\"200\"]'"}, Z16 "00000000000000c8"},
    {MR_GUARD_LSN, false, 'r', {"200", "-"}, Z16 "00000000000000c8"},
    {MR_GUARD_LSN, false, 'u', {"200", "-"}, "missing"},
    {MR_GUARD_LSN, false, 'u', {"200", "'[\"150\"'"}, "missing"},
    {MR_GUARD_LSN, false, 'u', {"200", "'[\"15x\"]'"}, "missing"},
    {MR_GUARD_LSN, false, 'u', {"200", "'150'"}, "missing"},
    {MR_GUARD_LSN, false, 'u', {"200", "'['"}, "missing"},
    {MR_GUARD_LSN, false, 'u', {"200", "''"}, "missing"},
    {MR_GUARD_LSN, false, 'u', {"200", "'[\"99999999999999999999\"]'"}, "missing"},
    {MR_GUARD_LSN, true, 'u', {"200"}, "single 200"},
    {MR_GUARD_LSN, true, 'd', {"-"}, "missing"},
    {MR_GUARD_LSN, true, 'r', {"-"}, "null"},
    {MR_GUARD_LSN, true, 't', {"-"}, "null"},
    /* O-02 */
    {MR_GUARD_BINLOG,
     false,
     'c',
     {"'mysql-bin.000003'", "154", "1"},
     "0000000000000003"
     "000000000000009a"
     "0000000000000001"},
    {MR_GUARD_BINLOG,
     false,
     'c',
     {"'mysql-bin.000003'", "154", "-"},
     "0000000000000003"
     "000000000000009a" Z16},
    {MR_GUARD_BINLOG, false, 'c', {"-", "154", "0"}, "missing"},
    {MR_GUARD_BINLOG, false, 'c', {"'mysql-bin'", "154", "0"}, "missing"},
    {MR_GUARD_BINLOG, false, 'r', {"''", "0", "0"}, "null"},
    /* O-03 */
    {MR_GUARD_SQLSERVER,
     false,
     'u',
     {"'00000025:00000448:0003'", "'00000025:00000448:0002'", "2"},
     "00000025000004480003"
     "00000025000004480002"
     "0000000000000002"},
    {MR_GUARD_SQLSERVER,
     false,
     'r',
     {"'00000025:00000448:00aF'", "-", "-"},
     "000000250000044800af"
     "00000000000000000000" Z16},
    {MR_GUARD_SQLSERVER, false, 'u', {"'00000025:00000448'", "-", "-"}, "missing"},
    {MR_GUARD_SQLSERVER, false, 'u', {"'000000250:00000448:0003'", "-", "-"}, "missing"},
    {MR_GUARD_SQLSERVER, false, 'u', {"'::'", "-", "-"}, "missing"},
    {MR_GUARD_SQLSERVER, false, 'u', {"'00000025:00000448:0003x'", "-", "-"}, "missing"},
    {MR_GUARD_SQLSERVER, false, 'u', {"'00000025:00000448:0003'", "'x'", "-"}, "missing"},
    /* O-04 */
    {MR_GUARD_SCN,
     false,
     'u',
     {"'10'", "'9'", "3", "-"},
     Z16 "000000000000000a" Z16 "0000000000000009"
         "0000000000000003"},
    {MR_GUARD_SCN,
     false,
     'u',
     {"'7:1:aa,8:2:bb'", "'6'", "-", "2"},
     Z16 "0000000000000008" Z16 "0000000000000006" Z16},
    {MR_GUARD_SCN,
     false,
     'u',
     {"'7:1:aa'", "'6'", "-", "-"},
     Z16 "0000000000000007" Z16 "0000000000000006" Z16},
    {MR_GUARD_SCN, false, 'u', {"'7:1:aa,8:2:bb'", "'6'", "-", "3"}, "missing"},
    {MR_GUARD_SCN, false, 'u', {"'7:1:aa,8:2:bb'", "'6'", "-", "-"}, "missing"},
    {MR_GUARD_SCN,
     false,
     'u',
     {"'340282366920938463463374607431768211455'", "'0'", "-", "-"},
     "ffffffffffffffffffffffffffffffff" Z16 Z16 Z16},
    {MR_GUARD_SCN,
     false,
     'u',
     {"'340282366920938463463374607431768211456'", "'0'", "-", "-"},
     "missing"},
    {MR_GUARD_SCN, false, 'u', {"'1e3'", "'0'", "-", "-"}, "missing"},
    {MR_GUARD_SCN, false, 'u', {"-", "'5'", "-", "-"}, "missing"},
    {MR_GUARD_SCN, false, 'r', {"-", "'5'", "-", "-"}, Z16 Z16 Z16 "0000000000000005" Z16},
    /* O-05 */
    {MR_GUARD_MONGO,
     false,
     'u',
     {"1700000000999", "4"},
     "000000006553f100"
     "0000000000000004"},
    {MR_GUARD_MONGO, false, 'u', {"1700000000999", "-"}, "missing"},
    /* O-10: signed numbers keep their order */
    {MR_GUARD_FIELDS, true, 'u', {"-7"}, "single -7"},
    {MR_GUARD_FIELDS, true, 'u', {"-"}, "missing"},
    {MR_GUARD_FIELDS,
     false,
     'u',
     {"-1", "1"},
     "7fffffffffffffff"
     "8000000000000001"},
    /* E-11: what a delete's before is filled with is no guard */
    {MR_GUARD_FIELDS, false, 'd', {"0", "0"}, "missing"},
    {MR_GUARD_FIELDS,
     false,
     'd',
     {"5", "0"},
     "8000000000000005"
     "8000000000000000"},
    {MR_GUARD_FIELDS, true, 'u', {"0"}, "single 0"},
};

/* O-01 to O-05, O-09, O-10; cases 85 and 87 */
MR_TEST("a guard is made of its source's fields, and missing where they do not give one")
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct guard_case *c = &cases[i];
        struct mr_guard guard = {.kind = c->kind, .single = c->single};
        while (guard.n_inputs < MOST && c->inputs[guard.n_inputs] != NULL)
            guard.n_inputs++;
        MR_CHECK_STR(made(&guard, c->op, c->inputs), c->expected);
    }
}

/* O-10; case 87 */
MR_TEST("stored guards compare as their sources order them")
{
    static const uint8_t minus[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe};
    static const uint8_t plus[] = {1, 0, 0, 0, 0, 0, 0, 0, 9}; /* with an emitter's byte before */
    static const uint8_t shorter[] = {1, 2};
    static const uint8_t longer[] = {1, 2, 0};
    struct mr_slice a = {minus, sizeof minus};
    struct mr_slice b = {plus, sizeof plus};
    struct mr_slice c = {shorter, sizeof shorter};
    struct mr_slice d = {longer, sizeof longer};
    MR_CHECK(mr_guard_order(true, a, b) < 0);
    MR_CHECK(mr_guard_order(true, b, a) > 0);
    MR_CHECK_INT(mr_guard_order(true, a, a), 0);
    MR_CHECK(mr_guard_order(false, c, d) < 0);
    MR_CHECK_INT(mr_guard_order(false, d, d), 0);
}

/* ---- through a plan ---- */

static struct plan_case pc;

MR_SETUP
{
    plan_case_init(&pc);
    pc.route.guard = MR_GUARD_LSN;
    pc.route.guard_column = "_guard";
}

MR_TEARDOWN
{
    plan_case_release(&pc);
}

#define KEY "{\"type\":\"record\",\"name\":\"K\",\"fields\":[{\"name\":\"id\",\"type\":\"int\"}]}"
#define ROW                                                                                        \
    "{\"type\":\"record\",\"name\":\"V\",\"fields\":[{\"name\":\"id\",\"type\":\"int\"},"          \
    "{\"name\":\"ver\",\"type\":[\"null\",\"long\"]}]}"
#define SEQUENCE ",{\"name\":\"sequence\",\"type\":[\"null\",\"string\"]}"
#define ENVELOPE(more)                                                                             \
    "{\"type\":\"record\",\"name\":\"E\",\"fields\":[{\"name\":\"before\",\"type\":[\"null\"," ROW \
    "]},{\"name\":\"after\",\"type\":[\"null\",\"V\"]},{\"name\":\"source\",\"type\":{\"type\":"   \
    "\"record\",\"name\":\"S\",\"fields\":[{\"name\":\"lsn\",\"type\":[\"null\",\"long\"]}" more   \
    "]}},{\"name\":\"op\",\"type\":\"string\"}]}"

static struct mr_buf buf = MR_BUF_INIT;

static void row_put(int64_t id, int64_t ver)
{
    wire_long(&buf, 1); /* the branch of the row */
    wire_long(&buf, id);
    wire_long(&buf, ver >= 0 ? 1 : 0);
    if (ver >= 0)
        wire_long(&buf, ver);
}

/* An envelope; lsn and ver -1: null. */
static const char *run(const char *op, int64_t lsn, const char *sequence, int64_t ver)
{
    struct mr_buf key = MR_BUF_INIT;
    mr_buf_reset(&buf);
    wire_long(&key, 1);
    if (op[0] == 'd')
        row_put(1, ver);
    else
        wire_long(&buf, 0);
    if (op[0] == 'd' || op[0] == 't')
        wire_long(&buf, 0);
    else
        row_put(1, ver);
    wire_long(&buf, lsn >= 0 ? 1 : 0);
    if (lsn >= 0)
        wire_long(&buf, lsn);
    if (sequence != NULL) {
        wire_long(&buf, 1);
        wire_text(&buf, sequence);
    }
    wire_text(&buf, op);
    const char *text =
        plan_case_run(&pc, op[0] == 't' ? PLAN_NULL : wire_slice(&key), wire_slice(&buf));
    mr_buf_release(&key);
    return text;
}

/* O-01, O-10 */
MR_TEST("the guard is a column of its own, a bigint where it is one number")
{
    MR_CHECK_OK(plan_case_open(&pc, KEY, ENVELOPE("")));
    MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, ver int8, _guard int8");
    MR_CHECK(mr_plan_guard(pc.plan)->on && mr_plan_guard(pc.plan)->single);
    MR_CHECK_INT(mr_plan_guard(pc.plan)->col, 2);
    MR_CHECK_STR(run("u", 77, NULL, 5), "u{1,5,77}");
    MR_CHECK_STR(run("r", -1, NULL, 5), "r{1,5,NULL}");
    MR_CHECK_STR(run("u", -1, NULL, 5), "!guard.missing");
    MR_CHECK_STR(run("d", 78, NULL, 5), "d{1}");
    struct mr_slice guard;
    MR_CHECK(mr_tuple_field(pc.decoded.tuple, 0, &guard));
    MR_CHECK_MEM(guard.data, "78", 2);
    MR_CHECK_STR(run("d", -1, NULL, 5), "!guard.missing");
}

/* O-01 */
MR_TEST("with a sequence in the schema the commit's lsn goes before the record's")
{
    MR_CHECK_OK(plan_case_open(&pc, KEY, ENVELOPE(SEQUENCE)));
    MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, ver int8, _guard bytea");
    MR_CHECK(!mr_plan_guard(pc.plan)->single);
    MR_CHECK_STR(run("u", 77, "[\"70\",\"77\"]", 5), "u{1,5,\\x0000000000000046000000000000004d}");
    MR_CHECK_STR(run("u", 77, "oops", 5), "!guard.missing");
}

/* O-09 */
MR_TEST("a tombstone is nothing in an envelope topic, and guard.missing in a plain one")
{
    struct mr_buf key = MR_BUF_INIT;
    wire_long(&key, 1);
    plan_case_table(&pc, "id int4 pk, ver int8, _guard int8");
    pc.envelope_topic = true;
    MR_CHECK_OK(plan_case_open(&pc, KEY, NULL));
    MR_CHECK_STR(plan_case_run(&pc, wire_slice(&key), PLAN_NULL), "skip.tombstone");
    pc.envelope_topic = false;
    MR_CHECK_OK(plan_case_open(&pc, KEY, NULL));
    MR_CHECK_STR(plan_case_run(&pc, wire_slice(&key), PLAN_NULL), "!guard.missing");
    mr_buf_release(&key);
}

static void by_fields(uint16_t n, const char *const *fields)
{
    pc.route.guard = MR_GUARD_FIELDS;
    pc.route.guard_fields = fields;
    pc.route.n_guard_fields = n;
}

/* section 3.1, field list */
MR_TEST("a field is the guard of its row, of a delete in its before")
{
    static const char *const fields[] = {"ver"};
    by_fields(1, fields);
    MR_CHECK_OK(plan_case_open(&pc, KEY, ENVELOPE("")));
    MR_CHECK_STR(run("u", -1, NULL, 5), "u{1,5,5}");
    MR_CHECK_STR(run("u", -1, NULL, -1), "!guard.missing");
    MR_CHECK_STR(run("d", -1, NULL, 6), "d{1}");
    struct mr_slice guard;
    MR_CHECK(mr_tuple_field(pc.decoded.tuple, 0, &guard));
    MR_CHECK_MEM(guard.data, "6", 1);
    MR_CHECK_STR(run("d", -1, NULL, 0), "!guard.missing"); /* a filler */
    MR_CHECK_STR(run("t", -1, NULL, -1), "t");
    MR_CHECK(pc.decoded.tuple.data == NULL);
}

/* section 3.1 */
MR_TEST("a schema that cannot give the guard halts, as does a field without an order")
{
    static const char *const absent[] = {"nowhere"};
    static const char plain[] =
        "{\"type\":\"record\",\"name\":\"P\",\"fields\":[{\"name\":\"id\",\"type\":\"int\"},"
        "{\"name\":\"t\",\"type\":\"string\"}]}";
    static const char *const text[] = {"t"};
    by_fields(1, absent);
    MR_CHECK_INT(plan_case_open(&pc, KEY, ENVELOPE("")), -MR_GUARD_MISSING);
    MR_CHECK_INT(pc.err.class, MR_CLASS_HALT);
    by_fields(1, text);
    MR_CHECK_INT(plan_case_open(&pc, KEY, plain), -MR_TYPE_INCOMPATIBLE);
    pc.route.guard = MR_GUARD_BINLOG;
    MR_CHECK_INT(plan_case_open(&pc, KEY, ENVELOPE("")), -MR_GUARD_MISSING);
    MR_CHECK_INT(pc.err.class, MR_CLASS_HALT);
}

#define PLAIN(lsn)                                                                                 \
    "{\"type\":\"record\",\"name\":\"P\",\"fields\":[{\"name\":\"id\",\"type\":\"int\"},"          \
    "{\"name\":\"" lsn "\",\"type\":\"long\"}]}"

/* O-01, E-24; Debezium's add.fields and add.fields.prefix */
MR_TEST("a flattened record gives the guard by the fields that were added to it")
{
    static const struct {
        const char *prefix, *schema, *columns, *row; /* columns NULL: guard.missing */
    } forms[] = {
        {NULL, PLAIN("__source_lsn"), "id int4 pk, _guard int8", "u{1,99}"},
        {NULL, PLAIN("__lsn"), "id int4 pk, _guard int8", "u{1,99}"},
        {"dbz_", PLAIN("dbz_source_lsn"), "id int4 pk, _guard int8", "u{1,99}"},
        {"dbz_", PLAIN("dbz_lsn"), "id int4 pk, _guard int8", "u{1,99}"},
        {"dbz_", PLAIN("__source_lsn"), NULL, NULL},
        {"", PLAIN("source_lsn"), "id int4 pk, _guard int8, source_lsn int8", "u{1,99,99}"},
        {NULL, PLAIN("source_lsn"), NULL, NULL},
    };
    struct mr_buf key = MR_BUF_INIT;
    wire_long(&key, 1);
    mr_buf_reset(&buf);
    wire_long(&buf, 1);
    wire_long(&buf, 99);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        pc.route.envelope_prefix = forms[i].prefix;
        int rc = plan_case_open(&pc, KEY, forms[i].schema);
        MR_CHECK_INT(rc, forms[i].columns != NULL ? 0 : -MR_GUARD_MISSING);
        if (rc < 0)
            continue;
        MR_CHECK_STR(plan_case_columns(&pc), forms[i].columns);
        MR_CHECK_STR(plan_case_run(&pc, wire_slice(&key), wire_slice(&buf)), forms[i].row);
    }
    mr_buf_release(&key);
}

/* */
MR_TEST("a truncate that comes first adds the column that it compares")
{
    plan_case_table(&pc, "id int4 pk, ver int8");
    MR_CHECK_OK(plan_case_open(&pc, NULL, ENVELOPE("")));
    MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, ver int8, _guard int8");
    MR_CHECK(mr_plan_guard(pc.plan)->on);
    MR_CHECK_STR(run("t", 50, NULL, -1), "t");
    struct mr_slice guard;
    MR_CHECK(mr_tuple_field(pc.decoded.tuple, 0, &guard));
    MR_CHECK_MEM(guard.data, "50", 2);
}

/* E-14, R-22: whether there is a table to truncate only the other partitions can tell */
MR_TEST("a truncate before there is a table is a skip, but with a guard itself")
{
    for (int guarded = 0; guarded < 2; guarded++) {
        struct mr_schema *value = NULL;
        struct mr_shape *shape = NULL;
        struct mr_schema_text text = {.json = ENVELOPE(""), .len = sizeof ENVELOPE("") - 1};
        struct mr_schema_opts opts = {.lenient_names = true};
        struct mr_shape_from from = {.topic = "t"};
        mr_plan_unref(pc.plan);
        pc.plan = NULL;
        pc.route.guard = guarded ? MR_GUARD_LSN : MR_GUARD_NONE;
        MR_CHECK_OK(mr_schema_parse(&text, 1, &opts, &value, &pc.err));
        from.value = value;
        MR_CHECK_OK(mr_shape_derive(&from, &pc.route, NULL, &shape, &pc.err));
        MR_CHECK_OK(mr_plan_compile(shape, NULL, pc.emit, &pc.route, &pc.plan, &pc.err));
        MR_CHECK(mr_plan_lacks_table(pc.plan));
        MR_CHECK_STR(run("t", 50, NULL, -1), guarded ? "t" : "skip.truncate");
        MR_CHECK_STR(run("d", 50, NULL, 1), "!target.missing");
        mr_shape_free(shape);
        mr_schema_unref(value);
    }
}

/* section 3.1 */
MR_TEST("without the column the guard needs evolve = add or widen")
{
    static const enum mr_evolve none[] = {MR_EVOLVE_FREEZE, MR_EVOLVE_DISCARD_COLUMN,
                                          MR_EVOLVE_DISCARD_RECORD};
    for (size_t i = 0; i < 3; i++) {
        plan_case_table(&pc, "id int4 pk, ver int8");
        pc.route.evolve = none[i];
        MR_CHECK_INT(plan_case_open(&pc, KEY, ENVELOPE("")), -MR_TARGET_GUARD_MISSING);
    }
    pc.route.evolve = MR_EVOLVE_WIDEN;
    MR_CHECK_OK(plan_case_open(&pc, KEY, ENVELOPE("")));
    plan_case_table(&pc, "id int4 pk, ver int8, _guard text");
    MR_CHECK_INT(plan_case_open(&pc, KEY, ENVELOPE("")), -MR_TYPE_INCOMPATIBLE);
    mr_buf_release(&buf);
}
