/* A command line run in this process, with what it wrote. Thread: the test's. */
#ifndef MR_TESTS_SUPPORT_CMD_CALL_H
#define MR_TESTS_SUPPORT_CMD_CALL_H

#include <stddef.h>

enum { CMD_CALL_BYTES = 64 * 1024 };

struct cmd_call {
    int code;
    char out[CMD_CALL_BYTES]; /* cut at its end */
    char err[4096];
};

/* Runs mr_cmd_main with `words` (ended by NULL; "millrace" is put before them). */
void cmd_call_run(struct cmd_call *call, const char *const *words);

#endif
