/* Owns the well-known binary form. Must not recurse: the members that are open at each level are
 * counted. Sources: OGC 06-103r4 section 8.2; ISO 13249-3 type codes; PostGIS, lwin_wkb.c. */
#include "schemas/wkb.h"

#include <string.h>

#include "base/ban.h"

enum { WKB_MAX_DEPTH = 32, HAS_Z = 1, HAS_M = 2, ORDER_BYTES = 1, WORD_BYTES = 4 };
#define EWKB_Z UINT32_C(0x80000000)
#define EWKB_M UINT32_C(0x40000000)
#define EWKB_SRID UINT32_C(0x20000000)

/* How the body of a type is built. */
enum body { BODY_UNKNOWN, BODY_POINT, BODY_POINTS, BODY_RINGS, BODY_MEMBERS };
static const uint8_t bodies[] = {
    [1] = BODY_POINT,    [2] = BODY_POINTS,   [3] = BODY_RINGS,    [4] = BODY_MEMBERS,
    [5] = BODY_MEMBERS,  [6] = BODY_MEMBERS,  [7] = BODY_MEMBERS,  [8] = BODY_POINTS,
    [9] = BODY_MEMBERS,  [10] = BODY_MEMBERS, [11] = BODY_MEMBERS, [12] = BODY_MEMBERS,
    [15] = BODY_MEMBERS, [16] = BODY_MEMBERS, [17] = BODY_RINGS,
};

struct scan {
    const uint8_t *at;
    const uint8_t *end;
    bool little;
};

static bool word(struct scan *s, uint32_t *out)
{
    if (s->end - s->at < WORD_BYTES)
        return false;
    uint32_t v = mr_get_u32(s->at);
    *out = s->little ? __builtin_bswap32(v) : v;
    s->at += WORD_BYTES;
    return true;
}

/* Byte order, type and SRID; the size of a point. */
static bool head(struct scan *s, struct mr_wkb *out, uint32_t *point_bytes)
{
    uint32_t type;
    uint32_t srid = 0;
    if (s->at >= s->end || *s->at > 1)
        return false;
    s->little = *s->at++ == 1;
    if (!word(s, &type))
        return false;
    unsigned dims = ((type & EWKB_Z) != 0 ? HAS_Z : 0u) | ((type & EWKB_M) != 0 ? HAS_M : 0u);
    out->has_srid = (type & EWKB_SRID) != 0;
    if (out->has_srid && !word(s, &srid))
        return false;
    out->srid = (int32_t)srid;
    type &= ~(EWKB_Z | EWKB_M | EWKB_SRID);
    if (type >= 4000)
        return false;
    dims |= type / 1000; /* ISO: 1000 Z, 2000 M, 3000 both */
    out->type = type % 1000;
    *point_bytes = 8 * (2u + ((dims & HAS_Z) != 0) + ((dims & HAS_M) != 0));
    return out->type < sizeof bodies && bodies[out->type] != BODY_UNKNOWN;
}

static bool skip(struct scan *s, uint64_t bytes)
{
    if (bytes > (uint64_t)(s->end - s->at))
        return false;
    s->at += bytes;
    return true;
}

static bool points(struct scan *s, uint32_t point_bytes)
{
    uint32_t n;
    return word(s, &n) && skip(s, (uint64_t)n * point_bytes);
}

static bool rings(struct scan *s, uint32_t point_bytes)
{
    uint32_t n;
    if (!word(s, &n) || n > (uint64_t)(s->end - s->at) / WORD_BYTES)
        return false;
    for (; n > 0; n--) {
        if (!points(s, point_bytes))
            return false;
    }
    return true;
}

/* One level deeper, whose number of members comes next. */
static bool open_next(struct scan *s, uint32_t open[WKB_MAX_DEPTH], unsigned *depth)
{
    if (*depth + 1 >= WKB_MAX_DEPTH)
        return false;
    (*depth)++;
    return word(s, &open[*depth]);
}

bool mr_wkb_check(struct mr_slice wkb, struct mr_wkb *out)
{
    struct scan s = {wkb.data, wkb.data + wkb.len, false};
    uint32_t open[WKB_MAX_DEPTH]; /* members to come at each level */
    unsigned depth = 0;
    open[0] = 1;
    for (;;) {
        while (open[depth] == 0) {
            if (depth == 0)
                return s.at == s.end;
            depth--;
        }
        open[depth]--;
        struct mr_wkb one;
        uint32_t point_bytes;
        if (!head(&s, &one, &point_bytes))
            return false;
        if (depth == 0)
            *out = one;
        bool ok = true;
        if (bodies[one.type] == BODY_POINT)
            ok = skip(&s, point_bytes);
        else if (bodies[one.type] == BODY_POINTS)
            ok = points(&s, point_bytes);
        else if (bodies[one.type] == BODY_RINGS)
            ok = rings(&s, point_bytes);
        else
            ok = open_next(&s, open, &depth);
        if (!ok)
            return false;
    }
}

void mr_wkb_with_srid(struct mr_slice wkb, int32_t srid, struct mr_buf *out)
{
    struct scan s = {wkb.data, wkb.data + wkb.len, wkb.data[0] == 1};
    uint32_t type = 0;
    uint8_t words[2 * WORD_BYTES];
    s.at += ORDER_BYTES;
    (void)word(&s, &type);
    if ((type & EWKB_SRID) != 0)
        s.at += WORD_BYTES;
    type |= EWKB_SRID;
    mr_put_u32(words, s.little ? __builtin_bswap32(type) : type);
    mr_put_u32(words + WORD_BYTES, s.little ? __builtin_bswap32((uint32_t)srid) : (uint32_t)srid);
    mr_buf_byte(out, wkb.data[0]);
    mr_buf_add(out, words, sizeof words);
    mr_buf_add(out, s.at, (size_t)(s.end - s.at));
}

static void put_little(struct mr_buf *out, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    uint8_t *at = mr_buf_room(out, sizeof bits);
    if (at != NULL)
        mr_put_u64(at, __builtin_bswap64(bits));
}

void mr_wkb_point(double x, double y, struct mr_buf *out)
{
    mr_buf_add(out, "\x01\x01\0\0\0", ORDER_BYTES + WORD_BYTES);
    put_little(out, x);
    put_little(out, y);
}

bool mr_wkb_points(struct mr_slice wkb, struct mr_buf *out)
{
    struct scan s = {wkb.data, wkb.data + wkb.len, false};
    struct mr_wkb one;
    uint32_t point_bytes;
    uint32_t n = 1;
    if (!head(&s, &one, &point_bytes) || one.type > MR_WKB_POLYGON || point_bytes != 16)
        return false;
    if (one.type == MR_WKB_POLYGON && (!word(&s, &n) || n != 1))
        return false;
    if (one.type != MR_WKB_POINT && !word(&s, &n))
        return false;
    for (uint64_t i = 0; i < 2 * (uint64_t)n; i++, s.at += 8) {
        uint64_t bits = mr_get_u64(s.at); /* checked: they are there */
        if (s.little)
            bits = __builtin_bswap64(bits);
        mr_buf_add(out, &bits, sizeof bits);
    }
    return true;
}
