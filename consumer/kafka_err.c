/* Owns the table from the client's error codes to ours. Must not decide what is done about them:
 * the class of the code does. Source: librdkafka's rdkafka.h, rd_kafka_resp_err_t; contract.md K-01
 * to K-11. */
#include "consumer/kafka_err.h"

#include <stddef.h>

#include <librdkafka/rdkafka.h>

#include "base/ban.h"

static const struct {
    rd_kafka_resp_err_t client;
    enum mr_code code;
} table[] = {
    {RD_KAFKA_RESP_ERR_NO_ERROR, MR_OK},
    /* K-01: the client tries again by itself */
    {RD_KAFKA_RESP_ERR__TRANSPORT, MR_SOURCE_AWAY},
    {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, MR_SOURCE_AWAY},
    {RD_KAFKA_RESP_ERR__RESOLVE, MR_SOURCE_AWAY},
    {RD_KAFKA_RESP_ERR__TIMED_OUT, MR_SOURCE_AWAY},
    {RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, MR_SOURCE_AWAY},
    {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, MR_SOURCE_AWAY},
    {RD_KAFKA_RESP_ERR__WAIT_COORD, MR_SOURCE_AWAY},
    {RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, MR_SOURCE_AWAY},
    {RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION, MR_SOURCE_AWAY},
    {RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, MR_SOURCE_AWAY},
    {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, MR_SOURCE_AWAY},
    {RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, MR_SOURCE_AWAY},
    {RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, MR_SOURCE_AWAY},
    {RD_KAFKA_RESP_ERR_NOT_COORDINATOR, MR_SOURCE_AWAY},
    {RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH, MR_SOURCE_AWAY},
    {RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH, MR_SOURCE_AWAY},
    {RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE, MR_SOURCE_AWAY},
    /* K-02 */
    {RD_KAFKA_RESP_ERR__AUTHENTICATION, MR_SOURCE_AUTH},
    {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, MR_SOURCE_AUTH},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM, MR_SOURCE_AUTH},
    {RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE, MR_SOURCE_AUTH},
    {RD_KAFKA_RESP_ERR__SSL, MR_SOURCE_AUTH},
    /* K-03 */
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, MR_SOURCE_PRIVILEGE},
    {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, MR_SOURCE_PRIVILEGE},
    {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, MR_SOURCE_PRIVILEGE},
    {RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, MR_SOURCE_PRIVILEGE},
    /* K-04 */
    {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, MR_SOURCE_TOPIC_MISSING},
    {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, MR_SOURCE_TOPIC_MISSING},
    {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, MR_SOURCE_TOPIC_MISSING},
#if RD_KAFKA_VERSION >= 0x020400ff
    {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_ID, MR_SOURCE_TOPIC_MISSING},
#endif
    /* K-05: which end of the log it is, the next claim finds out */
    {RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, MR_SOURCE_GAP},
    {RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, MR_SOURCE_GAP},
    {RD_KAFKA_RESP_ERR__LOG_TRUNCATION, MR_SOURCE_TRUNCATED},
    /* K-07, K-08 */
    {RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, MR_FENCED},
    {RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, MR_FENCED},
    {RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, MR_FENCED},
    {RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST, MR_FENCED},
#if RD_KAFKA_VERSION >= 0x020400ff
    {RD_KAFKA_RESP_ERR_STALE_MEMBER_EPOCH, MR_FENCED},
    {RD_KAFKA_RESP_ERR_FENCED_MEMBER_EPOCH, MR_FENCED},
    {RD_KAFKA_RESP_ERR_UNRELEASED_INSTANCE_ID, MR_SOURCE_DUPLICATE_INSTANCE},
#endif
    {RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED, MR_FENCED},
    {RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, MR_SOURCE_DUPLICATE_INSTANCE},
    {RD_KAFKA_RESP_ERR__FENCED, MR_SOURCE_DUPLICATE_INSTANCE},
    /* K-09 */
    {RD_KAFKA_RESP_ERR__FATAL, MR_SOURCE_FATAL},
    /* K-10 */
    {RD_KAFKA_RESP_ERR__BAD_MSG, MR_SOURCE_CORRUPT},
    {RD_KAFKA_RESP_ERR_INVALID_MSG, MR_SOURCE_CORRUPT},
    {RD_KAFKA_RESP_ERR__BAD_COMPRESSION, MR_SOURCE_CORRUPT},
    {RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, MR_SOURCE_CORRUPT},
    /* K-11 */
    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, MR_VALUE_TOO_LARGE},
    {RD_KAFKA_RESP_ERR__PARTITION_EOF, MR_END},
    {RD_KAFKA_RESP_ERR__QUEUE_FULL, MR_FULL},
    /* the brokers refuse what the configuration asks for: trying again does not help */
    {RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT, MR_CONFIG_INVALID},
    {RD_KAFKA_RESP_ERR_INVALID_GROUP_ID, MR_CONFIG_INVALID},
};

enum mr_code mr_kafka_err_code(int client_code)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if ((int)table[i].client == client_code)
            return table[i].code;
    return MR_SOURCE_AWAY;
}

int mr_kafka_err_set(struct mr_err *err, int client_code, const char *what, const char *text)
{
    enum mr_code code = mr_kafka_err_code(client_code);

    if (text == NULL || *text == '\0')
        text = rd_kafka_err2str((rd_kafka_resp_err_t)client_code);
    return mr_err_set(err, code == MR_OK ? MR_SOURCE_AWAY : code, "%s: %s (%s)", what, text,
                      rd_kafka_err2name((rd_kafka_resp_err_t)client_code));
}

bool mr_kafka_err_is_not_ready(int client_code)
{
    return client_code == RD_KAFKA_RESP_ERR__STATE ||
           client_code == RD_KAFKA_RESP_ERR__PREV_IN_PROGRESS ||
           client_code == RD_KAFKA_RESP_ERR__IN_PROGRESS ||
           client_code == RD_KAFKA_RESP_ERR__OUTDATED ||
           client_code == RD_KAFKA_RESP_ERR__TIMED_OUT;
}
