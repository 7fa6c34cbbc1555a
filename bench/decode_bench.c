/* How many records a second one core decodes: ten columns, plain and in a Debezium envelope, keys
 * included, into the emitter of the canonical form (no database's). Prints figures, asserts
 * nothing. For instruction counts: valgrind --tool=callgrind mr_bench_decode 20000.
 *
 *   mr_bench_decode [records [plain | envelope]]   default 2,000,000 of both */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "schemas/canon.h"
#include "schemas/plan.h"

/* Schemas with single quotes, for the reader; parse() turns them. */
static const char row_schema[] =
    "{'type':'record','name':'Value','fields':["
    "{'name':'id','type':'long'},{'name':'customer','type':'int'},"
    "{'name':'status','type':'string'},"
    "{'name':'amount','type':"
    "{'type':'bytes','logicalType':'decimal','precision':12,'scale':2}},"
    "{'name':'paid','type':'boolean'},{'name':'rate','type':'double'},"
    "{'name':'note','type':['null','string']},{'name':'ref','type':['null','long']},"
    "{'name':'made','type':{'type':'long','connect.name':'io.debezium.time.MicroTimestamp'}},"
    "{'name':'day','type':{'type':'int','connect.name':'io.debezium.time.Date'}}]}";
static const char envelope_head[] =
    "{'type':'record','name':'Envelope','connect.name':'s.t.Envelope','fields':["
    "{'name':'before','type':['null',";
static const char envelope_tail[] =
    "]},{'name':'after','type':['null','Value']},"
    "{'name':'source','type':{'type':'record','name':'Source','fields':["
    "{'name':'version','type':'string'},{'name':'connector','type':'string'},"
    "{'name':'name','type':'string'},{'name':'ts_ms','type':'long'},"
    "{'name':'snapshot','type':['null','string']},{'name':'db','type':'string'},"
    "{'name':'schema','type':'string'},{'name':'table','type':'string'},"
    "{'name':'txId','type':['null','long']},{'name':'lsn','type':['null','long']}]}},"
    "{'name':'op','type':'string'},{'name':'ts_ms','type':['null','long']}]}";
static const char key_schema[] =
    "{'type':'record','name':'Key','fields':[{'name':'id','type':'long'}]}";

static void put_long(struct mr_buf *out, int64_t v)
{
    uint64_t u = ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0);
    for (; u >= 0x80; u >>= 7)
        mr_buf_byte(out, (uint8_t)(u | 0x80));
    mr_buf_byte(out, (uint8_t)u);
}

static void put_text(struct mr_buf *out, const char *text)
{
    put_long(out, (int64_t)strlen(text));
    mr_buf_add(out, text, strlen(text));
}

static void put_row(struct mr_buf *out)
{
    put_long(out, 123456789);
    put_long(out, 4711);
    put_text(out, "shipped");
    put_long(out, 4);
    mr_buf_add(out, "\x00\x12\xd6\x87", 4);
    mr_buf_byte(out, 1);
    mr_buf_add(out, "\x9a\x99\x99\x99\x99\x99\xb9\x3f", 8);
    put_long(out, 1);
    put_text(out, "left at the door");
    put_long(out, 0);
    put_long(out, INT64_C(1700000000123456));
    put_long(out, 19675);
}

static void put_envelope(struct mr_buf *out)
{
    put_long(out, 0);
    put_long(out, 1);
    put_row(out);
    put_text(out, "3.0.0.Final");
    put_text(out, "postgresql");
    put_text(out, "shop");
    put_long(out, INT64_C(1700000000123));
    put_long(out, 1);
    put_text(out, "false");
    put_text(out, "shop");
    put_text(out, "public");
    put_text(out, "orders");
    put_long(out, 1);
    put_long(out, 987654);
    put_long(out, 1);
    put_long(out, 123456789012);
    put_text(out, "u");
    put_long(out, 1);
    put_long(out, INT64_C(1700000000456));
}

