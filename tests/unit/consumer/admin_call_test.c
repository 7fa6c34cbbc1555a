/* Questions to a listener in the same process, and to none. */
#include "consumer/admin_call.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "consumer/admin.h"
#include "tests/support/mr_test.h"
#include "tests/support/service_rig.h"

static struct service_rig rig;
static struct mr_admin *admin;
static struct mr_buf answer, question;
static struct mr_err err;
static long status;

MR_SETUP
{
    service_rig_init(&rig);
    mr_log_setup(MR_ERROR, MR_LOG_LOGFMT, STDERR_FILENO);
    admin = NULL;
    answer = (struct mr_buf)MR_BUF_INIT;
    question = (struct mr_buf)MR_BUF_INIT;
    mr_err_clear(&err);
    status = 0;
}

MR_TEARDOWN
{
    mr_admin_stop(admin);
    mr_buf_release(&answer);
    mr_buf_release(&question);
    service_rig_release(&rig);
}

static int call(const char *listen_at, const char *token, const char *path, bool posts)
{
    const struct mr_admin_call one = {
        .listen = listen_at, .bearer_token = token, .path = path, .body = posts ? &question : NULL};

    return mr_admin_call(&one, &status, &answer, &err);
}

MR_TEST("the running instance answers questions and orders, with its token")
{
    MR_CHECK_OK(mr_admin_start(&rig.service, "127.0.0.1:0", "s3cret", &admin, &err));
    MR_CHECK_OK(call(mr_admin_address(admin), "s3cret", "/status", false));
    MR_CHECK_INT(status, 200);
    MR_CHECK(strstr(mr_buf_cstr(&answer), "\"pipeline\": \"rig\"") != NULL);
    mr_buf_str(&question, "{\"route\": \"t\"}");
    MR_CHECK_OK(call(mr_admin_address(admin), "s3cret", "/resume", true));
    MR_CHECK_INT(status, 200);
    MR_CHECK_OK(call(mr_admin_address(admin), "other", "/resume", true));
    MR_CHECK_INT(status, 401);
}

MR_TEST("one that listens on all addresses is asked at its own")
{
    char at[64];

    MR_CHECK_OK(mr_admin_start(&rig.service, "0.0.0.0:0", "s3cret", &admin, &err));
    (void)snprintf(at, sizeof at, "%s", mr_admin_address(admin));
    MR_CHECK_OK(call(at, "s3cret", "/healthz", false));
    MR_CHECK_INT(status, 200);
}

MR_TEST("where nothing listens, or no port is known, the error says so")
{
    MR_CHECK_INT(call("127.0.0.1:1", "", "/status", false), -MR_INSTANCE_AWAY);
    MR_CHECK_INT(mr_err_exit_code(&err), 69);
    MR_CHECK_INT(call("127.0.0.1:0", "", "/status", false), -MR_CONFIG_INVALID);
    MR_CHECK_INT(call("", "", "/status", false), -MR_CONFIG_INVALID);
}
