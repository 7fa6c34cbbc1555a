/* The servers of a URL, and whose turn it is to be the first. */
#include "sinks/pg_hosts.h"

#include <string.h>

#include "tests/support/mr_test.h"

static struct mr_pg_hosts hosts;

MR_TEARDOWN
{
    mr_pg_hosts_release(&hosts);
}

static void read_url(const char *url, size_t n, const char *host, const char *port)
{
    mr_pg_hosts_release(&hosts);
    mr_pg_hosts_read(&hosts, url);
    MR_CHECK_U64(hosts.n, n);
    MR_CHECK_STR(mr_buf_cstr(&hosts.host), host);
    MR_CHECK_STR(mr_buf_cstr(&hosts.port), port);
}

MR_TEST("a URL names one server, several, or none")
{
    read_url("postgresql://u@a:1,b:2,c:3/db", 3, "a,b,c", "1,2,3");
    read_url("postgresql://u@a,b:2/db", 2, "a,b", ",2");
    read_url("host=a,b port=5433 dbname=db", 2, "a,b", "5433");
    read_url("postgresql://u@a:1/db", 1, "a", "1");
    read_url("postgresql:///db", 1, "", "");
    read_url("host='", 1, "", "");
    read_url("hostaddr=10.0.0.1,10.0.0.2 dbname=db", 2, "", "");
    MR_CHECK_STR(mr_buf_cstr(&hosts.hostaddr), "10.0.0.1,10.0.0.2");
}

MR_TEST("the URL's connect_timeout is for one server")
{
    read_url("host=a connect_timeout=3", 1, "a", "");
    MR_CHECK_U64(hosts.timeout_ms, 3000);
    read_url("host=a connect_timeout=0", 1, "a", "");
    MR_CHECK_U64(hosts.timeout_ms, 0);
    read_url("host=a connect_timeout=99999999999999999999", 1, "a", "");
    MR_CHECK_U64(hosts.timeout_ms, 3600000);
    read_url("host=a connect_timeout=-5", 1, "a", "");
    MR_CHECK_U64(hosts.timeout_ms, 0);
    read_url("host=a", 1, "a", "");
    MR_CHECK_U64(hosts.timeout_ms, 0);
}

MR_TEST("each server has its turn to be the first, and keeps its neighbours")
{
    static const struct {
        const char *list;
        size_t turn;
        const char *out;
    } cases[] = {
        {"a,b,c", 0, "a,b,c"}, {"a,b,c", 1, "b,c,a"}, {"a,b,c", 2, "c,a,b"}, {"a,b,c", 3, "a,b,c"},
        {",2", 1, "2,"},       {"5433", 1, "5433"},   {"", 1, ""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mr_buf list = MR_BUF_INIT;
        struct mr_buf out = MR_BUF_INIT;
        mr_buf_str(&list, cases[i].list);
        mr_pg_hosts_turn(&list, cases[i].turn, &out);
        MR_CHECK_STR(mr_buf_cstr(&out), cases[i].out);
        mr_buf_release(&list);
        mr_buf_release(&out);
    }
}
