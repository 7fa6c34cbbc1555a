/* clang-format off: the drawing is read by a test */
/* The life of a batch on a writer, as a pure step function. The write thread carries the events.
 *
 * IDLE      waits for a batch
 * FLUSHING  the transaction runs
 * WAITING   it failed for a reason that passes; the backoff runs
 * DOUBT     the connection was lost at COMMIT: the stored positions decide
 *
 * state    batch    done     retry    doubt    drop     due      landed   absent   moved abandon
 * IDLE     FLUSHING .        .        .        .        .        .        .        .     IDLE
 * FLUSHING .        IDLE     WAITING  DOUBT    IDLE     .        .        .        .     FLUSHING
 * WAITING  .        .        .        .        .        FLUSHING .        .        .     IDLE
 * DOUBT    .        .        DOUBT    .        .        DOUBT    IDLE     FLUSHING IDLE  DOUBT
 *
 * done = committed; retry = RETRY or PAUSE class (in DOUBT: the positions cannot be read yet);
 * drop = any other class: the batch is given up and its partitions are set back to their positions;
 * landed / absent / moved = what the stored positions say of the batch in doubt; abandon = its
 * partitions were revoked or the service stops. A batch in FLUSHING or DOUBT ends first: its fate
 * must be known before its memory is used again. */
/* clang-format on */
#ifndef MR_CONSUMER_PROTOCOL_WRITER_H
#define MR_CONSUMER_PROTOCOL_WRITER_H

enum mr_writer_state {
    MR_WRITER_IDLE,
    MR_WRITER_FLUSHING,
    MR_WRITER_WAITING,
    MR_WRITER_DOUBT,
    MR_N_WRITER_STATES
};

enum mr_writer_event {
    MR_WRITER_EV_BATCH,
    MR_WRITER_EV_DONE,
    MR_WRITER_EV_RETRY,
    MR_WRITER_EV_DOUBT,
    MR_WRITER_EV_DROP,
    MR_WRITER_EV_DUE,
    MR_WRITER_EV_LANDED,
    MR_WRITER_EV_ABSENT,
    MR_WRITER_EV_MOVED,
    MR_WRITER_EV_ABANDON,
    MR_N_WRITER_EVENTS
};

enum mr_writer_action {
    MR_WRITER_DO_NOTHING,
    MR_WRITER_DO_FLUSH,   /* run the transaction */
    MR_WRITER_DO_PUBLISH, /* the batch is durable: advance positions, tell the source, reuse it */
    MR_WRITER_DO_BACKOFF, /* wait, at most until told to abandon */
    MR_WRITER_DO_REREAD,  /* read the stored positions */
    MR_WRITER_DO_REREAD_LATER, /* back off, then re-read */
    MR_WRITER_DO_DROP,         /* give the batch up, report why */
    MR_WRITER_DO_FENCED,       /* give it up: another owner moved a position */
    MR_WRITER_DO_BUG
};

struct mr_writer_step {
    enum mr_writer_state next;
    enum mr_writer_action action;
};

struct mr_writer_step mr_writer_next(enum mr_writer_state state, enum mr_writer_event event);
const char *mr_writer_state_name(enum mr_writer_state state);

#endif
