#include "consumer/kafka_err.h"

#include <string.h>

#include <librdkafka/rdkafka.h>

#include "tests/support/mr_test.h"

static void check_all(const rd_kafka_resp_err_t *codes, size_t n, enum mr_code want)
{
    for (size_t i = 0; i < n; i++)
        if (mr_kafka_err_code(codes[i]) != want)
            MR_FAIL("%s is %s instead of %s", rd_kafka_err2name(codes[i]),
                    mr_code_printed((int)mr_kafka_err_code(codes[i])), mr_code_printed((int)want));
}
#define ALL(codes, want) check_all(codes, sizeof(codes) / sizeof *(codes), want)

/* K-01 */
MR_TEST("outages that the client mends itself are retried")
{
    static const rd_kafka_resp_err_t codes[] = {
        RD_KAFKA_RESP_ERR__TRANSPORT,
        RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN,
        RD_KAFKA_RESP_ERR__RESOLVE,
        RD_KAFKA_RESP_ERR__TIMED_OUT,
        RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION,
        RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
        RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
        RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
        RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
        RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH,
        RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH,
        RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE,
    };
    ALL(codes, MR_SOURCE_AWAY);
    MR_CHECK_INT(mr_code_class(MR_SOURCE_AWAY), MR_CLASS_RETRY);
}

/* K-02 */
MR_TEST("refused credentials halt the source")
{
    static const rd_kafka_resp_err_t codes[] = {RD_KAFKA_RESP_ERR__AUTHENTICATION,
                                                RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED,
                                                RD_KAFKA_RESP_ERR__SSL};
    ALL(codes, MR_SOURCE_AUTH);
    MR_CHECK_INT(mr_code_class(MR_SOURCE_AUTH), MR_CLASS_HALT);
}

/* K-03 */
MR_TEST("an ACL that refuses a topic or the group halts")
{
    static const rd_kafka_resp_err_t codes[] = {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
                                                RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED};
    ALL(codes, MR_SOURCE_PRIVILEGE);
}

/* K-04 */
MR_TEST("a topic or partition that does not exist halts")
{
    static const rd_kafka_resp_err_t codes[] = {
        RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
        RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
        RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
#if RD_KAFKA_VERSION >= 0x020400ff
        RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_ID,
#endif
    };
    ALL(codes, MR_SOURCE_TOPIC_MISSING);
}

/* K-05 */
MR_TEST("an offset outside of the log is a gap or a truncated log")
{
    static const rd_kafka_resp_err_t gap[] = {RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE,
                                              RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET};
    ALL(gap, MR_SOURCE_GAP);
    MR_CHECK_INT(mr_kafka_err_code(RD_KAFKA_RESP_ERR__LOG_TRUNCATION), MR_SOURCE_TRUNCATED);
}

/* K-07, K-08 */
MR_TEST("a lost membership is fenced, a second instance of the same id is fatal")
{
    static const rd_kafka_resp_err_t fenced[] = {
        RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,    RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
        RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST,
        RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED,
#if RD_KAFKA_VERSION >= 0x020400ff
        RD_KAFKA_RESP_ERR_STALE_MEMBER_EPOCH,    RD_KAFKA_RESP_ERR_FENCED_MEMBER_EPOCH,
#endif
    };
    static const rd_kafka_resp_err_t duplicate[] = {RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID,
                                                    RD_KAFKA_RESP_ERR__FENCED};
    struct mr_err err = MR_ERR_INIT;

    ALL(fenced, MR_FENCED);
    ALL(duplicate, MR_SOURCE_DUPLICATE_INSTANCE);
    mr_kafka_err_set(&err, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, "poll", NULL);
    MR_CHECK_INT(err.class, MR_CLASS_FATAL);
    MR_CHECK_INT(mr_err_exit_code(&err), 78);
}

/* K-09 */
MR_TEST("a fatal error of the client is fatal")
{
    MR_CHECK_INT(mr_kafka_err_code(RD_KAFKA_RESP_ERR__FATAL), MR_SOURCE_FATAL);
    MR_CHECK_INT(mr_code_class(MR_SOURCE_FATAL), MR_CLASS_FATAL);
}

/* K-10 */
MR_TEST("records that the client cannot read are corrupt")
{
    static const rd_kafka_resp_err_t codes[] = {
        RD_KAFKA_RESP_ERR__BAD_MSG, RD_KAFKA_RESP_ERR_INVALID_MSG,
        RD_KAFKA_RESP_ERR__BAD_COMPRESSION, RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE};
    ALL(codes, MR_SOURCE_CORRUPT);
}

/* K-11 */
MR_TEST("the end of a partition and a full queue are flow")
{
    MR_CHECK_INT(mr_kafka_err_code(RD_KAFKA_RESP_ERR__PARTITION_EOF), MR_END);
    MR_CHECK_INT(mr_kafka_err_code(RD_KAFKA_RESP_ERR__QUEUE_FULL), MR_FULL);
    MR_CHECK_INT(mr_kafka_err_code(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE), MR_VALUE_TOO_LARGE);
}

MR_TEST("a code that no row names is retried, and its text is shown")
{
    struct mr_err err = MR_ERR_INIT;

    MR_CHECK_INT(mr_kafka_err_code(0), MR_OK);
    MR_CHECK_INT(mr_kafka_err_code(31999), MR_SOURCE_AWAY);
    MR_CHECK_INT(mr_kafka_err_set(&err, RD_KAFKA_RESP_ERR_POLICY_VIOLATION, "produce", NULL),
                 -MR_SOURCE_AWAY);
    MR_CHECK(strstr(err.detail, "produce: ") == err.detail);
    MR_CHECK(strstr(err.detail, "(POLICY_VIOLATION)") != NULL);
}

MR_TEST("an error without a code is still an error")
{
    struct mr_err err = MR_ERR_INIT;

    MR_CHECK_INT(mr_kafka_err_set(&err, 0, "seek", "odd"), -MR_SOURCE_AWAY);
}

MR_TEST("a seek that comes too early is not a failure of the partition")
{
    MR_CHECK(mr_kafka_err_is_not_ready(RD_KAFKA_RESP_ERR__STATE));
    MR_CHECK(mr_kafka_err_is_not_ready(RD_KAFKA_RESP_ERR__PREV_IN_PROGRESS));
    MR_CHECK(mr_kafka_err_is_not_ready(RD_KAFKA_RESP_ERR__OUTDATED));
    MR_CHECK(mr_kafka_err_is_not_ready(RD_KAFKA_RESP_ERR__TIMED_OUT));
    MR_CHECK(!mr_kafka_err_is_not_ready(RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION));
    MR_CHECK(!mr_kafka_err_is_not_ready(RD_KAFKA_RESP_ERR_NO_ERROR));
}
