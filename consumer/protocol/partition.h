/* clang-format off: the drawing is read by a test */
/* The life of an assigned partition, as a pure step function: event in, next state and one action
 * out. Only the poll thread steps it; it alone calls assign, seek, pause and forward (design.md
 * section 4, Reading). Hold is the one mechanism for everything that must wait.
 *
 * CLAIMING  held; its position is being claimed in the target, or waits to be tried again
 * SEEKING   released; the seek to the position is under way, or waits to be tried again
 * FLOWING   its queue is forwarded to the lane
 * HELD      waits for something outside its table (a registry that is away, a dropped batch)
 * HALTED    waits for a probe, a reload or a command; its position is claimed anew afterwards
 * FENCED    another owner moved the position; one session time-out passes before a new claim
 * GONE      revoked or lost
 *
 * state    claimed refused  sought  unsought held   halted adrift   reset    fenced   due   revoked
 * CLAIMING SEEKING CLAIMING .       .        .      HALTED CLAIMING CLAIMING CLAIMING CLAIMING GONE
 * SEEKING  .       .        FLOWING SEEKING  .      HALTED CLAIMING SEEKING  FENCED   SEEKING  GONE
 * FLOWING  .       .        .       .        HELD   HALTED CLAIMING SEEKING  FENCED   .        GONE
 * HELD     .       .        .       .        HELD   HALTED CLAIMING HELD     FENCED   SEEKING  GONE
 * HALTED   .       .        .       .        HALTED HALTED HALTED   HALTED   HALTED   CLAIMING GONE
 * FENCED   .       .        .       .        .      HALTED FENCED   FENCED   FENCED   CLAIMING GONE
 * GONE     .       .        .       .        .      .      .        .        .        .        .
 *
 * A dot is a bug. Events of an older generation of the partition never reach this table: the caller
 * compares generations first. A unit test reads this drawing and compares it
 * with the C table. */
/* clang-format on */
#ifndef MR_CONSUMER_PROTOCOL_PARTITION_H
#define MR_CONSUMER_PROTOCOL_PARTITION_H

#include <stdbool.h>
#include <stdint.h>

enum mr_partition_state {
    MR_PART_CLAIMING,
    MR_PART_SEEKING,
    MR_PART_FLOWING,
    MR_PART_HELD,
    MR_PART_HALTED,
    MR_PART_FENCED,
    MR_PART_GONE,
    MR_N_PART_STATES
};

/* in the drawing's order */
enum mr_partition_event {
    MR_PART_EV_CLAIMED,  /* the claim gave a position that can be started
                            from */
    MR_PART_EV_REFUSED,  /* the claim failed for a reason that passes: try
                            again */
    MR_PART_EV_SOUGHT,   /* the seek was accepted */
    MR_PART_EV_UNSOUGHT, /* the seek failed for a reason that passes */
    MR_PART_EV_HELD,     /* fill met a record that must wait */
    MR_PART_EV_HALTED,   /* claim, seek, fill or flush met a HALT */
    MR_PART_EV_ADRIFT,   /* the source cannot deliver from the position: the
                            claim finds out why */
    MR_PART_EV_RESET,    /* the batch that held its records was dropped */
    MR_PART_EV_FENCED,   /* its compare-and-set failed */
    MR_PART_EV_DUE,      /* the timer that the last action started */
    MR_PART_EV_REVOKED,  /* revoked or lost */
    MR_N_PART_EVENTS
};

enum mr_partition_action {
    MR_PART_DO_NOTHING,
    MR_PART_DO_CLAIM,     /* queue a claim job */
    MR_PART_DO_SEEK,      /* seek to the position */
    MR_PART_DO_FLOW,      /* forward to the lane, new generation */
    MR_PART_DO_HOLD,      /* pause, forward to nothing, new generation, start the timer */
    MR_PART_DO_WAIT,      /* already held: start the timer */
    MR_PART_DO_HOLD_SEEK, /* hold, then seek at once */
    MR_PART_DO_FORGET,    /* drop what is left of it */
    MR_PART_DO_BUG        /* a dot of the table */
};

struct mr_partition_step {
    enum mr_partition_state next;
    enum mr_partition_action action;
};

struct mr_partition_step mr_partition_next(enum mr_partition_state state,
                                           enum mr_partition_event event);
const char *mr_partition_state_name(enum mr_partition_state state); /* "flowing" */

/* Fences in a row: the third within five minutes is contention (design.md section 4, Fenced). */
enum { MR_FENCES_TO_HALT = 3, MR_FENCE_WINDOW_MS = 300000 };
struct mr_fence_count {
    uint64_t at_ms[MR_FENCES_TO_HALT];
    uint32_t n;
};
/* Notes a fence at `now_ms` (monotonic); true when it is the third in the window. */
bool mr_fence_note(struct mr_fence_count *count, uint64_t now_ms);

#endif
