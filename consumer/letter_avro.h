/* Dead letters as Avro: the records of `millrace dlq export --format avro`, with what the JSON
 * lines have. Thread: any. */
#ifndef MR_CONSUMER_LETTER_AVRO_H
#define MR_CONSUMER_LETTER_AVRO_H

#include "consumer/letter_decode.h"

/* Their schema; the file has it for its readers. */
extern const char mr_letter_avro_schema[];

/* Appends the datum; `decoded` NULL: without what its bytes mean. */
void mr_letter_avro_datum(struct mr_buf *out, const struct mr_replay_record *record,
                          const struct mr_letter_decoder *decoded);

#endif
