/* Owns the hash function and the open-addressed table. Must not own keys or values. Invariants:
 * capacity is 0 or a power of two; at most 3/4 of the places are taken, so a probe always ends;
 * from a key's home place to its own place no place is free (removal moves entries back). */
#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/memory.h"

#include "base/ban.h"

enum { MAP_FIRST_CAPACITY = 16 };

/* The shape of wyhash and rapidhash (public domain designs of Wang Yi): 64 x 64 -> 128 bit
 * multiplications folded by xor. Slots of a partition are chosen by it with seed 0, so its values
 * are part of what the target stores: the unit test pins them. */
static const uint64_t secret[3] = {UINT64_C(0x2d358dccaa6c78a5), UINT64_C(0x8bb84b93962eacc9),
                                   UINT64_C(0x4b33a62ed433d4a3)};

__extension__ typedef unsigned __int128 u128;

static inline void hash_multiply(uint64_t *a, uint64_t *b)
{
    u128 product = (u128)*a * *b;
    *a = (uint64_t)product;
    *b = (uint64_t)(product >> 64);
}

static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
    hash_multiply(&a, &b);
    return a ^ b;
}

static inline uint64_t load_u64(const uint8_t *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

static inline uint64_t load_u32(const uint8_t *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

/* Up to 16 bytes, each of which reaches `a` or `b`; reads overlap instead of looping. */
static void hash_load_short(const uint8_t *p, size_t len, uint64_t *a, uint64_t *b)
{
    if (len >= 8) {
        *a = load_u64(p);
        *b = load_u64(p + len - 8);
    } else if (len >= 4) {
        *a = load_u32(p);
        *b = load_u32(p + len - 4);
    } else if (len > 0) {
        *a = ((uint64_t)p[0] << 16) | ((uint64_t)p[len >> 1] << 8) | p[len - 1];
        *b = 0;
    } else {
        *a = 0;
        *b = 0;
    }
}

uint64_t mr_hash(const void *bytes, size_t len, uint64_t seed)
{
    const uint8_t *p = bytes;
    uint64_t a;
    uint64_t b;
    seed ^= hash_mix(seed ^ secret[0], secret[1]) ^ (uint64_t)len;
    if (len <= 16) {
        hash_load_short(p, len, &a, &b);
    } else {
        size_t left = len;
        uint64_t seed1 = ~seed; /* never equal, so that the two do not cancel each other */
        for (; left > 32; left -= 32, p += 32) {
            seed = hash_mix(load_u64(p) ^ secret[0], load_u64(p + 8) ^ seed);
            seed1 = hash_mix(load_u64(p + 16) ^ secret[1], load_u64(p + 24) ^ seed1);
        }
        if (len > 32)
            seed ^= seed1;
        if (left > 16)
            seed = hash_mix(load_u64(p) ^ secret[2], load_u64(p + 8) ^ seed);
        a = load_u64(p + left - 16);
        b = load_u64(p + left - 8);
    }
    a ^= secret[1];
    b ^= seed;
    hash_multiply(&a, &b);
    return hash_mix(a ^ secret[0] ^ (uint64_t)len, b ^ secret[1]);
}

void mr_map_init(struct mr_map *map, uint64_t seed)
{
    *map = (struct mr_map){.seed = seed};
}

void mr_map_release(struct mr_map *map)
{
    free(map->entries);
    *map = (struct mr_map){.seed = map->seed};
}

void mr_map_reset(struct mr_map *map)
{
    if (map->entries != NULL)
        memset(map->entries, 0, map->capacity * sizeof *map->entries);
    map->n_entries = 0;
}

/* The place of the key, or the free place where it belongs. */
static size_t map_probe(const struct mr_map *map, const void *key, size_t key_len, uint64_t hash)
{
    size_t mask = map->capacity - 1;
    size_t idx = (size_t)hash & mask;
    for (;;) {
        const struct mr_map_entry *entry = &map->entries[idx];
        if (entry->key == NULL)
            return idx;
        if (entry->hash == hash && entry->key_len == key_len &&
            (key_len == 0 || memcmp(entry->key, key, key_len) == 0))
            return idx;
        idx = (idx + 1) & mask;
    }
}

static int map_grow(struct mr_map *map)
{
    size_t capacity = map->capacity == 0 ? MAP_FIRST_CAPACITY : map->capacity * 2;
    if (capacity > SIZE_MAX / sizeof *map->entries)
        return -MR_NO_MEMORY;
    struct mr_map_entry *entries = calloc(capacity, sizeof *entries);
    if (entries == NULL) {
        mr_memory_note_refused();
        return -MR_NO_MEMORY;
    }
    for (size_t i = 0; i < map->capacity; i++) {
        const struct mr_map_entry *entry = &map->entries[i];
        if (entry->key == NULL)
            continue;
        size_t idx = (size_t)entry->hash & (capacity - 1);
        while (entries[idx].key != NULL)
            idx = (idx + 1) & (capacity - 1);
        entries[idx] = *entry;
    }
    free(map->entries);
    map->entries = entries;
    map->capacity = capacity;
    return 0;
}

void *mr_map_find(const struct mr_map *map, const void *key, size_t key_len)
{
    if (map->n_entries == 0)
        return NULL;
    uint64_t hash = mr_hash(key, key_len, map->seed);
    return map->entries[map_probe(map, key, key_len, hash)].value;
}

struct mr_map_entry *mr_map_entry(struct mr_map *map, const void *key, size_t key_len,
                                  uint64_t hash, bool *found)
{
    *found = false;
    size_t idx = 0;
    if (map->capacity != 0) {
        idx = map_probe(map, key, key_len, hash);
        if (map->entries[idx].key != NULL) {
            *found = true;
            return &map->entries[idx];
        }
    }
    if (map->n_entries >= map->capacity / 4 * 3) {
        if (map_grow(map) < 0)
            return NULL;
        idx = map_probe(map, key, key_len, hash);
    }
    struct mr_map_entry *entry = &map->entries[idx];
    /* An empty key may come as NULL, which marks a free place. */
    *entry = (struct mr_map_entry){.key = key != NULL ? key : "", .key_len = key_len, .hash = hash};
    map->n_entries++;
    return entry;
}

int mr_map_put(struct mr_map *map, const void *key, size_t key_len, void *value)
{
    bool found;
    struct mr_map_entry *entry =
        mr_map_entry(map, key, key_len, mr_hash(key, key_len, map->seed), &found);
    if (entry == NULL)
        return -MR_NO_MEMORY;
    if (key != NULL)
        entry->key = key; /* the old key may die with the old value */
    entry->value = value;
    return 0;
}

void *mr_map_remove(struct mr_map *map, const void *key, size_t key_len)
{
    if (map->n_entries == 0)
        return NULL;
    size_t mask = map->capacity - 1;
    size_t hole = map_probe(map, key, key_len, mr_hash(key, key_len, map->seed));
    if (map->entries[hole].key == NULL)
        return NULL;
    void *value = map->entries[hole].value;
    /* Close the gap: every entry that the hole would cut off from its home place moves into it. */
    for (size_t idx = (hole + 1) & mask; map->entries[idx].key != NULL; idx = (idx + 1) & mask) {
        size_t home = (size_t)map->entries[idx].hash & mask;
        if (((idx - home) & mask) >= ((idx - hole) & mask)) {
            map->entries[hole] = map->entries[idx];
            hole = idx;
        }
    }
    map->entries[hole] = (struct mr_map_entry){.key = NULL};
    map->n_entries--;
    return value;
}

struct mr_map_entry *mr_map_next(const struct mr_map *map, size_t *at)
{
    while (*at < map->capacity) {
        struct mr_map_entry *entry = &map->entries[(*at)++];
        if (entry->key != NULL)
            return entry;
    }
    return NULL;
}
