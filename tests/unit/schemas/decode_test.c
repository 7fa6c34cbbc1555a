/* Envelopes: what a record asks for (contract.md section 3; cases 58 to 76 of section 10). */
#include "schemas/plan.h"

#include "tests/support/mr_test.h"
#include "tests/support/plan_case.h"

#define VALUE                                                                                      \
    "{\"type\":\"record\",\"name\":\"Value\",\"fields\":["                                         \
    "{\"name\":\"id\",\"type\":\"int\"},"                                                          \
    "{\"name\":\"a\",\"type\":[\"null\",\"string\"],\"default\":null},"                            \
    "{\"name\":\"b\",\"type\":[\"null\",\"string\"],\"default\":null}]}"
#define SOURCE                                                                                     \
    "{\"type\":\"record\",\"name\":\"Source\",\"namespace\":"                                      \
    "\"io.debezium.connector.postgresql\",\"fields\":["                                            \
    "{\"name\":\"version\",\"type\":\"string\"},{\"name\":\"ts_ms\",\"type\":\"long\"}]}"
#define ENVELOPE                                                                                   \
    "{\"type\":\"record\",\"name\":\"Envelope\",\"namespace\":\"s.public.t\","                     \
    "\"connect.name\":\"s.public.t.Envelope\",\"fields\":["                                        \
    "{\"name\":\"before\",\"type\":[\"null\"," VALUE "],\"default\":null},"                        \
    "{\"name\":\"after\",\"type\":[\"null\",\"Value\"],\"default\":null},"                         \
    "{\"name\":\"source\",\"type\":" SOURCE "},"                                                   \
    "{\"name\":\"op\",\"type\":\"string\"},"                                                       \
    "{\"name\":\"ts_ms\",\"type\":[\"null\",\"long\"],\"default\":null}]}"
#define KEY                                                                                        \
    "{\"type\":\"record\",\"name\":\"Key\",\"fields\":[{\"name\":\"id\",\"type\":\"int\"}]}"

static struct plan_case pc;
static struct mr_buf key;
static struct mr_buf value;

MR_SETUP
{
    plan_case_init(&pc);
    mr_buf_reset(&key);
    mr_buf_reset(&value);
}

MR_TEARDOWN
{
    plan_case_release(&pc);
    mr_buf_release(&key);
    mr_buf_release(&value);
}

/* A row's image; id 0: null. */
static void put_row(int id, const char *a, const char *b)
{
    const char *texts[] = {a, b};
    wire_long(&value, id != 0 ? 1 : 0);
    if (id == 0)
        return;
    wire_long(&value, id);
    for (int i = 0; i < 2; i++) {
        wire_long(&value, texts[i] != NULL ? 1 : 0);
        if (texts[i] != NULL)
            wire_text(&value, texts[i]);
    }
}

static void put_end(const char *op)
{
    wire_text(&value, "3.0");
    wire_long(&value, 1700000000123);
    wire_text(&value, op);
    wire_long(&value, 1);
    wire_long(&value, 1700000000456);
}

static struct mr_slice key_of(int id)
{
    mr_buf_reset(&key);
    wire_long(&key, id);
    return wire_slice(&key);
}

/* before and after have one row each, or none. */
static const char *run(const char *op, int before, int after)
{
    mr_buf_reset(&value);
    put_row(before, "o", "o");
    put_row(after, "x", "y");
    put_end(op);
    return plan_case_run(&pc, key_of(before != 0 ? before : after != 0 ? after : 1),
                         wire_slice(&value));
}

/* E-01, E-02, E-03, V-11 */
MR_TEST("c, r and u with an after are upserts of it")
{
    MR_CHECK_OK(plan_case_open(&pc, KEY, ENVELOPE));
    MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, a text, b text");
    MR_CHECK_STR(run("c", 0, 1), "c{1,x,y}");
    MR_CHECK(pc.decoded.insert);
    MR_CHECK_INT(pc.decoded.source_ts_ms, 1700000000123);
    MR_CHECK_STR(run("r", 0, 2), "r{2,x,y}");
    MR_CHECK_STR(run("u", 3, 3), "u{3,x,y}");
    MR_CHECK(!pc.decoded.insert);
}
