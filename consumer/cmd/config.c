/* `millrace config`: the effective configuration with the origin of each value, or the pages that
 * are printed from the tables of keys and of metrics. Must not connect anywhere. */
#include <sysexits.h>

#include "base/memory.h"
#include "config/options.h"
#include "consumer/cmd/cmd.h"
#include "consumer/meters.h"

#include "base/ban.h"

int mr_cmd_config(const struct mr_cmd_args *args)
{
    struct mr_buf out = MR_BUF_INIT;
    struct mr_config *config = NULL;
    uint32_t mark = mr_memory_mark();
    int code = EX_OK;
    if (mr_cmd_value(args, "reference") != NULL) {
        mr_options_reference(&out);
    } else if (mr_cmd_value(args, "metrics") != NULL) {
        mr_meters_page(&out);
    } else {
        code = mr_cmd_load(args, &config);
        if (code == EX_OK)
            (void)mr_config_print(config, args->json, &out); /* it may lack memory, nothing else */
    }
    struct mr_err err = MR_ERR_INIT;
    if (code == EX_OK && mr_memory_judge(mark, 0, &err, "printing") < 0)
        code = mr_cmd_fail(&err);
    if (code == EX_OK)
        code = mr_cmd_write(&out);
    mr_config_free(config);
    mr_buf_release(&out);
    return code;
}
