/* Owns the list of servers in a URL. Must not connect. */
#include "sinks/pg_hosts.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "base/ban.h"

enum { LEAST_TIMEOUT_S = 1, MOST_TIMEOUT_S = 3600 };

static size_t elements(const struct mr_buf *list)
{
    size_t n = list->len > 0;

    for (size_t i = 0; i < list->len; i++)
        n += list->data[i] == ',';
    return n;
}

static uint32_t timeout_read(const char *text)
{
    long seconds = strtol(text, NULL, 10);

    if (seconds <= 0)
        return 0; /* libpq: without end; ours is the sink's */
    if (seconds < LEAST_TIMEOUT_S)
        seconds = LEAST_TIMEOUT_S;
    return 1000 * (uint32_t)(seconds < MOST_TIMEOUT_S ? seconds : MOST_TIMEOUT_S);
}

void mr_pg_hosts_read(struct mr_pg_hosts *hosts, const char *url)
{
    PQconninfoOption *options = PQconninfoParse(url, NULL);

    *hosts = (struct mr_pg_hosts){.n = 1};
    for (const PQconninfoOption *at = options; at != NULL && at->keyword != NULL; at++) {
        if (at->val == NULL)
            continue;
        if (strcmp(at->keyword, "host") == 0)
            mr_buf_str(&hosts->host, at->val);
        else if (strcmp(at->keyword, "hostaddr") == 0)
            mr_buf_str(&hosts->hostaddr, at->val);
        else if (strcmp(at->keyword, "port") == 0)
            mr_buf_str(&hosts->port, at->val);
        else if (strcmp(at->keyword, "connect_timeout") == 0)
            hosts->timeout_ms = timeout_read(at->val);
    }
    PQconninfoFree(options);
    size_t n = elements(hosts->hostaddr.len > 0 ? &hosts->hostaddr : &hosts->host);
    if (n > 1 && mr_buf_ok(&hosts->host) && mr_buf_ok(&hosts->hostaddr) && mr_buf_ok(&hosts->port))
        hosts->n = n;
}

void mr_pg_hosts_release(struct mr_pg_hosts *hosts)
{
    mr_buf_release(&hosts->host);
    mr_buf_release(&hosts->hostaddr);
    mr_buf_release(&hosts->port);
}

void mr_pg_hosts_turn(const struct mr_buf *list, size_t turn, struct mr_buf *out)
{
    size_t n = elements(list);
    size_t cut = 0; /* where the new first one begins */

    for (size_t passed = 0; n > 1 && passed < turn % n; cut++)
        passed += list->data[cut] == ',';
    mr_buf_add(out, list->data + cut, list->len - cut);
    if (cut > 0) {
        mr_buf_byte(out, ',');
        mr_buf_add(out, list->data, cut - 1);
    }
}
