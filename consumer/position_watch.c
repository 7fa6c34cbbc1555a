/* Owns the look at positions that others moved. Must not decide what follows: poll treats it as a
 * flush that was fenced. */
#include "consumer/position_watch.h"

#include <stdlib.h>

#include "base/ban.h"

/* Only what flows was claimed and is read. Its generation first: a claim that comes between the
 * look and poll makes it another one, and the wish is not heard. */
static void claimed_note(const struct mr_position_watch *watch)
{
    struct mr_partition *part;

    for (size_t i = 0; (part = mr_partitions_at(watch->partitions, i)) != NULL; i++) {
        part->watch_generation = atomic_load(&part->generation);
        bool flows = atomic_load(&part->state_seen) == MR_PART_FLOWING;
        part->watch_epoch = flows ? atomic_load(&part->epoch) : -1;
    }
}

static void compare(const struct mr_position_watch *watch, const struct mr_position *stored)
{
    struct mr_partition *part =
        mr_partitions_find(watch->partitions, stored->stream, stored->partition);
    struct mr_partition_wish wish = {.event = MR_PART_EV_FENCED, .err = MR_ERR_INIT};

    if (part == NULL || part->watch_epoch < 0 || part->watch_epoch == stored->epoch)
        return;
    mr_err_set(&wish.err, MR_FENCED, "the position is %lld of epoch %lld now, claimed by %s",
               (long long)stored->next_offset, (long long)stored->epoch, stored->owner);
    mr_err_at(&wish.err, part->stream, part->partition, -1);
    wish.generation = part->watch_generation;
    mr_partition_wish_set(part, &wish);
}

void mr_position_watch_run(struct mr_position_watch *watch)
{
    struct mr_position *stored = NULL;
    struct mr_err err = MR_ERR_INIT;
    size_t n = 0;
    uint64_t now_ms = mr_mono_ms(watch->env);

    if ((watch->sink->ops->caps & MR_SINK_POSITIONS) == 0 || now_ms < watch->due_ms)
        return;
    claimed_note(watch);
    int rc = watch->sink->ops->positions_read(watch->sink, &stored, &n, &err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        compare(watch, &stored[i]);
    free(stored);
    uint64_t took_ms = mr_mono_ms(watch->env) - now_ms;
    uint64_t pause_ms = took_ms * MR_POSITION_WATCH_SHARE;
    watch->due_ms =
        now_ms + took_ms + (pause_ms > MR_POSITION_WATCH_MS ? pause_ms : MR_POSITION_WATCH_MS);
}
