/* The hash map against a plain list, and the hash against its pinned values. */
#include "base/map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "tests/support/mr_test.h"

static struct mr_map map;

MR_SETUP
{
    mr_map_init(&map, 42);
}

MR_TEARDOWN
{
    mr_map_release(&map);
}

static void *find(const char *key)
{
    return mr_map_find(&map, key, strlen(key));
}

static int put(const char *key, void *value)
{
    return mr_map_put(&map, key, strlen(key), value);
}

MR_TEST("an empty map finds nothing and removes nothing")
{
    size_t at = 0;
    MR_CHECK(find("a") == NULL);
    MR_CHECK(mr_map_remove(&map, "a", 1) == NULL);
    MR_CHECK(mr_map_next(&map, &at) == NULL);
    mr_map_reset(&map);
}

MR_TEST("a value is found by the bytes of its key, and replaced by the next put")
{
    int one;
    int two;
    char key[] = "key";
    MR_CHECK_OK(put(key, &one));
    MR_CHECK(find("key") == &one);
    MR_CHECK(find("ke") == NULL);
    MR_CHECK(find("kez") == NULL);
    MR_CHECK_OK(put("key", &two));
    MR_CHECK(find("key") == &two);
    MR_CHECK_U64(map.n_entries, 1);
    key[0] = 'x'; /* a replaced entry borrows the new key */
    MR_CHECK(find("key") == &two);
}

MR_TEST("keys may hold zero bytes, and the empty key is a key")
{
    int a;
    int b;
    int c;
    MR_CHECK_OK(mr_map_put(&map, "a\0b", 3, &a));
    MR_CHECK_OK(mr_map_put(&map, "a\0c", 3, &b));
    MR_CHECK_OK(mr_map_put(&map, NULL, 0, &c));
    MR_CHECK(mr_map_find(&map, "a\0b", 3) == &a);
    MR_CHECK(mr_map_find(&map, "a\0c", 3) == &b);
    MR_CHECK(mr_map_find(&map, "", 0) == &c);
    MR_CHECK(mr_map_remove(&map, NULL, 0) == &c);
    MR_CHECK_U64(map.n_entries, 2);
}

MR_TEST("an entry is made once, with an empty value, and found after that")
{
    bool found = true;
    int v;
    uint64_t hash = mr_hash("k", 1, map.seed);
    struct mr_map_entry *entry = mr_map_entry(&map, "k", 1, hash, &found);
    MR_CHECK(entry != NULL && !found && entry->value == NULL);
    entry->value = &v;
    MR_CHECK(mr_map_entry(&map, "k", 1, hash, &found) == entry);
    MR_CHECK(found);
    MR_CHECK(find("k") == &v);
}

enum { N_KEYS = 3000 };

MR_TEST("a hundred thousand puts and removes leave what a plain list says")
{
    static char keys[N_KEYS][16];
    static void *want[N_KEYS];
    struct mr_rng rng;
    mr_rng_init(&rng, 7);
    memset(want, 0, sizeof want);
    size_t n = 0;
    for (int i = 0; i < N_KEYS; i++)
        (void)snprintf(keys[i], sizeof keys[i], "key-%d", i);
    for (int step = 0; step < 100000; step++) {
        size_t i = (size_t)mr_rng_below(&rng, N_KEYS);
        if (mr_rng_below(&rng, 3) == 0) {
            MR_CHECK(mr_map_remove(&map, keys[i], strlen(keys[i])) == want[i]);
            n -= want[i] != NULL;
            want[i] = NULL;
        } else {
            MR_CHECK_OK(put(keys[i], &want[step % N_KEYS]));
            n += want[i] == NULL;
            want[i] = &want[step % N_KEYS];
        }
        MR_CHECK_U64(map.n_entries, n);
    }
    for (size_t i = 0; i < N_KEYS; i++)
        MR_CHECK(find(keys[i]) == want[i]);
    MR_CHECK(map.capacity <= 8192);
}

