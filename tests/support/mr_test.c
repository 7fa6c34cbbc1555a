/* The main() of every unit and component test, and the checks of mr_test.h. cmocka isolates the
 * tests and turns a failed check into a jump; this file keeps the list, the filter and the report
 * that tests/run.sh counts. Must not know any layer of the program: a test of base links it alone.
 */
#include "tests/support/mr_test.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_TESTS 1000

static struct mr_test_case *first_test;
static struct mr_test_case **last_link = &first_test;
static mr_test_fn *fixture_setup;
static mr_test_fn *fixture_teardown;
static const char *skip_reason;
static FILE *report;
static pthread_t main_thread;

/* Sanitizers keep their own signal handlers, else cmocka's would swallow the stack of a crash. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "handle_segv=2:handle_sigbus=2:handle_sigill=2:handle_sigfpe=2:handle_abort=0:"
           "detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1";
}

const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void)
{
    return "print_stacktrace=1";
}

void mr_test_add(struct mr_test_case *test)
{
    *last_link = test;
    last_link = &test->next;
}

void mr_test_set_fixture(mr_test_fn *setup, mr_test_fn *teardown)
{
    if (setup != NULL)
        fixture_setup = setup;
    if (teardown != NULL)
        fixture_teardown = teardown;
}

_Noreturn void mr_test_fail(const char *file, int line, const char *format, ...)
{
    char text[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (!pthread_equal(pthread_self(), main_thread)) {
        fprintf(stderr, "%s:%d: %s (in a thread of its own)\n", file, line, text);
        abort();
    }
    print_error("%s\n", text);
    _fail(file, line);
    abort(); /* not reached: _fail jumps */
}

_Noreturn void mr_test_skip(const char *reason)
{
    skip_reason = reason;
    _skip(__FILE__, __LINE__);
    abort(); /* not reached: _skip jumps */
}

void mr_test_check_ok(long long rc, const char *text, const char *file, int line)
{
    if (rc != 0)
        mr_test_fail(file, line, "%s: returned %lld, expected 0", text, rc);
}

void mr_test_check_int(const char *file, int line, const char *text, long long actual,
                       long long expected)
{
    if (actual != expected)
        mr_test_fail(file, line, "%s: %lld, expected %lld", text, actual, expected);
}

void mr_test_check_u64(const char *file, int line, const char *text, uint64_t actual,
                       uint64_t expected)
{
    if (actual != expected)
        mr_test_fail(file, line, "%s: %llu, expected %llu", text, (unsigned long long)actual,
                     (unsigned long long)expected);
}

void mr_test_check_str(const char *file, int line, const char *text, const char *actual,
                       const char *expected)
{
    if (actual == expected)
        return;
    if (actual == NULL || expected == NULL || strcmp(actual, expected) != 0)
        mr_test_fail(file, line, "%s:\n  actual   \"%s\"\n  expected \"%s\"", text,
                     actual == NULL ? "(NULL)" : actual, expected == NULL ? "(NULL)" : expected);
}

/* Up to 16 bytes from `from` as hex into `out` (at least 3 * 16 + 1 bytes). */
static void hex_line(char *out, size_t out_size, const unsigned char *bytes, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < size && i < 16 && used + 4 <= out_size; i++)
        used += (size_t)snprintf(out + used, out_size - used, "%02x ", bytes[i]);
}

void mr_test_check_mem(const char *what, const void *actual, const void *expected, size_t size)
{
    const unsigned char *a = actual;
    const unsigned char *e = expected;
    size_t at = 0;
    while (at < size && a[at] == e[at])
        at++;
    if (at == size)
        return;
    char actual_hex[64];
    char expected_hex[64];
    size_t from = at - at % 16;
    hex_line(actual_hex, sizeof(actual_hex), a + from, size - from);
    hex_line(expected_hex, sizeof(expected_hex), e + from, size - from);
    mr_test_fail("tests/support/mr_test.c", __LINE__,
                 "%s: bytes differ at %zu of %zu; from byte %zu:\n  actual   %s\n  expected %s",
                 what, at, size, from, actual_hex, expected_hex);
}

/* The report is flushed line by line: a crash must not take the lines before it along. */
static void report_line(const char *word, const char *name, const char *more)
{
    if (report == NULL)
        return;
    fprintf(report, "%s\t%s\t%s\n", word, name, more);
    fflush(report);
}

static int case_setup(void **state)
{
    struct mr_test_case *test = *state;
    skip_reason = NULL;
    report_line("start", test->name, "");
    if (fixture_setup != NULL)
        fixture_setup();
    return 0;
}

static void case_run(void **state)
{
    struct mr_test_case *test = *state;
    test->run();
    report_line("pass", test->name, "");
}

static int case_teardown(void **state)
{
    struct mr_test_case *test = *state;
    if (skip_reason != NULL)
        report_line("skip", test->name, skip_reason);
    if (fixture_teardown != NULL)
        fixture_teardown();
    report_line("end", test->name, "");
    return 0;
}

static int run_cases(struct CMUnitTest *tests, size_t n_tests, const char *group)
{
    const char *path = getenv("MR_TEST_REPORT");
    if (path != NULL && path[0] != '\0') {
        report = fopen(path, "w");
        if (report == NULL) {
            fprintf(stderr, "%s: %s\n", path, strerror(errno));
            return 2;
        }
    }
    for (size_t i = 0; i < n_tests; i++)
        report_line("plan", tests[i].name, "");
    int n_failed = _cmocka_run_group_tests(group, tests, n_tests, NULL, NULL);
    report_line("done", group, "");
    if (report != NULL)
        fclose(report);
    return n_failed == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    static struct CMUnitTest tests[MAX_TESTS];
    const char *filter = argc > 1 ? argv[1] : "";
    bool list_only = strcmp(filter, "--list") == 0;
    size_t n_tests = 0;

    main_thread = pthread_self();
    for (struct mr_test_case *test = first_test; test != NULL; test = test->next) {
        if (list_only) {
            printf("%s\n", test->name);
            continue;
        }
        if (strstr(test->name, filter) == NULL)
            continue;
        if (n_tests == MAX_TESTS) {
            fprintf(stderr, "more than %d tests in one program\n", MAX_TESTS);
            return 2;
        }
        tests[n_tests++] =
            (struct CMUnitTest){test->name, case_run, case_setup, case_teardown, test};
    }
    if (list_only)
        return 0;
    if (n_tests == 0) {
        fprintf(stderr, "no test contains \"%s\"\n", filter);
        return 2;
    }
    const char *slash = strrchr(argv[0], '/');
    return run_cases(tests, n_tests, slash == NULL ? argv[0] : slash + 1);
}
