/* The demo's registry as its clients see it: the real HTTP client, and the real cache on top. */
#include "consumer/demo_registry.h"

#include <stdio.h>

#include "consumer/demo_tables.h"
#include "schemas/json.h"
#include "schemas/registry.h"
#include "tests/support/mr_test.h"

#include "base/ban.h"

static struct {
    struct mr_demo_registry *registry;
    struct mr_registry_opts opts;
    void *conn;
    struct mr_registry_answer answer;
    struct mr_err err;
} f;

MR_SETUP
{
    memset(&f, 0, sizeof f);
    MR_CHECK_OK(mr_demo_registry_open(&f.registry, &f.err));
    f.opts.urls[0] = mr_demo_registry_url(f.registry);
    f.opts.n_urls = 1;
    MR_CHECK_OK(mr_registry_http.open(&f.opts, &f.conn, &f.err));
    f.answer.timeout_ms = 10000;
}

MR_TEARDOWN
{
    if (f.conn != NULL)
        mr_registry_http.close(f.conn);
    mr_buf_release(&f.answer.body);
    mr_demo_registry_close(f.registry);
}

static const char *get(const char *path)
{
    MR_CHECK_OK(mr_registry_http.get(f.conn, path, &f.answer, &f.err));
    return mr_buf_cstr(&f.answer.body);
}

/* F-40 */
MR_TEST("every schema is found by its id, and is what the tables say")
{
    static const struct mr_json_limits limits = {1 << 20, 32, 10000};
    struct mr_buf text = MR_BUF_INIT;
    for (size_t i = 0; mr_demo_schema_at(i) != NULL; i++) {
        char path[64];
        struct mr_json *body;
        (void)snprintf(path, sizeof path, "/schemas/ids/%u?subject=any", mr_demo_schema_at(i)->id);
        const char *answer = get(path);
        MR_CHECK_INT(f.answer.status, 200);
        MR_CHECK_OK(mr_json_parse(answer, strlen(answer), &limits, &body, &f.err));
        mr_buf_reset(&text);
        mr_demo_schema_text(mr_demo_schema_at(i), &text);
        MR_CHECK_STR(mr_json_text(mr_json_find(body, "schema")), mr_buf_cstr(&text));
        mr_json_free(body);
    }
    mr_buf_release(&text);
}

/* H-03, H-04 */
MR_TEST("what is not there is refused with Confluent's error codes")
{
    static const struct {
        const char *path;
        const char *code;
    } cases[] = {{"/schemas/ids/99", "40403"},
                 {"/schemas/ids/1x", "40403"},
                 {"/schemas/ids/", "40403"},
                 {"/subjects/none/versions", "40401"},
                 {"/subjects/none/versions/1", "40401"},
                 {"/subjects/shop.public.orders-value/versions/3", "40402"},
                 {"/nothing", "\"error_code\":404,"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *body = get(cases[i].path);
        MR_CHECK_INT(f.answer.status, 404);
        MR_CHECK(strstr(body, cases[i].code) != NULL);
    }
}

MR_TEST("subjects and versions are listed, and latest is the grown schema of orders")
{
    MR_CHECK(strstr(get("/subjects"), "\"shop.public.order_items-key\"") != NULL);
    MR_CHECK_STR(get("/subjects/shop.public.orders-value/versions"), "[1,2]");
    MR_CHECK_STR(get("/subjects/shop.public.orders-key/versions"), "[1]");
    const char *latest = get("/subjects/shop.public.orders-value/versions/latest");
    MR_CHECK(strstr(latest, "\"version\":2,\"id\":7,") != NULL);
    MR_CHECK(strstr(latest, "channel") != NULL);
    MR_CHECK(strstr(get("/subjects/shop.public.orders-value/versions/1"), "channel") == NULL);
}

/* F-40, F-42 */
MR_TEST("the registry client takes the schemas as they are")
{
    struct mr_registry *client;
    struct mr_env env;
    mr_env_init_system(&env);
    MR_CHECK_OK(mr_registry_new(&f.opts, &mr_registry_http, env, &client, &f.err));
    for (size_t i = 0; mr_demo_schema_at(i) != NULL; i++) {
        struct mr_schema_ref ref = {.kind = MR_REF_ID, .id = mr_demo_schema_at(i)->id};
        struct mr_schema *schema = NULL;
        MR_CHECK_OK(mr_registry_get(client, &ref, NULL, 10000, &schema, &f.err));
        MR_CHECK(schema != NULL);
        mr_schema_unref(schema);
    }
    mr_registry_free(client);
}
