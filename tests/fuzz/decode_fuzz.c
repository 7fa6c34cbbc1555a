/* Random schema, random bytes: decoding ends, in bounds, with an outcome. The first eight bytes
 * seed the schema, the rest is the record's value. */
#include <stdio.h>
#include <stdlib.h>

#include "schemas/canon.h"
#include "schemas/plan.h"

static uint64_t rng;

static unsigned below(unsigned n)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (unsigned)(rng >> 33) % n;
}

static const char *const leaves[] = {
    "\"null\"",
    "\"boolean\"",
    "\"int\"",
    "\"long\"",
    "\"float\"",
    "\"double\"",
    "\"bytes\"",
    "\"string\"",
    "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":20,\"scale\":4}",
    "{\"type\":\"int\",\"logicalType\":\"date\"}",
    "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}",
    "{\"type\":\"string\",\"connect.name\":\"io.debezium.data.Json\"}",
    "{\"type\":\"string\",\"connect.name\":\"io.debezium.time.ZonedTimestamp\"}",
    "{\"type\":\"string\",\"connect.name\":\"io.debezium.time.Interval\"}",
    "{\"type\":\"string\",\"connect.name\":\"io.debezium.data.Uuid\"}",
    "{\"type\":\"bytes\",\"connect.name\":\"io.debezium.data.Bits\"}",
    "{\"type\":\"int\",\"connect.type\":\"int16\"}",
    "[\"null\",\"string\"]",
    "[\"int\",\"null\",\"string\"]",
    "\"Root\"", /* recursion */
};

enum { N_LEAVES = sizeof leaves / sizeof *leaves, MAX_DEPTH = 4 };

static void put_type(struct mr_buf *out, unsigned depth, unsigned *n_names)
{
    unsigned kind = below(depth >= MAX_DEPTH ? N_LEAVES : N_LEAVES + 6);
    if (kind < N_LEAVES) {
        mr_buf_str(out, depth <= 1 && kind == N_LEAVES - 1 ? "[\"null\",\"Root\"]" : leaves[kind]);
    } else if (kind < N_LEAVES + 2) {
        mr_buf_str(out, "{\"type\":\"array\",\"items\":");
        put_type(out, depth + 1, n_names);
        mr_buf_str(out, "}");
    } else if (kind < N_LEAVES + 4) {
        mr_buf_str(out, "{\"type\":\"map\",\"values\":");
        put_type(out, depth + 1, n_names);
        mr_buf_str(out, "}");
    } else {
        unsigned n = below(4);
        mr_buf_fmt(out, "{\"type\":\"record\",\"name\":\"N%u\",\"fields\":[", (*n_names)++);
        for (unsigned i = 0; i < n; i++) {
            mr_buf_fmt(out, "%s{\"name\":\"f%u\",\"type\":", i > 0 ? "," : "", i);
            put_type(out, depth + 1, n_names);
            mr_buf_str(out, "}");
        }
        mr_buf_str(out, "]}");
    }
}

static void put_root(struct mr_buf *out)
{
    unsigned n_names = 0;
    unsigned n = 1 + below(6);
    mr_buf_str(out, "{\"type\":\"record\",\"name\":\"Root\",\"fields\":[");
    for (unsigned i = 0; i < n; i++) {
        mr_buf_fmt(out, "%s{\"name\":\"c%u\",\"type\":", i > 0 ? "," : "", i);
        put_type(out, 1, &n_names);
        mr_buf_str(out, "}");
    }
    mr_buf_str(out, "]}");
}

/* The table that the shape asks for. */
static struct mr_table *table_of(const struct mr_shape *shape)
{
    uint16_t n;
    const struct mr_shape_column *columns = mr_shape_columns(shape, &n);
    struct mr_table *table = mr_table_new();
    table->columns = mr_arena_alloc(&table->arena, n * sizeof *table->columns);
    for (uint16_t i = 0; i < n; i++)
        table->columns[i] = (struct mr_column){.name = columns[i].name, .type = columns[i].type};
    table->n_columns = n;
    return table;
}

static void decode(struct mr_schema *schema, struct mr_slice value)
{
    struct mr_err err = MR_ERR_INIT;
    struct mr_route route = {.create = true,
                             .unavailable_detect = true,
                             .placeholder = "__debezium_unavailable_value",
                             .placeholder_len = 28,
                             .max_zero_size_items = 65536,
                             .max_identifier_bytes = 63};
    struct mr_shape_from from = {.value = schema, .topic = "t"};
    struct mr_shape *shape = NULL;
    struct mr_plan *plan = NULL;
    struct mr_decoder *decoder = mr_decoder_new();
    struct mr_decoded out;
    if (decoder == NULL || mr_shape_derive(&from, &route, NULL, &shape, &err) < 0)
        goto done;
    struct mr_table *table = table_of(shape);
    if (mr_plan_compile(shape, table, &mr_canon, &route, &plan, &err) == 0) {
        struct mr_record_in in = {.value = value, .topic = "t", .timestamp_ms = -1};
        int rc = mr_decode_record(plan, decoder, &in, &out, &err);
        /* An error has a code and names no more than it found; a tuple is within G-06. */
        if (rc < 0 ? err.code == MR_OK || err.code == MR_BUG
                   : out.tuple.len > value.len * 64 + 1024 * 1024)
            abort();
    }
    mr_table_unref(table);
done:
    mr_plan_unref(plan);
    mr_shape_free(shape);
    mr_decoder_free(decoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_err err = MR_ERR_INIT;
    struct mr_schema *schema = NULL;
    struct mr_schema_opts opts = {.lenient_names = true};
    struct mr_buf text = MR_BUF_INIT;
    if (size < 8)
        return 0;
    rng = mr_get_u64(data) | 1;
    put_root(&text);
    struct mr_schema_text source = {mr_buf_cstr(&text), text.len};
    if (mr_schema_parse(&source, 1, &opts, &schema, &err) == 0)
        decode(schema, (struct mr_slice){data + 8, size - 8});
    mr_schema_unref(schema);
    mr_buf_release(&text);
    return 0;
}
