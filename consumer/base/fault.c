/* Owns the switches of the fault points (one of the two exceptions to "no global state"). Must not
 * be compiled into releases: without MR_FAULTS this file is empty but for its header. Invariants:
 * a point that nobody armed never fires; passes are counted whether armed or not. */
#include "base/fault.h"

#if defined(MR_FAULTS) && MR_FAULTS

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/ban.h"

enum fault_action { FAULT_ERROR, FAULT_EXIT, FAULT_STOP };

enum {
    FAULT_EXIT_CODE = 99, /* not one of the service's own, so that a test knows its own cut */
    FAULT_USAGE_CODE = 64
};

/* The passes [first, last) fire. Armed before the threads that pass, or while they wait. */
static struct {
    _Atomic uint32_t n_passes;
    _Atomic uint32_t first;
    _Atomic uint32_t last;
    _Atomic int action;
} points[MR_N_FAULTS];

static const char *const point_names[MR_N_FAULTS] = {
#define MR_FAULT_POINT(name, what) [MR_FAULT_##name] = #name,
#include "base/fault.def"
#undef MR_FAULT_POINT
};

bool mr_fault_hit(enum mr_fault_point point)
{
    uint32_t pass = atomic_fetch_add(&points[point].n_passes, 1);
    if (pass < atomic_load(&points[point].first) || pass >= atomic_load(&points[point].last))
        return false;
    switch ((enum fault_action)atomic_load(&points[point].action)) {
    case FAULT_EXIT:
        _exit(FAULT_EXIT_CODE); /* as if killed: no flush, no handlers */
    case FAULT_STOP:
        (void)raise(SIGSTOP); /* an owner that stalls; SIGCONT lets it go on, too late */
        return false;
    case FAULT_ERROR:
        break;
    }
    return true;
}

static void fault_arm(enum mr_fault_point point, uint32_t after_passes, uint32_t times,
                      enum fault_action action)
{
    uint32_t first = atomic_load(&points[point].n_passes) + after_passes;
    uint32_t last = times == 0 || times > UINT32_MAX - first ? UINT32_MAX : first + times;
    atomic_store(&points[point].last, 0); /* nothing fires between the old and the new range */
    atomic_store(&points[point].action, (int)action);
    atomic_store(&points[point].first, first);
    atomic_store(&points[point].last, last);
}

void mr_fault_arm(enum mr_fault_point point, uint32_t after_passes, uint32_t times)
{
    fault_arm(point, after_passes, times, FAULT_ERROR);
}

void mr_fault_disarm_all(void)
{
    for (size_t i = 0; i < MR_N_FAULTS; i++) {
        atomic_store(&points[i].last, 0);
        atomic_store(&points[i].first, 0);
        atomic_store(&points[i].n_passes, 0);
    }
}

uint32_t mr_fault_passes(enum mr_fault_point point)
{
    return atomic_load(&points[point].n_passes);
}

const char *mr_fault_name(enum mr_fault_point point)
{
    return point_names[point];
}

static _Atomic int mutation_on;

void mr_mutation_set(enum mr_mutation mutation)
{
    atomic_store(&mutation_on, (int)mutation);
}

bool mr_mutation_is(enum mr_mutation mutation)
{
    return atomic_load_explicit(&mutation_on, memory_order_relaxed) == (int)mutation;
}

const char *mr_mutation_name(enum mr_mutation mutation)
{
    static const char *const names[MR_N_MUTATIONS] = {
        [MR_MUTATION_NONE] = "none",
#define MR_MUTATION_POINT(name, what) [MR_MUTATION_##name] = #name,
#include "base/mutation.def"
#undef MR_MUTATION_POINT
    };
    return names[mutation];
}

/* True where [text, text + len) is `name` in any case. */
static bool word_is(const char *text, size_t len, const char *name)
{
    return strlen(name) == len && strncasecmp(text, name, len) == 0;
}

static bool find_point(const char *text, size_t len, enum mr_fault_point *point)
{
    for (size_t i = 0; i < MR_N_FAULTS; i++) {
        if (word_is(text, len, point_names[i])) {
            *point = (enum mr_fault_point)i;
            return true;
        }
    }
    return false;
}

static bool find_action(const char *text, size_t len, enum fault_action *action)
{
    static const char *const names[] = {"error", "exit", "stop"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (word_is(text, len, names[i])) {
            *action = (enum fault_action)i;
            return true;
        }
    }
    return false;
}

bool mr_fault_arm_text(const char *text)
{
    enum mr_fault_point point;
    enum fault_action action = FAULT_ERROR;
    const char *colon = strchr(text, ':');
    if (colon == NULL || !find_point(text, (size_t)(colon - text), &point))
        return false;
    const char *number = colon + 1;
    char *end;
    if (*number < '0' || *number > '9')
        return false;
    unsigned long after = strtoul(number, &end, 10);
    if (after > UINT32_MAX / 2 || (*end != '\0' && *end != ':'))
        return false;
    if (*end == ':' && !find_action(end + 1, strlen(end + 1), &action))
        return false;
    fault_arm(point, (uint32_t)after, 1, action);
    return true;
}

void mr_fault_arm_from_env(void)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): called once, before any thread is started */
    const char *text = getenv("MILLRACE_FAULT");
    if (text == NULL || text[0] == '\0')
        return;
    if (!mr_fault_arm_text(text)) {
        /* A test that arms nothing would pass for the wrong reason. */
        (void)fprintf(stderr, "MILLRACE_FAULT=%s: want name:after[:error|exit|stop]\n", text);
        _exit(FAULT_USAGE_CODE);
    }
}

#endif
