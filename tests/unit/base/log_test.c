/* Event lines in both forms, what they escape, where they are cut, and the limit a second. */
#include "base/log.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/lock.h"
#include "tests/support/mr_test.h"

/* 2026-11-21T11:04:05.123Z */
static const int64_t wall_ms = INT64_C(1795259045123);

static struct {
    struct mr_clock_fake clock;
    struct mr_buf lines;
    size_t n_lines;
} f;

static void keep_line(const char *line, size_t len, void *arg)
{
    (void)arg;
    mr_buf_add(&f.lines, line, len);
    f.n_lines++;
}

MR_SETUP
{
    mr_clock_fake_init(&f.clock, 1000000);
    f.clock.wall_offset_ms = wall_ms - 1000;
    f.lines = (struct mr_buf)MR_BUF_INIT;
    f.n_lines = 0;
    mr_log_setup(MR_INFO, MR_LOG_LOGFMT, STDERR_FILENO);
    mr_log_set_clock(&f.clock.base);
    mr_log_set_hook(keep_line, NULL);
}

MR_TEARDOWN
{
    mr_log_set_hook(NULL, NULL);
    mr_log_set_clock(NULL);
    mr_log_setup(MR_INFO, MR_LOG_LOGFMT, STDERR_FILENO);
    mr_buf_release(&f.lines);
}

#define TS "ts=2026-11-21T11:04:05.123Z "
#define JSON_TS "{\"ts\":\"2026-11-21T11:04:05.123Z\","

MR_TEST("a logfmt line holds time, level, event and the keys in their order")
{
    mr_log(MR_WARN, "batch_retry", mr_kv_u64("lane", 3), mr_kv_str("topic", "orders"),
           mr_kv_i64("offset", -5), mr_kv_f64("ratio", 0.25), mr_kv_bool("final", false));
    MR_CHECK_STR(mr_buf_cstr(&f.lines), TS "level=warn event=batch_retry lane=3 topic=orders "
                                           "offset=-5 ratio=0.25 final=false\n");
}

MR_TEST("a JSON line holds the same, with numbers and booleans bare")
{
    mr_log_setup(MR_INFO, MR_LOG_JSON, STDERR_FILENO);
    mr_log(MR_ERROR, "batch_retry", mr_kv_u64("lane", 3), mr_kv_str("topic", "orders"),
           mr_kv_f64("ratio", 0.25), mr_kv_bool("final", true), mr_kv_f64("bad", NAN));
    MR_CHECK_STR(mr_buf_cstr(&f.lines),
                 JSON_TS "\"level\":\"error\",\"event\":\"batch_retry\",\"lane\":3,"
                         "\"topic\":\"orders\",\"ratio\":0.25,\"final\":true,\"bad\":null}\n");
}

MR_TEST("an event without pairs is a whole line in both forms")
{
    mr_log_event(MR_INFO, "started");
    mr_log_setup(MR_INFO, MR_LOG_JSON, STDERR_FILENO);
    mr_log_event(MR_INFO, "started");
    MR_CHECK_STR(mr_buf_cstr(&f.lines), TS "level=info event=started\n" JSON_TS
                                           "\"level\":\"info\",\"event\":\"started\"}\n");
}

MR_TEST("logfmt quotes what a reader would split or misread")
{
    mr_log(MR_INFO, "e", mr_kv_str("a", ""), mr_kv_str("b", "x y"), mr_kv_str("c", "k=v"),
           mr_kv_str("d", "say \"hi\""), mr_kv_str("e", "c:\\x"), mr_kv_str("f", NULL));
    MR_CHECK_STR(mr_buf_cstr(&f.lines),
                 TS "level=info event=e a=\"\" b=\"x y\" c=\"k=v\" d=\"say \\\"hi\\\"\" "
                    "e=\"c:\\\\x\" f=\"\"\n");
}

