/* Owns the command line: the table of commands, the options common to all, help and version. Must
 * not know what a command does. */
#include "consumer/cmd/cmd.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "config/options.h"
#include "config/suggest.h"
#include "consumer/kafka_props.h"
#include "schemas/json.h"
#include "version.h"

#include "base/ban.h"

enum {
    ERROR_LINE_BYTES = 2048,
    LETTER_HELP = 'h',
    LETTER_VERSION = 'V',
    LETTER_JSON = 'j',
    OWN = 256
};

static const struct mr_cmd_option config_options[] = {
    {"reference", NULL, "print the reference of all keys (docs/configuration.md) instead"},
    {"metrics", NULL, "print the list of metrics (docs/metrics.md) instead"},
};
static const struct mr_cmd_option run_options[] = {
    {"until-caught-up", NULL,
     "end when every partition is at the end it had at the start (exit 75 if one is halted)"},
};
static const struct mr_cmd_option lag_options[] = {
    {"watch", NULL, "again every two seconds"},
};

static const struct mr_cmd_option resume_options[] = {
    {"accept", "N", "for the next N records the limit of bad ones is higher by as many"},
};

static const struct mr_cmd_option positions_options[] = {
    {"to", "WHERE", "earliest, latest, an offset, or a time (2026-01-31T12:00:00Z)"},
    {"all", NULL, "each position that is stored, instead of naming topics"},
    {"yes", NULL, "do it; without, set and reset only print what they would do"},
};

static const struct mr_cmd_option check_options[] = {
    {"sql", NULL, "print the statements that are missing instead, as a script"},
};

static const struct mr_cmd_option demo_options[] = {
    {"rows", "N", "change records to load (1000 or more; default 300000)"},
    {"target", "URL", "a new sqlite: file or a postgresql:// database instead of a temporary file"},
    {"seed", "S", "another sequence of changes"},
    {"keep", NULL, "stay up after the verdict, with changes going on, until Ctrl-C"},
};

static const struct mr_cmd_option dlq_options[] = {
    {"topic", "NAME", "letters of this topic's records"},
    {"reason", "CODE", "letters with this error code (db.23514, avro.trailing, ...)"},
    {"state", "STATE", "new (default), replayed, discarded or all"},
    {"since", "TIME", "put aside at or after 2026-01-31T12:00:00Z, or so long ago (2h)"},
    {"until", "TIME", "put aside before then"},
    {"limit", "N", "at most so many"},
    {"all", NULL, "all of them"},
    {"force", NULL, "replay into tables whose newer rows nothing protects"},
    {"yes", NULL, "also where it closes or removes many"},
    {"older", "AGE", "changed longer ago than that (30d)"},
    {"format", "FORM", "json (lines; the default) or avro (an object container file)"},
    {"output", "FILE", "into that file, instead of standard output"},
};

