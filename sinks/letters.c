/* Owns the names of a letter's states, as they stand in the control tables. */
#include "sinks/letters.h"

#include <string.h>

#include "base/ban.h"

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
