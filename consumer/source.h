/* A source: where streams of records come from. Kafka is the first member (kafka_consumer.c).
 * Between lane and source stand only these functions, so that a load's files or tables can come
 * later.
 *
 * Threads (design.md section 4, Reading): `poll` calls open .. commit, and calls hold, release,
 * assign and unassign only while the lanes concerned are parked; `fill` calls read and
 * release_record (any thread may release a record); `jobs` calls facts, and whoever may block
 * n_partitions. */
#ifndef MR_CONSUMER_SOURCE_H
#define MR_CONSUMER_SOURCE_H

#include "base/clock.h"
#include "base/err.h"
#include "base/metrics.h"
#include "consumer/protocol/position.h"
#include "consumer/record.h"

struct mr_source_property { /* the client's own settings, already validated */
    const char *name;
    const char *value;
};

struct mr_source_opts { /* borrowed for the source's life */
    const struct mr_source_property *properties;
    size_t n_properties;
    const char *group_id;
    const char *client_id;
    const char *const *topics; /* exact names, and regexes that begin with ^ */
    size_t n_topics;
    uint32_t n_lanes;
    size_t lane_queue_bytes;     /* the fetch queue's limit of one lane (share of memory_limit) */
    uint32_t session_timeout_ms; /* for the owner who was fenced; filled in by open from the
                                    client's own */
    struct mr_env env;
};

enum mr_source_event_kind {
    MR_SOURCE_NOTHING,
    MR_SOURCE_ASSIGNED, /* `parts` are new: answer by assign */
    MR_SOURCE_REVOKED,  /* `parts` go away: answer by unassign */
    MR_SOURCE_LOST,     /* they are gone already; answer by unassign */
    MR_SOURCE_FAULT,    /* `err`: the class says what it means for the whole source */
};

struct mr_source_part {
    char stream[MR_STREAM_NAME_BYTES];
    int32_t partition;
    uint32_t lane;        /* where it is, or shall be, forwarded */
    int64_t offset;       /* release: where to seek; commit: the next offset */
    int32_t leader_epoch; /* -1: not known */
    int rc;               /* out of release: 0, or -MR_... of this one */
};

struct mr_source_event {
    enum mr_source_event_kind kind;
    struct mr_source_part *parts; /* malloc'd; gives: mr_source_event_release */
    size_t n_parts;
    struct mr_err err;
};
void mr_source_event_release(struct mr_source_event *event);

struct mr_source; /* each kind embeds it as its first member */

struct mr_source_ops {
    const char *name;
    const char *(*client_version)(void); /* of the library behind it: "2.8.0" */
    int (*open)(const struct mr_source_opts *opts, struct mr_source **out, struct mr_err *err);
    /* Leaves the group (at most timeout_ms) and frees everything; all records were released. */
    void (*close)(struct mr_source *source, uint32_t timeout_ms);

    /* ---- poll ---- */
    /* Serves the client for at most `timeout_ms` and gives the next event; NOTHING on time-out or
     * wake. */
    void (*poll)(struct mr_source *source, uint32_t timeout_ms, struct mr_source_event *event);
    void (*wake_poll)(struct mr_source *source); /* any thread */
    /* The client's own threads look at their clocks anew (clock_watch.h). Any thread. */
    void (*wake_client)(struct mr_source *source);
    void (*wake_lane)(struct mr_source *source, uint32_t lane); /* any thread: read returns soon */
    /* Tells the client the new assignment; the partitions are held: paused, forwarded to
       nothing. */
    int (*assign)(struct mr_source *source, const struct mr_source_part *parts, size_t n,
                  struct mr_err *err);
    int (*unassign)(struct mr_source *source, const struct mr_source_part *parts, size_t n,
                    struct mr_err *err);
    /* Pauses and forwards to nothing. Records already in a queue may still be read: the lane drops
     * them by their generation. */
    int (*hold)(struct mr_source *source, const struct mr_source_part *parts, size_t n,
                struct mr_err *err);
    /* Explicit seek to parts[i].offset, then forward to the lane's queue, then resume. Per part
     * `rc`: 0, or -MR_AGAIN when the client is not ready for the seek yet, or another code. */
    int (*release)(struct mr_source *source, struct mr_source_part *parts, size_t n,
                   struct mr_err *err);
    /* Asynchronous commit of next offsets with this metadata; a failure is counted, never fatal
     * (K-11). */
    void (*commit)(struct mr_source *source, const struct mr_source_part *parts, size_t n,
                   const char *metadata);
    /* As commit, but waits: the last one before leaving. */
    void (*commit_wait)(struct mr_source *source, const struct mr_source_part *parts, size_t n,
                        const char *metadata, uint32_t timeout_ms);

    /* ---- fill ---- */
    /* Up to `max` records of the lane's queue: the first is awaited `timeout_ms`, the rest are only
     * taken if there. Returns the count. */
    size_t (*read)(struct mr_source *source, uint32_t lane, struct mr_record *records, size_t max,
                   uint32_t timeout_ms);
    void (*release_record)(struct mr_source *source, struct mr_record *record); /* any thread */
    /* All headers as JSON [{"k":name,"v":base64|null}...] for a dead letter. */
    void (*headers_json)(struct mr_source *source, const struct mr_record *record,
                         struct mr_buf *out);

    /* ---- jobs: may block up to timeout_ms ---- */
    /* What the log says of one partition. `rule` says which of the questions are needed (a time
     * stamp in ms with MR_START_TIMESTAMP); our_metadata: what a commit of ours begins with.
     * String members point into the source and live as long as it. */
    int (*facts)(struct mr_source *source, const char *stream, int32_t partition,
                 enum mr_start start, int64_t start_ms, const char *our_metadata,
                 uint32_t timeout_ms, struct mr_log_facts *out, struct mr_err *err);
    /* Does it answer at all? For /readyz after a fault. */
    bool (*answers)(struct mr_source *source, uint32_t timeout_ms);
    /* How many partitions the topic has now: asked, never remembered. */
    int (*n_partitions)(struct mr_source *source, const char *stream, uint32_t timeout_ms,
                        int32_t *out, struct mr_err *err);
    /* The end of a partition as last seen by the client, without asking; -1: not known. Any
       thread. */
    int64_t (*known_end)(struct mr_source *source, const char *stream, int32_t partition);
    uint32_t (*session_timeout_ms)(const struct mr_source *source);
    /* The client's statistics as it last gave them, JSON text, appended; any thread. */
    void (*stats_json)(struct mr_source *source, struct mr_buf *out);
};

struct mr_source {
    const struct mr_source_ops *ops;
};

extern const struct mr_source_ops mr_source_kafka;

/* Validates one librdkafka property: 0, or -1 with the library's own text in `why`. `name` is
 * looked up as written, then with dots for underscores; the name that fits is written to
 * `canonical`. For the configuration's callback. */
int mr_kafka_property_check(const char *name, const char *value, char *canonical,
                            size_t canonical_cap, char *why, size_t why_cap);

#endif
