/* The admin listener: /metrics, /healthz, /readyz, /status, and POST /resume, over HTTP/1.1
 * (libmicrohttpd's own thread). On anything but loopback a bearer token is demanded. What changes
 * something wants the header of consumer/admin_call.h, and without a token a Host that is loopback.
 * Requests, connections and body sizes are bounded. */
#ifndef MR_CONSUMER_ADMIN_H
#define MR_CONSUMER_ADMIN_H

#include "consumer/service.h"

struct mr_admin;

enum { MR_ADMIN_MAX_CONNECTIONS = 32, MR_ADMIN_TIMEOUT_S = 10, MR_ADMIN_MAX_BODY = 4096 };

/* listen: "address:port", port 0 takes a free one; bearer_token "" for none. Gives: mr_admin_stop.
 * Errors: config.invalid (address, a token is missing, no such address here, no right to the port),
 * internal.io (the port is taken, no sockets). */
int mr_admin_start(struct mr_service *service, const char *listen, const char *bearer_token,
                   struct mr_admin **out, struct mr_err *err);
/* Whether it could be started: the address is right, and can be bound (nothing is served). Errors:
 * mr_admin_start's. taken: another socket listens there, perhaps of an instance that runs. */
int mr_admin_try(const char *at, const char *bearer_token, bool *taken, struct mr_err *err);
/* The address with the real port, "127.0.0.1:9464". */
const char *mr_admin_address(const struct mr_admin *admin);
void mr_admin_stop(struct mr_admin *admin); /* NULL is fine */

#endif
