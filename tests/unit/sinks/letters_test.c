/* Names of a dead letter's states (design.md section 6). */
#include "sinks/letters.h"

#include "tests/support/mr_test.h"

MR_TEST("a letter's state is found by its name, and no other name is one")
{
    for (int i = 0; i < MR_N_LETTER_STATES; i++)
        MR_CHECK_INT(mr_letter_state_of(mr_letter_state_name((enum mr_letter_state)i)), i);
    MR_CHECK_STR(mr_letter_state_name(MR_LETTER_NEW), "new"); /* the tables' default */
    MR_CHECK_INT(mr_letter_state_of("New"), -1);
    MR_CHECK_INT(mr_letter_state_of(""), -1);
}
