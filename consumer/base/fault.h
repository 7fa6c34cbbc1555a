/* Named points where the world can cut the path (fault.def). In builds with MR_FAULTS a test arms
 * a point by number of passes, or the environment does (MILLRACE_FAULT=name:after[:action],
 * action error | exit | stop); release builds compile every point to 0. */
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
#else
#define MR_FAULT(point) false
#endif

#endif
