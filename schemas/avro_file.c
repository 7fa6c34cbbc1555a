/* Owns avro-c's file writer. The datums are ours: nothing off the wire is parsed here. avro-c
 * writes into memory, so that a block leaves when we say so, and no error of the disk meets it: its
 * own leave its parts behind. */
#include "schemas/avro_file.h"

#include <stdlib.h>
#include <string.h>

#include <avro.h>

#include "schemas/json_avro.h"

#include "base/ban.h"

enum {
    SYNC_BYTES = 1024 * 1024, /* a block is written once it has as many */
    HELD_BYTES = 16           /* a sync marker */
};

struct mr_avro_file {
    FILE *out;
    FILE *memory; /* what avro-c writes: bytes, n_bytes once it is flushed */
    char *bytes;
    size_t n_bytes;
    uint8_t held[HELD_BYTES];
    size_t n_held;
    size_t n_block; /* of the block in hand */
    avro_schema_t schema;
    avro_file_writer_t writer;
};

static int avro_says(struct mr_err *err, enum mr_code code)
{
    return mr_err_set(err, code, "avro-c: %s", avro_strerror());
}

static void put_text(struct mr_buf *out, const char *text)
{
    mr_avro_put_bytes(out, mr_slice_str(text));
}

/* The header in avro-c's place, with its sync marker, which stays held. */
static int head_write(struct mr_avro_file *file, const char *schema, struct mr_err *err)
{
    struct mr_buf head = MR_BUF_INIT;
    int rc = 0;

    if (fflush(file->memory) != 0 || file->n_bytes < HELD_BYTES)
        return mr_err_set(err, MR_NO_MEMORY, "the head of an Avro file");
    memcpy(file->held, file->bytes + file->n_bytes - HELD_BYTES, HELD_BYTES);
    file->n_held = HELD_BYTES;
    if (fseek(file->memory, 0, SEEK_SET) != 0)
        return mr_err_set(err, MR_NO_MEMORY, "the head of an Avro file");
    mr_buf_add(&head, "Obj\1", 4);
    mr_avro_put_long(&head, 2);
    put_text(&head, "avro.codec");
    put_text(&head, "null");
    put_text(&head, "avro.schema");
    put_text(&head, schema);
    mr_avro_put_long(&head, 0);
    if (!mr_buf_ok(&head))
        rc = mr_err_set(err, MR_NO_MEMORY, "the head of an Avro file");
    else if (fwrite(head.data, 1, head.len, file->out) != head.len)
        rc = mr_err_set(err, MR_IO, "an Avro file cannot be written");
    mr_buf_release(&head);
    return rc;
}

/* Sends what avro-c has written, but for the last octets of it: a block ends with a sync marker. */
static int drain(struct mr_avro_file *file, struct mr_err *err)
{
    if (fflush(file->memory) != 0 || file->n_bytes < HELD_BYTES)
        return mr_err_set(err, MR_NO_MEMORY, "a block of an Avro file");
    size_t n = file->n_bytes - HELD_BYTES;
    if (fwrite(file->held, 1, file->n_held, file->out) != file->n_held ||
        fwrite(file->bytes, 1, n, file->out) != n)
        return mr_err_set(err, MR_IO, "an Avro file cannot be written");
    memcpy(file->held, file->bytes + n, HELD_BYTES);
    file->n_held = HELD_BYTES;
    return fseek(file->memory, 0, SEEK_SET) == 0
               ? 0
               : mr_err_set(err, MR_NO_MEMORY, "a block of an Avro file");
}

int mr_avro_file_open(FILE *out, const char *schema, struct mr_avro_file **file, struct mr_err *err)
{
    struct mr_avro_file *made = calloc(1, sizeof *made);
    int rc = 0;

    if (made == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "an Avro file");
    made->out = out;
    made->memory = open_memstream(&made->bytes, &made->n_bytes);
    if (made->memory == NULL)
        rc = mr_err_set(err, MR_NO_MEMORY, "an Avro file");
    else if (avro_schema_from_json_length(schema, strlen(schema), &made->schema) != 0)
        rc = avro_says(err, MR_SCHEMA_INVALID);
    else if (avro_file_writer_create_with_codec_fp(made->memory, "memory", 0, made->schema,
                                                   &made->writer, "null", MR_AVRO_FILE_BLOCK) != 0)
        rc = avro_says(err, MR_IO);
    else
        rc = head_write(made, schema, err);
    if (rc < 0)
        mr_avro_file_free(made);
    else
        *file = made;
    return rc;
}

static int block_write(struct mr_avro_file *file, struct mr_err *err)
{
    if (file->n_block == 0)
        return 0;
    file->n_block = 0;
    if (avro_file_writer_sync(file->writer) != 0)
        return avro_says(err, MR_IO);
    return drain(file, err);
}

int mr_avro_file_append(struct mr_avro_file *file, struct mr_slice datum, struct mr_err *err)
{
    int rc = 0;

    if (datum.len > MR_AVRO_FILE_BLOCK)
        return mr_err_set(err, MR_VALUE_TOO_LARGE, "%zu bytes for an Avro file", datum.len);
    if (file->n_block + datum.len > MR_AVRO_FILE_BLOCK)
        rc = block_write(file, err);
    if (rc == 0 &&
        avro_file_writer_append_encoded(file->writer, datum.data, (int64_t)datum.len) != 0)
        rc = avro_says(err, MR_IO);
    if (rc < 0)
        return rc;
    file->n_block += datum.len;
    return file->n_block < SYNC_BYTES ? 0 : block_write(file, err);
}

int mr_avro_file_finish(struct mr_avro_file *file, struct mr_err *err)
{
    int rc = block_write(file, err);

    if (rc == 0 &&
        (fwrite(file->held, 1, file->n_held, file->out) != file->n_held || fflush(file->out) != 0))
        rc = mr_err_set(err, MR_IO, "an Avro file cannot be written");
    file->n_held = 0;
    return rc;
}

void mr_avro_file_free(struct mr_avro_file *file)
{
    if (file == NULL)
        return;
    if (file->writer != NULL)
        (void)avro_file_writer_close(file->writer);
    if (file->schema != NULL)
        avro_schema_decref(file->schema);
    if (file->memory != NULL)
        (void)fclose(file->memory);
    free(file->bytes);
    free(file);
}
