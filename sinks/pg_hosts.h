/* The servers that a URL names. libpq tries them one after the other, but by the calls that do not
 * block it never leaves one that does not answer at all: so each gets its turn to be the first.
 * Source: PostgreSQL manual, 34.1.1.3 "Specifying Multiple Hosts". Inside the PostgreSQL sink only.
 */
#ifndef MR_SINKS_PG_HOSTS_H
#define MR_SINKS_PG_HOSTS_H

#include <stdint.h>

#include "base/buf.h"

struct mr_pg_hosts {
    size_t n;            /* at least 1 */
    uint32_t timeout_ms; /* the URL's connect_timeout for one server; 0: it names none */
    struct mr_buf host, hostaddr, port; /* as the URL has them; empty: not named */
};

/* A URL that libpq does not understand is one server: connecting will tell. Releases too. */
void mr_pg_hosts_read(struct mr_pg_hosts *hosts, const char *url);
void mr_pg_hosts_release(struct mr_pg_hosts *hosts);

/* The list with its first `turn` elements at its end: "a,b,c" by 1 is "b,c,a". A list of one is for
 * all. Appends. */
void mr_pg_hosts_turn(const struct mr_buf *list, size_t turn, struct mr_buf *out);

#endif
