/* Bump memory of one batch: allocated piece by piece, released at once. Chunks are kept across
 * resets, so that the steady state calls malloc zero times; under ASan a reset poisons them.
 * Threads: one owner at a time. */
#ifndef MR_BASE_ARENA_H
#define MR_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

enum { MR_ARENA_DEFAULT_LIMIT = 256 * 1024 * 1024 };

struct mr_arena_chunk;

struct mr_arena {
    struct mr_arena_chunk *first;
    struct mr_arena_chunk *current;
    size_t used_bytes;  /* handed out since the last reset, with padding */
    size_t chunk_bytes; /* size of a normal chunk */
    size_t limit_bytes; /* cap on the sum of all chunks */
    size_t held_bytes;  /* sum of all chunks now */
};

/* Nothing is allocated before the first use. chunk_bytes 0 means 256 KiB, limit_bytes 0
 * means MR_ARENA_DEFAULT_LIMIT. */
void mr_arena_init(struct mr_arena *arena, size_t chunk_bytes, size_t limit_bytes);
void mr_arena_release(struct mr_arena *arena);

/* Everything handed out becomes invalid; normal chunks stay, oversized ones are freed. */
void mr_arena_reset(struct mr_arena *arena);

/* `n` bytes aligned to 8, or NULL when the limit or memory is reached. 0 bytes give a valid
 * pointer. */
void *mr_arena_alloc(struct mr_arena *arena, size_t n);

/* A copy of `n` bytes, unaligned (packed tightly); NULL as above. */
void *mr_arena_copy(struct mr_arena *arena, const void *bytes, size_t n);

#endif