MR_TEST("a value cannot break the line, steer a terminal or carry bytes that are not UTF-8")
{
    for (int format = MR_LOG_LOGFMT; format <= MR_LOG_JSON; format++) {
        mr_log_setup(MR_INFO, (enum mr_log_format)format, STDERR_FILENO);
        mr_buf_reset(&f.lines);
        mr_log(MR_INFO, "e", mr_kv_str("v", "a\nb\rc\td\x1b[2J\x7f\xc2\x9b\xff\xc3\xa9\xe2\x82"));
        MR_CHECK(strstr(mr_buf_cstr(&f.lines),
                        "\"a\\nb\\rc\\td\\u001b[2J\\u007f\\u009b\xef\xbf\xbd\xc3\xa9"
                        "\xef\xbf\xbd\xef\xbf\xbd\"") != NULL);
        MR_CHECK_U64(f.lines.len, strlen(mr_buf_cstr(&f.lines)));
        MR_CHECK(strchr(mr_buf_cstr(&f.lines), '\n') == mr_buf_cstr(&f.lines) + f.lines.len - 1);
    }
}

MR_TEST("an error is spread over its keys, with what is known and what to do")
{
    struct mr_err err = MR_ERR_INIT;
    (void)mr_err_set_db(&err, MR_CLASS_HALT, "42501", "permission denied for %s", "orders");
    (void)mr_err_at(&err, "shop.orders", 7, 88123);
    (void)mr_err_in(&err, "public.orders", NULL);
    mr_log(MR_ERROR, "table_halted", mr_kv_u64("lane", 1), mr_kv_err(&err));
    const char *line = mr_buf_cstr(&f.lines);
    MR_CHECK(strstr(line, " lane=1 err=db.42501 class=HALT owner=target topic=shop.orders "
                          "partition=7 offset=88123 table=public.orders sqlstate=42501 "
                          "detail=\"permission denied for orders\" remedy=\"") != NULL);
    MR_CHECK(strstr(line, "column=") == NULL);
}

MR_TEST("an error without detail shows the table's text")
{
    struct mr_err err = MR_ERR_INIT;
    (void)mr_err_set(&err, MR_SOURCE_GAP, "%s", "");
    mr_log(MR_ERROR, "e", mr_kv_err(&err));
    MR_CHECK(strstr(mr_buf_cstr(&f.lines),
                    "detail=\"records were removed before they were loaded\"") != NULL);
    MR_CHECK(strstr(mr_buf_cstr(&f.lines), "partition=") == NULL);
}

MR_TEST("a level below the set one is not written, and the level may change")
{
    MR_CHECK(!mr_log_enabled(MR_DEBUG));
    mr_log_event(MR_DEBUG, "quiet");
    MR_CHECK_U64(f.n_lines, 0);
    mr_log_set_level(MR_DEBUG);
    mr_log_event(MR_DEBUG, "quiet");
    MR_CHECK_U64(f.n_lines, 1);
    mr_log_set_level(MR_ERROR);
    mr_log_event(MR_WARN, "quiet");
    MR_CHECK_U64(f.n_lines, 1);
}

static char *long_text(size_t len)
{
    char *text = malloc(len + 1);
    MR_CHECK(text != NULL);
    memset(text, 'x', len);
    text[len] = '\0';
    return text;
}

MR_TEST("a line too long is cut inside the value, says so, and stays whole for a JSON reader")
{
    char *text = long_text(9000);
    mr_log_setup(MR_INFO, MR_LOG_JSON, STDERR_FILENO);
    mr_log(MR_INFO, "e", mr_kv_str("v", text), mr_kv_u64("later", 1));
    free(text);
    const char *line = mr_buf_cstr(&f.lines);
    const char *end = "xxx\",\"truncated\":true}\n";
    MR_CHECK(f.lines.len <= MR_LOG_LINE_BYTES);
    MR_CHECK(f.lines.len > MR_LOG_LINE_BYTES - 150);
    MR_CHECK_STR(line + f.lines.len - strlen(end), end);
    MR_CHECK(strstr(line, "later") == NULL);
}

