/* Owns the progress line. It reads the service's status and nothing else. */
#include "consumer/progress.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/log.h"

#include "base/ban.h"

enum { DEFAULT_WIDTH = 100, LINE_BYTES = 512 };

static void write_all(const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(STDERR_FILENO, text, len);
        if (n <= 0)
            return; /* a terminal that is gone is no reason to stop loading */
        text += n;
        len -= (size_t)n;
    }
}

/* A log line pushes the progress line away; it comes back with the next tick. */
static void log_hook(const char *line, size_t len, void *arg)
{
    (void)arg;
    write_all("\r\033[K", 4);
    write_all(line, len);
}

void mr_progress_init(struct mr_progress *progress, struct mr_service *service)
{
    memset(progress, 0, sizeof *progress);
    progress->service = service;
    progress->terminal = isatty(STDERR_FILENO) != 0;
    progress->last_ms = mr_mono_ms(&service->opts.env);
    if (progress->terminal)
        mr_log_set_hook(log_hook, NULL);
}

static void grouped(struct mr_buf *out, uint64_t v)
{
    char digits[32];
    int n = 0;

    do {
        if (n % 4 == 3)
            digits[n++] = ',';
        digits[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    while (n > 0)
        mr_buf_byte(out, (uint8_t)digits[--n]);
}

void mr_progress_text(const struct mr_status *status, double rate, struct mr_buf *out)
{
    char code[64];

    grouped(out, rate > 0 ? (uint64_t)rate : 0);
    mr_buf_str(out, " rec/s  lag ");
    grouped(out, status->lag_records > 0 ? (uint64_t)status->lag_records : 0);
    mr_buf_fmt(out, " (%.1f s)  fresh p50 %.3f s", status->lag_seconds, status->freshness_p50_s);
    mr_buf_fmt(out, "  partitions %u/%u", status->n_flowing, status->n_assigned);
    if (status->n_letters > 0) {
        mr_buf_str(out, "  dead letters ");
        grouped(out, status->n_letters);
    }
    if (status->last_err.code != MR_OK)
        mr_buf_fmt(out, "  ! %s %s", mr_err_printed(&status->last_err, code, sizeof code),
                   status->last_err.detail);
}

static size_t width(void)
{
    struct winsize size;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20)
        return size.ws_col;
    return DEFAULT_WIDTH;
}

static void show_line(const struct mr_status *status, double rate)
{
    struct mr_buf line = MR_BUF_INIT;

    mr_buf_str(&line, "\r\033[K");
    size_t head = line.len;
    mr_progress_text(status, rate, &line);
    if (mr_buf_ok(&line) && line.len - head >= width()) {
        line.len = head + width() - 1;
        while (line.len > head && (line.data[line.len] & 0xc0) == 0x80)
            line.len--; /* at a character's border */
    }
    if (mr_buf_ok(&line))
        write_all((const char *)line.data, line.len);
    mr_buf_release(&line);
}

void mr_progress_tick(struct mr_progress *progress)
{
    struct mr_service *service = progress->service;
    uint64_t now_ms = mr_mono_ms(&service->opts.env);
    uint64_t every_ms = progress->terminal ? MR_PROGRESS_LINE_MS : MR_PROGRESS_LOG_MS;
    struct mr_status status;

    if (now_ms - progress->last_ms < every_ms)
        return;
    mr_status_read(service, &status);
    double now_rate = (double)(status.n_records - progress->last_records) * 1000.0 /
                      (double)(now_ms - progress->last_ms);
    progress->rate = progress->terminal ? progress->rate * 0.5 + now_rate * 0.5 : now_rate;
    progress->last_ms = now_ms;
    progress->last_records = status.n_records;
    if (progress->terminal)
        show_line(&status, progress->rate);
    else
        mr_log(MR_INFO, "progress", mr_kv_f64("records_per_s", progress->rate),
               mr_kv_u64("records", status.n_records), mr_kv_i64("lag", status.lag_records),
               mr_kv_f64("lag_s", status.lag_seconds),
               mr_kv_f64("freshness_p50_s", status.freshness_p50_s),
               mr_kv_u64("partitions", status.n_assigned), mr_kv_u64("waiting", status.n_waiting));
}

void mr_progress_end(struct mr_progress *progress)
{
    if (!progress->terminal)
        return;
    write_all("\r\033[K", 4);
    mr_log_set_hook(NULL, NULL);
}
