/* What `millrace demo` puts together: a place for the target, a broker, a registry and a feed of
 * records, all in this process; and the real service that loads them. The command (cmd/demo.c) does
 * the talking. Thread: main. */
#ifndef MR_CONSUMER_DEMO_H
#define MR_CONSUMER_DEMO_H

#include "consumer/admin.h"
#include "consumer/demo_broker.h"
#include "consumer/demo_feed.h"
#include "consumer/demo_registry.h"
#include "consumer/demo_verify.h"
#include "consumer/service.h"

enum {
    MR_DEMO_ROWS = 300000, /* --rows */
    MR_DEMO_SEED = 1,
    MR_DEMO_KEEP_RATE = 500,   /* records a second after the verdict, with --keep */
    MR_DEMO_STALL_MS = 120000, /* without progress for so long, it gives up */
    MR_DEMO_PATH_BYTES = 4096
};

struct mr_demo_opts {
    uint64_t n_records;
    uint64_t seed;
    const char *target; /* NULL: a SQLite file in the demo's folder */
    struct mr_env env;
};

/* A letter that the target holds. */
struct mr_demo_letter {
    char place[MR_STREAM_NAME_BYTES + 40]; /* "shop.public.orders/0@1234" */
    char code[64];
};

struct mr_demo {
    struct mr_demo_opts opts;
    char folder[MR_DEMO_PATH_BYTES];
    char config_path[MR_DEMO_PATH_BYTES + 16];
    char schema[32]; /* in PostgreSQL; "" elsewhere */
    struct mr_demo_broker *broker;
    struct mr_demo_registry *registry;
    struct mr_demo_feed *feed;
    const struct mr_config *config; /* borrowed */
    struct mr_service service;
    bool service_made;
    struct mr_admin *admin; /* NULL: none */
    uint64_t started_ms, moved_ms, seen_records;
};

/* Makes the folder, starts broker and registry, and writes the configuration to config_path. Gives:
 * mr_demo_close(), also after an error. Errors: config.invalid for a target that cannot be used. */
int mr_demo_open(struct mr_demo *demo, const struct mr_demo_opts *opts, struct mr_err *err);
/* Starts the service with the configuration that was read from config_path, and the feed. */
int mr_demo_start(struct mr_demo *demo, const struct mr_config *config, struct mr_err *err);

/* 1: all records are loaded; 0: not yet; an error when it cannot come to that any more. */
int mr_demo_poll(struct mr_demo *demo, struct mr_err *err);

/* Compares the target with the feed's state (the feed must rest), and reads the first dead letter.
 *   n_letters  how many there are */
int mr_demo_judge(struct mr_demo *demo, struct mr_demo_verdict *verdict,
                  struct mr_demo_letter *letter, uint64_t *n_letters, struct mr_err *err);

/* Stops everything in its order and removes the folder. */
void mr_demo_close(struct mr_demo *demo);

#endif
