/* A record as a source hands it out, and the array that a lane reads into. */
#ifndef MR_CONSUMER_RECORD_H
#define MR_CONSUMER_RECORD_H

#include "base/buf.h"
#include "base/pos.h"
#include "schemas/headers.h"

struct mr_partition;
struct mr_target;

enum mr_record_kind {
    MR_RECORD_DATA,
    MR_RECORD_END,   /* the end of the partition was reached: `offset` is the next one to be
                        written */
    MR_RECORD_ERROR, /* the source reports `rc` for this partition */
};

/* Owns `message` until it is given back by mr_source_ops.release; slices live as long. */
struct mr_record {
    enum mr_record_kind kind;
    int rc; /* of MR_RECORD_ERROR: -MR_SOURCE_... */
    const char
        *detail;   /* of MR_RECORD_ERROR: the client's own text; lives as long as the message */
    void *message; /* the source's; NULL for END and ERROR of some sources */
    const char *stream; /* lives as long as the message, or the source for END */
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms;  /* -1: none */
    int32_t leader_epoch;  /* -1: not known */
    uint32_t n_bytes;      /* what holding the message costs: key + value + headers + overhead */
    struct mr_slice key;   /* data NULL: null */
    struct mr_slice value; /* data NULL: null */
    struct mr_headers headers;
    struct mr_partition *part; /* filled by the lane; NULL from the source */
    struct mr_target *target;  /* the lane's: where it goes; its partition's, or its source's */
    bool bad;                  /* the lane's: it was put aside, or left out */
    bool masked;               /* the lane's: it does not carry all columns */
    bool whole;  /* the lane's: it carries them all, or deletes its row; a skipped one neither */
    bool leaves; /* the lane's: it deletes its row, which may go on under another key */
    bool
        behind; /* the lane's: an earlier record of its key is a letter, so nobody knows that row */
    uint32_t generation; /* of the partition when the record was read; filled by the lane */
};

#endif
