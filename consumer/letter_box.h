/* Dead letters as a command finds them: the place where the configuration keeps them, opened, with
 * the routes that their records have, and walked in pages whose bytes fit memory. Thread: its
 * owner's. */
#ifndef MR_CONSUMER_LETTER_BOX_H
#define MR_CONSUMER_LETTER_BOX_H

#include "consumer/letter_topic.h"
#include "consumer/targets.h"
#include "consumer/wiring.h"
#include "schemas/transcode.h"
#include "sinks/letters.h"

struct mr_letter_box {
    struct mr_env env;
    struct mr_wiring wiring;
    struct mr_sink_opts sink_opts; /* borrowed by the sink */
    struct mr_sink *sink;
    struct mr_letters *letters;
    struct mr_letter_topic_opts topic; /* where letters go to one; borrowed by the letters */
    struct mr_source_opts source_opts; /* as it */
    bool in_topic;
    struct mr_targets targets;
    bool targets_made;
};

/* Connects to the target, whose control tables are made where they are absent. The configuration is
 * borrowed. On an error close it, too. */
int mr_letter_box_open(struct mr_letter_box *box, const struct mr_config *config,
                       struct mr_err *err);
void mr_letter_box_close(struct mr_letter_box *box); /* safe on a zeroed one */
/* How many letters that were too large for the topic, or came before there was one, the target's
 * table has beside it, of those that the filter takes; ids count as none. */
int mr_letter_box_beside(struct mr_letter_box *box, const struct mr_letter_filter *filter,
                         uint64_t *n, struct mr_err *err);

/* Ids of all that a filter takes, to be read a page at a time: at most MR_LETTER_PAGE_IDS, and
 * PAGE_BYTES where there is more than one. */
struct mr_letter_pages {
    struct mr_letter_filter filter; /* of a page */
    struct mr_buf texts;            /* of the ids, zero-ended */
    struct mr_letter_page_id *ids;
    size_t n_ids;
    size_t cap_ids;
    size_t at;         /* the first of the next page */
    const char **page; /* of the page in hand */
    size_t n_page;
};
struct mr_letter_page_id {
    size_t text; /* in texts */
    uint64_t n_bytes;
};

/* Finds them; `filter` may have any number of ids up to MR_LETTER_PAGE_IDS. Gives:
 * mr_letter_pages_release(), also after an error. */
int mr_letter_pages_init(struct mr_letter_pages *pages, struct mr_letters *letters,
                         const struct mr_letter_filter *filter, struct mr_err *err);
void mr_letter_pages_release(struct mr_letter_pages *pages);
/* 1: the next page is found, and read by the letters' next; 0: there is none. At most `max` ids. */
int mr_letter_pages_next(struct mr_letter_pages *pages, struct mr_letters *letters, size_t max,
                         struct mr_err *err);

#endif
