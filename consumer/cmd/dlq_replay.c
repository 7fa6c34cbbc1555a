/* Owns what `millrace dlq replay` refuses and tells. */
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "consumer/cmd/dlq.h"
#include "consumer/replay.h"

#include "base/ban.h"

static void note_json(struct mr_buf *out, const struct mr_replay_note *note)
{
    mr_buf_str(out, "{\"id\": ");
    mr_letter_text_json(out, mr_slice_str(note->id));
    mr_buf_str(out, ", \"topic\": ");
    mr_letter_text_json(out, mr_slice_str(note->stream));
    mr_buf_fmt(out, ", \"partition\": %d, \"offset\": %lld, \"outcome\": \"%s\", \"code\": ",
               (int)note->partition, (long long)note->offset, note->failed ? "failed" : "waits");
    mr_letter_text_json(out, mr_slice_str(note->code));
    mr_buf_str(out, ", \"detail\": ");
    mr_letter_text_json(out, mr_slice_str(note->detail));
    mr_buf_byte(out, '}');
}

static void result_json(struct mr_buf *out, const struct mr_replay_result *result)
{
    mr_buf_fmt(out,
               "{\"found\": %llu, \"replayed\": %llu, \"failed\": %llu, \"waiting\": %llu, "
               "\"gone\": %llu, \"notes\": [",
               (unsigned long long)result->n_found, (unsigned long long)result->n_landed,
               (unsigned long long)result->n_failed, (unsigned long long)result->n_held,
               (unsigned long long)result->n_gone);
    for (size_t i = 0; i < result->n_notes; i++) {
        mr_buf_str(out, i > 0 ? ", " : "");
        note_json(out, &result->notes[i]);
    }
    mr_buf_str(out, "]}\n");
}

static void result_print(struct mr_buf *out, const struct mr_replay_result *result)
{
    for (size_t i = 0; i < result->n_notes; i++) {
        const struct mr_replay_note *note = &result->notes[i];
        mr_letter_text_safe(out, mr_slice_str(note->id));
        mr_buf_str(out, note->failed ? " failed again: " : " waits: ");
        if (!note->failed) { /* a letter's detail begins with its code */
            mr_letter_text_safe(out, mr_slice_str(note->code));
            mr_buf_str(out, ": ");
        }
        mr_letter_text_safe(out, mr_slice_str(note->detail));
        mr_buf_byte(out, '\n');
    }
    mr_buf_fmt(out, "%llu of %llu letters replayed", (unsigned long long)result->n_landed,
               (unsigned long long)result->n_found);
    if (result->n_failed > 0)
        mr_buf_fmt(out, ", %llu failed again", (unsigned long long)result->n_failed);
    if (result->n_held > 0)
        mr_buf_fmt(out, ", %llu wait", (unsigned long long)result->n_held);
    if (result->n_gone > 0)
        mr_buf_fmt(out, ", %llu were closed by others", (unsigned long long)result->n_gone);
    mr_buf_byte(out, '\n');
}

/* 0 where it may go on. */
static int refuse_blind(struct mr_dlq *dlq)
{
    char topic[MR_STREAM_NAME_BYTES];
    struct mr_buf line = MR_BUF_INIT;

    if (mr_cmd_value(dlq->args, "force") != NULL)
        return EX_OK;
    if (mr_replay_blind_topic(&dlq->box, &dlq->filter, topic, &dlq->err) < 0)
        return mr_cmd_fail(&dlq->err);
    if (*topic == '\0')
        return EX_OK;
    mr_letter_text_safe(&line, mr_slice_str(topic));
    fprintf(stderr,
            "millrace: the route of %s has no guard: a letter's record may be older than its row, "
            "and would overwrite it, or bring a deleted row back. With --force it is replayed all "
            "the same; a route with guard loads only what is newer\n",
            mr_buf_cstr(&line));
    mr_buf_release(&line);
    return EX_USAGE;
}

int mr_dlq_replay(struct mr_dlq *dlq)
{
    struct mr_buf out = MR_BUF_INIT;
    struct mr_replay_result *result = malloc(sizeof *result);
    int code = refuse_blind(dlq);

    if (result == NULL || code != EX_OK) {
        free(result);
        (void)(result == NULL && mr_err_set(&dlq->err, MR_NO_MEMORY, "a replay"));
        return code != EX_OK ? code : mr_cmd_fail(&dlq->err);
    }
    mr_replay_result_init(result);
    int rc = mr_replay_run(&dlq->box, &dlq->filter, dlq->by, result, &dlq->err);
    if (dlq->args->json)
        result_json(&out, result);
    else
        result_print(&out, result);
    code = mr_cmd_write(&out);
    if (rc < 0)
        code = mr_cmd_fail(&dlq->err);
    else if (code == EX_OK && result->n_held > 0)
        code = mr_err_exit_code(&result->held);
    else if (code == EX_OK && result->n_failed > 0)
        code = EX_DATAERR;
    mr_replay_result_release(result);
    free(result);
    mr_buf_release(&out);
    return code;
}
