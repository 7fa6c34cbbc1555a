/* Which column types may be widened into which (contract.md V-04): only to a type that holds every
 * value of the present one, never to another class of type. Pure. Threads: any. */
#ifndef MR_SCHEMAS_WIDEN_H
#define MR_SCHEMAS_WIDEN_H

#include "schemas/semantic.h"

enum mr_widening {
    MR_WIDEN_NONE,     /* not wider, or not comparable: the X rows decide each value */
    MR_WIDEN_IN_PLACE, /* PostgreSQL alters the catalogue only */
    MR_WIDEN_REWRITE,  /* PostgreSQL writes the table anew (or builds indexes anew) */
};

/* `want` is what the field's schema asks by default; `semantic` tells how fine its times are, so
 * that timestamp(3) is wide enough for milliseconds. */
enum mr_widening mr_widen_kind(const struct mr_coltype *have, const struct mr_coltype *want,
                               enum mr_semantic semantic);

#endif
