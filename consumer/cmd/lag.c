/* `millrace lag`: committed, position, end and lag of each partition that the pipeline has a
 * position of. It joins no group and claims nothing; control tables that are absent are made. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "consumer/cmd/cmd.h"
#include "consumer/ends.h"
#include "consumer/report.h"

#include "base/ban.h"

enum { FACTS_TIMEOUT_MS = 10000, WATCH_SECONDS = 2 };

static int row_fill(struct mr_ends *ends, const struct mr_position *p, struct mr_lag_row *row,
                    struct mr_err *err)
{
    struct mr_log_facts facts;
    int rc = ends->source->ops->facts(ends->source, p->stream, p->partition, MR_START_COMMITTED, 0,
                                      "", FACTS_TIMEOUT_MS, &facts, err);

    memset(row, 0, sizeof *row);
    memcpy(row->stream, p->stream, sizeof row->stream);
    row->partition = p->partition;
    row->position = p->next_offset;
    row->committed = rc == 0 ? facts.committed : -1;
    row->end = rc == 0 ? facts.high : -1;
    row->lag = row->end >= 0 ? row->end - p->next_offset : -1;
    if (row->lag > 0 && p->timestamp_ms >= 0)
        row->lag_seconds = (double)(mr_wall_ms(&ends->env) - p->timestamp_ms) / 1e3;
    /* a topic that was deleted keeps its row, without an end: the others are still asked */
    return rc == -MR_SOURCE_TOPIC_MISSING ? 0 : rc;
}

static void print_table(const struct mr_lag_row *rows, size_t n, struct mr_buf *out)
{
    int64_t total = 0;

    mr_buf_fmt(out, "%-40s %9s %12s %12s %12s %10s %10s\n", "TOPIC", "PARTITION", "COMMITTED",
               "POSITION", "END", "LAG", "SECONDS");
    for (size_t i = 0; i < n; i++) {
        mr_buf_fmt(out, "%-40s %9d %12lld %12lld %12lld %10lld %10.1f\n", rows[i].stream,
                   rows[i].partition, (long long)rows[i].committed, (long long)rows[i].position,
                   (long long)rows[i].end, (long long)rows[i].lag, rows[i].lag_seconds);
        if (rows[i].lag > 0)
            total += rows[i].lag;
    }
    mr_buf_fmt(out, "%zu partitions, %lld records behind\n", n, (long long)total);
}

static int lag_once(struct mr_ends *ends, bool json, struct mr_err *err)
{
    struct mr_position *stored = NULL;
    size_t n = 0;
    struct mr_buf out = MR_BUF_INIT;
    struct mr_lag_row *rows = NULL;
    char target_id[MR_TARGET_ID_BYTES];
    int rc = ends->sink->ops->setup(ends->sink, target_id, err);

    if (rc == 0)
        rc = ends->sink->ops->positions_read(ends->sink, &stored, &n, err);
    if (rc == 0)
        rows = calloc(n + 1, sizeof *rows);
    if (rc == 0 && rows == NULL)
        rc = mr_err_set(err, MR_NO_MEMORY, "no memory for the partitions");
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = row_fill(ends, &stored[i], &rows[i], err);
    if (rc == 0 && json)
        rc = mr_report_lag(rows, n, &out);
    else if (rc == 0)
        print_table(rows, n, &out);
    if (rc == 0 && mr_cmd_write(&out) != EX_OK)
        rc = mr_err_set(err, MR_IO, "cannot write to standard output");
    free(rows);
    free(stored);
    mr_buf_release(&out);
    return rc;
}

/* False when a signal asks to end. */
static bool watch_wait(const sigset_t *set)
{
    struct timespec tick = {.tv_sec = WATCH_SECONDS, .tv_nsec = 0};

    return sigtimedwait(set, NULL, &tick) < 0;
}

int mr_cmd_lag(const struct mr_cmd_args *args)
{
    struct mr_config *config = NULL;
    struct mr_ends ends;
    struct mr_err err = MR_ERR_INIT;
    bool watch = mr_cmd_value(args, "watch") != NULL;
    sigset_t set;
    int code = mr_cmd_load(args, &config);

    if (code != EX_OK)
        return code;
    mr_log_setup(MR_ERROR, config->log_format, STDERR_FILENO);
    int rc = mr_ends_open(&ends, config, &err);
    if (rc == 0)
        rc = mr_ends_open_source(&ends, &err);
    if (rc == 0)
        rc = lag_once(&ends, args->json, &err);
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    if (watch)
        pthread_sigmask(SIG_BLOCK, &set, NULL);
    while (rc == 0 && watch && watch_wait(&set)) {
        if (!args->json && isatty(STDOUT_FILENO) != 0)
            (void)fputs("\033[H\033[2J", stdout);
        rc = lag_once(&ends, args->json, &err);
    }
    code = rc < 0 ? mr_cmd_fail(&err) : EX_OK;
    mr_ends_close(&ends);
    mr_config_free(config);
    return code;
}
