/* `millrace demo`: the whole way of a record with nothing installed, and the proof that the tables
 * are right. This file talks: options, progress, verdict; consumer/demo.c does the work. */
#include "consumer/demo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "consumer/cmd/cmd.h"
#include "consumer/cmd/signals.h"
#include "consumer/progress.h"
#include "schemas/json_text.h"

#include "base/ban.h"

enum { PLAIN_LINE_MS = 5000 };

struct talk {
    const struct mr_cmd_args *args;
    struct mr_demo demo;
    struct mr_progress progress;
    bool keep;
    uint64_t plain_ms; /* of the last plain line */
    double seconds;
    struct mr_status status;
    struct mr_demo_verdict verdict;
    struct mr_demo_letter letter;
    uint64_t n_letters;
};

/* ---- options ---- */

static int usage(const char *what)
{
    fprintf(stderr, "millrace: %s. See millrace demo --help\n", what);
    return EX_USAGE;
}

/* Digits, with commas or underscores between for people. */
static bool number_of(const char *text, uint64_t *out)
{
    uint64_t number = 0;
    size_t n_digits = 0;

    for (; *text != '\0'; text++) {
        if (*text == ',' || *text == '_')
            continue;
        if (*text < '0' || *text > '9' || ++n_digits > 18)
            return false;
        number = number * 10 + (uint64_t)(*text - '0');
    }
    *out = number;
    return n_digits > 0;
}

static int options_read(const struct mr_cmd_args *args, struct mr_demo_opts *out)
{
    const char *rows = mr_cmd_value(args, "rows");
    const char *seed = mr_cmd_value(args, "seed");

    *out = (struct mr_demo_opts){
        .n_records = MR_DEMO_ROWS, .seed = MR_DEMO_SEED, .target = mr_cmd_value(args, "target")};
    if (args->config_path != NULL)
        return usage("demo makes its own configuration; use -o for single keys of it");
    if (rows != NULL &&
        (!number_of(rows, &out->n_records) || out->n_records < MR_DEMO_MIN_RECORDS ||
         out->n_records > MR_DEMO_MAX_RECORDS))
        return usage("--rows wants a number from 1000 to 1000000000");
    if (seed != NULL && !number_of(seed, &out->seed))
        return usage("--seed wants a whole number");
    mr_env_init_system(&out->env);
    return EX_OK;
}

/* ---- words ---- */

static void add_grouped(struct mr_buf *out, uint64_t number)
{
    char digits[32];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);

    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            mr_buf_byte(out, ',');
        mr_buf_byte(out, (uint8_t)digits[i]);
    }
}

static int say(struct talk *talk, struct mr_buf *text)
{
    int code = talk->args->json ? EX_OK : mr_cmd_write(text);
    mr_buf_release(text);
    return code;
}

static int say_beginning(struct talk *talk)
{
    struct mr_buf text = MR_BUF_INIT;

    mr_buf_str(&text, "millrace demo: a Kafka broker, a schema registry and a shop's database "
                      "changes, all inside this process, are loaded by the real service, and every "
                      "row is then compared.\n");
    mr_buf_str(&text, "  target  ");
    mr_config_redact_url(talk->demo.config->target.url, &text);
    if (talk->demo.schema[0] != '\0')
        mr_buf_fmt(&text, " schema %s", talk->demo.schema);
    mr_buf_str(&text, "\n  stream  ");
    add_grouped(&text, talk->demo.opts.n_records);
    mr_buf_fmt(&text,
               " records of 3 tables: snapshot, creates, updates, deletes, a column that comes "
               "midway, one broken record (seed %llu)\n",
               (unsigned long long)talk->demo.opts.seed);
    if (talk->demo.admin != NULL)
        mr_buf_fmt(&text, "  watch   http://%s/\n", mr_admin_address(talk->demo.admin));
    return say(talk, &text);
}

static void say_progress(struct talk *talk)
{
    uint64_t now_ms = mr_mono_ms(&talk->demo.opts.env);
    struct mr_status status;
    struct mr_buf text = MR_BUF_INIT;

    if (talk->progress.terminal) {
        mr_progress_tick(&talk->progress);
        return;
    }
    if (now_ms - talk->plain_ms < PLAIN_LINE_MS)
        return;
    talk->plain_ms = now_ms;
    mr_status_read(&talk->demo.service, &status);
    add_grouped(&text, status.n_records);
    mr_buf_str(&text, " of ");
    add_grouped(&text, mr_demo_feed_sent(talk->demo.feed));
    mr_buf_str(&text, " records loaded\n");
    (void)say(talk, &text);
}

