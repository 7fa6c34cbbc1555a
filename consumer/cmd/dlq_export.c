/* Owns `millrace dlq export`: letters as JSON lines, or as an Avro object container file, written
 * as they are read. With --output the file has its name once it is whole; before that it is
 * NAME.part. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "consumer/cmd/dlq.h"
#include "consumer/letter_avro.h"
#include "schemas/avro_file.h"

#include "base/ban.h"

enum { PATH_BYTES = 4096 };

struct exporting {
    struct mr_letter_decoder decoder;
    FILE *out;
    const char *path;          /* NULL: standard output */
    struct mr_avro_file *file; /* NULL: JSON lines */
    struct mr_buf text;        /* of one letter */
    char part[PATH_BYTES + 8];
};

static int io_fail(const struct exporting *exporting, struct mr_err *err)
{
    char why[128] = "cannot be written";

    if (errno != 0)
        (void)strerror_r(errno, why, sizeof why);
    return mr_err_set(err, MR_IO, "%s: %s",
                      exporting->path != NULL ? exporting->part : "standard output", why);
}

static int avro_each(struct mr_dlq *dlq, const struct mr_replay_record *record, void *with)
{
    struct exporting *exporting = with;
    struct mr_buf *datum = &exporting->text;
    const struct mr_letter_decoder *decoded = &exporting->decoder;

    mr_letter_decode(&exporting->decoder, record);
    for (;;) {
        mr_buf_reset(datum);
        mr_letter_avro_datum(datum, record, decoded);
        if (!mr_buf_ok(datum))
            return mr_err_set(&dlq->err, MR_NO_MEMORY, "a dead letter");
        int rc = mr_avro_file_append(exporting->file, (struct mr_slice){datum->data, datum->len},
                                     &dlq->err);
        if (rc != -MR_VALUE_TOO_LARGE)
            return rc;
        if (decoded == NULL)
            return mr_err_set(&dlq->err, MR_VALUE_TOO_LARGE,
                              "letter %s has %zu bytes, more than an Avro file may hold; "
                              "--format json has it",
                              record->kept.id, datum->len);
        mr_err_clear(&dlq->err);
        decoded = NULL; /* its bytes alone may fit */
    }
}

static int line_each(struct mr_dlq *dlq, const struct mr_replay_record *record, void *with)
{
    struct exporting *exporting = with;
    struct mr_buf *line = &exporting->text;

    mr_buf_reset(line);
    mr_letter_decode(&exporting->decoder, record);
    mr_letter_text_object(line, record, &exporting->decoder);
    mr_buf_byte(line, '\n');
    if (!mr_buf_ok(line))
        return mr_err_set(&dlq->err, MR_NO_MEMORY, "a dead letter");
    errno = 0;
    return fwrite(line->data, 1, line->len, exporting->out) == line->len
               ? 0
               : io_fail(exporting, &dlq->err);
}

static int out_open(struct exporting *exporting, struct mr_err *err)
{
    exporting->out = stdout;
    if (exporting->path == NULL)
        return 0;
    if (strlen(exporting->path) > PATH_BYTES || *exporting->path == '\0')
        return mr_err_set(err, MR_CONFIG_USAGE, "--output is no name of a file");
    (void)snprintf(exporting->part, sizeof exporting->part, "%s.part", exporting->path);
    errno = 0;
    exporting->out = fopen(exporting->part, "wb");
    return exporting->out != NULL ? 0 : io_fail(exporting, err);
}

/* Gives the file its name, or takes away what is there of it. */
static int out_close(struct exporting *exporting, int rc, struct mr_err *err)
{
    bool ours = exporting->path != NULL && exporting->out != NULL;

    errno = 0;
    if (rc == 0 && (fflush(exporting->out) != 0 || (ours && fsync(fileno(exporting->out)) != 0)))
        rc = io_fail(exporting, err);
    if (ours && fclose(exporting->out) != 0 && rc == 0)
        rc = io_fail(exporting, err);
    if (ours && rc == 0 && rename(exporting->part, exporting->path) != 0)
        rc = io_fail(exporting, err);
    if (ours && rc < 0)
        (void)unlink(exporting->part);
    return rc;
}

int mr_dlq_export(struct mr_dlq *dlq)
{
    struct exporting exporting = {.text = MR_BUF_INIT, .path = mr_cmd_value(dlq->args, "output")};
    const char *format = mr_cmd_value(dlq->args, "format");
    bool avro = format != NULL && strcmp(format, "avro") == 0;

    if (avro && exporting.path == NULL && isatty(STDOUT_FILENO) != 0) {
        (void)fputs("millrace: an Avro file is not for a terminal; add --output FILE\n", stderr);
        return EX_USAGE;
    }
    int rc = mr_letter_decoder_init(&exporting.decoder, &dlq->box, &dlq->err);
    if (rc == 0)
        rc = out_open(&exporting, &dlq->err);
    if (rc == 0 && avro)
        rc = mr_avro_file_open(exporting.out, mr_letter_avro_schema, &exporting.file, &dlq->err);
    if (rc == 0)
        rc = mr_dlq_each(dlq, avro ? avro_each : line_each, &exporting);
    if (rc == 0 && avro)
        rc = mr_avro_file_finish(exporting.file, &dlq->err);
    rc = out_close(&exporting, rc, &dlq->err);
    mr_avro_file_free(exporting.file);
    mr_letter_decoder_release(&exporting.decoder);
    mr_buf_release(&exporting.text);
    return rc < 0 ? mr_cmd_fail(&dlq->err) : EX_OK;
}
