/* A registry that answers anything: loading a schema with its references over scripted HTTP
 * answers. Input: byte 0 the kind of registry (bit 0) and of reference (bits 1 and 2), then one
 * answer after another, each with a byte for its status, two for its length, and its body. What is
 * asked beyond the input is answered by the last one again. Beside memory safety: loading ends, the
 * answer is one that registry.h names, and a schema is given only on 0. */
#include "schemas/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_REQUESTS = 2000, MAX_ATTEMPTS = 8, ATTEMPT_MS = 10000 };

static struct {
    const uint8_t *at;
    size_t left;
    unsigned n_requests;
} script;

static void check(bool holds)
{
    if (!holds)
        abort();
}

static int fake_open(const struct mr_registry_opts *opts, void **conn, struct mr_err *err)
{
    (void)opts;
    (void)err;
    *conn = &script;
    return 0;
}

static void fake_close(void *conn)
{
    (void)conn;
}

static int fake_get(void *conn, const char *path, struct mr_registry_answer *answer,
                    struct mr_err *err)
{
    static const long statuses[] = {200, 200, 200, 200, 200, 404, 404, 422, 500, 401, 429, 405, 0};
    enum { N_STATUSES = sizeof statuses / sizeof *statuses };
    (void)conn;
    check(strlen(path) > 0 && ++script.n_requests < MAX_REQUESTS);
    mr_buf_reset(&answer->body);
    answer->retry_after_ms = 0;
    answer->artifact_type[0] = '\0';
    if (script.left < 3)
        return mr_err_set(err, MR_REGISTRY_AWAY, "the script is over");
    answer->status = statuses[script.at[0] % N_STATUSES];
    size_t len = (size_t)script.at[1] << 8 | script.at[2];
    len = len < script.left - 3 ? len : script.left - 3;
    mr_buf_add(&answer->body, script.at + 3, len);
    if ((script.at[0] & 0x80) != 0)
        snprintf(answer->artifact_type, sizeof answer->artifact_type, "%s", "AVRO");
    script.at += 3 + len;
    script.left -= 3 + len;
    return answer->status == 0 ? mr_err_set(err, MR_REGISTRY_AWAY, "no answer") : 0;
}

static const struct mr_registry_fetch_ops fake = {
    .name = "scripted", .open = fake_open, .get = fake_get, .close = fake_close};

static bool is_expected(int rc)
{
    static const enum mr_code codes[] = {MR_REGISTRY_AWAY,           MR_REGISTRY_AUTH,
                                         MR_REGISTRY_NOT_A_REGISTRY, MR_SCHEMA_UNKNOWN_ID,
                                         MR_SCHEMA_BAD_REFERENCE,    MR_SCHEMA_INVALID,
                                         MR_SCHEMA_TOO_LARGE,        MR_SCHEMA_UNSUPPORTED_TYPE};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (rc == -(int)codes[i])
            return true;
    }
    return false;
}

static void attempt(struct mr_registry *registry, const struct mr_schema_ref *ref)
{
    struct mr_schema *schema = NULL;
    struct mr_err err = MR_ERR_INIT;
    int rc = mr_registry_get(registry, ref, "t-value", ATTEMPT_MS, &schema, &err);
    check((rc == 0) == (schema != NULL));
    check(rc == 0 || is_expected(rc));
    mr_schema_unref(schema);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum mr_ref_kind kinds[] = {MR_REF_ID, MR_REF_GUID, MR_REF_GLOBAL_ID,
                                             MR_REF_CONTENT_ID};
    if (size < 1)
        return 0;
    struct mr_clock_fake clock;
    mr_clock_fake_init(&clock, 1000000);
    struct mr_registry_opts opts = {.kind = (data[0] & 1) != 0 ? MR_REGISTRY_APICURIO
                                                               : MR_REGISTRY_CONFLUENT,
                                    .urls = {"http://registry"},
                                    .n_urls = 1,
                                    .schema = {.lenient_names = true}};
    struct mr_schema_ref ref = {.kind = kinds[(data[0] >> 1) & 3], .id = 7};
    struct mr_env env = {.clock = &clock.base};
    mr_rng_init(&env.rng, 1);
    struct mr_registry *registry = NULL;
    struct mr_err err = MR_ERR_INIT;
    script.at = data + 1;
    script.left = size - 1;
    script.n_requests = 0;
    check(mr_registry_new(&opts, &fake, env, &registry, &err) == 0);
    for (int i = 0; i < MAX_ATTEMPTS && script.left >= 3; i++) {
        attempt(registry, &ref);
        clock.now_us += (uint64_t)ATTEMPT_MS * 1000;
    }
    mr_registry_free(registry);
    return 0;
}
