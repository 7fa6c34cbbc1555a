/* A gate before memory: one allocation of millrace's own objects, or of the test's, finds none.
 * Needs a program whose malloc() and kin are wrapped (tests/CMakeLists.txt, mr_memory_gate); what
 * shared libraries allocate goes past it. MR_GATE_SHOW=n shows who asked for the n-th, in a build
 * with AddressSanitizer. Threads: any; which of them is refused is then chance. */
#ifndef MR_TESTS_SUPPORT_MEMORY_GATE_H
#define MR_TESTS_SUPPORT_MEMORY_GATE_H

#include <stdbool.h>

#include "base/err.h"

/* Lets so many go on, then refuses one, once. */
void memory_gate_arm(int let);
/* Nothing is refused, nor counted, between the two; they nest. */
void memory_gate_hold(void);
void memory_gate_go_on(void);
/* No more is refused. Was one, since it was armed? */
bool memory_gate_disarm(void);

/* A piece of work, tried again and again, each time with a later allocation refused, until it never
 * asks for that many. */
struct memory_gate_work {
    const char *name;
    int (*run)(void *arg, struct mr_err *err); /* under the gate; 0 or the negative code */
    /* NULL, or behind each: did it leave what it should? `rc` is what run() gave. */
    void (*after)(void *arg, int rc);
    void *arg;
    int least; /* so many allocations it has at least, or the test is broken */
};

/* Fails the test where a refusal gave another error than -MR_NO_MEMORY, or one without a text. The
 * work may succeed all the same. */
void memory_gate_try_all(const struct memory_gate_work *work);

#endif
