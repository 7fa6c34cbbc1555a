/* Owns what follows when the wall clock was set. */
#include "consumer/clock_watch.h"

#include "base/log.h"

#include "base/ban.h"

int64_t mr_clock_watch_step(struct mr_clock_watch *watch, const struct mr_env *env)
{
    int64_t ahead_ms = mr_wall_ms(env) - (int64_t)mr_mono_ms(env);
    int64_t step_ms = watch->looked ? ahead_ms - watch->ahead_ms : 0;

    watch->ahead_ms = ahead_ms;
    watch->looked = true;
    return step_ms >= MR_CLOCK_STEP_MS || step_ms <= -MR_CLOCK_STEP_MS ? step_ms : 0;
}

static void wake_all(struct mr_service *service)
{
    struct mr_source *source = service->source;

    source->ops->wake_client(source);
    source->ops->wake_poll(source);
    for (uint32_t i = 0; i < service->n_lanes; i++)
        source->ops->wake_lane(source, i);
}

void mr_clock_watch_tick(struct mr_clock_watch *watch, struct mr_service *service)
{
    int64_t step_ms = mr_clock_watch_step(watch, &service->opts.env);

    if (step_ms != 0) {
        mr_log(MR_WARN, "wall_clock_set", mr_kv_f64("seconds", (double)step_ms / 1e3));
        watch->n_wakes = MR_CLOCK_WAKES;
    }
    if (watch->n_wakes == 0)
        return;
    watch->n_wakes--;
    wake_all(service);
}
