#include "config/validate.h"

#include <string.h>

#include "tests/support/conf_files.h"
#include "tests/support/mr_test.h"

static struct conf_files f;

MR_SETUP
{
    conf_files_init(&f);
}
MR_TEARDOWN
{
    conf_files_release(&f);
}

static void refused(const char *text, const char *place, const char *why)
{
    MR_CHECK_INT(conf_files_load_text(&f, text), -MR_CONFIG_INVALID);
    if (strstr(f.err.detail, why) == NULL || strstr(f.err.detail, place) == NULL)
        MR_FAIL("%s: \"%s\" does not say \"%s\" at %s", text, f.err.detail, why, place);
}

#define PG "pipeline = \"p\"; target: { url = \"postgresql://h/d\";"
#define END " }; tables = ( { topic = \"t\"; } );\n"

MR_TEST("defaults that depend on other settings follow them")
{
    MR_CHECK_OK(conf_files_load_text(&f, PG END));
    MR_CHECK_STR(f.config->group_id, "p");
    MR_CHECK_STR(f.config->dlq.topic, "p.dlq");
    MR_CHECK_STR(f.config->registry.name, "default");
    MR_CHECK_U64(f.config->target.pool.max, 10);
    MR_CHECK_OK(
        conf_files_load_text(&f, PG END "lanes = 7; group_id = \"g\"; dlq: { topic = \"d\"; };"));
    MR_CHECK_U64(f.config->target.pool.max, 11);
    MR_CHECK_STR(f.config->group_id, "g");
    MR_CHECK_STR(f.config->dlq.topic, "d");
}

MR_TEST("a pool has room for the writers and two more")
{
    MR_CHECK_OK(conf_files_load_text(&f, PG "pool: { max = 6; };" END));
    refused(PG "pool: { max = 5; };" END, "test.conf:1: `target.pool.max`", "write at least 6");
    refused(PG "pool: { min = 7; max = 6; };" END, "`target.pool.min`",
            "more than target.pool.max");
    MR_CHECK_OK(conf_files_load_text(
        &f, "pipeline = \"p\"; target: { url = \"sqlite:f\"; pool: { max = 3; };" END));
}

MR_TEST("each lane has its least share of memory")
{
    refused(PG END "memory_limit = \"15MiB\";", "test.conf:2: `memory_limit`",
            "at least \"16MiB\"");
    MR_CHECK_OK(conf_files_load_text(&f, PG END "memory_limit = \"16MiB\";"));
}

MR_TEST("a target's address has a known scheme, and is not shown when it has not")
{
    static const char *const urls[] = {"mysql://u:pw@h", "host=h password=pw", "sqlite", "pw"};
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        f.environment[0] = "DATABASE_URL";
        f.environment[1] = urls[i];
        refused("pipeline = \"p\"; tables = ( { topic = \"t\"; } );", "$DATABASE_URL: `target.url`",
                "begins with none of postgresql://");
        MR_CHECK(strstr(f.line, "pw") == NULL);
    }
    f.environment[1] = "sqlite:";
    refused("pipeline = \"p\"; tables = ( { topic = \"t\"; } );", "target.url", "names no file");
}

MR_TEST("a listener beyond loopback needs a token")
{
    refused(PG END "http: { listen = \"0.0.0.0:9464\"; };",
            "test.conf:2: ", "set http.bearer_token");
    refused(PG END "http: { listen = \"[::]:9464\"; };", "test.conf:2: ", "set http.bearer_token");
    MR_CHECK_OK(conf_files_load_text(&f, PG END
                                     "http: { listen = \"0.0.0.0:1\"; bearer_token = \"t\"; };"));
    static const char *const fine[] = {"http: { listen = \"\"; };",
                                       "http: { listen = \"[::1]:0\"; };",
                                       "http: { listen = \"localhost:80\"; };"};
    for (size_t i = 0; i < 3; i++) {
        f.overrides[0] = "lanes=1";
        MR_CHECK_OK(conf_files_load_more(&f, fine[i]));
    }
    refused(PG END "http: { listen = \"9464\"; };", "`http.listen`", "is not address:port");
    refused(PG END "http: { listen = \"127.0.0.1:70000\"; };", "`http.listen`",
            "is not address:port");
    refused(PG END "http: { listen = \"127.0.0.1:x\"; };", "`http.listen`", "is not address:port");
}

MR_TEST("a registry has an address, one kind of credentials and a whole key pair")
{
    refused(PG END "registry: { url = [ ]; };", "registry.url", "names no address");
    refused(PG END "registry: { url = \"h:8081\"; };", "registry.url", "begins with http://");
    refused(PG END "registry: { basic_auth = \"user\"; };", "registry.basic_auth", "user:password");
    refused(PG END "registry: { basic_auth = \"u:p\"; bearer_token = \"t\"; };",
            "registry.basic_auth", "keep one of them");
    refused(PG END "registry: { tls: { cert = \"c\"; }; };", "registry.tls", "set both or none");
}

MR_TEST("registries have names of their own")
{
    refused(PG END "registries = ( { name = \"default\"; url = \"http://h\"; } );",
            "registries[0].name", "is taken");
    refused(PG END "registries = ( { name = \"a\"; url = \"http://h\"; }, { name = \"a\"; url = "
                   "\"http://h\"; } );",
            "registries[1].name", "is taken");
    refused(PG END "registries = ( { name = \"a\"; url = \"ftp://h\"; } );", "registries[0].url",
            "begins with http://");
}

MR_TEST("letters are kept for ever, or for a day at least")
{
    MR_CHECK_OK(conf_files_load_text(&f, PG END));
    MR_CHECK_U64(f.config->dlq.retention_ms, 0);
    MR_CHECK_U64(f.config->dlq.retention_new_ms, 0);
    MR_CHECK_OK(
        conf_files_load_text(&f, PG END "dlq: { retention = \"1d\"; retention_new = \"365d\"; };"));
    MR_CHECK_U64(f.config->dlq.retention_ms, 86400000);
    MR_CHECK_U64(f.config->dlq.retention_new_ms, 365ull * 86400000);
    refused(PG END "dlq: { retention = \"86399s\"; };", "`dlq.retention`", "at least \"1d\"");
    refused(PG END "dlq: { retention_new = \"1ms\"; };", "`dlq.retention_new`", "less than a day");
}

MR_TEST("names that Kafka would refuse are refused")
{
    refused("pipeline = \"a b\"; target: { url = \"stdout:\";" END, "`pipeline`", "only letters");
    refused(PG END "dlq: { topic = \"a/b\"; };", "dlq.topic", "only letters");
    refused(PG END "dlq: { to = \"topic\"; topic = \"t\"; };", "dlq.topic",
            "a route loads this topic");
}
