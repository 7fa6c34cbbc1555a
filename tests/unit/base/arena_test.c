/* Bump memory: alignment, limit, reuse, and the poison under ASan. */
#include "base/arena.h"

#include <stdbool.h>
#include <string.h>

#include "tests/support/mr_test.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#endif
#ifdef HAVE_ASAN
#include <sanitizer/asan_interface.h>
#endif

static struct mr_arena arena;

MR_SETUP
{
    mr_arena_init(&arena, 4096, 64 * 1024);
}

MR_TEARDOWN
{
    mr_arena_release(&arena);
}

MR_TEST("nothing is allocated before the first use")
{
    MR_CHECK_U64(arena.held_bytes, 0);
    MR_CHECK(arena.first == NULL);
    mr_arena_reset(&arena);
    MR_CHECK_U64(arena.held_bytes, 0);
}

MR_TEST("pieces are aligned to 8 and copies packed tightly")
{
    char *a = mr_arena_copy(&arena, "abc", 3);
    char *b = mr_arena_copy(&arena, "de", 2);
    char *c = mr_arena_alloc(&arena, 1);
    char *d = mr_arena_alloc(&arena, 8);
    MR_CHECK(b == a + 3);
    MR_CHECK_MEM(a, "abcde", 5);
    MR_CHECK_U64((uintptr_t)c % 8, 0);
    MR_CHECK(c == a + 8);
    MR_CHECK(d == c + 8);
    MR_CHECK_U64(arena.used_bytes, 24);
}

MR_TEST("zero bytes give a valid pointer, also from an empty arena")
{
    MR_CHECK(mr_arena_alloc(&arena, 0) != NULL);
    MR_CHECK(mr_arena_copy(&arena, NULL, 0) != NULL);
}

MR_TEST("pieces do not overlap and keep their bytes over many chunks")
{
    char *pieces[300];
    for (int i = 0; i < 300; i++) {
        pieces[i] = mr_arena_alloc(&arena, 150);
        MR_CHECK(pieces[i] != NULL);
        memset(pieces[i], i & 0xff, 150);
    }
    char want[150];
    for (int i = 0; i < 300; i++) {
        memset(want, i & 0xff, sizeof want);
        MR_CHECK_MEM(pieces[i], want, sizeof want);
    }
}

MR_TEST("the chunks never hold more than the limit, and what no longer fits is refused")
{
    size_t n = 0;
    while (mr_arena_alloc(&arena, 100) != NULL)
        n++;
    MR_CHECK(arena.held_bytes <= 64 * 1024);
    MR_CHECK(n * 100 > 60 * 1024);
    MR_CHECK(n * 100 <= 64 * 1024);
}

MR_TEST("a limit below one chunk is used up, not refused")
{
    struct mr_arena small;
    mr_arena_init(&small, 4096, 1000);
    MR_CHECK(mr_arena_alloc(&small, 900) != NULL);
    MR_CHECK(small.held_bytes <= 1000);
    MR_CHECK(mr_arena_alloc(&small, 900) == NULL);
    mr_arena_release(&small);
}

MR_TEST("sizes that would wrap around are refused")
{
    MR_CHECK(mr_arena_alloc(&arena, SIZE_MAX) == NULL);
    MR_CHECK(mr_arena_alloc(&arena, SIZE_MAX - 8) == NULL);
    (void)mr_arena_copy(&arena, "a", 1);
    MR_CHECK(mr_arena_alloc(&arena, SIZE_MAX) == NULL);
    MR_CHECK(mr_arena_alloc(&arena, SIZE_MAX - 8) == NULL);
}

MR_TEST("after a reset the same work allocates no new chunk")
{
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 200; i++)
            MR_CHECK(mr_arena_alloc(&arena, 200) != NULL);
        static size_t held;
        if (round == 0)
            held = arena.held_bytes;
        MR_CHECK_U64(arena.held_bytes, held);
        mr_arena_reset(&arena);
        MR_CHECK_U64(arena.used_bytes, 0);
        MR_CHECK_U64(arena.held_bytes, held);
    }
}

MR_TEST("a piece larger than a chunk gets its own, which the reset frees")
{
    char *small = mr_arena_alloc(&arena, 10);
    size_t held = arena.held_bytes;
    char *large = mr_arena_alloc(&arena, 20000);
    MR_CHECK(large != NULL);
    memset(large, 'x', 20000);
    char *next = mr_arena_alloc(&arena, 10);
    MR_CHECK(next == small + 16); /* the chunk in use goes on */
    MR_CHECK(arena.held_bytes >= held + 20000);
    mr_arena_reset(&arena);
    MR_CHECK_U64(arena.held_bytes, held);
}

MR_TEST("an arena that begins with a large piece serves small ones behind it")
{
    MR_CHECK(mr_arena_alloc(&arena, 20000) != NULL);
    MR_CHECK(mr_arena_alloc(&arena, 10) != NULL);
    MR_CHECK(mr_arena_alloc(&arena, 10000) != NULL);
    MR_CHECK(mr_arena_alloc(&arena, 3000) != NULL);
    mr_arena_reset(&arena);
    MR_CHECK_U64(arena.held_bytes, 4096);
    MR_CHECK(mr_arena_alloc(&arena, 10) != NULL);
    MR_CHECK_U64(arena.held_bytes, 4096);
}

MR_TEST("a piece too large for the rest of the limit leaves the arena usable")
{
    MR_CHECK(mr_arena_alloc(&arena, 70000) == NULL);
    MR_CHECK(mr_arena_alloc(&arena, 100) != NULL);
}

MR_TEST("a release frees all and the arena can begin anew")
{
    (void)mr_arena_alloc(&arena, 100);
    mr_arena_release(&arena);
    MR_CHECK_U64(arena.held_bytes, 0);
    MR_CHECK(mr_arena_alloc(&arena, 100) != NULL);
}

MR_TEST("under ASan what was not handed out, or was reset, cannot be touched")
{
#ifdef HAVE_ASAN
    char *piece = mr_arena_alloc(&arena, 24);
    MR_CHECK(!__asan_address_is_poisoned(piece));
    MR_CHECK(!__asan_address_is_poisoned(piece + 23));
    MR_CHECK(__asan_address_is_poisoned(piece + 24));
    mr_arena_reset(&arena);
    MR_CHECK(__asan_address_is_poisoned(piece));
#else
    MR_SKIP("this build has no AddressSanitizer");
#endif
}
