/* Owns the scripted registry of tests/unit/schemas/registry*_test.c. */
#include "tests/support/registry_script.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/support/mr_test.h"

enum { RANK_SCRIPT = 70 };

struct registry_script script;

static int fetch_open(const struct mr_registry_opts *opts, void **conn, struct mr_err *err)
{
    (void)opts;
    (void)err;
    *conn = &script;
    return 0;
}

static void fetch_close(void *conn)
{
    (void)conn;
}

static const struct script_step *step_take(const char *path, uint32_t timeout_ms)
{
    mr_lock_take(&script.lock);
    script.last_timeout_ms = timeout_ms;
    script.n_at_gate++;
    mr_cond_wake_all(&script.cond);
    while (script.gate_shut)
        mr_cond_wait(&script.cond, &script.lock, 10000);
    if (script.n_asked == script.n_steps)
        MR_FAIL("unexpected GET %s", path);
    const struct script_step *step = &script.steps[script.n_asked++];
    if (step->path != NULL && strcmp(step->path, path) != 0)
        MR_FAIL("GET %s, the script has %s", path, step->path);
    script.clock.now_us += step->takes_ms * 1000;
    mr_lock_drop(&script.lock);
    return step;
}

static int fetch_get(void *conn, const char *path, struct mr_registry_answer *answer,
                     struct mr_err *err)
{
    (void)conn;
    mr_buf_reset(&answer->body);
    if (script.any_reference && strncmp(path, "/subjects/", 10) == 0) {
        answer->status = 200;
        mr_buf_fmt(&answer->body,
                   "{\"schema\":\"{\\\"type\\\":\\\"fixed\\\",\\\"size\\\":1,\\\"name\\\":"
                   "\\\"F%d\\\"}\"}",
                   (int)strtol(path + 11, NULL, 10));
        return 0;
    }
    const struct script_step *step = step_take(path, answer->timeout_ms);
    if (step->rc < 0)
        return mr_err_set(err, (enum mr_code)(-step->rc), "scripted");
    answer->status = step->status;
    answer->retry_after_ms = step->retry_after_ms;
    snprintf(answer->artifact_type, sizeof answer->artifact_type, "%s",
             step->type != NULL ? step->type : "");
    mr_buf_str(&answer->body, step->body);
    return 0;
}

static const struct mr_registry_fetch_ops script_ops = {"script", fetch_open, fetch_get,
                                                        fetch_close};

void script_setup(void)
{
    memset(&script, 0, sizeof script);
    mr_clock_fake_init(&script.clock, 1000000);
    mr_lock_init(&script.lock, RANK_SCRIPT);
    mr_cond_init(&script.cond);
    mr_err_clear(&script.err);
    script.opts.schema.lenient_names = true;
}

void script_teardown(void)
{
    mr_schema_unref(script.schema);
    mr_registry_free(script.registry);
    mr_cond_release(&script.cond);
    mr_lock_release(&script.lock);
}

void script_start(void)
{
    struct mr_env env = {.clock = &script.clock.base};
    mr_rng_init(&env.rng, 7);
    MR_CHECK_OK(mr_registry_new(&script.opts, &script_ops, env, &script.registry, &script.err));
}

void script_answer(const char *path, long status, const char *body)
{
    script.steps[script.n_steps++] =
        (struct script_step){.path = path, .status = status, .body = body};
}

void script_away(const char *path)
{
    script.steps[script.n_steps++] = (struct script_step){.path = path, .rc = -MR_REGISTRY_AWAY};
}

int script_get_ref(const struct mr_schema_ref *ref, const char *subject)
{
    if (script.registry == NULL)
        script_start();
    mr_schema_unref(script.schema);
    script.schema = NULL;
    mr_err_clear(&script.err);
    return mr_registry_get(script.registry, ref, subject, SCRIPT_DEADLINE_MS, &script.schema,
                           &script.err);
}

int script_get_id(int64_t id)
{
    struct mr_schema_ref ref;
    memset(&ref, 0, sizeof ref);
    ref.kind = MR_REF_ID;
    ref.id = id;
    return script_get_ref(&ref, NULL);
}

int script_get_kind(enum mr_ref_kind kind, int64_t id)
{
    struct mr_schema_ref ref;
    memset(&ref, 0, sizeof ref);
    ref.kind = kind;
    ref.id = id;
    return script_get_ref(&ref, NULL);
}

int script_get_subject(int64_t id, const char *subject)
{
    struct mr_schema_ref ref;
    memset(&ref, 0, sizeof ref);
    ref.kind = MR_REF_ID;
    ref.id = id;
    return script_get_ref(&ref, subject);
}

void script_pass_ms(uint64_t ms)
{
    script.clock.now_us += ms * 1000;
}

void script_check_all_asked(void)
{
    MR_CHECK_U64(script.n_asked, script.n_steps);
}
