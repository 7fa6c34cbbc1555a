/* What the parts of `millrace dlq` share. Thread: main. */
#ifndef MR_CONSUMER_CMD_DLQ_H
#define MR_CONSUMER_CMD_DLQ_H

#include "consumer/cmd/cmd.h"
#include "consumer/letter_text.h"

struct mr_dlq {
    const struct mr_cmd_args *args;
    struct mr_letter_box box;
    struct mr_letter_filter filter; /* borrows from args */
    const char *by;                 /* who does it: user@host */
    struct mr_err err;
};

/* 0, or an exit code after saying why. dlq.c's own check the options before. */
int mr_dlq_replay(struct mr_dlq *dlq);
int mr_dlq_export(struct mr_dlq *dlq);

/* All that the filter takes with its bytes, one after the other: 0, or what `each` or the letters
 * answered. The record lives until `each` returns. */
int mr_dlq_each(struct mr_dlq *dlq,
                int (*each)(struct mr_dlq *dlq, const struct mr_replay_record *record, void *with),
                void *with);

#endif
