/* Dead letters as people and programs read them: a table, a page, JSON. What a letter holds was
 * written by anybody: no byte of it moves a terminal, none breaks the JSON. Thread: any. */
#ifndef MR_CONSUMER_LETTER_TEXT_H
#define MR_CONSUMER_LETTER_TEXT_H

#include "consumer/letter_decode.h"

/* Appends text that a terminal shows and does not obey: control characters, marks that turn the
 * direction, and what is no UTF-8 become \xNN or \u{...}. */
void mr_letter_text_safe(struct mr_buf *out, struct mr_slice text);
/* Appends a JSON string; octets that are no UTF-8 become U+FFFD. */
void mr_letter_text_json(struct mr_buf *out, struct mr_slice text);

/* The heading and a line of `list`. */
void mr_letter_text_head(struct mr_buf *out);
void mr_letter_text_line(struct mr_buf *out, const struct mr_kept_letter *kept);
/* The page of `show`. */
void mr_letter_text_page(struct mr_buf *out, const struct mr_replay_record *record,
                         const struct mr_letter_decoder *decoded);
/* A JSON object; with key, value and headers where `decoded` is not NULL. */
void mr_letter_text_object(struct mr_buf *out, const struct mr_replay_record *record,
                           const struct mr_letter_decoder *decoded);
/* What to do about a code as it is printed; "" where it is none of ours. */
const char *mr_letter_text_remedy(const char *code);

#endif
