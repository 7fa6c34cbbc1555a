/* Object container files, read back by avro-c's own reader. By another reader:
 * tests/integration/test_dead_letters.py. */
#include "schemas/avro_file.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <avro.h>

#include "schemas/json_avro.h"
#include "tests/support/mr_test.h"

enum { DATUM_BYTES = 300003, DATUMS = 9, SYNC_MARKER_BYTES = 16 };

static char path[64];
static struct mr_err err;
static uint8_t datum[DATUM_BYTES];

MR_SETUP
{
    mr_err_clear(&err);
    snprintf(path, sizeof path, "/tmp/mr-avro-%ld.avro", (long)getpid());
    memcpy(datum, "\xc0\xcf\x24", 3); /* 300000, zigzag */
}

MR_TEARDOWN
{
    unlink(path);
}

static long size_now(FILE *out)
{
    MR_CHECK_INT(fflush(out), 0);
    return ftell(out);
}

static void append(struct mr_avro_file *file, int i)
{
    memset(datum + 3, 'a' + i, sizeof datum - 3);
    MR_CHECK_OK(mr_avro_file_append(file, (struct mr_slice){datum, sizeof datum}, &err));
}

static void check_datums(void)
{
    avro_file_reader_t reader;
    avro_value_t value;
    int n = 0;

    MR_CHECK_INT(avro_file_reader(path, &reader), 0);
    avro_schema_t schema = avro_file_reader_get_writer_schema(reader);
    avro_value_iface_t *class = avro_generic_class_from_schema(schema);
    MR_CHECK_INT(avro_generic_value_new(class, &value), 0);
    while (avro_file_reader_read_value(reader, &value) == 0) {
        const void *bytes = NULL;
        size_t len = 0;
        MR_CHECK_INT(avro_value_get_bytes(&value, &bytes, &len), 0);
        MR_CHECK_U64(len, sizeof datum - 3);
        MR_CHECK_INT(((const char *)bytes)[len - 1], 'a' + n);
        n++;
    }
    MR_CHECK_INT(n, DATUMS);
    avro_value_decref(&value);
    avro_value_iface_decref(class);
    avro_schema_decref(schema);
    avro_file_reader_close(reader);
}

MR_TEST("every datum comes back, over the borders of blocks too")
{
    struct mr_avro_file *file = NULL;
    FILE *out = fopen(path, "wb");

    MR_CHECK(out != NULL);
    MR_CHECK_OK(mr_avro_file_open(out, "\"bytes\"", &file, &err));
    for (int i = 0; i < DATUMS; i++)
        append(file, i);
    MR_CHECK_OK(mr_avro_file_finish(file, &err));
    mr_avro_file_free(file);
    MR_CHECK_INT(fclose(out), 0);
    check_datums();
}

MR_TEST("what is written never ends with a sync marker before it is finished")
{
    struct mr_avro_file *file = NULL;
    FILE *out = fopen(path, "wb+");
    char marker[SYNC_MARKER_BYTES];
    char at[SYNC_MARKER_BYTES];
    long sizes[DATUMS + 1];

    MR_CHECK(out != NULL);
    MR_CHECK_OK(mr_avro_file_open(out, "\"bytes\"", &file, &err));
    sizes[0] = size_now(out);
    for (int i = 0; i < DATUMS; i++) {
        append(file, i);
        sizes[i + 1] = size_now(out);
    }
    MR_CHECK(sizes[0] > 0 && sizes[4] > sizes[0] && sizes[8] > sizes[4]); /* in blocks */
    MR_CHECK_OK(mr_avro_file_finish(file, &err));
    mr_avro_file_free(file);
    MR_CHECK_INT(fseek(out, -SYNC_MARKER_BYTES, SEEK_END), 0);
    MR_CHECK_U64(fread(marker, 1, sizeof marker, out), sizeof marker);
    for (int i = 0; i <= DATUMS; i++) { /* each border had its marker before it */
        MR_CHECK_INT(fseek(out, sizes[i], SEEK_SET), 0);
        MR_CHECK_U64(fread(at, 1, sizeof at, out), sizeof at);
        MR_CHECK_MEM(at, marker, sizeof at);
    }
    fclose(out);
}

MR_TEST("a file that is given up stays without its end")
{
    struct mr_avro_file *file = NULL;
    FILE *out = fopen(path, "wb");

    MR_CHECK(out != NULL);
    MR_CHECK_OK(mr_avro_file_open(out, "\"bytes\"", &file, &err));
    long size = size_now(out);
    append(file, 0);
    mr_avro_file_free(file);
    MR_CHECK_INT(size_now(out), size);
    fclose(out);
}

MR_TEST("a schema that is none is refused, and a datum that no block holds")
{
    struct mr_avro_file *file = NULL;
    FILE *out = fopen(path, "wb");

    MR_CHECK(out != NULL);
    MR_CHECK_INT(mr_avro_file_open(out, "{", &file, &err), -MR_SCHEMA_INVALID);
    MR_CHECK_OK(mr_avro_file_open(out, "\"bytes\"", &file, &err));
    MR_CHECK_INT(
        mr_avro_file_append(file, (struct mr_slice){datum, (size_t)MR_AVRO_FILE_BLOCK + 1}, &err),
        -MR_VALUE_TOO_LARGE);
    MR_CHECK_OK(mr_avro_file_finish(file, &err));
    mr_avro_file_free(file);
    mr_avro_file_free(NULL);
    fclose(out);
}

MR_TEST("a disk that is full is told")
{
    struct mr_avro_file *file = NULL;
    FILE *out = fopen("/dev/full", "wb");

    MR_CHECK(out != NULL);
    MR_CHECK_INT(setvbuf(out, NULL, _IONBF, 0), 0);
    MR_CHECK_INT(mr_avro_file_open(out, "\"bytes\"", &file, &err), -MR_IO);
    fclose(out);
}

MR_TEST("the file has the schema with its logical types, and avro-c reads it")
{
    static const char schema[] = "{\"type\": \"long\", \"logicalType\": \"timestamp-millis\"}";
    struct mr_avro_file *file = NULL;
    FILE *out = fopen(path, "wb+");
    struct mr_buf number = MR_BUF_INIT;
    avro_file_reader_t reader;
    avro_value_t value;
    char head[200] = "";
    int64_t got = 0;

    MR_CHECK(out != NULL);
    MR_CHECK_OK(mr_avro_file_open(out, schema, &file, &err));
    mr_avro_put_long(&number, INT64_MIN);
    MR_CHECK_U64(number.len, 10);
    MR_CHECK_OK(mr_avro_file_append(file, (struct mr_slice){number.data, number.len}, &err));
    mr_buf_release(&number);
    MR_CHECK_OK(mr_avro_file_finish(file, &err));
    mr_avro_file_free(file);
    rewind(out);
    MR_CHECK(fread(head, 1, sizeof head - 1, out) > sizeof schema);
    MR_CHECK(strstr(head + 30, schema) != NULL);
    fclose(out);
    MR_CHECK_INT(avro_file_reader(path, &reader), 0);
    avro_schema_t kind = avro_file_reader_get_writer_schema(reader);
    avro_value_iface_t *class = avro_generic_class_from_schema(kind);
    MR_CHECK_INT(avro_generic_value_new(class, &value), 0);
    MR_CHECK_INT(avro_file_reader_read_value(reader, &value), 0);
    MR_CHECK_INT(avro_value_get_long(&value, &got), 0);
    MR_CHECK(got == INT64_MIN);
    avro_value_decref(&value);
    avro_value_iface_decref(class);
    avro_schema_decref(kind);
    avro_file_reader_close(reader);
}
