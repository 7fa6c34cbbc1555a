/* Owns `millrace dlq export`: letters as JSON lines, written as they are read. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "consumer/cmd/dlq.h"

#include "base/ban.h"

struct exporting {
    struct mr_letter_decoder decoder;
    struct mr_buf line;
};

static int line_each(struct mr_dlq *dlq, const struct mr_replay_record *record, void *with)
{
    struct exporting *exporting = with;

    mr_buf_reset(&exporting->line);
    mr_letter_decode(&exporting->decoder, record);
    mr_letter_text_object(&exporting->line, record, &exporting->decoder);
    mr_buf_byte(&exporting->line, '\n');
    if (!mr_buf_ok(&exporting->line))
        return mr_err_set(&dlq->err, MR_NO_MEMORY, "a dead letter");
    if (fwrite(exporting->line.data, 1, exporting->line.len, stdout) != exporting->line.len)
        return mr_err_set(&dlq->err, MR_IO, "standard output");
    return 0;
}

int mr_dlq_export(struct mr_dlq *dlq)
{
    struct exporting exporting = {.line = MR_BUF_INIT};
    int rc = mr_letter_decoder_init(&exporting.decoder, &dlq->box, &dlq->err);

    if (rc == 0)
        rc = mr_dlq_each(dlq, line_each, &exporting);
    if (rc == 0 && fflush(stdout) != 0)
        rc = mr_err_set(&dlq->err, MR_IO, "standard output");
    mr_letter_decoder_release(&exporting.decoder);
    mr_buf_release(&exporting.line);
    return rc < 0 ? mr_cmd_fail(&dlq->err) : EX_OK;
}
