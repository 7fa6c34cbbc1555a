/* Owns growth and text of byte buffers, checked narrowing and the UTF-8 check. Must not know what
 * the bytes mean. Invariants: len < cap where data is set, so that a NUL always fits; a failed
 * buffer holds nothing and refuses everything until its reset. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

#include "base/ban.h"

enum { BUF_FIRST_BYTES = 64 };

/* What a capacity takes of the shared allowance. */
static size_t taken(const struct mr_buf *buf, size_t cap)
{
    return buf->shared != NULL && cap > buf->own ? cap - buf->own : 0;
}

void mr_buf_release(struct mr_buf *buf)
{
    free(buf->data);
    if (buf->shared != NULL)
        *buf->shared += taken(buf, buf->cap);
    *buf = (struct mr_buf){.limit = buf->limit, .own = buf->own, .shared = buf->shared};
}

void mr_buf_reset(struct mr_buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

/* The bytes go at once: whoever ran into a limit should not hold that memory while it reports. */
static bool buf_fail(struct mr_buf *buf)
{
    mr_buf_release(buf);
    buf->failed = true;
    return false;
}

/* In small steps where others share the room, once there is not much more of it, and smaller ones
 * where little is left; never by what capacity there is up to `own`. */
static size_t shared_cap(const struct mr_buf *buf, size_t need, size_t cap)
{
    if (need <= buf->own)
        return cap < buf->own ? cap : buf->own;
    cap = need * 2;
    if (taken(buf, cap) > *buf->shared / 4)
        cap = need + need / 4;
    if (taken(buf, cap) > *buf->shared)
        cap = need + need / 16;
    return taken(buf, cap) > *buf->shared ? need : cap;
}

bool mr_buf_grow(struct mr_buf *buf, size_t n)
{
    size_t limit = buf->limit != 0 ? buf->limit : (size_t)MR_BUF_DEFAULT_LIMIT;
    if (buf->failed)
        return false;
    if (buf->len > limit || n > limit - buf->len || limit == SIZE_MAX)
        return buf_fail(buf);
    size_t need = buf->len + n + 1;
    if (need <= buf->cap)
        return true;
    size_t cap = buf->cap > limit / 2 ? limit + 1 : buf->cap * 2;
    if (cap < BUF_FIRST_BYTES)
        cap = BUF_FIRST_BYTES;
    if (cap < need)
        cap = need;
    if (buf->shared != NULL)
        cap = shared_cap(buf, need, cap);
    if (cap > limit + 1)
        cap = limit + 1; /* so that the room that appends look at ends at the limit */
    if (buf->shared != NULL && taken(buf, cap) > *buf->shared)
        return buf_fail(buf);
    uint8_t *data = realloc(buf->data, cap);
    if (data == NULL) {
        mr_memory_note_refused();
        return buf_fail(buf);
    }
    if (buf->shared != NULL)
        *buf->shared -= taken(buf, cap) - taken(buf, buf->cap);
    buf->data = data;
    buf->cap = cap;
    return true;
}

void mr_buf_byte(struct mr_buf *buf, uint8_t byte)
{
    uint8_t *at = mr_buf_room(buf, 1);
    if (at != NULL)
        *at = byte;
}

void mr_buf_str(struct mr_buf *buf, const char *text)
{
    mr_buf_add(buf, text, strlen(text));
    (void)mr_buf_cstr(buf);
}

static void buf_vfmt(struct mr_buf *buf, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));
static void buf_vfmt(struct mr_buf *buf, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    size_t room = buf->cap - buf->len;
    int n = vsnprintf(room > 0 ? (char *)buf->data + buf->len : NULL, room, fmt, args);
    if (n < 0) {
        (void)buf_fail(buf);
    } else if ((size_t)n < room) {
        buf->len += (size_t)n;
    } else if (mr_buf_grow(buf, (size_t)n)) {
        (void)vsnprintf((char *)buf->data + buf->len, (size_t)n + 1, fmt, again);
        buf->len += (size_t)n;
    }
    va_end(again);
}

