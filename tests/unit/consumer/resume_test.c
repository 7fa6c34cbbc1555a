/* What a resume changes, in a service without threads. */
#include "consumer/resume.h"

#include "tests/support/mr_test.h"
#include "tests/support/service_rig.h"

static struct service_rig rig;

MR_SETUP
{
    service_rig_init(&rig);
}

MR_TEARDOWN
{
    service_rig_release(&rig);
}

static struct mr_target *target_halted(void)
{
    struct mr_target *target = NULL;
    struct mr_err err = MR_ERR_INIT;

    MR_CHECK_OK(mr_targets_for(&rig.service.targets, "t", &target, &err));
    mr_err_set(&err, MR_POISON_FLOOD, "too many");
    mr_target_halt(target, &err, mr_mono_ms(&rig.service.opts.env));
    return target;
}

/* design.md section 6 */
MR_TEST("a route that is resumed is tried at once: its breaker, its tables, its partitions")
{
    struct mr_target *target = target_halted();
    struct mr_partition *halted = service_rig_part(&rig, 0, MR_PART_HALTED, 5, 10);
    struct mr_partition *flowing = service_rig_part(&rig, 1, MR_PART_FLOWING, 5, 10);
    struct mr_resumed resumed;

    halted->target = target;
    flowing->target = target;
    mr_breaker_count(target->rule->breaker, (struct mr_tally){30, 17}, RIG_START_MS);
    mr_breaker_trip(target->rule->breaker, RIG_START_MS);
    MR_CHECK(mr_resume(&rig.service, "t", 9, &resumed));
    MR_CHECK_STR(resumed.route, "t");
    MR_CHECK(resumed.was_open);
    MR_CHECK_U64(resumed.before.n_bad, 17);
    MR_CHECK_U64(resumed.n_partitions, 1);
    MR_CHECK_U64(resumed.n_tables, 1);
    MR_CHECK(atomic_load(&halted->hurry) && !atomic_load(&flowing->hurry));
    MR_CHECK(!atomic_load(&target->halted));
    MR_CHECK(!mr_breaker_is_open(target->rule->breaker));
}

MR_TEST("a route goes by its topic or regex, a topic or a table that it has; others are none")
{
    struct mr_resumed resumed;

    MR_CHECK(mr_resume(&rig.service, "t", 0, &resumed));
    (void)target_halted();
    MR_CHECK(mr_resume(&rig.service, mr_targets_at(&rig.service.targets, 0)->label, 0, &resumed));
    MR_CHECK_STR(resumed.route, "t");
    (void)target_halted();
    MR_CHECK(!mr_resume(&rig.service, "u", 0, &resumed));
    MR_CHECK(!mr_resume(&rig.service, "", 0, &resumed));
    MR_CHECK(atomic_load(&mr_targets_at(&rig.service.targets, 0)->halted));
}
