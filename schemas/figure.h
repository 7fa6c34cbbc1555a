/* Figures of the plane as text (contract.md T-40, T-41, X-08): as PostgreSQL prints them, and back.
 * Threads: any. */
#ifndef MR_SCHEMAS_FIGURE_H
#define MR_SCHEMAS_FIGURE_H

#include "schemas/emit.h"

/* Is it one of MR_T_POINT .. MR_T_POLYGON? */
static inline bool mr_is_figure(enum mr_type type)
{
    return type >= MR_T_POINT && type <= MR_T_POLYGON;
}

/* `(x,y)`, `{a,b,c}`, `<(x,y),r>`, `(x,y),(x,y)` (box), `[(x,y),(x,y)]` (lseg, open path),
 * `((x,y),...)` (closed path, polygon). */
void mr_figure_print(struct mr_buf *out, enum mr_type type, const struct mr_figure *v);

/* Any form that the server reads: brackets left out, a line by two points, a box by any two
 * corners; `room` gets the numbers. False for anything else. */
bool mr_figure_parse(struct mr_slice text, enum mr_type type, struct mr_buf *room,
                     struct mr_figure *out);

/* Puts the corners of a box in order, upper right first. `v` has two points. */
void mr_figure_box(double v[4]);
/* May the numbers be that figure: a radius below 0 and a line without a direction are none. */
bool mr_figure_valid(enum mr_type type, const struct mr_figure *v);

#endif