static struct mr_schema *parse(const char *quoted)
{
    char json[4096];
    (void)snprintf(json, sizeof json, "%s", quoted);
    for (char *c = json; *c != '\0'; c++)
        *c = *c == '\'' ? '"' : *c;
    struct mr_schema *schema = NULL;
    struct mr_err err = MR_ERR_INIT;
    struct mr_schema_text text = {json, strlen(json)};
    struct mr_schema_opts opts = {.lenient_names = true};
    if (mr_schema_parse(&text, 1, &opts, &schema, &err) < 0) {
        fprintf(stderr, "schema: %s\n", err.detail);
        exit(70);
    }
    return schema;
}

/* The table that the shape asks for. */
static struct mr_table *table_of(const struct mr_shape *shape)
{
    uint16_t n;
    const struct mr_shape_column *columns = mr_shape_columns(shape, &n);
    struct mr_table *table = mr_table_new();
    uint16_t *key = mr_arena_alloc(&table->arena, sizeof *key);
    table->columns = mr_arena_alloc(&table->arena, n * sizeof *table->columns);
    table->uniques = mr_arena_alloc(&table->arena, sizeof *table->uniques);
    for (uint16_t i = 0; i < n; i++)
        table->columns[i] = (struct mr_column){.name = columns[i].name, .type = columns[i].type};
    *key = 0;
    table->uniques[0] = (struct mr_unique){.n_cols = 1, .primary = true, .cols = key};
    table->n_columns = n;
    table->n_uniques = 1;
    return table;
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void measure(const char *what, const char *schema, struct mr_slice value, long n)
{
    struct mr_err err = MR_ERR_INIT;
    struct mr_route route = {.create = true,
                             .unavailable_detect = true,
                             .placeholder = "__debezium_unavailable_value",
                             .placeholder_len = 28,
                             .max_zero_size_items = 65536,
                             .max_identifier_bytes = 63};
    struct mr_shape_from from = {.key = parse(key_schema), .value = parse(schema), .topic = "s.t"};
    struct mr_shape *shape;
    struct mr_plan *plan;
    struct mr_decoder *decoder = mr_decoder_new();
    struct mr_decoded out;
    if (mr_shape_derive(&from, &route, NULL, &shape, &err) < 0 ||
        mr_plan_compile(shape, table_of(shape), &mr_canon, &route, &plan, &err) < 0) {
        fprintf(stderr, "%s: %s\n", what, err.detail);
        exit(70);
    }
    struct mr_buf key = MR_BUF_INIT;
    put_long(&key, 123456789);
    struct mr_record_in in = {.key = {key.data, key.len},
                              .value = value,
                              .topic = "s.t",
                              .timestamp_ms = -1,
                              .schema_id = 1};
    size_t bytes = 0;
    double start = now_s();
    for (long i = 0; i < n; i++) {
        if (mr_decode_record(plan, decoder, &in, &out, &err) < 0) {
            fprintf(stderr, "%s: %s\n", what, err.detail);
            exit(70);
        }
        bytes += out.tuple.len;
    }
    double took = now_s() - start;
    printf("%-10s %10.0f records/s  %6.1f ns each  %zu bytes in, %zu out\n", what, (double)n / took,
           took / (double)n * 1e9, value.len, bytes / (size_t)n);
}

int main(int argc, char **argv)
{
    long n = argc > 1 ? strtol(argv[1], NULL, 10) : 2000000;
    struct mr_buf row = MR_BUF_INIT;
    struct mr_buf envelope = MR_BUF_INIT;
    char envelope_schema[4096];
    (void)snprintf(envelope_schema, sizeof envelope_schema, "%s%s%s", envelope_head, row_schema,
                   envelope_tail);
    put_row(&row);
    put_envelope(&envelope);
    const char *only = argc > 2 ? argv[2] : NULL;
    if (only == NULL || strcmp(only, "plain") == 0)
        measure("plain", row_schema, (struct mr_slice){row.data, row.len}, n);
    if (only == NULL || strcmp(only, "envelope") == 0)
        measure("envelope", envelope_schema, (struct mr_slice){envelope.data, envelope.len}, n);
    return 0;
}
