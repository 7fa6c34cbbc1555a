/* The inside of the fake source, shared by the source's side (source_fake.c) and the test's side
 * (source_fake_script.c). Everything is under the one mutex. */
#ifndef MR_TESTS_SUPPORT_SOURCE_FAKE_LOG_H
#define MR_TESTS_SUPPORT_SOURCE_FAKE_LOG_H

#include <pthread.h>

#include "tests/support/source_fake.h"

enum { FAKE_MAX_PARTS = 64, FAKE_MAX_EVENTS = 256 };

struct fake_message {
    uint8_t *key, *value;
    size_t key_len, value_len;
    bool exists; /* false: a gap */
};

struct fake_part {
    char stream[MR_STREAM_NAME_BYTES];
    int32_t partition;
    int64_t low;
    struct fake_message *log; /* from offset `base` */
    int64_t base;
    size_t n_log, cap_log;
    int64_t at; /* next offset to hand out */
    int lane;   /* -1: forwarded to nothing */
    bool assigned, end_told;
    bool silent;
    uint32_t asked_ms;
    int64_t committed;
};

struct fake_event {
    enum mr_source_event_kind kind;
    uint32_t part;
    enum mr_code code; /* of a fault */
};

struct fake_source {
    struct mr_source base;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct fake_part parts[FAKE_MAX_PARTS];
    uint32_t n_parts;
    struct fake_event events[FAKE_MAX_EVENTS];
    uint32_t n_events, at_event;
    uint32_t n_lanes;
    bool woken_poll;
    bool woken[16], reading[16];
    uint32_t refuse_seeks, n_seeks, n_outstanding;
    uint32_t n_reads, n_wakes; /* of lanes */
    uint32_t n_errors;         /* reads that end in an error instead of a record */
    enum mr_code error;
    bool away; /* answers nobody who asks whether it is there */
    char violation[256];
    char metadata[256];
};

/* NULL where there is none. */
struct fake_part *fake_source_find(struct fake_source *fake, const char *stream, int32_t partition);
/* One past the log's last record. */
int64_t fake_source_high(const struct fake_part *part);

#endif
