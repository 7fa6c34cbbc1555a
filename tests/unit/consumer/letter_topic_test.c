/* Letters for a topic where no broker answers. What is written: tests/integration/
 * test_dead_letter_topic.py. */
#include "consumer/letter_topic.h"

#include <string.h>

#include "tests/support/mr_test.h"

static struct mr_letter_topic to;
static struct mr_err err;

static const struct mr_source_property nowhere[] = {{"bootstrap.servers", "127.0.0.1:1"}};
static struct mr_letter_topic_opts opts = {.topic = "p.dlq",
                                           .pipeline = "p",
                                           .client_id = "here",
                                           .properties = nowhere,
                                           .n_properties = 1,
                                           .record_bytes = 1 << 20,
                                           .timeout_ms = 200};

MR_SETUP
{
    mr_err_clear(&err);
    opts.n_properties = 1;
    mr_letter_topic_init(&to, &opts, 3);
}

MR_TEARDOWN
{
    mr_letter_topic_release(&to);
}

static const struct mr_letter letter = {.stream = "t",
                                        .partition = 1,
                                        .offset = 2,
                                        .key = {(const uint8_t *)"k", 1},
                                        .value = {NULL, 0},
                                        .headers_json = "[]",
                                        .timestamp_ms = -1,
                                        .code = "avro.trailing",
                                        .sqlstate = "",
                                        .detail = "bytes left",
                                        .target_table = "t"};

MR_TEST("without a letter no client is made, and nothing is waited for")
{
    MR_CHECK_OK(mr_letter_topic_put(&to, NULL, 0, "TASK_PUT", &err));
    MR_CHECK_OK(mr_letter_topic_flush(&to, &err));
    MR_CHECK(to.producer == NULL);
}

/* design.md section 6 */
MR_TEST("brokers that do not acknowledge make the flush try again, with nothing left on its way")
{
    MR_CHECK_OK(mr_letter_topic_put(&to, &letter, 1, "TASK_PUT", &err));
    MR_CHECK_INT(mr_letter_topic_flush(&to, &err), -MR_DLQ_TOPIC);
    MR_CHECK_INT(err.class, MR_CLASS_RETRY);
    MR_CHECK(strstr(err.detail, "p.dlq") != NULL && strstr(err.detail, "source.away") != NULL);
    MR_CHECK(to.producer == NULL);
    MR_CHECK_OK(mr_letter_topic_put(&to, &letter, 1, "TASK_PUT", &err));
    MR_CHECK(to.producer != NULL);
}

MR_TEST("settings that no idempotent producer takes are told before any letter")
{
    static const struct mr_source_property wrong[] = {{"bootstrap.servers", "127.0.0.1:1"},
                                                      {"acks", "0"}};

    MR_CHECK_OK(mr_letter_topic_try(&opts, false, &err));
    opts.properties = wrong;
    opts.n_properties = 2;
    MR_CHECK_INT(mr_letter_topic_try(&opts, false, &err), -MR_CONFIG_INVALID);
    opts.properties = nowhere;
    opts.n_properties = 1;
    MR_CHECK_INT(mr_letter_topic_try(&opts, true, &err), -MR_SOURCE_AWAY);
}
