/* Well-known binary geometries, which nobody vouches for (contract.md T-39): checked whole, given
 * an SRID (EWKB), and read as the points of a figure. Threads: any. */
#ifndef MR_SCHEMAS_WKB_H
#define MR_SCHEMAS_WKB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum mr_wkb_type { MR_WKB_POINT = 1, MR_WKB_LINE = 2, MR_WKB_POLYGON = 3 };

struct mr_wkb {
    uint32_t type; /* enum mr_wkb_type, or one of PostGIS's others */
    bool has_srid;
    int32_t srid;
};

/* Checks the whole value: byte orders, known types, counts, nesting of at most 32, nothing behind.
 * OGC's, ISO's and PostGIS's type words are taken. */
bool mr_wkb_check(struct mr_slice wkb, struct mr_wkb *out);

/* Appends a checked one as EWKB with this SRID; one that it has already is replaced. */
void mr_wkb_with_srid(struct mr_slice wkb, int32_t srid, struct mr_buf *out);
/* Appends a point without SRID. */
void mr_wkb_point(double x, double y, struct mr_buf *out);

/* Appends x and y of each point of a checked point, line string or polygon of one ring, as doubles.
 * False for other types and for more rings. */
bool mr_wkb_points(struct mr_slice wkb, struct mr_buf *out);

#endif
