/* `millrace resume ROUTE`: tells the running instance to go on with a halted route. */
#include "consumer/resume.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "consumer/admin_call.h"
#include "consumer/cmd/cmd.h"
#include "consumer/report_resume.h"

#include "base/ban.h"

static bool accept_read(const char *text, uint64_t *out)
{
    char *end = NULL;

    *out = 0;
    if (text == NULL)
        return true;
    *out = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && *out <= MR_RESUME_MAX_ACCEPT;
}

static int refused(long status, const struct mr_buf *answer)
{
    struct mr_err err = MR_ERR_INIT;
    struct mr_buf why = MR_BUF_INIT;

    if (status == 401) {
        mr_err_set(&err, MR_CONFIG_INVALID,
                   "http.bearer_token is another one than the running instance's");
    } else {
        mr_report_resume_tell(answer, &why);
        mr_err_set(&err, MR_CONFIG_USAGE, "%ld: %.400s", status, mr_buf_cstr(&why));
    }
    mr_buf_release(&why);
    return mr_cmd_fail(&err);
}

static int told(const struct mr_cmd_args *args, long status, const struct mr_buf *answer)
{
    struct mr_buf text = MR_BUF_INIT;

    if (status != 200)
        return refused(status, answer);
    if (!args->json)
        mr_report_resume_tell(answer, &text);
    int code = mr_cmd_write(args->json ? answer : &text);
    mr_buf_release(&text);
    return code;
}

int mr_cmd_resume(const struct mr_cmd_args *args)
{
    struct mr_config *config = NULL;
    struct mr_buf body = MR_BUF_INIT;
    struct mr_buf answer = MR_BUF_INIT;
    struct mr_err err = MR_ERR_INIT;
    uint64_t accept;
    long status = 0;

    if (args->argc != 1 || !accept_read(mr_cmd_value(args, "accept"), &accept)) {
        mr_err_set(&err, MR_CONFIG_USAGE,
                   "write millrace resume ROUTE, with --accept 1 to 1000000000 or without");
        return mr_cmd_fail(&err);
    }
    int code = mr_cmd_load(args, &config);
    if (code != EX_OK)
        return code;
    const struct mr_admin_call call = {.listen = config->http.listen,
                                       .bearer_token = config->http.bearer_token,
                                       .path = "/resume",
                                       .body = &body};
    int rc = mr_report_resume_ask(args->argv[0], accept, &body);
    if (rc < 0)
        mr_err_set(&err, MR_NO_MEMORY, "no memory for a question");
    else
        rc = mr_admin_call(&call, &status, &answer, &err);
    code = rc < 0 ? mr_cmd_fail(&err) : told(args, status, &answer);
    mr_buf_release(&answer);
    mr_buf_release(&body);
    mr_config_free(config);
    return code;
}
