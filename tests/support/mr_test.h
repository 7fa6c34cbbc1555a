/* Unit tests as sentences, on top of cmocka. A test file is:
 *
 *     #include "tests/support/mr_test.h"
 *
 *     static struct fixture { ... } f;
 *     MR_SETUP { f = ...; }                 // optional, before each test of this file
 *     MR_TEARDOWN { release(&f); }          // optional, after each, also after a failed one
 *
 *     // F-03
 *     MR_TEST("a frame without the magic byte is poison")
 *     {
 *         MR_CHECK_INT(mr_framing_open(...), -MR_FRAMING_MAGIC);
 *     }
 *
 * main() is in the library mr_test_support. It runs all tests of the program in the order of the
 * file; an argument runs only those whose sentence contains it; `--list` prints the sentences. Each
 * check takes (actual, expected), evaluates its arguments once, prints both and ends the test.
 *   MR_CHECK(condition)                  any condition
 *   MR_CHECK_OK(rc)                      rc is 0
 *   MR_CHECK_INT(actual, expected)       signed integers and enums
 *   MR_CHECK_U64(actual, expected)       unsigned integers, sizes, offsets
 *   MR_CHECK_STR(actual, expected)       zero-ended strings; NULL equals only NULL
 *   MR_CHECK_MEM(actual, expected, size) bytes, printed as hex around the first difference
 *   MR_FAIL(format, ...)                 with an own text
 *   MR_SKIP(reason)                      ends the test as skipped; the reason is printed in the
 * summary Checks may be used in functions that tests call. Thread: the test's own only (they jump);
 * a check that fails in another thread ends the program with its message. With
 * MR_TEST_REPORT=<file>, each test's outcome is written to that file (read by tests/run.sh). */
#ifndef MR_TESTS_SUPPORT_MR_TEST_H
#define MR_TESTS_SUPPORT_MR_TEST_H

#include <stddef.h>
#include <stdint.h>

typedef void mr_test_fn(void);

/* One test; static, linked into the program's list by a constructor before main(). */
struct mr_test_case {
    const char *name;
    mr_test_fn *run;
    struct mr_test_case *next;
};

void mr_test_add(struct mr_test_case *test);
void mr_test_set_fixture(mr_test_fn *setup, mr_test_fn *teardown);

_Noreturn void mr_test_fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
_Noreturn void mr_test_skip(const char *reason);
void mr_test_check_ok(long long rc, const char *text, const char *file, int line);
void mr_test_check_int(const char *file, int line, const char *text, long long actual,
                       long long expected);
void mr_test_check_u64(const char *file, int line, const char *text, uint64_t actual,
                       uint64_t expected);
void mr_test_check_str(const char *file, int line, const char *text, const char *actual,
                       const char *expected);
/* `what` is "file:line: text of the check", so that the function stays within five parameters. */
void mr_test_check_mem(const char *what, const void *actual, const void *expected, size_t size);

#define MR_TEST_JOIN2(a, b) a##b
#define MR_TEST_JOIN(a, b) MR_TEST_JOIN2(a, b)
#define MR_TEST_STR2(a) #a
#define MR_TEST_STR(a) MR_TEST_STR2(a)

#define MR_TEST_AT(id, sentence)                                                                   \
    static void MR_TEST_JOIN(mr_test_run_, id)(void);                                              \
    __attribute__((constructor)) static void MR_TEST_JOIN(mr_test_add_, id)(void)                  \
    {                                                                                              \
        static struct mr_test_case test = {sentence, MR_TEST_JOIN(mr_test_run_, id), NULL};        \
        mr_test_add(&test);                                                                        \
    }                                                                                              \
    static void MR_TEST_JOIN(mr_test_run_, id)(void)
#define MR_TEST(sentence) MR_TEST_AT(__LINE__, sentence)

#define MR_SETUP                                                                                   \
    static void mr_test_setup(void);                                                               \
    __attribute__((constructor)) static void mr_test_add_setup(void)                               \
    {                                                                                              \
        mr_test_set_fixture(mr_test_setup, NULL);                                                  \
    }                                                                                              \
    static void mr_test_setup(void)
#define MR_TEARDOWN                                                                                \
    static void mr_test_teardown(void);                                                            \
    __attribute__((constructor)) static void mr_test_add_teardown(void)                            \
    {                                                                                              \
        mr_test_set_fixture(NULL, mr_test_teardown);                                               \
    }                                                                                              \
    static void mr_test_teardown(void)

#define MR_CHECK(condition)                                                                        \
    do {                                                                                           \
        if (!(condition))                                                                          \
            mr_test_fail(__FILE__, __LINE__, "false: %s", #condition);                             \
    } while (0)
#define MR_CHECK_OK(rc) mr_test_check_ok((rc), #rc, __FILE__, __LINE__)
#define MR_CHECK_INT(actual, expected)                                                             \
    mr_test_check_int(__FILE__, __LINE__, #actual, (long long)(actual), (long long)(expected))
#define MR_CHECK_U64(actual, expected)                                                             \
    mr_test_check_u64(__FILE__, __LINE__, #actual, (uint64_t)(actual), (uint64_t)(expected))
#define MR_CHECK_STR(actual, expected)                                                             \
    mr_test_check_str(__FILE__, __LINE__, #actual, (actual), (expected))
#define MR_CHECK_MEM(actual, expected, size)                                                       \
    mr_test_check_mem(__FILE__ ":" MR_TEST_STR(__LINE__) ": " #actual, (actual), (expected), (size))
#define MR_FAIL(...) mr_test_fail(__FILE__, __LINE__, __VA_ARGS__)
#define MR_SKIP(reason) mr_test_skip(reason)

#endif
