/* Fault points in tests that also compile where the points are compiled out: arming one skips the
 * test. */
#ifndef MR_TESTS_SUPPORT_PG_FAULTS_H
#define MR_TESTS_SUPPORT_PG_FAULTS_H

#include "base/fault.h"
#include "tests/support/mr_test.h"

#if defined(MR_FAULTS) && MR_FAULTS
static inline void pg_faults_arm(enum mr_fault_point point)
{
    mr_fault_arm(point, 0, 1);
}
static inline void pg_faults_disarm(void)
{
    mr_fault_disarm_all();
}
#else
static inline void pg_faults_arm(enum mr_fault_point point)
{
    (void)point;
    MR_SKIP("built without fault points (MR_FAULTS)");
}
static inline void pg_faults_disarm(void)
{
}
#endif

#endif
