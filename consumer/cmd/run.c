/* `millrace run`: the service, until a signal, its own end, or a fault that it cannot go on with.
 */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/fault.h"
#include "config/options.h"
#include "consumer/admin.h"
#include "consumer/clock_watch.h"
#include "consumer/cmd/cmd.h"
#include "consumer/cmd/signals.h"
#include "consumer/progress.h"
#include "consumer/supervisor.h"

#include "base/ban.h"

enum { MAX_CHANGES = 64 };

static void report_changes(const struct mr_config *running, const struct mr_config *fresh)
{
    struct mr_config_change *changes = calloc(MAX_CHANGES, sizeof *changes);
    size_t n = changes != NULL ? mr_config_changes(running, fresh, changes, MAX_CHANGES) : 0;

    for (size_t i = 0; i < n && i < MAX_CHANGES; i++) {
        bool done = strcmp(changes[i].path, "log.level") == 0;
        mr_log(done ? MR_INFO : MR_WARN, done ? "option_reloaded" : "option_needs_restart",
               mr_kv_str("option", changes[i].path));
    }
    free(changes);
}

/* Reload: the file is parsed and refused whole if anything is wrong. What can change in place does,
 * what cannot is named and waits for a restart (design.md section 4). */
static void reload(const struct mr_cmd_args *args, const struct mr_config *running)
{
    struct mr_config *fresh = NULL;

    mr_supervisor_notify("RELOADING=1");
    if (mr_cmd_load(args, &fresh) != EX_OK) {
        mr_log_event(MR_ERROR, "reload_refused");
    } else {
        mr_log_set_level(fresh->log_level);
        report_changes(running, fresh);
        mr_config_free(fresh);
    }
    mr_supervisor_notify("READY=1");
}

struct run {
    const struct mr_cmd_args *args;
    const struct mr_config *config;
    sigset_t set;
    struct mr_service service;
    bool stopping;
    bool anew; /* the service is not the first one */
};

static int serve(struct run *run)
{
    struct mr_service *service = &run->service;
    struct mr_progress progress;
    struct mr_clock_watch clock = {.looked = false};
    int n_stops = 0;

    mr_progress_init(&progress, service);
    mr_supervisor_notify("READY=1");
    while (mr_service_end(service) == MR_END_RUNNING) {
        int signo = mr_signals_wait(&run->set);
        if (signo == SIGHUP)
            reload(run->args, run->config);
        else if (signo != 0 && ++n_stops == 1) {
            run->stopping = true;
            mr_supervisor_notify("STOPPING=1");
            mr_service_stop(service);
        } else if (signo != 0) {
            mr_progress_end(&progress);
            mr_log_event(MR_WARN, "stopped_at_once");
            _exit(EX_TEMPFAIL); /* the second one: nothing is lost, it will be read again */
        }
        mr_progress_tick(&progress);
        mr_supervisor_tick(service);
        mr_clock_watch_tick(&clock, service);
        mr_log_flush(false);
    }
    mr_progress_end(&progress);
    return mr_service_exit_code(service);
}

static void report_end(struct mr_service *service)
{
    struct mr_status status;
    static const char *const ends[] = {
        [MR_END_RUNNING] = "running",     [MR_END_STOPPED] = "stopped",
        [MR_END_CAUGHT_UP] = "caught_up", [MR_END_HALTED] = "halted",
        [MR_END_TIMED_OUT] = "timed_out", [MR_END_FAILED] = "failed",
    };
    double seconds = (double)(mr_mono_ms(&service->opts.env) - service->started_ms) / 1000.0;

    mr_status_read(service, &status);
    if (mr_service_end(service) == MR_END_FAILED)
        mr_cmd_fail(&service->poller.failure);
    mr_log(MR_INFO, "ended", mr_kv_str("how", ends[mr_service_end(service)]),
           mr_kv_u64("records", status.n_records), mr_kv_u64("flushes", status.n_flushes),
           mr_kv_u64("dead_letters", status.n_letters), mr_kv_f64("seconds", seconds),
           mr_kv_f64("records_per_s", seconds > 0 ? (double)status.n_records / seconds : 0));
}

/* K-09: a client that cannot go on is made anew once, with all that hangs on it; the positions say
 * from where. */
static bool goes_on_anew(struct run *run)
{
    const struct mr_err *why = &run->service.poller.failure;

    if (run->anew || run->stopping || mr_service_end(&run->service) != MR_END_FAILED ||
        why->code != MR_SOURCE_FATAL)
        return false;
    mr_log(MR_WARN, "client_made_anew", mr_kv_err(why));
    run->anew = true;
    return true;
}

/* A service from its start to its end. */
static int run_service(struct run *run, bool until_caught_up, bool *again)
{
    struct mr_service *service = &run->service;
    struct mr_admin *admin = NULL;
    struct mr_err err = MR_ERR_INIT;
    const struct mr_http_conf *http = &run->config->http;
    struct mr_service_opts opts = {.config = run->config, .until_caught_up = until_caught_up};
    int code;

    mr_env_init_system(&opts.env);
    int rc = mr_service_open(service, &opts, &err);
    if (rc == 0 && *http->listen != '\0')
        rc = mr_admin_start(service, http->listen, http->bearer_token, &admin, &err);
    if (rc == 0)
        code = serve(run);
    else
        code = mr_cmd_fail(&err);
    *again = rc == 0 && goes_on_anew(run);
    if (!*again)
        mr_signals_release(&run->set); /* closing may wait for brokers and servers */
    mr_admin_stop(admin);
    if (rc == 0 && !*again)
        report_end(service);
    mr_log_flush(true);
    if (rc == 0 && mr_service_end(service) == MR_END_TIMED_OUT)
        _exit(code); /* threads may hang in calls to what does not answer */
    if (rc < 0 && service->poller_started)
        mr_service_stop(service);
    mr_service_close(service);
    return code;
}

int mr_cmd_run(const struct mr_cmd_args *args)
{
    struct mr_config *config = NULL;
    struct run run = {.args = args};
    bool again = true;
    int code = mr_cmd_load(args, &config);

    if (code != EX_OK)
        return code;
    mr_log_setup(config->log_level, config->log_format, STDERR_FILENO);
#if defined(MR_FAULTS) && MR_FAULTS
    mr_fault_arm_from_env();
#endif
    mr_signals_block(&run.set);
    run.config = config;
    while (again)
        code = run_service(&run, mr_cmd_value(args, "until-caught-up") != NULL, &again);
    mr_config_free(config);
    return code;
}