static bool letters_expected(const struct talk *talk)
{
    return talk->n_letters == mr_demo_feed_broken(talk->demo.feed);
}

static void add_figures(const struct talk *talk, struct mr_buf *text)
{
    uint64_t n = mr_demo_feed_sent(talk->demo.feed);

    mr_buf_str(text, "records ");
    add_grouped(text, n);
    mr_buf_fmt(text, " in %.1f s: ", talk->seconds);
    add_grouped(text, talk->seconds > 0 ? (uint64_t)((double)n / talk->seconds) : 0);
    mr_buf_fmt(text, " rows/s; freshness p50 %.2f s p99 %.2f s; dead letters ",
               talk->status.freshness_p50_s, talk->status.freshness_p99_s);
    add_grouped(text, talk->n_letters);
    if (talk->n_letters > 0)
        mr_buf_fmt(text, " (%s at %s)", talk->letter.code, talk->letter.place);
    mr_buf_byte(text, '\n');
}

static void add_verdict(const struct talk *talk, struct mr_buf *text)
{
    mr_buf_str(text, "verified ");
    add_grouped(text, talk->verdict.n_rows);
    mr_buf_fmt(text, " rows in %d tables: ", (int)MR_DEMO_N_TABLES);
    if (!talk->verdict.equal) {
        mr_buf_str(text, "DIFFERENT\n  ");
        mr_demo_verdict_print(&talk->verdict, text);
        mr_buf_byte(text, '\n');
        return;
    }
    mr_buf_str(text, "equal\n");
    if (!letters_expected(talk))
        mr_buf_fmt(text, "but %llu dead letters were expected\n",
                   (unsigned long long)mr_demo_feed_broken(talk->demo.feed));
}

static void add_json(const struct talk *talk, struct mr_buf *out)
{
    const struct mr_demo_verdict *verdict = &talk->verdict;

    mr_buf_fmt(out,
               "{\"records\":%llu,\"seconds\":%.3f,\"freshness_p50_s\":%.4f,"
               "\"freshness_p99_s\":%.4f,\"dead_letters\":%llu,\"verified_rows\":%llu,"
               "\"tables\":%d,\"equal\":%s",
               (unsigned long long)mr_demo_feed_sent(talk->demo.feed), talk->seconds,
               talk->status.freshness_p50_s, talk->status.freshness_p99_s,
               (unsigned long long)talk->n_letters, (unsigned long long)verdict->n_rows,
               (int)MR_DEMO_N_TABLES, verdict->equal ? "true" : "false");
    if (talk->n_letters > 0) {
        mr_buf_str(out, ",\"first_dead_letter\":{\"code\":");
        mr_json_text_string(out, mr_slice_str(talk->letter.code));
        mr_buf_str(out, ",\"at\":");
        mr_json_text_string(out, mr_slice_str(talk->letter.place));
        mr_buf_byte(out, '}');
    }
    if (!verdict->equal) {
        struct mr_buf text = MR_BUF_INIT;
        mr_demo_verdict_print(verdict, &text);
        mr_buf_str(out, ",\"difference\":");
        mr_json_text_string(out, mr_slice_str(mr_buf_cstr(&text)));
        mr_buf_release(&text);
    }
    mr_buf_str(out, "}\n");
}

static void add_next(const struct talk *talk, struct mr_buf *text)
{
    const struct mr_demo *demo = &talk->demo;

    if (talk->keep) {
        mr_buf_fmt(text, "it goes on at %d records/s; Ctrl-C ends it. Meanwhile:\n",
                   (int)MR_DEMO_KEEP_RATE);
        if (demo->admin != NULL)
            mr_buf_fmt(text, "  curl http://%s/metrics\n", mr_admin_address(demo->admin));
        mr_buf_fmt(text, "  millrace lag -c %s\n", demo->config_path);
        if (demo->opts.target == NULL)
            mr_buf_fmt(text, "  sqlite3 %s/demo.db 'SELECT * FROM orders LIMIT 5'\n", demo->folder);
        return;
    }
    mr_buf_str(text, "next:\n");
    if (demo->schema[0] != '\0')
        mr_buf_fmt(text, "  the tables stay in schema %s; DROP SCHEMA %s CASCADE removes them\n",
                   demo->schema, demo->schema);
    else if (demo->opts.target == NULL)
        mr_buf_str(text, "  millrace demo --keep                      keeps it running, to look "
                         "around\n  millrace demo --target postgresql://...   loads your "
                         "PostgreSQL, in a schema of its own\n");
    mr_buf_str(text, "  millrace run -c millrace.conf             loads your own topics; "
                     "config/examples/ has files to begin with\n");
}

