/* The newest schema of a subject (contract.md F-44). */
#include <string.h>

#include "schemas/registry.h"
#include "tests/support/mr_test.h"

static struct {
    struct mr_clock_fake clock;
    struct mr_env env;
    struct mr_registry *registry;
    struct mr_schema_ref ref;
    struct mr_err err;
    char path[256];
    long status;
    const char *body;
} f;

static int fetch_open(const struct mr_registry_opts *opts, void **conn, struct mr_err *err)
{
    (void)opts;
    (void)err;
    *conn = &f;
    return 0;
}

static int fetch_get(void *conn, const char *path, struct mr_registry_answer *answer,
                     struct mr_err *err)
{
    (void)conn;
    (void)err;
    strncpy(f.path, path, sizeof f.path - 1);
    answer->status = f.status;
    mr_buf_reset(&answer->body);
    mr_buf_str(&answer->body, f.body);
    return 0;
}

static void fetch_close(void *conn)
{
    (void)conn;
}

static const struct mr_registry_fetch_ops fetch_ops = {"scripted", fetch_open, fetch_get,
                                                       fetch_close};

static void open_as(enum mr_registry_kind kind)
{
    struct mr_registry_opts opts = {.kind = kind, .urls = {"http://x"}, .n_urls = 1};
    mr_registry_free(f.registry);
    MR_CHECK_OK(mr_registry_new(&opts, &fetch_ops, f.env, &f.registry, &f.err));
}

MR_SETUP
{
    memset(&f, 0, sizeof f);
    mr_clock_fake_init(&f.clock, 1000000);
    f.env.clock = &f.clock.base;
    mr_rng_init(&f.env.rng, 3);
    mr_err_clear(&f.err);
    open_as(MR_REGISTRY_CONFLUENT);
}

MR_TEARDOWN
{
    mr_registry_free(f.registry);
}

static int ask(long status, const char *body)
{
    f.status = status;
    f.body = body;
    mr_err_clear(&f.err);
    return mr_registry_latest(f.registry, "a b/s-value", 1000, &f.ref, &f.err);
}

/* F-44 */
MR_TEST("a subject's newest version gives its id, the subject escaped")
{
    MR_CHECK_OK(ask(200, "{\"subject\":\"s\",\"version\":2,\"id\":7,\"schema\":\"\\\"int\\\"\"}"));
    MR_CHECK_INT(f.ref.kind, MR_REF_ID);
    MR_CHECK_INT(f.ref.id, 7);
    MR_CHECK_STR(f.path, "/subjects/a%20b%2Fs-value/versions/latest");
    open_as(MR_REGISTRY_APICURIO);
    MR_CHECK_OK(ask(200, "{\"globalId\":9}"));
    MR_CHECK_INT(f.ref.kind, MR_REF_GLOBAL_ID);
    MR_CHECK_INT(f.ref.id, 9);
    MR_CHECK_STR(f.path, "/groups/default/artifacts/a%20b%2Fs-value/meta");
}

/* H-04, H-02, H-09 */
MR_TEST("no such subject is no fault, a registry that does not answer as one is")
{
    MR_CHECK_INT(ask(404, "{\"error_code\":40401}"), -MR_EMPTY);
    MR_CHECK_INT(ask(401, "{\"error_code\":40101}"), -MR_REGISTRY_AUTH);
    MR_CHECK_INT(ask(200, "<html>"), -MR_REGISTRY_NOT_A_REGISTRY);
    MR_CHECK_INT(ask(200, "{}"), -MR_REGISTRY_NOT_A_REGISTRY);
}
