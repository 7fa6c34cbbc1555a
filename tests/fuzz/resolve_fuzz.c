/* Schema resolution over random pairs of schemas and random bytes (contract.md S-01..S-09). Input:
 * bytes 0 and 1 name the pair, the rest is a datum of the writer. The reader is the writer with
 * changes: fields dropped, added with defaults, promoted, made nullable, of another type. Beside
 * memory safety: what resolves is a whole datum of the reader, and the outcome does not depend on
 * an earlier record. */
#include "schemas/resolve.h"

#include <stdlib.h>

#include "schemas/walk.h"

enum {
    N_PAIRS = 4096,
    MAX_DEPTH = 4,
    MAX_ZERO = 65536,
    COST_FLOOR = 1024 * 1024,
    COST_FACTOR = 64
};

static struct {
    bool made;
    struct mr_schema *writer;
    struct mr_schema *reader;
    struct mr_resolver *resolver;
} pairs[N_PAIRS];

/* Both texts in lockstep. */
struct maker {
    uint64_t rng;
    unsigned n_names;
    struct mr_buf writer;
    struct mr_buf reader;
};

static void check(bool holds)
{
    if (!holds)
        abort();
}

static unsigned below(struct maker *maker, unsigned n)
{
    maker->rng ^= maker->rng << 13;
    maker->rng ^= maker->rng >> 7;
    maker->rng ^= maker->rng << 17;
    return (unsigned)(maker->rng >> 33) % n;
}

static void both(struct maker *maker, const char *text)
{
    mr_buf_str(&maker->writer, text);
    mr_buf_str(&maker->reader, text);
}

static void put_leaf(struct maker *maker)
{
    static const char *const leaves[] = {"\"null\"",  "\"boolean\"", "\"int\"",   "\"long\"",
                                         "\"float\"", "\"double\"",  "\"bytes\"", "\"string\""};
    enum { N_LEAVES = sizeof leaves / sizeof *leaves };
    unsigned from = below(maker, N_LEAVES);
    unsigned to = below(maker, 3) == 0 ? below(maker, N_LEAVES) : from;
    bool null_before = from != 0 && below(maker, 4) == 0;
    bool null_after = to != 0 && below(maker, 4) == 0;
    mr_buf_fmt(&maker->writer, null_before ? "[\"null\",%s]" : "%s", leaves[from]);
    mr_buf_fmt(&maker->reader, null_after ? "[%s,\"null\"]" : "%s", leaves[to]);
}

static void put_named(struct maker *maker)
{
    unsigned name = maker->n_names++;
    if (below(maker, 2) == 0) {
        mr_buf_fmt(&maker->writer,
                   "{\"type\":\"enum\",\"name\":\"E%u\",\"symbols\":[\"a\",\"b\",\"c\"]}", name);
        mr_buf_fmt(&maker->reader,
                   "{\"type\":\"enum\",\"name\":\"E%u\",\"symbols\":[\"c\",\"a\"]%s}", name,
                   below(maker, 2) == 0 ? ",\"default\":\"a\"" : "");
        return;
    }
    unsigned size = below(maker, 5);
    mr_buf_fmt(&maker->writer, "{\"type\":\"fixed\",\"name\":\"F%u\",\"size\":%u}", name, size);
    mr_buf_fmt(&maker->reader, "{\"type\":\"fixed\",\"name\":\"F%u\",\"size\":%u}", name,
               below(maker, 8) == 0 ? size + 1 : size);
}

static void put_type(struct maker *maker, unsigned depth);

