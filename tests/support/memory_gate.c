/* Owns the gate. Must not allocate behind it. */
#include "tests/support/memory_gate.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/mr_test.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define SHOW() __sanitizer_print_stack_trace()
#else
#define SHOW() (void)0
#endif

enum { MOST_ALLOCATIONS = 100000, NEVER = -1 };

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *ptr, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t n);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *ptr, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t n);

static _Atomic int let = NEVER;
static _Atomic bool refused;
static _Atomic int held;
static int shown = NEVER; /* of which one the caller is shown */

static bool refuses(void)
{
    if (atomic_load(&let) < 0 || atomic_load(&held) > 0 || atomic_fetch_sub(&let, 1) > 0)
        return false;
    atomic_store(&let, NEVER);
    atomic_store(&refused, true);
    if (shown >= 0)
        SHOW();
    return true;
}

void *__wrap_malloc(size_t size)
{
    return refuses() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return refuses() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *ptr, size_t size)
{
    return refuses() ? NULL : __real_realloc(ptr, size);
}

char *__wrap_strdup(const char *text)
{
    return refuses() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t n)
{
    return refuses() ? NULL : __real_strndup(text, n);
}

void memory_gate_arm(int n)
{
    const char *show = getenv("MR_GATE_SHOW");
    shown = show != NULL && strtol(show, NULL, 10) == n ? n : NEVER;
    atomic_store(&refused, false);
    atomic_store(&let, n);
}

void memory_gate_hold(void)
{
    atomic_fetch_add(&held, 1);
}

void memory_gate_go_on(void)
{
    atomic_fetch_sub(&held, 1);
}

bool memory_gate_disarm(void)
{
    atomic_store(&let, NEVER);
    return atomic_load(&refused);
}

void memory_gate_try_all(const struct memory_gate_work *work)
{
    int n = 0;
    for (bool once_more = true; once_more; n++) {
        struct mr_err err = MR_ERR_INIT;
        if (n == MOST_ALLOCATIONS)
            MR_FAIL("%s: more than %d allocations", work->name, n);
        memory_gate_arm(n);
        int rc = work->run(work->arg, &err);
        once_more = memory_gate_disarm();
        if (rc < 0 && (rc != -MR_NO_MEMORY || err.code != MR_NO_MEMORY || err.detail[0] == '\0'))
            MR_FAIL("%s, allocation %d: %s, in err %s: %s", work->name, n, mr_code_printed(rc),
                    mr_code_printed((int)err.code), err.detail);
        if (rc < 0 && !once_more)
            MR_FAIL("%s: fails without a refusal: %s", work->name, err.detail);
        if (work->after != NULL)
            work->after(work->arg, rc);
    }
    printf("%s: %d allocations\n", work->name, n - 1);
    if (n - 1 < work->least)
        MR_FAIL("%s: %d allocations of at least %d", work->name, n - 1, work->least);
}
