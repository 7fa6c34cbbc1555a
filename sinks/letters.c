/* Owns the names of a letter's states, as they stand in the control tables, and which sinks keep
 * letters that can be read. */
#include "sinks/letters.h"

#include <string.h>

#include "base/ban.h"

enum { MAX_DIGITS = 18 }; /* of a number that fits for sure */

static const char *const names[MR_N_LETTER_STATES] = {
    [MR_LETTER_NEW] = "new",
    [MR_LETTER_REPLAYED] = "replayed",
    [MR_LETTER_DISCARDED] = "discarded",
};

const char *mr_letter_state_name(enum mr_letter_state state)
{
    return names[state];
}

int mr_letter_state_of(const char *name)
{
    for (int i = 0; i < MR_N_LETTER_STATES; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return -1;
}

int mr_letters_of_sink(struct mr_sink *sink, struct mr_letters **out, struct mr_err *err)
{
    if (sink->ops == &mr_sink_postgresql)
        return mr_pg_letters_open(sink, out, err);
    if (sink->ops == &mr_sink_sqlite)
        return mr_sq_letters_open(sink, out, err);
    return mr_err_set(err, MR_CONFIG_USAGE, "%s: prints dead letters and keeps none",
                      sink->ops->name);
}

int mr_letter_id_get(const char *text, int64_t *out, struct mr_err *err)
{
    size_t len = strlen(text);
    int64_t id = 0;

    if (len == 0 || len > MAX_DIGITS || strspn(text, "0123456789") != len)
        return mr_err_set(err, MR_CONFIG_USAGE, "%.64s is no id of a dead letter", text);
    for (size_t i = 0; i < len; i++)
        id = id * 10 + (text[i] - '0');
    *out = id;
    return 0;
}

int mr_letters_settled_plain(struct mr_letters *letters, const struct mr_letter_mark *marks,
                             size_t n, struct mr_err *err)
{
    (void)letters;
    (void)marks;
    (void)n;
    (void)err;
    return 0;
}
