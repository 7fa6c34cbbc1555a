/* The form of a dead letter as a record of a topic, there and back; decision 030. Its key is
 * PIPELINE/ID, its value the record's value, its headers the record's own and ours behind them,
 * from
 * `__connect.errors.topic` on. A record without a value under that key closes it. Bytes that are
 * read are untrusted: anybody may write to the topic. Thread: any. */
#ifndef MR_CONSUMER_LETTER_WIRE_H
#define MR_CONSUMER_LETTER_WIRE_H

#include "base/arena.h"
#include "base/pos.h"
#include "consumer/kafka_producer.h"
#include "sinks/letters.h"

enum {
    MR_LETTER_ID_BYTES = MR_STREAM_NAME_BYTES + 50,
    MR_LETTER_KEY_BYTES = MR_LETTER_ID_BYTES + 201,
    MR_WIRE_HEADERS = 16,
    MR_WIRE_NUMBERS = 6
};

/* TOPIC-PARTITION-OFFSET-XXXXXXXX: where the record was, and a digest of its time stamp, key and
 * value, for a topic that was made again has other records at the same places. */
void mr_letter_wire_id(const struct mr_letter *letter, char out[MR_LETTER_ID_BYTES]);
bool mr_letter_wire_is_id(const char *text);
void mr_letter_wire_key(const char *pipeline, const char *id, char out[MR_LETTER_KEY_BYTES]);

/* What a letter does not know of itself. */
struct mr_wire_stamp {
    const char *pipeline;
    const char *stage; /* of Kafka Connect's headers, as `task` */
    uint32_t task;
    uint32_t attempts;
    int64_t created_ms; /* of the first attempt, where this is another one */
};

/* A letter to be sent; borrows from it and the stamp. Points into itself: not to be copied. */
struct mr_wire_letter {
    char key[MR_LETTER_KEY_BYTES];
    struct mr_slice value; /* never null: that would close it */
    struct mr_kafka_header headers[MR_WIRE_HEADERS];
    size_t n_headers;
    char numbers[MR_WIRE_NUMBERS][24];
    size_t n_numbers;
};
void mr_letter_wire_make(struct mr_wire_letter *wire, const struct mr_letter *letter,
                         const struct mr_wire_stamp *stamp);
/* What closes it says by whom and how; returns the number of headers. */
enum { MR_WIRE_END_HEADERS = 2 };
size_t mr_letter_wire_end(struct mr_kafka_header headers[MR_WIRE_END_HEADERS],
                          enum mr_letter_state state, const char *by);

/* A record of the topic as it is read. */
struct mr_wire_record {
    struct mr_slice key;
    struct mr_slice value; /* data NULL: null */
    int64_t timestamp_ms;
    const struct mr_kafka_header *headers;
    size_t n_headers;
};
enum mr_wire_kind {
    MR_WIRE_FOREIGN, /* another pipeline's, or no letter of ours */
    MR_WIRE_LETTER,
    MR_WIRE_END /* only the id, the state, who and when are filled */
};
struct mr_wire_want {
    const char *pipeline;
    bool with_bytes;
};
/* Texts and bytes are in the arena. Returns the kind, or -MR_NO_MEMORY. */
int mr_letter_wire_read(const struct mr_wire_want *want, const struct mr_wire_record *record,
                        struct mr_arena *arena, struct mr_kept_letter *out, struct mr_err *err);

#endif
