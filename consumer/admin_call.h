/* A question to the running instance, at the http.listen of its configuration: what the commands
 * that change or show it use. Thread: main. */
#ifndef MR_CONSUMER_ADMIN_CALL_H
#define MR_CONSUMER_ADMIN_CALL_H

#include "base/buf.h"
#include "base/err.h"

/* Browsers send no such header to another site's pages without asking first, which nobody answers:
 * what changes something wants it. */
#define MR_ADMIN_HEADER "X-Millrace-Command"

struct mr_admin_call {
    const char *listen; /* address:port */
    const char *bearer_token;
    const char *path;
    const struct mr_buf *body; /* NULL: GET, else POST */
};

/* 0 with the HTTP status and the answer (at most 16 MiB), whatever the status is. Errors:
 * instance.away; config.invalid (no http.listen, port 0). */
int mr_admin_call(const struct mr_admin_call *call, long *status, struct mr_buf *answer,
                  struct mr_err *err);

#endif