/* ---- the way through ---- */

/* -1: go on to the verdict; else the exit code. */
static int load(struct talk *talk, const sigset_t *set)
{
    struct mr_err err = MR_ERR_INIT;
    int rc;

    mr_progress_init(&talk->progress, &talk->demo.service);
    talk->plain_ms = mr_mono_ms(&talk->demo.opts.env);
    bool stopped = false;
    while ((rc = mr_demo_poll(&talk->demo, &err)) == 0 && !(stopped = mr_signals_wait(set) != 0))
        say_progress(talk);
    mr_progress_end(&talk->progress);
    talk->seconds = (double)(mr_mono_ms(&talk->demo.opts.env) - talk->demo.started_ms) / 1000.0;
    if (rc < 0)
        return mr_cmd_fail(&err);
    if (!stopped)
        return -1;
    fprintf(stderr, "millrace: interrupted; nothing was compared\n");
    return EX_TEMPFAIL;
}

static int judge(struct talk *talk)
{
    struct mr_err err = MR_ERR_INIT;
    struct mr_buf text = MR_BUF_INIT;

    mr_status_read(&talk->demo.service, &talk->status);
    if (mr_demo_judge(&talk->demo, &talk->verdict, &talk->letter, &talk->n_letters, &err) < 0)
        return mr_cmd_fail(&err);
    bool good = talk->verdict.equal && letters_expected(talk);
    if (talk->args->json) {
        add_json(talk, &text);
    } else {
        add_figures(talk, &text);
        add_verdict(talk, &text);
        if (good)
            add_next(talk, &text);
    }
    int code = mr_cmd_write(&text);
    mr_buf_release(&text);
    if (code != EX_OK)
        return code;
    return good ? EX_OK : EX_DATAERR;
}

static int stay(struct talk *talk, const sigset_t *set)
{
    struct mr_err err = MR_ERR_INIT;
    int rc;

    mr_demo_feed_continue(talk->demo.feed, MR_DEMO_KEEP_RATE);
    mr_progress_init(&talk->progress, &talk->demo.service);
    while ((rc = mr_demo_poll(&talk->demo, &err)) >= 0 && mr_signals_wait(set) == 0) {
        if (talk->progress.terminal)
            mr_progress_tick(&talk->progress);
    }
    mr_progress_end(&talk->progress);
    return rc < 0 ? mr_cmd_fail(&err) : EX_OK;
}

static int run(struct talk *talk, struct mr_config *config, const sigset_t *set)
{
    struct mr_err err = MR_ERR_INIT;

    mr_log_setup(config->log_level, config->log_format, STDERR_FILENO);
    if (mr_demo_start(&talk->demo, config, &err) < 0)
        return mr_cmd_fail(&err);
    int code = say_beginning(talk);
    if (code == EX_OK)
        code = load(talk, set);
    if (code == -1)
        code = judge(talk);
    if (code == EX_OK && talk->keep)
        code = stay(talk, set);
    return code;
}

int mr_cmd_demo(const struct mr_cmd_args *args)
{
    struct talk *talk = calloc(1, sizeof *talk);
    struct mr_cmd_args own = *args;
    struct mr_config *config = NULL;
    struct mr_demo_opts opts;
    struct mr_err err = MR_ERR_INIT;
    sigset_t set;
    int code = options_read(args, &opts);

    if (code != EX_OK || talk == NULL) {
        free(talk);
        return code != EX_OK ? code : EX_OSERR;
    }
    talk->args = args;
    talk->keep = mr_cmd_value(args, "keep") != NULL;
    mr_signals_block(&set);
    if (mr_demo_open(&talk->demo, &opts, &err) < 0) {
        code = mr_cmd_fail(&err);
    } else {
        own.config_path = talk->demo.config_path;
        code = mr_cmd_load(&own, &config);
    }
    if (code == EX_OK && config != NULL)
        code = run(talk, config, &set);
    mr_demo_close(&talk->demo);
    mr_config_free(config);
    free(talk);
    return code;
}
