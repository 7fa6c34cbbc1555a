/* Records of one topic that go to the tables their sources name (contract.md E-30): the fake
 * source, a real SQLite target. */
#include "tests/support/flow.h"
#include "tests/support/mr_test.h"

static struct flow f;

static void begin(struct flow_opts opts)
{
    opts.n_lanes = 1;
    opts.by_source = true;
    flow_registry_away(false);
    flow_start(&f, &opts);
    fake_source_partition(f.fake, "t", 0, 0);
}

static void end(void)
{
    MR_CHECK_INT(flow_stop(&f), MR_END_STOPPED);
    flow_free(&f, false);
}

/* E-30, F-11 */
MR_TEST("a field of JSON is remembered for each table of the topic alone")
{
    begin((struct flow_opts){.json = true});
    flow_put_json(&f, "{\"id\":1}",
                  "{\"before\":null,\"after\":{\"id\":1,\"v\":5,\"w\":1.5},"
                  "\"source\":{\"table\":\"a\"},\"op\":\"c\"}");
    flow_put_json(&f, "{\"id\":2}",
                  "{\"before\":null,\"after\":{\"id\":2,\"v\":null,\"w\":7},"
                  "\"source\":{\"table\":\"b\"},\"op\":\"c\"}");
    flow_put_json(&f, "{\"id\":3}",
                  "{\"before\":null,\"after\":{\"id\":3,\"v\":\"x\",\"w\":8},"
                  "\"source\":{\"table\":\"b\"},\"op\":\"c\"}");
    fake_source_assign(f.fake, "t", 0);
    flow_await_position(&f, 0, 3);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM a WHERE v = 5 AND typeof(v) = 'integer'"),
                 1);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM b WHERE v = 'x' OR v IS NULL"), 2);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM b WHERE typeof(w) = 'integer'"), 2);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM millrace_dead_letters"), 0);
    end();
}
