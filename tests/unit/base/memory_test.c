/* Refused allocations: whoever runs into one counts it, and a judged piece of work says so instead
 * of what it found. */
#include "base/memory.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "tests/support/memory_gate.h"
#include "tests/support/mr_test.h"

static struct mr_err err;

MR_SETUP
{
    mr_err_clear(&err);
}

MR_TEARDOWN
{
    (void)memory_gate_disarm();
}

MR_TEST("a limit that is reached is no memory that lacks")
{
    struct mr_buf buf = {.limit = 10};
    struct mr_arena arena;
    uint32_t mark = mr_memory_mark();
    mr_buf_add(&buf, "0123456789a", 11);
    MR_CHECK(!mr_buf_ok(&buf));
    mr_arena_init(&arena, 64, 64);
    MR_CHECK(mr_arena_alloc(&arena, 100) == NULL);
    MR_CHECK_INT(mr_memory_judge(mark, -MR_FRAMING_TOO_LARGE, &err, "a test"),
                 -MR_FRAMING_TOO_LARGE);
    MR_CHECK_INT(mr_memory_judge(mark, 0, &err, "a test"), 0);
    mr_buf_release(&buf);
    mr_arena_release(&arena);
}

static void check_lacked(uint32_t mark)
{
    MR_CHECK(memory_gate_disarm());
    MR_CHECK_INT(mr_memory_judge(mark, -MR_FRAMING_TOO_LARGE, &err, "a test"), -MR_NO_MEMORY);
    MR_CHECK_INT(err.code, MR_NO_MEMORY);
    MR_CHECK_INT(err.class, MR_CLASS_PAUSE);
    MR_CHECK_STR(err.detail, "while a test");
    mr_err_clear(&err);
    MR_CHECK_INT(mr_memory_judge(mark, 0, &err, "a test"), -MR_NO_MEMORY);
    /* What is begun now is judged by what happens now. */
    MR_CHECK_INT(mr_memory_judge(mr_memory_mark(), 0, &err, "a test"), 0);
}

MR_TEST("a buffer, an arena and a map that find no memory say so to whoever judges")
{
    struct mr_buf buf = MR_BUF_INIT;
    struct mr_arena arena;
    struct mr_map map;
    uint32_t mark = mr_memory_mark();

    mr_map_init(&map, 1);
    memory_gate_arm(0);
    mr_buf_str(&buf, "text");
    MR_CHECK(!mr_buf_ok(&buf));
    check_lacked(mark);

    mr_arena_init(&arena, 0, 0);
    mark = mr_memory_mark();
    memory_gate_arm(0);
    MR_CHECK(mr_arena_alloc(&arena, 1) == NULL);
    check_lacked(mark);

    mark = mr_memory_mark();
    memory_gate_arm(0);
    MR_CHECK_INT(mr_map_put(&map, "k", 1, &map), -MR_NO_MEMORY);
    check_lacked(mark);

    mr_buf_release(&buf);
    mr_arena_release(&arena);
    mr_map_release(&map);
}

MR_TEST("an error that says already that memory lacked keeps its text")
{
    memory_gate_arm(0);
    struct mr_buf buf = MR_BUF_INIT;
    uint32_t mark = mr_memory_mark();
    mr_buf_str(&buf, "text");
    (void)mr_err_set(&err, MR_NO_MEMORY, "a statement");
    MR_CHECK_INT(mr_memory_judge(mark, -MR_NO_MEMORY, &err, "a test"), -MR_NO_MEMORY);
    MR_CHECK_STR(err.detail, "a statement");
    mr_buf_release(&buf);
}
