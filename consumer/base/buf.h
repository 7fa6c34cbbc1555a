/* Bytes: growable buffers, borrowed slices, checked narrowing and big-endian stores. */
#ifndef MR_BASE_BUF_H
#define MR_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Borrowed bytes; data may be NULL where len is 0. Never NUL-terminated. */
struct mr_slice {
    const uint8_t *data;
    size_t len;
};

/* A growable buffer. `limit` is the most it may hold; 0 means MR_BUF_DEFAULT_LIMIT; it is set
 * before the first append. A failed growth (limit or memory) sets `failed` and frees the bytes
 * (data NULL, len 0), so that a series of appends is checked once at its end by mr_buf_ok(); what
 * goes back to write over earlier bytes uses mr_buf_patch_*(). Text appended by mr_buf_str/_fmt is
 * NUL-terminated behind `len` (mr_buf_cstr).
 *
 * Several buffers may share an allowance: what a capacity has above `own` is taken from `*shared`,
 * also while growing copies, and a release gives it back. What fits does not depend on capacity
 * that was kept from earlier, as long as that is no more than `own`. */
struct mr_buf {
    uint8_t *data;
    size_t len;
    size_t cap;
    size_t limit;
    size_t own;
    size_t *shared; /* NULL: only `limit` counts */
    bool failed;
};

enum { MR_BUF_DEFAULT_LIMIT = 256 * 1024 * 1024 };

#define MR_BUF_INIT {.data = NULL, .len = 0, .cap = 0, .limit = 0, .failed = false}

/* Safe on MR_BUF_INIT; leaves MR_BUF_INIT with the limit and the allowance. */
void mr_buf_release(struct mr_buf *buf);
/* len = 0, failed = false; capacity stays. */
void mr_buf_reset(struct mr_buf *buf);
static inline bool mr_buf_ok(const struct mr_buf *buf)
{
    return !buf->failed;
}

/* Makes room for `n` more bytes (and a NUL); false when refused. */
bool mr_buf_grow(struct mr_buf *buf, size_t n);

/* Room for `n` bytes at the end, already counted in len; NULL when refused. The pointer is valid
 * until the next append. */
static inline uint8_t *mr_buf_room(struct mr_buf *buf, size_t n)
{
    if (buf->cap - buf->len <= n && !mr_buf_grow(buf, n))
        return NULL;
    uint8_t *at = buf->data + buf->len;
    buf->len += n;
    return at;
}

static inline void mr_buf_add(struct mr_buf *buf, const void *bytes, size_t n)
{
    uint8_t *at = mr_buf_room(buf, n);
    if (at != NULL && bytes != NULL && n > 0)
        memcpy(at, bytes, n);
}

/* The bytes of a buffer that only whole items of one type were added to: malloc aligned them. */
static inline void *mr_buf_items(const struct mr_buf *buf)
{
    return buf->data;
}

void mr_buf_byte(struct mr_buf *buf, uint8_t byte);
void mr_buf_str(struct mr_buf *buf, const char *text);
void mr_buf_fmt(struct mr_buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Terminates and returns the text; "" when empty or failed. */
const char *mr_buf_cstr(struct mr_buf *buf);

/* Big-endian stores and loads (network order; PostgreSQL's and Confluent's). */
static inline void mr_put_u16(uint8_t *at, uint16_t v)
{
    at[0] = (uint8_t)(v >> 8);
    at[1] = (uint8_t)(v & 0xff);
}
static inline void mr_put_u32(uint8_t *at, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(at, &v, sizeof v);
}
static inline void mr_put_u64(uint8_t *at, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(at, &v, sizeof v);
}
static inline uint16_t mr_get_u16(const uint8_t *at)
{
    return (uint16_t)(((unsigned)at[0] << 8) | at[1]);
}
static inline uint32_t mr_get_u32(const uint8_t *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return __builtin_bswap32(v);
}
static inline uint64_t mr_get_u64(const uint8_t *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof v);
    return __builtin_bswap64(v);
}
void mr_buf_u16(struct mr_buf *buf, uint16_t v);
void mr_buf_u32(struct mr_buf *buf, uint32_t v);
void mr_buf_u64(struct mr_buf *buf, uint64_t v);
/* Writes over bytes already appended (a length or count that is known late); nothing where the
 * buffer failed meanwhile or does not hold these bytes. */
void mr_buf_patch_u16(struct mr_buf *buf, size_t at, uint16_t v);
void mr_buf_patch_u32(struct mr_buf *buf, size_t at, uint32_t v);

/* Checked narrowing: false when `v` does not fit, `out` then untouched. */
bool mr_u32_from_size(size_t v, uint32_t *out);
bool mr_i32_from_size(size_t v, int32_t *out);
bool mr_i32_from_i64(int64_t v, int32_t *out);
bool mr_i16_from_i64(int64_t v, int16_t *out);

/* True when `bytes` is well-formed UTF-8 (contract.md S-41: no overlong forms, no surrogates, at
 * most U+10FFFF). U+0000 counts as well-formed. */
bool mr_utf8_valid(const uint8_t *bytes, size_t len);
/* The length (1..4) of the well-formed character at the start, 0 where there is none. */
size_t mr_utf8_step(const uint8_t *bytes, size_t len);

static inline struct mr_slice mr_slice_str(const char *text)
{
    return (struct mr_slice){(const uint8_t *)text, strlen(text)};
}
static inline bool mr_slice_eq(struct mr_slice a, struct mr_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

#endif
