/* A hash map from byte strings to pointers: open addressing, keys are borrowed (they must outlive
 * the entry), seeded so that keys off the wire cannot be made to collide. Threads: one owner. */
#ifndef MR_BASE_MAP_H
#define MR_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mr_map_entry {
    const void *key; /* borrowed; NULL: free */
    size_t key_len;
    uint64_t hash;
    void *value;
};

struct mr_map {
    struct mr_map_entry *entries;
    size_t n_entries;
    size_t capacity; /* power of two, or 0 */
    uint64_t seed;
};

void mr_map_init(struct mr_map *map, uint64_t seed);
void mr_map_release(struct mr_map *map); /* frees the table, not keys or values */
void mr_map_reset(struct mr_map *map);   /* empties, keeps capacity */

/* The hash that the map uses: 64 bit, of `len` bytes under `seed`. */
uint64_t mr_hash(const void *bytes, size_t len, uint64_t seed);

/* NULL if absent. */
void *mr_map_find(const struct mr_map *map, const void *key, size_t key_len);

/* The entry of a key, made (value NULL) if absent; *found says which. NULL when memory is out.
 * The pointer is valid until the next insertion. `hash` is mr_hash(key, key_len, map->seed). */
struct mr_map_entry *mr_map_entry(struct mr_map *map, const void *key, size_t key_len,
                                  uint64_t hash, bool *found);

/* Sets or replaces; 0, or -MR_NO_MEMORY. */
int mr_map_put(struct mr_map *map, const void *key, size_t key_len, void *value);

/* Removes; the value it had, or NULL. */
void *mr_map_remove(struct mr_map *map, const void *key, size_t key_len);

/* Iteration in table order: start with *at = 0; NULL at the end. No insertion
 * or removal meanwhile. */
struct mr_map_entry *mr_map_next(const struct mr_map *map, size_t *at);

#endif
