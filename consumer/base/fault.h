/* Named points where the world can cut the path (fault.def). In builds with MR_FAULTS a test arms
 * a point by number of passes, or the environment does (MILLRACE_FAULT=name:after[:action],
 * action error | exit | stop); release builds compile every point to 0.
 *
 * And named bugs (mutation.def), one of which a test can switch on, to see that the simulation
 * under tests/sim/ finds it; gone from release builds as well. */
#ifndef MR_BASE_FAULT_H
#define MR_BASE_FAULT_H

#include <stdbool.h>
#include <stdint.h>

enum mr_fault_point {
#define MR_FAULT_POINT(name, what) MR_FAULT_##name,
#include "base/fault.def"
#undef MR_FAULT_POINT
    MR_N_FAULTS
};

enum mr_mutation {
    MR_MUTATION_NONE,
#define MR_MUTATION_POINT(name, what) MR_MUTATION_##name,
#include "base/mutation.def"
#undef MR_MUTATION_POINT
    MR_N_MUTATIONS
};

#if defined(MR_FAULTS) && MR_FAULTS
bool mr_fault_hit(enum mr_fault_point point);
/* Lets `after_passes` passes go, then fires `times` times (0: always). */
void mr_fault_arm(enum mr_fault_point point, uint32_t after_passes, uint32_t times);
void mr_fault_disarm_all(void);
void mr_fault_arm_from_env(void);         /* reads MILLRACE_FAULT; once at start */
bool mr_fault_arm_text(const char *text); /* "pg_commit_after_send:3:exit"; false: not understood */
const char *mr_fault_name(enum mr_fault_point point);
uint32_t mr_fault_passes(enum mr_fault_point point);
#define MR_FAULT(point) mr_fault_hit(MR_FAULT_##point)
void mr_mutation_set(enum mr_mutation mutation); /* the one that is on; NONE: none */
bool mr_mutation_is(enum mr_mutation mutation);
const char *mr_mutation_name(enum mr_mutation mutation);
#define MR_MUTATION(name) mr_mutation_is(MR_MUTATION_##name)
#else
#define MR_FAULT(point) false
#define MR_MUTATION(name) false
#endif

#endif