/* Whatever the length, no line is too long, none lacks its end, and quotes come in pairs. */
MR_TEST("every length of a value around the limit gives a well-formed line")
{
    for (int format = MR_LOG_LOGFMT; format <= MR_LOG_JSON; format++) {
        mr_log_setup(MR_INFO, (enum mr_log_format)format, STDERR_FILENO);
        for (size_t len = 3800; len < 4100; len++) {
            char *text = long_text(len);
            text[len / 2] = '=';
            memcpy(text + len - 10, "\xc3\xa9\n\xf0\x9f\x98\x80", 7);
            mr_buf_reset(&f.lines);
            f.clock.now_us += 1000000;
            mr_log(MR_INFO, "e", mr_kv_str("v", text), mr_kv_u64("n", UINT64_MAX),
                   mr_kv_str("w", text));
            free(text);
            size_t n_quotes = 0;
            for (size_t i = 0; i < f.lines.len; i++)
                n_quotes += f.lines.data[i] == '"';
            MR_CHECK(f.lines.len <= MR_LOG_LINE_BYTES);
            MR_CHECK_U64(n_quotes % 2, 0);
            MR_CHECK_INT(f.lines.data[f.lines.len - 1], '\n');
            MR_CHECK(mr_utf8_valid(f.lines.data, f.lines.len));
            MR_CHECK(format == MR_LOG_LOGFMT || f.lines.data[f.lines.len - 2] == '}');
        }
    }
}

MR_TEST("one event is limited to its burst a second, and the next second tells what was dropped")
{
    for (int i = 0; i < MR_LOG_BURST + 5; i++)
        mr_log_event(MR_INFO, "noise");
    MR_CHECK_U64(f.n_lines, MR_LOG_BURST);
    mr_log_event(MR_INFO, "other");
    MR_CHECK_U64(f.n_lines, MR_LOG_BURST + 1);
    f.clock.now_us += 999999;
    mr_log_event(MR_INFO, "noise");
    MR_CHECK_U64(f.n_lines, MR_LOG_BURST + 1);
    f.clock.now_us += 1;
    mr_buf_reset(&f.lines);
    mr_log_event(MR_INFO, "noise");
    MR_CHECK(strstr(mr_buf_cstr(&f.lines), "event=noise suppressed=6\n") != NULL);
    mr_buf_reset(&f.lines);
    mr_log_event(MR_INFO, "noise");
    MR_CHECK(strstr(mr_buf_cstr(&f.lines), "suppressed") == NULL);
}

static void say(const char *event, const char *sqlstate)
{
    struct mr_err err = MR_ERR_INIT;

    (void)mr_err_set_db(&err, MR_CLASS_RETRY, sqlstate, "why");
    mr_log(MR_WARN, event, mr_kv_u64("lane", 1), mr_kv_err(&err));
}

/* design.md section 9 */
MR_TEST("what comes with every batch of an outage is one line a code in ten seconds, with a count")
{
    static const char *const events[] = {"batch_retry", "batch_dropped", "record_rejected"};

    for (size_t e = 0; e < sizeof events / sizeof *events; e++) {
        f.n_lines = 0;
        for (int i = 0; i < 1000; i++) {
            say(events[e], "08006");
            say(events[e], "40P01");
        }
        MR_CHECK_U64(f.n_lines, 2);
        f.clock.now_us += 9999999;
        say(events[e], "08006");
        MR_CHECK_U64(f.n_lines, 2);
        f.clock.now_us += 1;
        mr_buf_reset(&f.lines);
        say(events[e], "08006");
        MR_CHECK_U64(f.n_lines, 3);
        MR_CHECK(strstr(mr_buf_cstr(&f.lines), " suppressed=1000\n") != NULL);
        mr_buf_reset(&f.lines);
        mr_log_flush(false); /* 40P01 does not come again */
        MR_CHECK(strstr(mr_buf_cstr(&f.lines), "event=log_suppressed of=") != NULL);
        MR_CHECK(strstr(mr_buf_cstr(&f.lines), "err=db.40P01 suppressed=999\n") != NULL);
        MR_CHECK_U64(f.n_lines, 4);
    }
}

