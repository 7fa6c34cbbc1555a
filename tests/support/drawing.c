/* Owns the reading of drawings in headers. */
#include "tests/support/drawing.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/mr_test.h"

#ifndef MR_SOURCE_ROOT
#define MR_SOURCE_ROOT "."
#endif

static size_t words(char *line, char out[][MR_DRAWING_NAME])
{
    size_t n = 0;
    char *rest = NULL;

    for (char *word = strtok_r(line, " \n", &rest); word != NULL;
         word = strtok_r(NULL, " \n", &rest)) {
        if (n == MR_DRAWING_CELLS || strlen(word) >= MR_DRAWING_NAME)
            MR_FAIL("a drawing is too wide at '%s'", word);
        memcpy(out[n++], word, strlen(word) + 1);
    }
    return n;
}

static void row(struct mr_drawing *out, char *line)
{
    char cells[MR_DRAWING_CELLS][MR_DRAWING_NAME];
    size_t n = words(line, cells);

    if (n != out->n_events + 1)
        MR_FAIL("state %s has %zu cells, there are %zu events", cells[0], n - 1, out->n_events);
    memcpy(out->states[out->n_states], cells[0], MR_DRAWING_NAME);
    for (size_t i = 0; i < out->n_events; i++)
        memcpy(out->cells[out->n_states][i], cells[i + 1], MR_DRAWING_NAME);
    out->n_states++;
}

void mr_drawing_read(const char *path, struct mr_drawing *out)
{
    char line[256];
    char name[512];
    char head[MR_DRAWING_CELLS][MR_DRAWING_NAME];

    memset(out, 0, sizeof *out);
    snprintf(name, sizeof name, "%s/%s", MR_SOURCE_ROOT, path);
    FILE *file = fopen(name, "r");
    if (file == NULL)
        MR_FAIL("cannot open %s", name);
    while (fgets(line, sizeof line, file) != NULL) {
        if (out->n_events == 0 && strncmp(line, " * state ", 9) == 0) {
            out->n_events = words(line + 3, head) - 1;
            memcpy(out->events, head[1], out->n_events * MR_DRAWING_NAME);
        } else if (out->n_events > 0) {
            if (strcmp(line, " *\n") == 0)
                break;
            row(out, line + 3);
        }
    }
    fclose(file);
    if (out->n_states == 0)
        MR_FAIL("no drawing in %s", path);
}
