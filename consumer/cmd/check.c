/* `millrace check`: whether run would find all that it needs, each finding with its remedy; --sql
 * prints the statements that are missing. It joins no group, claims nothing, alters nothing. */
#include "consumer/check.h"

#include <sysexits.h>
#include <unistd.h>

#include "consumer/cmd/cmd.h"
#include "consumer/report_check.h"

#include "base/ban.h"

int mr_cmd_check(const struct mr_cmd_args *args)
{
    struct mr_config *config = NULL;
    struct mr_check check;
    struct mr_err err = MR_ERR_INIT;
    struct mr_buf out = MR_BUF_INIT;
    int rc = 0;
    int code = mr_cmd_load(args, &config);

    if (code != EX_OK)
        return code;
    mr_log_setup(MR_WARN, config->log_format, STDERR_FILENO);
    mr_check_open(&check, config);
    mr_check_run(&check);
    if (mr_cmd_value(args, "sql") != NULL)
        mr_findings_script(&check.findings, &out);
    else if (args->json)
        rc = mr_report_findings(&check.findings, &out);
    else
        mr_findings_print(&check.findings, &out);
    if (rc < 0) {
        (void)mr_err_set(&err, MR_NO_MEMORY, "no memory for the findings");
        code = mr_cmd_fail(&err);
    } else {
        code = mr_cmd_write(&out);
    }
    if (code == EX_OK)
        code = mr_findings_exit_code(&check.findings);
    mr_check_close(&check);
    mr_buf_release(&out);
    mr_config_free(config);
    return code;
}