/* A new command is a row here and a file in this folder. */
static const struct mr_cmd commands[] = {
    {"run", "", "the service: loads until it is told to stop", mr_cmd_run, run_options,
     sizeof(run_options) / sizeof(run_options[0]), NULL},
    {"demo", "", "the main job with nothing installed: loads made-up changes, compares every row",
     mr_cmd_demo, demo_options, sizeof(demo_options) / sizeof(demo_options[0]), NULL},
    {"lag", "", "committed, position, end and lag of each partition", mr_cmd_lag, lag_options,
     sizeof(lag_options) / sizeof(lag_options[0]), NULL},
    {"resume", "ROUTE", "tells the running instance to go on with a halted route at once",
     mr_cmd_resume, resume_options, sizeof(resume_options) / sizeof(resume_options[0]), NULL},
    {"positions", "list|set|reset [TOPIC[/PARTITION]...]",
     "the stored positions, or puts them elsewhere (reset: also after topic or cluster changed)",
     mr_cmd_positions, positions_options, sizeof(positions_options) / sizeof(positions_options[0]),
     NULL},
    {"check", "", "whether run would find all that it needs, each finding with its remedy",
     mr_cmd_check, check_options, sizeof(check_options) / sizeof(check_options[0]), NULL},
    {"plan", "", "what run would create or alter, column by column; alters nothing", mr_cmd_plan,
     NULL, 0, NULL},
    {"dlq", "ACTION [ID ...]", "dead letters: list, show, replay, discard, export, purge",
     mr_cmd_dlq, dlq_options, sizeof(dlq_options) / sizeof(dlq_options[0]), mr_cmd_dlq_help},
    {"config", "", "the effective configuration with the origin of each value", mr_cmd_config,
     config_options, sizeof(config_options) / sizeof(config_options[0]), mr_options_help},
};
enum { N_COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static const char common_help[] =
    "  -c, --config FILE      the configuration\n"
    "  -o, --option KEY=VALUE one key over the file; may be repeated\n"
    "      --json             machine-readable output\n"
    "  -h, --help             this text\n"
    "      --version          the version\n";

static const struct mr_cmd *find_command(const char *name)
{
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static int usage(const char *what, const char *why)
{
    fprintf(stderr, "millrace: %s%s. See millrace --help\n", what, why);
    return EX_USAGE;
}

static int unknown_command(const char *name)
{
    struct mr_suggest near;
    mr_suggest_init(&near, name);
    for (size_t i = 0; i < N_COMMANDS; i++)
        mr_suggest_offer(&near, commands[i].name);
    if (near.best == NULL)
        return usage(name, " is not a command");
    fprintf(stderr, "millrace: %s is not a command; did you mean millrace %s?\n", name, near.best);
    return EX_USAGE;
}

static int help_program(void)
{
    struct mr_buf out = MR_BUF_INIT;
    mr_buf_str(&out, "millrace keeps database tables equal to Kafka topics.\n\n"
                     "Usage: millrace COMMAND [OPTIONS]\n\nCommands:\n");
    for (size_t i = 0; i < N_COMMANDS; i++)
        mr_buf_fmt(&out, "  %-10s %s\n", commands[i].name, commands[i].summary);
    mr_buf_fmt(&out, "\nOptions of every command:\n%s", common_help);
    mr_buf_str(
        &out,
        "\nThe keys of the configuration: millrace config --help, or docs/configuration.md\n");
    int code = mr_cmd_write(&out);
    mr_buf_release(&out);
    return code;
}

static int help_command(const struct mr_cmd *cmd)
{
    struct mr_buf out = MR_BUF_INIT;
    mr_buf_fmt(&out, "millrace %s: %s\n\nUsage: millrace %s [OPTIONS]%s%s\n\nOptions:\n%s",
               cmd->name, cmd->summary, cmd->name, cmd->operands[0] == '\0' ? "" : " ",
               cmd->operands, common_help);
    for (size_t i = 0; i < cmd->n_options; i++) {
        const struct mr_cmd_option *option = &cmd->options[i];
        char form[64];
        snprintf(form, sizeof(form), "--%s%s%s", option->name, option->value == NULL ? "" : " ",
                 option->value == NULL ? "" : option->value);
        mr_buf_fmt(&out, "      %-18s %s\n", form, option->help);
    }
    if (cmd->more_help != NULL) {
        mr_buf_str(&out, "\n");
        cmd->more_help(&out);
    }
    int code = mr_cmd_write(&out);
    mr_buf_release(&out);
    return code;
}

/* The common options and the command's own, as getopt_long wants them. */
static void long_options(const struct mr_cmd *cmd, struct option *out)
{
    static const struct option common[] = {
        {"config", required_argument, NULL, 'c'},       {"option", required_argument, NULL, 'o'},
        {"json", no_argument, NULL, LETTER_JSON},       {"help", no_argument, NULL, LETTER_HELP},
        {"version", no_argument, NULL, LETTER_VERSION},
    };
    size_t n_common = sizeof(common) / sizeof(common[0]);
    memcpy(out, common, sizeof(common));
    for (size_t i = 0; i < cmd->n_options && i < MR_CMD_OPTIONS; i++)
        out[n_common + i] = (struct option){
            cmd->options[i].name, cmd->options[i].value == NULL ? no_argument : required_argument,
            NULL, OWN + (int)i};
}

static int version(void)
{
    struct mr_buf out = MR_BUF_INIT;
    mr_buf_str(&out, "millrace " MR_VERSION " (" MR_GIT_DESCRIBE ")\n");
    int code = mr_cmd_write(&out);
    mr_buf_release(&out);
    return code;
}

/* True when the process ends here, with *code. */
static bool take_option(struct mr_cmd_args *args, int letter, const char *word, int *code)
{
    *code = EX_OK;
    if (letter == LETTER_HELP) {
        *code = help_command(args->cmd);
    } else if (letter == LETTER_VERSION) {
        *code = version();
    } else if (letter == 'c') {
        args->config_path = optarg;
        return false;
    } else if (letter == LETTER_JSON) {
        args->json = true;
        return false;
    } else if (letter >= OWN) {
        args->values[letter - OWN] = optarg == NULL ? "" : optarg;
        return false;
    } else if (letter == 'o' && args->n_overrides < MR_CMD_OVERRIDES) {
        args->overrides[args->n_overrides++] = optarg;
        return false;
    } else if (letter == 'o') {
        *code = usage("-o", " is repeated too often; write the keys into the file");
    } else if (letter == ':') {
        *code = usage(word, " needs a value");
    } else {
        *code = usage(word, " is not an option of this command");
    }
    return true;
}

/* `argv` begins with the command's name. True when the process ends here, with *code. */
static bool parse(struct mr_cmd_args *args, int argc, char **argv, int *code)
{
    struct option options[5 + MR_CMD_OPTIONS + 1] = {{NULL, 0, NULL, 0}};
    long_options(args->cmd, options);
    opterr = 0;
    optind = 0; /* glibc: begin anew, also when called before */
    for (;;) {
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread has started yet */
        int letter = getopt_long(argc, argv, ":c:o:h", options, NULL);
        if (letter == -1)
            break;
        /* What was just read stands before optind, also when words were moved behind it. */
        if (take_option(args, letter, argv[optind - 1], code))
            return true;
    }
    args->argc = argc - optind;
    args->argv = argv + optind;
    if (args->argc == 0 || args->cmd->operands[0] != '\0')
        return false;
    *code = usage(args->argv[0], " is one word too many");
    return true;
}

int mr_cmd_main(int argc, char **argv)
{
    int code = EX_OK;
    const char *name = argc < 2 ? "" : argv[1];
    if (strcmp(name, "--version") == 0)
        return version();
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0)
        return help_program();
    if (name[0] == '\0')
        return usage("no command", "");
    if (name[0] == '-')
        return usage(name, " stands before a command; write millrace COMMAND OPTIONS");
    struct mr_cmd_args args = {.cmd = find_command(name)};
    if (args.cmd == NULL)
        return unknown_command(name);
    mr_json_count_memory();
    if (parse(&args, argc - 1, argv + 1, &code))
        return code;
    return args.cmd->run(&args);
}

const char *mr_cmd_value(const struct mr_cmd_args *args, const char *name)
{
    for (size_t i = 0; i < args->cmd->n_options; i++) {
        if (strcmp(args->cmd->options[i].name, name) == 0)
            return args->values[i];
    }
    return NULL;
}

static const char *process_variable(const char *name, void *arg)
{
    (void)arg;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes the environment */
    return getenv(name);
}

int mr_cmd_load(const struct mr_cmd_args *args, struct mr_config **out)
{
    struct mr_err err = MR_ERR_INIT;
    struct mr_config_args load = {.path = args->config_path,
                                  .overrides = args->overrides,
                                  .n_overrides = args->n_overrides,
                                  .getenv = process_variable,
                                  .kafka_check = mr_kafka_props_check};
    return mr_config_load(&load, out, &err) < 0 ? mr_cmd_fail(&err) : EX_OK;
}

int mr_cmd_fail(const struct mr_err *err)
{
    char line[ERROR_LINE_BYTES];
    fprintf(stderr, "millrace: %s\n", mr_err_line(err, line, sizeof(line)));
    return mr_err_exit_code(err);
}

int mr_cmd_write(const struct mr_buf *text)
{
    struct mr_err err = MR_ERR_INIT;
    char why[64] = "unknown error";
    if (!mr_buf_ok(text)) {
        mr_err_set(&err, MR_NO_MEMORY, "for what is to be printed");
        return mr_cmd_fail(&err);
    }
    bool ok = (text->len == 0 || fwrite(text->data, 1, text->len, stdout) == text->len) &&
              fflush(stdout) == 0;
    if (ok)
        return EX_OK;
    (void)strerror_r(errno, why, sizeof(why));
    mr_err_set(&err, MR_IO, "standard output: %s", why);
    return mr_cmd_fail(&err);
}
