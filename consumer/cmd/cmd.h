/* The command line: one const table of commands, the options that all of them take, and what they
 * share. A command is a file of this folder with `int mr_cmd_<name>(const struct mr_cmd_args
 * *args)`, which returns an exit code of sysexits, and a row in cmd.c. Threads: main, before any
 * other. */
#ifndef MR_CONSUMER_CMD_CMD_H
#define MR_CONSUMER_CMD_CMD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "config/config.h"

enum { MR_CMD_OVERRIDES = 64, MR_CMD_OPTIONS = 16 };

/* An option of one command, long form only: --name or --name VALUE. */
struct mr_cmd_option {
    const char *name;
    const char *value; /* what the help calls it; NULL: a flag */
    const char *help;
};

struct mr_cmd;

struct mr_cmd_args {
    const struct mr_cmd *cmd;
    const char *config_path;                 /* -c; NULL: none */
    const char *overrides[MR_CMD_OVERRIDES]; /* -o, in their order */
    uint32_t n_overrides;
    bool json;                          /* --json */
    const char *values[MR_CMD_OPTIONS]; /* of cmd->options: NULL absent, "" a flag that is set */
    int argc;                           /* what is left behind the options */
    char *const *argv;
};

struct mr_cmd {
    const char *name;
    const char *operands; /* what the usage line shows behind the options; "": none are taken */
    const char *summary;
    int (*run)(const struct mr_cmd_args *args);
    const struct mr_cmd_option *options;
    size_t n_options;
    void (*more_help)(struct mr_buf *out); /* NULL: nothing more */
};

/* Parses, runs the command, returns the exit code of the process. */
int mr_cmd_main(int argc, char **argv);

/* The value of --name, "" for a flag that is set, NULL when absent. */
const char *mr_cmd_value(const struct mr_cmd_args *args, const char *name);

/* Loads the configuration that the options name, with the process's environment and the Kafka
 * client's check. 0, or the exit code after the error has been printed to standard error. */
int mr_cmd_load(const struct mr_cmd_args *args, struct mr_config **out);

/* Prints "millrace: <error>" to standard error and returns its exit code. */
int mr_cmd_fail(const struct mr_err *err);

/* Writes to standard output; 0, or EX_IOERR after saying so. */
int mr_cmd_write(const struct mr_buf *text);

/* The commands. */
int mr_cmd_run(const struct mr_cmd_args *args);
int mr_cmd_lag(const struct mr_cmd_args *args);
int mr_cmd_resume(const struct mr_cmd_args *args);
int mr_cmd_positions(const struct mr_cmd_args *args);
int mr_cmd_check(const struct mr_cmd_args *args);
int mr_cmd_plan(const struct mr_cmd_args *args);
int mr_cmd_config(const struct mr_cmd_args *args);
int mr_cmd_demo(const struct mr_cmd_args *args);
int mr_cmd_dlq(const struct mr_cmd_args *args);
void mr_cmd_dlq_help(struct mr_buf *out);

#endif
