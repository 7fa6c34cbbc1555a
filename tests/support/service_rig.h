/* A service put together by hand, without its threads: what status, report, progress and the admin
 * listener read can be set piece by piece, under a clock that the test moves. */
#ifndef MR_TESTS_SUPPORT_SERVICE_RIG_H
#define MR_TESTS_SUPPORT_SERVICE_RIG_H

#include "consumer/service.h"
#include "tests/support/conf_files.h"
#include "tests/support/source_fake.h"

enum { RIG_LANES = 2, RIG_START_MS = 1000000 };

struct service_rig {
    struct conf_files conf;
    struct mr_clock_fake clock;
    struct mr_service service; /* topic `t` to stdout:, group and pipeline `rig` */
    struct fake_source *fake;
};

void service_rig_init(struct service_rig *rig);
void service_rig_release(struct service_rig *rig);

void service_rig_pass_ms(struct service_rig *rig, uint64_t ms);
/* A partition of `t` in that state, loaded up to `next`; its log ends at `end`. */
struct mr_partition *service_rig_part(struct service_rig *rig, int32_t partition,
                                      enum mr_partition_state state, int64_t next, int64_t end);
/* Leaves an error at the partition, as a wish does. */
void service_rig_part_err(struct mr_partition *part, enum mr_code code, const char *detail);
/* What lane `idx`'s writer is at. */
void service_rig_writer(struct service_rig *rig, uint32_t idx, enum mr_writer_state state,
                        enum mr_code code, const char *detail);
/* The target answers its first question, as at the first claim. */
void service_rig_reach_target(struct service_rig *rig);
/* The source reports a fault of the whole source now. */
void service_rig_source_fault(struct service_rig *rig, enum mr_code code, const char *detail);

#endif