MR_TEST("the end of the process tells what was dropped though its time is not over")
{
    for (int i = 0; i < 3; i++)
        say("batch_retry", "08006");
    mr_buf_reset(&f.lines);
    mr_log_flush(true);
    MR_CHECK(strstr(mr_buf_cstr(&f.lines), "of=batch_retry err=db.08006 suppressed=2\n") != NULL);
}

MR_TEST("an error of another event has the plain limit, whatever its code")
{
    for (int i = 0; i < 2 * MR_LOG_BURST; i++)
        say("partition_halted", i % 2 == 0 ? "42501" : "42P01");
    MR_CHECK_U64(f.n_lines, MR_LOG_BURST);
}

MR_TEST("a flush tells what was dropped where the event does not come again")
{
    for (int i = 0; i < MR_LOG_BURST + 2; i++)
        mr_log_event(MR_INFO, "noise");
    mr_buf_reset(&f.lines);
    mr_log_flush(false); /* its second is not over */
    MR_CHECK_U64(f.lines.len, 0);
    f.clock.now_us += 1000000;
    mr_log_flush(false);
    MR_CHECK(strstr(mr_buf_cstr(&f.lines), "level=warn event=log_suppressed of=noise "
                                           "suppressed=2\n") != NULL);
    mr_buf_reset(&f.lines);
    mr_log_flush(false);
    MR_CHECK_U64(f.lines.len, 0);
}

MR_TEST("more events than the table holds share one limit")
{
    char event[32];
    for (int i = 0; i < 400; i++) {
        (void)snprintf(event, sizeof event, "event_%d", i);
        mr_log_event(MR_INFO, event);
    }
    MR_CHECK_U64(f.n_lines, 255 + MR_LOG_BURST);
}

MR_TEST("logging leaves errno as it was")
{
    mr_log_set_hook(NULL, NULL);
    mr_log_setup(MR_INFO, MR_LOG_LOGFMT, -1); /* the write fails */
    errno = ENOSPC;
    mr_log_event(MR_INFO, "e");
    MR_CHECK_INT(errno, ENOSPC);
}

MR_TEST("a line leaves by one write, so lines of several writers do not mix")
{
    int ends[2];
    char bytes[MR_LOG_LINE_BYTES + 1];
    char *text = long_text(3000);
    MR_CHECK_INT(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0); /* each write is one packet */
    mr_log_set_hook(NULL, NULL);
    mr_log_setup(MR_INFO, MR_LOG_LOGFMT, ends[1]);
    mr_log(MR_INFO, "long", mr_kv_str("v", text));
    mr_log_event(MR_INFO, "short");
    free(text);
    ssize_t first = read(ends[0], bytes, sizeof bytes);
    MR_CHECK(first > 3000 && bytes[first - 1] == '\n');
    ssize_t second = read(ends[0], bytes, sizeof bytes);
    MR_CHECK(second > 0 && second < 100);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void *log_many(void *arg)
{
    (void)arg;
    for (int i = 0; i < 500; i++)
        mr_log(MR_INFO, "many", mr_kv_i64("i", i));
    return NULL;
}

MR_TEST("threads that log at once share the event's limit")
{
    int ends[2];
    char bytes[8192];
    pthread_t threads[4];
    MR_CHECK_INT(pipe(ends), 0);
    mr_log_set_hook(NULL, NULL);
    mr_log_setup(MR_INFO, MR_LOG_LOGFMT, ends[1]);
    for (int i = 0; i < 4; i++)
        MR_CHECK_OK(mr_thread_start(&threads[i], "log", log_many, NULL));
    for (int i = 0; i < 4; i++)
        MR_CHECK_INT(pthread_join(threads[i], NULL), 0);
    (void)close(ends[1]);
    size_t n_lines = 0;
    ssize_t n;
    while ((n = read(ends[0], bytes, sizeof bytes)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            n_lines += bytes[i] == '\n';
    }
    (void)close(ends[0]);
    MR_CHECK_U64(n_lines, MR_LOG_BURST);
}
