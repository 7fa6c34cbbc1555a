/* The lane's decision, over every combination of what it can see. */
#include "consumer/protocol/lane.h"

#include "tests/support/mr_test.h"

enum { N_BITS = 9 };

static struct mr_lane_view view_of(unsigned bits)
{
    return (struct mr_lane_view){.parked = bits & 1,
                                 .draining = bits & 2,
                                 .stopping = bits & 4,
                                 .writer_free = bits & 8,
                                 .dry = bits & 16,
                                 .behind = bits & 256,
                                 .full = (bits & 32) != 0 && (bits & 64) != 0,
                                 .n_records = bits & 64 ? 7 : 0,
                                 .age_ms = bits & 128 ? 500 : 0,
                                 .max_wait_ms = 500};
}

MR_TEST("a parked lane does nothing, whatever else holds")
{
    for (unsigned bits = 0; bits < 1u << N_BITS; bits++) {
        struct mr_lane_view v = view_of(bits | 1);
        MR_CHECK_INT(mr_lane_next(&v), MR_LANE_DO_PARK);
    }
}

MR_TEST("nothing is handed over to a busy writer, and an empty batch never is")
{
    for (unsigned bits = 0; bits < 1u << N_BITS; bits++) {
        struct mr_lane_view v = view_of(bits);
        if (mr_lane_next(&v) == MR_LANE_DO_HAND_OVER)
            MR_CHECK(v.writer_free && v.n_records > 0);
    }
}

/* back pressure: design.md section 4 */
MR_TEST("a full lane does not read")
{
    for (unsigned bits = 0; bits < 1u << N_BITS; bits++) {
        struct mr_lane_view v = view_of(bits);
        if (v.full)
            MR_CHECK(mr_lane_next(&v) != MR_LANE_DO_READ);
    }
}

MR_TEST("a draining lane does not read")
{
    for (unsigned bits = 0; bits < 1u << N_BITS; bits++) {
        struct mr_lane_view v = view_of(bits | 2);
        MR_CHECK(mr_lane_next(&v) != MR_LANE_DO_READ);
    }
}

MR_TEST("a stopping lane ends once it is empty, not before")
{
    for (unsigned bits = 0; bits < 1u << N_BITS; bits++) {
        struct mr_lane_view v = view_of(bits | 4);
        if (!v.parked)
            MR_CHECK_INT(mr_lane_next(&v) == MR_LANE_DO_STOP, v.n_records == 0);
    }
}

MR_TEST("a caught-up lane flushes at once when its writer is free")
{
    struct mr_lane_view v = {.writer_free = true, .dry = true, .n_records = 1, .max_wait_ms = 500};

    MR_CHECK_INT(mr_lane_next(&v), MR_LANE_DO_HAND_OVER);
    v.dry = false;
    MR_CHECK_INT(mr_lane_next(&v), MR_LANE_DO_READ);
    v.age_ms = 500;
    MR_CHECK_INT(mr_lane_next(&v), MR_LANE_DO_HAND_OVER);
    v.writer_free = false;
    MR_CHECK_INT(mr_lane_next(&v), MR_LANE_DO_READ);
}

MR_TEST("a lane that is dry but behind waits for what is on its way until its batch is due")
{
    struct mr_lane_view v = {
        .writer_free = true, .dry = true, .behind = true, .n_records = 1, .max_wait_ms = 500};

    MR_CHECK_INT(mr_lane_next(&v), MR_LANE_DO_READ);
    MR_CHECK_U64(mr_lane_read_ms(&v, 100), 100); /* no spinning */
    v.age_ms = 500;
    MR_CHECK_INT(mr_lane_next(&v), MR_LANE_DO_HAND_OVER);
}

MR_TEST("a read blocks no longer than the batch may wait")
{
    struct mr_lane_view v = {.n_records = 3, .age_ms = 480, .max_wait_ms = 500};

    MR_CHECK_U64(mr_lane_read_ms(&v, 100), 20);
    v.writer_free = true;
    MR_CHECK_U64(mr_lane_read_ms(&v, 100), 0);
    v.n_records = 0;
    MR_CHECK_U64(mr_lane_read_ms(&v, 100), 100);
}

MR_TEST("a due batch waits for its writer in whole reads, not in steps of a millisecond")
{
    struct mr_lane_view v = {.n_records = 3, .age_ms = 900, .max_wait_ms = 500};

    MR_CHECK_INT(mr_lane_next(&v), MR_LANE_DO_READ);
    MR_CHECK_U64(mr_lane_read_ms(&v, 100), 100);
    v.dry = true;
    MR_CHECK_U64(mr_lane_read_ms(&v, 100), 100);
}
