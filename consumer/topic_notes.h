/* What the target notes as replayed of a topic's letters (sinks/replayed.h), beside what the topic
 * says of them. Thread: its owner's. */
#ifndef MR_CONSUMER_TOPIC_NOTES_H
#define MR_CONSUMER_TOPIC_NOTES_H

#include "consumer/topic_reader.h"
#include "sinks/replayed.h"

/* What landed is replayed, whether the topic says so or not. For a reader that was refreshed. */
int mr_topic_notes_take(struct mr_topic_index *index, struct mr_sink *sink, struct mr_err *err);
/* Does the note hold no more? The index is to know all that was written before it was read. */
bool mr_topic_note_is_stale(const struct mr_topic_index *index, const struct mr_replayed *note);
/* Forgets such notes: of letters that the topic has closed, has no longer, or has anew. */
int mr_topic_notes_sweep(struct mr_topic_reader *reader, struct mr_sink *sink, struct mr_err *err);

#endif
