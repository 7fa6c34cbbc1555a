/* The demo's schema registry: the reading half of Confluent's API over HTTP on loopback, so that
 * the real client has something real to talk to. Answers from the schemas of demo_tables.h: GET
 * /schemas/ids/ID                          {"schema": "..."} GET /subjects
 * ["shop.public.orders-key", ...] GET /subjects/SUBJECT/versions               [1, 2] GET
 * /subjects/SUBJECT/versions/N|latest      {"subject", "version", "id", "schema"} and with
 * Confluent's error codes 40401 (subject), 40402 (version), 40403 (schema id). Threads: its own
 * serve it; open and close by their owner. */
#ifndef MR_CONSUMER_DEMO_REGISTRY_H
#define MR_CONSUMER_DEMO_REGISTRY_H

#include "base/err.h"

struct mr_demo_registry;

/* Listens on a free port of 127.0.0.1. Gives: mr_demo_registry_close(). Errors: internal.io. */
int mr_demo_registry_open(struct mr_demo_registry **out, struct mr_err *err);
/* "http://127.0.0.1:PORT" */
const char *mr_demo_registry_url(const struct mr_demo_registry *registry);
void mr_demo_registry_close(struct mr_demo_registry *registry); /* NULL is fine */

#endif
