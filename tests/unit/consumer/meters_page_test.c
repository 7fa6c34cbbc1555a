#include <stdio.h>
#include <string.h>

#include "consumer/meters.h"
#include "tests/support/mr_test.h"

static struct mr_buf page;

MR_SETUP
{
    mr_meters_page(&page);
}

MR_TEARDOWN
{
    mr_buf_release(&page);
}

static void shows(const char *part)
{
    if (strstr(mr_buf_cstr(&page), part) == NULL)
        MR_FAIL("\"%s\" is not in:\n%s", part, mr_buf_cstr(&page));
}

MR_TEST("every family has exactly one row, so each name begins as one of the groups does")
{
    for (size_t i = 0; i < MR_N_METERS; i++) {
        char row[128];
        snprintf(row, sizeof row, "\n| `%s` | ", mr_meters[i].name);
        shows(row);
        MR_CHECK(strstr(strstr(mr_buf_cstr(&page), row) + 1, row) == NULL);
    }
}

MR_TEST("a row names type, labels and help")
{
    shows("| `millrace_errors_total` | counter | `class`, `owner` | "
          "Errors by what is done about them and who must act. |\n");
    shows("| `process_open_fds` | gauge |  | Open file descriptors. |\n");
}

MR_TEST("a histogram names its buckets, without the last one")
{
    shows("Buckets: 1, 10, 50, 100, 500, 1000, 2500, 5000, 10000, 20000, 50000, 100000, 1000000. |"
          "\n");
}

MR_TEST("a fractional counter is a counter")
{
    shows("| `process_cpu_seconds_total` | counter | ");
}