MR_TEST("iteration meets every entry once")
{
    static char keys[100][16];
    static int met[100];
    memset(met, 0, sizeof met);
    for (int i = 0; i < 100; i++) {
        (void)snprintf(keys[i], sizeof keys[i], "%d", i);
        MR_CHECK_OK(put(keys[i], &met[i]));
    }
    size_t at = 0;
    struct mr_map_entry *entry;
    while ((entry = mr_map_next(&map, &at)) != NULL)
        ++*(int *)entry->value;
    for (int i = 0; i < 100; i++)
        MR_CHECK_INT(met[i], 1);
}

MR_TEST("a reset empties the map and keeps its capacity")
{
    int v;
    MR_CHECK_OK(put("a", &v));
    size_t capacity = map.capacity;
    mr_map_reset(&map);
    MR_CHECK(find("a") == NULL);
    MR_CHECK_U64(map.n_entries, 0);
    MR_CHECK_U64(map.capacity, capacity);
    MR_CHECK_OK(put("a", &v));
    MR_CHECK(find("a") == &v);
}

MR_TEST("the hash of given bytes never changes, since slots of a partition are chosen by it")
{
    static const struct {
        size_t len;
        uint64_t want;
    } cases[] = {
        {0, UINT64_C(0x93228a4de0eec5a2)},  {1, UINT64_C(0xdec6b076df847444)},
        {3, UINT64_C(0x5eac8c3974d96e0e)},  {4, UINT64_C(0xd373f96888f85c15)},
        {7, UINT64_C(0x66b2de87e008f77b)},  {8, UINT64_C(0x7d8000f462be913b)},
        {16, UINT64_C(0x2be54be502ad4ceb)}, {17, UINT64_C(0x27831aac6d7314fb)},
        {32, UINT64_C(0x157884aa55acceee)}, {33, UINT64_C(0xa4eaead0d767ebd4)},
        {64, UINT64_C(0x001c10b5bd6ed961)}, {100, UINT64_C(0x44e6138582a4b125)},
    };
    uint8_t bytes[100];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        MR_CHECK_U64(mr_hash(bytes, cases[i].len, 0), cases[i].want);
}

MR_TEST("every byte, the length and the seed change the hash, and reads stay inside the key")
{
    for (size_t len = 1; len <= 130; len++) {
        uint8_t *bytes = malloc(len); /* exactly, so that ASan sees a read outside */
        MR_CHECK(bytes != NULL);
        memset(bytes, 0, len);
        uint64_t before = mr_hash(bytes, len, 1);
        MR_CHECK(mr_hash(bytes, len, 2) != before);
        MR_CHECK(mr_hash(bytes, len - 1, 1) != before);
        for (size_t i = 0; i < len; i++) {
            bytes[i] = 1;
            MR_CHECK(mr_hash(bytes, len, 1) != before);
            bytes[i] = 0;
        }
        free(bytes);
    }
}

MR_TEST("a flipped input bit flips about half of the hash's bits, for short and long keys")
{
    static const size_t lens[] = {1, 3, 4, 8, 12, 16, 17, 32, 33, 48, 64, 100};
    struct mr_rng rng;
    mr_rng_init(&rng, 3);
    for (size_t c = 0; c < sizeof lens / sizeof lens[0]; c++) {
        uint64_t n_flips = 0;
        uint64_t n_tries = 0;
        for (int round = 0; round < 200; round++) {
            uint8_t bytes[100];
            for (size_t i = 0; i < lens[c]; i++)
                bytes[i] = (uint8_t)mr_rng_u64(&rng);
            uint64_t before = mr_hash(bytes, lens[c], 9);
            for (size_t bit = 0; bit < lens[c] * 8; bit++) {
                bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
                n_flips += (uint64_t)__builtin_popcountll(before ^ mr_hash(bytes, lens[c], 9));
                bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
                n_tries++;
            }
        }
        if (n_flips < n_tries * 31 || n_flips > n_tries * 33)
            MR_FAIL("length %zu: %.2f bits of 64", lens[c], (double)n_flips / (double)n_tries);
    }
}

MR_TEST("counting keys fall evenly into a few slots")
{
    uint64_t in_slot[8] = {0};
    for (uint64_t key = 0; key < 80000; key++)
        in_slot[mr_hash(&key, sizeof key, 0) % 8]++;
    for (int i = 0; i < 8; i++)
        MR_CHECK(in_slot[i] > 9500 && in_slot[i] < 10500);
}
