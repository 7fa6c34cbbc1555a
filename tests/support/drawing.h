/* Reads the state machine that a header draws in its comment, so that a test can compare it with
 * the C table: the drawing cannot lie. The form: a line that begins with " * state " and names the
 * events, then one line per state: its name and one cell per event (a next state, or a dot). */
#ifndef MR_TESTS_SUPPORT_DRAWING_H
#define MR_TESTS_SUPPORT_DRAWING_H

#include <stddef.h>

enum { MR_DRAWING_CELLS = 16, MR_DRAWING_NAME = 24 };

struct mr_drawing {
    size_t n_events;
    size_t n_states;
    char events[MR_DRAWING_CELLS][MR_DRAWING_NAME];
    char states[MR_DRAWING_CELLS][MR_DRAWING_NAME];
    char cells[MR_DRAWING_CELLS][MR_DRAWING_CELLS][MR_DRAWING_NAME];
};

/* `path` is below the project's root. Fails the test when there is no drawing. */
void mr_drawing_read(const char *path, struct mr_drawing *out);

#endif
