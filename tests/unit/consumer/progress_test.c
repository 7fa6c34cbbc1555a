/* The progress line and its log event, by a clock that the test moves. */
#include "consumer/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/support/mr_test.h"
#include "tests/support/service_rig.h"

static struct service_rig rig;
static struct mr_progress progress;
static struct mr_buf text;
static struct mr_buf lines;
static FILE *screen; /* stands for standard error */
static int kept = -1;

static void keep_line(const char *line, size_t len, void *arg)
{
    (void)arg;
    mr_buf_add(&lines, line, len);
}

MR_SETUP
{
    service_rig_init(&rig);
    text = (struct mr_buf)MR_BUF_INIT;
    lines = (struct mr_buf)MR_BUF_INIT;
    screen = tmpfile();
    kept = dup(STDERR_FILENO);
    MR_CHECK(screen != NULL && kept >= 0);
    MR_CHECK(dup2(fileno(screen), STDERR_FILENO) >= 0);
    mr_progress_init(&progress, &rig.service);
    mr_log_setup(MR_INFO, MR_LOG_LOGFMT, STDERR_FILENO);
    mr_log_set_hook(keep_line, NULL);
}

MR_TEARDOWN
{
    dup2(kept, STDERR_FILENO);
    close(kept);
    fclose(screen);
    mr_log_set_hook(NULL, NULL);
    service_rig_release(&rig);
    mr_buf_release(&text);
    mr_buf_release(&lines);
}

static const char *line_of(const struct mr_status *status, double rate)
{
    mr_buf_reset(&text);
    mr_progress_text(status, rate, &text);
    return mr_buf_cstr(&text);
}

/* What was written to the screen since the last call. */
static const char *shown(void)
{
    static char seen[4096];

    rewind(screen);
    size_t len = fread(seen, 1, sizeof seen - 1, screen);
    seen[len] = '\0';
    rewind(screen);
    MR_CHECK_INT(ftruncate(fileno(screen), 0), 0);
    return seen;
}

MR_TEST("the line says rate, lag, freshness and partitions, thousands apart")
{
    struct mr_status status = {.n_assigned = 8,
                               .n_flowing = 7,
                               .lag_records = 1234567,
                               .lag_seconds = 0.44,
                               .freshness_p50_s = 0.2137,
                               .last_err = MR_ERR_INIT};

    MR_CHECK_STR(line_of(&status, 12345.9),
                 "12,345 rec/s  lag 1,234,567 (0.4 s)  fresh p50 0.214 s  partitions 7/8");
}

MR_TEST("thousands are set apart from a thousand on")
{
    static const struct {
        double rate;
        const char *text;
    } cases[] = {{0, "0 "},        {-5, "0 "},           {999.99, "999 "},
                 {1000, "1,000 "}, {100000, "100,000 "}, {1000000, "1,000,000 "}};
    struct mr_status status = {.last_err = MR_ERR_INIT};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        MR_CHECK(strncmp(line_of(&status, cases[i].rate), cases[i].text, strlen(cases[i].text)) ==
                 0);
}

MR_TEST("dead letters and standing trouble are told where there are any")
{
    struct mr_status status = {.n_letters = 1500, .last_err = MR_ERR_INIT};

    mr_err_set_db(&status.last_err, MR_CLASS_HALT, "42501", "permission denied");
    MR_CHECK_STR(line_of(&status, 0), "0 rec/s  lag 0 (0.0 s)  fresh p50 0.000 s  partitions 0/0  "
                                      "dead letters 1,500  ! db.42501 permission denied");
}

MR_TEST("without a terminal a log event tells the rate every ten seconds")
{
    progress.terminal = false;
    atomic_store(&rig.service.lanes[0].n_records, 50000);
    service_rig_pass_ms(&rig, MR_PROGRESS_LOG_MS - 1);
    mr_progress_tick(&progress);
    MR_CHECK_U64(lines.len, 0);
    service_rig_pass_ms(&rig, 1);
    mr_progress_tick(&progress);
    MR_CHECK(strstr(mr_buf_cstr(&lines), "event=progress records_per_s=5000 records=50000") !=
             NULL);
    mr_buf_reset(&lines);
    atomic_store(&rig.service.lanes[1].n_records, 10000);
    service_rig_pass_ms(&rig,
                        20000); /* a tick that was late: the rate is per second all the same */
    mr_progress_tick(&progress);
    MR_CHECK(strstr(mr_buf_cstr(&lines), "records_per_s=500 records=60000") != NULL);
    mr_buf_reset(&lines);
    mr_progress_tick(&progress);
    MR_CHECK_U64(lines.len, 0);
    MR_CHECK_STR(shown(), "");
}

MR_TEST("on a terminal the line is written over itself twice a second, its rate smoothed")
{
    progress.terminal = true;
    atomic_store(&rig.service.lanes[0].n_records, 1000);
    service_rig_pass_ms(&rig, MR_PROGRESS_LINE_MS - 1);
    mr_progress_tick(&progress);
    MR_CHECK_STR(shown(), "");
    service_rig_pass_ms(&rig, 1);
    mr_progress_tick(&progress);
    MR_CHECK_STR(shown(), "\r\033[K1,000 rec/s  lag 0 (0.0 s)  fresh p50 0.000 s  partitions 0/0");
    service_rig_pass_ms(&rig, MR_PROGRESS_LINE_MS);
    mr_progress_tick(&progress);
    MR_CHECK(strncmp(shown(), "\r\033[K500 rec/s", 13) == 0);
    MR_CHECK_U64(lines.len, 0);
    mr_progress_end(&progress);
    MR_CHECK_STR(shown(), "\r\033[K");
}

MR_TEST("a line that is longer than the terminal is cut, at a character's border")
{
    char detail[400] = "x";

    progress.terminal = true;
    for (size_t i = 0; i < 190; i++)
        memcpy(detail + 1 + 2 * i, "\xc3\xa9", 3);
    for (size_t skip = 0; skip < 2; skip++) { /* one of the two is cut within a character */
        service_rig_writer(&rig, 0, MR_WRITER_WAITING, MR_TARGET_AWAY, detail + skip);
        service_rig_pass_ms(&rig, MR_PROGRESS_LINE_MS);
        mr_progress_tick(&progress);
        const char *line = shown() + strlen("\r\033[K");
        MR_CHECK(strlen(line) >= 96 && strlen(line) <= 99);
        MR_CHECK(mr_utf8_valid((const uint8_t *)line, strlen(line)));
    }
}

MR_TEST("a program whose standard error is no terminal gets no line")
{
    MR_CHECK(!progress.terminal);
    mr_progress_end(&progress);
    MR_CHECK_STR(shown(), "");
}