/* Fields of the writer; the reader drops some, and adds some that have a default. */
static void put_record(struct maker *maker, unsigned depth)
{
    static const char *const added[] = {
        "{\"name\":\"n%u\",\"type\":\"int\",\"default\":7}",
        "{\"name\":\"n%u\",\"type\":[\"null\",\"string\"],\"default\":null}",
        "{\"name\":\"n%u\",\"type\":\"bytes\",\"default\":\"\\u00ff\"}",
        "{\"name\":\"n%u\",\"type\":{\"type\":\"array\",\"items\":\"long\"},\"default\":[1,2]}",
        "{\"name\":\"n%u\",\"type\":\"string\"}", /* without a default */
    };
    unsigned n = 1 + below(maker, 4);
    unsigned name = maker->n_names++;
    bool any = false;
    mr_buf_fmt(&maker->writer, "{\"type\":\"record\",\"name\":\"R%u\",\"fields\":[", name);
    mr_buf_fmt(&maker->reader, "{\"type\":\"record\",\"name\":\"R%u\",\"fields\":[", name);
    for (unsigned i = 0; i < n; i++) {
        mr_buf_fmt(&maker->writer, "%s{\"name\":\"f%u\",\"type\":", i > 0 ? "," : "", i);
        size_t at = maker->reader.len;
        mr_buf_fmt(&maker->reader, "%s{\"name\":\"f%u\",\"type\":", any ? "," : "", i);
        put_type(maker, depth + 1);
        mr_buf_str(&maker->writer, "}");
        mr_buf_str(&maker->reader, "}");
        if (below(maker, 6) == 0)
            maker->reader.len = at;
        else
            any = true;
    }
    if (below(maker, 3) == 0) {
        mr_buf_str(&maker->reader, any ? "," : "");
        const char *field = added[below(maker, 16) % (sizeof added / sizeof *added)];
        for (const char *c = field; *c != '\0'; c++) {
            if (c[0] == '%' && c[1] == 'u')
                mr_buf_byte(&maker->reader, '0'), c++;
            else
                mr_buf_byte(&maker->reader, (uint8_t)*c);
        }
    }
    both(maker, "]}");
}

static void put_type(struct maker *maker, unsigned depth)
{
    unsigned kind = below(maker, depth >= MAX_DEPTH ? 8 : 14);
    if (kind < 6) {
        put_leaf(maker);
    } else if (kind < 8) {
        put_named(maker);
    } else if (kind < 12) {
        bool map = kind >= 10;
        both(maker, map ? "{\"type\":\"map\",\"values\":" : "{\"type\":\"array\",\"items\":");
        put_type(maker, depth + 1);
        both(maker, "}");
    } else {
        put_record(maker, depth);
    }
}

static struct mr_schema *parse(const struct mr_buf *text)
{
    struct mr_schema_opts opts = {.lenient_names = true};
    struct mr_schema_text source = {(const char *)text->data, text->len};
    struct mr_schema *schema = NULL;
    struct mr_err err = MR_ERR_INIT;
    return mr_schema_parse(&source, 1, &opts, &schema, &err) < 0 ? NULL : schema;
}

static void pair_make(uint32_t number)
{
    struct maker maker = {.rng = ((uint64_t)number + 1) * UINT64_C(0x9e3779b97f4a7c15),
                          .writer = MR_BUF_INIT,
                          .reader = MR_BUF_INIT};
    struct mr_err err = MR_ERR_INIT;
    for (int i = 0; i < 4; i++)
        (void)below(&maker, 2);
    put_record(&maker, 0);
    pairs[number].made = true;
    pairs[number].writer = parse(&maker.writer);
    pairs[number].reader = parse(&maker.reader);
    if (pairs[number].writer != NULL && pairs[number].reader != NULL) {
        int rc = mr_resolver_compile(pairs[number].writer, pairs[number].reader,
                                     &pairs[number].resolver, &err);
        check(rc == 0 || rc == -MR_SCHEMA_UNRESOLVABLE || rc == -MR_SCHEMA_INVALID ||
              rc == -MR_SCHEMA_TOO_LARGE);
    }
    mr_buf_release(&maker.writer);
    mr_buf_release(&maker.reader);
}

static int run(uint32_t number, struct mr_slice datum, struct mr_buf *out)
{
    struct mr_err err = MR_ERR_INIT;
    out->limit = datum.len * COST_FACTOR + COST_FLOOR;
    int rc = mr_resolver_run(pairs[number].resolver, datum, MAX_ZERO, out, &err);
    check(rc == 0 || (err.class == MR_CLASS_POISON && rc == -(int)err.code));
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    uint32_t number = ((uint32_t)data[0] << 8 | data[1]) % N_PAIRS;
    struct mr_slice datum = {data + 2, size - 2};
    if (!pairs[number].made)
        pair_make(number);
    if (pairs[number].resolver == NULL)
        return 0;
    struct mr_buf out = MR_BUF_INIT;
    struct mr_buf again = MR_BUF_INIT;
    int rc = run(number, datum, &out);
    check(run(number, datum, &again) == rc);
    if (rc == 0) {
        struct mr_wire wire;
        check(out.len == again.len && (out.len == 0 || memcmp(out.data, again.data, out.len) == 0));
        mr_wire_init(&wire, (struct mr_slice){out.data, out.len}, UINT32_MAX);
        check(mr_walk_skip(&wire, pairs[number].reader->root) && mr_wire_left(&wire) == 0);
    }
    mr_buf_release(&out);
    mr_buf_release(&again);
    return 0;
}
