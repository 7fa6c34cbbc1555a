/* A dead letter's key and value as JSON, where they can be read: framing and schema as its route
 * has them, but no table. Bytes and schemas are untrusted. Thread: its owner's. */
#ifndef MR_CONSUMER_LETTER_DECODE_H
#define MR_CONSUMER_LETTER_DECODE_H

#include "consumer/letter_box.h"
#include "consumer/replay_source.h"

enum { MR_LETTER_NAME_BYTES = 256 };

/* One side of a letter. */
struct mr_letter_side {
    bool null;                         /* it has none */
    bool read;                         /* `json` is the whole of it; else `why` */
    int64_t schema_id;                 /* of the registry; -1: none, or not known */
    char schema[MR_LETTER_NAME_BYTES]; /* full name of a record, or the type's; "" */
    struct mr_buf json;
    struct mr_err why;
};

struct mr_letter_decoder {
    struct mr_letter_box *box;
    struct mr_transcode *transcode;
    struct mr_num_scratch *num;
    struct mr_letter_side key;
    struct mr_letter_side value;
};

/* The box is borrowed. -MR_NO_MEMORY. */
int mr_letter_decoder_init(struct mr_letter_decoder *decoder, struct mr_letter_box *box,
                           struct mr_err *err);
void mr_letter_decoder_release(struct mr_letter_decoder *decoder);

/* Fills both sides; they stay until the next call. What is wrong with one stands in it. */
void mr_letter_decode(struct mr_letter_decoder *decoder, const struct mr_replay_record *record);

#endif
