/* Owns the chunks of one batch's memory. Must not free single pieces. Invariants: held_bytes is
 * the sum of all malloc'ed chunks and never passes limit_bytes; chunks behind `current` that are
 * not oversized are empty; under ASan every byte that is not handed out is poisoned. */
#include "base/arena.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#endif
#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#endif

#include "base/memory.h"

#include "base/ban.h"

enum { ARENA_CHUNK_BYTES = 256 * 1024, ARENA_ALIGN = 8 };

struct mr_arena_chunk {
    struct mr_arena_chunk *next;
    size_t cap;       /* bytes behind the header */
    size_t used;      /* of these */
    size_t oversized; /* 1: holds one piece larger than a normal chunk; freed at reset */
};

#ifdef ARENA_ASAN
static void arena_hide(const void *at, size_t n)
{
    __asan_poison_memory_region(at, n);
}
static void arena_show(const void *at, size_t n)
{
    __asan_unpoison_memory_region(at, n);
}
#else
static void arena_hide(const void *at, size_t n)
{
    (void)at;
    (void)n;
}
static void arena_show(const void *at, size_t n)
{
    (void)at;
    (void)n;
}
#endif

static uint8_t *chunk_bytes(struct mr_arena_chunk *chunk)
{
    return (uint8_t *)(chunk + 1);
}

static void chunk_free(struct mr_arena *arena, struct mr_arena_chunk *chunk)
{
    arena->held_bytes -= sizeof *chunk + chunk->cap;
    arena_show(chunk_bytes(chunk), chunk->cap);
    free(chunk);
}

void mr_arena_init(struct mr_arena *arena, size_t chunk_size, size_t limit_bytes)
{
    size_t min = 2 * sizeof(struct mr_arena_chunk);
    *arena = (struct mr_arena){
        .chunk_bytes = chunk_size != 0 ? chunk_size : (size_t)ARENA_CHUNK_BYTES,
        .limit_bytes = limit_bytes != 0 ? limit_bytes : (size_t)MR_ARENA_DEFAULT_LIMIT,
    };
    if (arena->chunk_bytes < min)
        arena->chunk_bytes = min;
}

void mr_arena_release(struct mr_arena *arena)
{
    struct mr_arena_chunk *chunk = arena->first;
    while (chunk != NULL) {
        struct mr_arena_chunk *next = chunk->next;
        chunk_free(arena, chunk);
        chunk = next;
    }
    arena->first = NULL;
    arena->current = NULL;
    arena->used_bytes = 0;
}

void mr_arena_reset(struct mr_arena *arena)
{
    struct mr_arena_chunk **link = &arena->first;
    while (*link != NULL) {
        struct mr_arena_chunk *chunk = *link;
        if (chunk->oversized != 0) {
            *link = chunk->next;
            chunk_free(arena, chunk);
        } else {
            chunk->used = 0;
            arena_hide(chunk_bytes(chunk), chunk->cap);
            link = &chunk->next;
        }
    }
    arena->current = arena->first;
    arena->used_bytes = 0;
}

/* A chunk with room for `n` bytes, linked behind the current one; NULL when refused. */
static struct mr_arena_chunk *chunk_new(struct mr_arena *arena, size_t n)
{
    size_t left =
        arena->limit_bytes > arena->held_bytes ? arena->limit_bytes - arena->held_bytes : 0;
    if (left < sizeof(struct mr_arena_chunk) || n > left - sizeof(struct mr_arena_chunk))
        return NULL;
    bool oversized = n > arena->chunk_bytes - sizeof(struct mr_arena_chunk);
    size_t size = arena->chunk_bytes;
    if (oversized)
        size = n + sizeof(struct mr_arena_chunk);
    else if (size > left)
        size = left; /* the last chunk takes what the limit leaves */
    struct mr_arena_chunk *chunk = malloc(size);
    if (chunk == NULL) {
        mr_memory_note_refused();
        return NULL;
    }
    *chunk = (struct mr_arena_chunk){.cap = size - sizeof *chunk, .oversized = oversized ? 1 : 0};
    arena_hide(chunk_bytes(chunk), chunk->cap);
    arena->held_bytes += size;
    if (arena->current == NULL) {
        arena->first = chunk;
    } else {
        chunk->next = arena->current->next;
        arena->current->next = chunk;
    }
    if (!oversized || arena->current == NULL)
        arena->current = chunk;
    return chunk;
}

/* The bytes in front of the next piece that `align` costs. */
static size_t chunk_padding(const struct mr_arena_chunk *chunk, size_t align)
{
    return (align - chunk->used % align) % align;
}

static bool chunk_fits(const struct mr_arena_chunk *chunk, size_t n, size_t align)
{
    size_t pad = chunk_padding(chunk, align);
    size_t left = chunk->cap - chunk->used;
    return pad <= left && n <= left - pad;
}

static void *chunk_take(struct mr_arena *arena, struct mr_arena_chunk *chunk, size_t n,
                        size_t align)
{
    size_t pad = chunk_padding(chunk, align);
    uint8_t *at = chunk_bytes(chunk) + chunk->used + pad;
    arena_show(at, n);
    chunk->used += pad + n;
    arena->used_bytes += pad + n;
    return at;
}

static void *arena_take(struct mr_arena *arena, size_t n, size_t align)
{
    struct mr_arena_chunk *chunk = arena->current;
    if (chunk != NULL && chunk_fits(chunk, n, align))
        return chunk_take(arena, chunk, n, align);
    /* A kept chunk of an earlier batch, unless the piece needs one of its own. */
    if (chunk != NULL && n <= arena->chunk_bytes - sizeof *chunk) {
        for (chunk = chunk->next; chunk != NULL; chunk = chunk->next) {
            if (chunk->oversized == 0 && chunk_fits(chunk, n, align)) {
                arena->current = chunk;
                return chunk_take(arena, chunk, n, align);
            }
        }
    }
    chunk = chunk_new(arena, n);
    return chunk != NULL ? chunk_take(arena, chunk, n, align) : NULL;
}

void *mr_arena_alloc(struct mr_arena *arena, size_t n)
{
    return arena_take(arena, n, ARENA_ALIGN);
}

void *mr_arena_copy(struct mr_arena *arena, const void *bytes, size_t n)
{
    void *at = arena_take(arena, n, 1);
    if (at != NULL && n > 0)
        memcpy(at, bytes, n);
    return at;
}
