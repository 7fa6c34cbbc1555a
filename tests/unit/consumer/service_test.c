/* The service's life without a server: opening, an end that was asked for, what a failed start
 * leaves behind, exit codes. Under ASan a part that is not freed fails here. */
#include "consumer/service.h"

#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "base/log.h"
#include "tests/support/conf_files.h"
#include "tests/support/mr_test.h"
#include "tests/support/service_rig.h"

enum { WAIT_MS = 20000 };

#define AWAY "pipeline = \"p\"; kafka: { bootstrap_servers = \"127.0.0.1:1\"; };\n"
#define TABLE "tables = ( { topic = \"t\"; } );\n"

static struct conf_files conf;
static struct mr_service service;
static struct mr_err err;

MR_SETUP
{
    conf_files_init(&conf);
    mr_log_setup(MR_ERROR, MR_LOG_LOGFMT, 2);
    mr_err_clear(&err);
}

MR_TEARDOWN
{
    conf_files_release(&conf);
}

static int open_with(const char *text)
{
    struct mr_service_opts opts = {0};

    if (conf_files_load_text(&conf, text) < 0)
        MR_FAIL("%s", conf.line);
    opts.config = conf.config;
    mr_env_init_system(&opts.env);
    return mr_service_open(&service, &opts, &err);
}

static void await_end(void)
{
    struct timespec tick = {.tv_nsec = 2000000};
    uint64_t end_ms = mr_mono_ms(&service.opts.env) + WAIT_MS;

    while (mr_service_end(&service) == MR_END_RUNNING && mr_mono_ms(&service.opts.env) < end_ms)
        nanosleep(&tick, NULL); /* the step of an awaited condition, which has a deadline */
}

MR_TEST("a service whose brokers are away runs, and ends when it is asked to")
{
    MR_CHECK_OK(open_with(AWAY "target: { url = \"stdout:\"; }; lanes = 2;\n" TABLE));
    MR_CHECK_INT(mr_service_end(&service), MR_END_RUNNING);
    MR_CHECK_U64(service.n_lanes_started, 2);
    MR_CHECK_STR(service.sink->ops->name, "stdout");
    mr_service_stop(&service);
    mr_service_stop(&service); /* asking twice is the same */
    await_end();
    MR_CHECK_INT(mr_service_end(&service), MR_END_STOPPED);
    MR_CHECK_INT(mr_service_exit_code(&service), EX_OK);
    mr_service_close(&service);
}

MR_TEST("the memory for batches is shared by two of them a lane")
{
    MR_CHECK_OK(open_with(AWAY "target: { url = \"stdout:\"; }; lanes = 2;\n"
                               "memory_limit = \"800MiB\";\n" TABLE));
    MR_CHECK_U64(atomic_load(&service.batch_bytes), 100 << 20);
    mr_service_stop(&service);
    mr_service_close(&service);
}

MR_TEST("a target that cannot be opened fails the start, and the close frees what was made")
{
    MR_CHECK_OK(conf_files_load_text(&conf, AWAY "target: { url = \"stdout:\"; };\n" TABLE));
    struct mr_service_opts opts = {.config = conf.config};
    mr_env_init_system(&opts.env);
    conf.config->target.url = "mysql://x";
    MR_CHECK_INT(mr_service_open(&service, &opts, &err), -MR_CONFIG_INVALID);
    mr_service_close(&service);
}

MR_TEST("a client that refuses its properties fails the start, and the close frees what was made")
{
    MR_CHECK(open_with("pipeline = \"p\"; kafka: { bootstrap_servers = \"127.0.0.1:1\"; "
                       "no_such_property = \"x\"; };\n"
                       "target: { url = \"stdout:\"; };\n" TABLE) < 0);
    MR_CHECK(strstr(err.detail, "no") != NULL);
    mr_service_close(&service);
}

/* design.md section 8 */
MR_TEST("an end's exit code says whether a restart helps")
{
    static struct service_rig rig;
    static const struct {
        enum mr_poller_end end;
        enum mr_code failure;
        int code;
    } cases[] = {
        {MR_END_RUNNING, MR_OK, EX_OK},         {MR_END_STOPPED, MR_OK, EX_OK},
        {MR_END_CAUGHT_UP, MR_OK, EX_OK},       {MR_END_HALTED, MR_OK, EX_TEMPFAIL},
        {MR_END_TIMED_OUT, MR_OK, EX_TEMPFAIL}, {MR_END_FAILED, MR_TARGET_CONTROL_NEWER, EX_CONFIG},
        {MR_END_FAILED, MR_BUG, EX_SOFTWARE}};

    service_rig_init(&rig);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        atomic_store(&rig.service.poller.end, (int)cases[i].end);
        mr_err_set(&rig.service.poller.failure, cases[i].failure, "%s", "");
        MR_CHECK_INT(mr_service_end(&rig.service), cases[i].end);
        MR_CHECK_INT(mr_service_exit_code(&rig.service), cases[i].code);
    }
    service_rig_release(&rig);
}
