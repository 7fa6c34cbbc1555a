/* Turns the standard streams to files while a command runs. Must not check anything itself. */
#include "tests/support/cmd_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "consumer/cmd/cmd.h"

enum { MAX_WORDS = 128 };

static int turn_away(FILE *stream, FILE *to)
{
    fflush(stream);
    int kept = dup(fileno(stream));
    if (kept < 0 || dup2(fileno(to), fileno(stream)) < 0)
        abort();
    return kept;
}

static void turn_back(FILE *stream, int kept)
{
    fflush(stream);
    dup2(kept, fileno(stream));
    close(kept);
}

static void take(FILE *from, char *out, size_t cap)
{
    rewind(from);
    size_t len = fread(out, 1, cap - 1, from);
    out[len] = '\0';
    fclose(from);
}

void cmd_call_run(struct cmd_call *call, const char *const *words)
{
    static char copies[MAX_WORDS][256] = {
        "millrace"}; /* getopt_long wants words that may be written */
    char *argv[MAX_WORDS + 1] = {copies[0]};
    int argc = 1;
    for (; words[argc - 1] != NULL && argc < MAX_WORDS; argc++) {
        snprintf(copies[argc], sizeof(copies[argc]), "%s", words[argc - 1]);
        argv[argc] = copies[argc];
    }
    argv[argc] = NULL;
    FILE *out = tmpfile();
    FILE *err = tmpfile();
    if (out == NULL || err == NULL)
        abort();
    int kept_out = turn_away(stdout, out);
    int kept_err = turn_away(stderr, err);
    call->code = mr_cmd_main(argc, argv);
    turn_back(stdout, kept_out);
    turn_back(stderr, kept_err);
    take(out, call->out, sizeof(call->out));
    take(err, call->err, sizeof(call->err));
}
