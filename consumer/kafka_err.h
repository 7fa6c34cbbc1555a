/* What the Kafka client's errors mean: one table from its codes to ours (contract.md K-01 to K-11).
 * Threads: any. */
#ifndef MR_CONSUMER_KAFKA_ERR_H
#define MR_CONSUMER_KAFKA_ERR_H

#include <stdbool.h>

#include "base/err.h"

/* The client's code (rd_kafka_resp_err_t) as ours; MR_OK for no error. A code that no row names is
 * source.away: the client goes on by itself, and its text is shown. */
enum mr_code mr_kafka_err_code(int client_code);

/* Sets `err` from the client's code: "WHAT: the client's text". Returns -code. */
int mr_kafka_err_set(struct mr_err *err, int client_code, const char *what, const char *text);

/* Errors of a seek that only say "not yet": the partition is being started or stopped. */
bool mr_kafka_err_is_not_ready(int client_code);

#endif