void mr_buf_fmt(struct mr_buf *buf, const char *fmt, ...)
{
    if (buf->failed)
        return;
    va_list args;
    va_start(args, fmt);
    buf_vfmt(buf, fmt, args);
    va_end(args);
}

const char *mr_buf_cstr(struct mr_buf *buf)
{
    if (buf->data == NULL || buf->len >= buf->cap)
        return "";
    buf->data[buf->len] = '\0';
    return (const char *)buf->data;
}

void mr_buf_u16(struct mr_buf *buf, uint16_t v)
{
    uint8_t *at = mr_buf_room(buf, sizeof v);
    if (at != NULL)
        mr_put_u16(at, v);
}

void mr_buf_u32(struct mr_buf *buf, uint32_t v)
{
    uint8_t *at = mr_buf_room(buf, sizeof v);
    if (at != NULL)
        mr_put_u32(at, v);
}

void mr_buf_u64(struct mr_buf *buf, uint64_t v)
{
    uint8_t *at = mr_buf_room(buf, sizeof v);
    if (at != NULL)
        mr_put_u64(at, v);
}

void mr_buf_patch_u16(struct mr_buf *buf, size_t at, uint16_t v)
{
    if (at <= buf->len && buf->len - at >= sizeof v)
        mr_put_u16(buf->data + at, v);
}

void mr_buf_patch_u32(struct mr_buf *buf, size_t at, uint32_t v)
{
    if (at <= buf->len && buf->len - at >= sizeof v)
        mr_put_u32(buf->data + at, v);
}

bool mr_u32_from_size(size_t v, uint32_t *out)
{
    if (v > UINT32_MAX)
        return false;
    *out = (uint32_t)v;
    return true;
}

bool mr_i32_from_size(size_t v, int32_t *out)
{
    if (v > INT32_MAX)
        return false;
    *out = (int32_t)v;
    return true;
}

bool mr_i32_from_i64(int64_t v, int32_t *out)
{
    if (v < INT32_MIN || v > INT32_MAX)
        return false;
    *out = (int32_t)v;
    return true;
}

bool mr_i16_from_i64(int64_t v, int16_t *out)
{
    if (v < INT16_MIN || v > INT16_MAX)
        return false;
    *out = (int16_t)v;
    return true;
}

static bool is_continuation(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* Source: The Unicode Standard, table 3-7, "Well-Formed UTF-8 Byte Sequences". Only the second
 * byte's range depends on the first; it excludes overlong forms, surrogates and > U+10FFFF. */
size_t mr_utf8_step(const uint8_t *bytes, size_t len)
{
    if (len == 0)
        return 0;
    uint8_t lead = bytes[0];
    if (lead < 0x80)
        return 1;
    if (lead < 0xc2 || lead > 0xf4)
        return 0;
    if (lead < 0xe0)
        return len >= 2 && is_continuation(bytes[1]) ? 2 : 0;
    if (len < 3 || !is_continuation(bytes[1]) || !is_continuation(bytes[2]))
        return 0;
    uint8_t second = bytes[1];
    if (lead < 0xf0) {
        bool bad = (lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f);
        return bad ? 0 : 3;
    }
    if (len < 4 || !is_continuation(bytes[3]))
        return 0;
    bool bad = (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f);
    return bad ? 0 : 4;
}

bool mr_utf8_valid(const uint8_t *bytes, size_t len)
{
    size_t at = 0;
    while (at < len) {
        /* Most text is ASCII: eight bytes at a time while no high bit is set. */
        uint64_t word;
        while (len - at >= sizeof word) {
            memcpy(&word, bytes + at, sizeof word);
            if ((word & UINT64_C(0x8080808080808080)) != 0)
                break;
            at += sizeof word;
        }
        if (at == len)
            break;
        size_t n = mr_utf8_step(bytes + at, len - at);
        if (n == 0)
            return false;
        at += n;
    }
    return true;
}
