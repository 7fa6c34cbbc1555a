/* Reads a topic of letters: into an index what there is, and pages of it with their bytes. Thread:
 * its owner's. */
#ifndef MR_CONSUMER_TOPIC_READER_H
#define MR_CONSUMER_TOPIC_READER_H

#include "consumer/kafka_scan.h"
#include "consumer/letter_topic.h"
#include "consumer/topic_index.h"

enum { MR_TOPIC_PAGE = 500 };

struct mr_topic_part {
    int64_t low;  /* the first offset that is there */
    int64_t next; /* up to here it is read */
    int64_t
        foreign; /* the first record that the index has not: none of ours, or left out; INT64_MAX */
};

struct mr_topic_reader {
    const char *pipeline;
    struct mr_kafka_scan *scan;
    struct mr_topic_index index;
    struct mr_topic_part *parts;
    size_t n_parts;
    int64_t *from; /* as many, for what is asked of the scan */
    int64_t *to;
    struct mr_arena arena; /* of the record in hand */
};

/* Connects to no broker yet. After an error it is to be closed, too; zeroed it may be. */
int mr_topic_reader_open(struct mr_topic_reader *reader, const struct mr_source_opts *source,
                         const struct mr_letter_topic_opts *topic, struct mr_err *err);
void mr_topic_reader_close(struct mr_topic_reader *reader);

/* Reads what was written since, up to the ends that the topic has now. */
int mr_topic_reader_refresh(struct mr_topic_reader *reader, struct mr_err *err);
/* Takes away what is before these offsets, by partition. */
int mr_topic_reader_cut(struct mr_topic_reader *reader, const int64_t *before, struct mr_err *err);

/* Letters with their bytes. */
struct mr_topic_page {
    struct mr_kept_letter kept[MR_TOPIC_PAGE];
    size_t n;
    size_t at; /* the next one to be given */
    struct mr_arena arena;
};
void mr_topic_page_init(struct mr_topic_page *page);
void mr_topic_page_release(struct mr_topic_page *page);
/* The first of these, in their order, as many as fit: *n says how many that were. One that the
 * topic has no longer is left out. */
int mr_topic_page_read(struct mr_topic_page *page, struct mr_topic_reader *reader,
                       struct mr_topic_letter *const *letters, size_t *n, struct mr_err *err);

#endif
