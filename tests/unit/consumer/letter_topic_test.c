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
    const struct mr_letter_lot none = {.stage = "TASK_PUT"};

    MR_CHECK_OK(mr_letter_topic_write(&to, &none, 1, &err));
    MR_CHECK_OK(mr_letter_topic_end(&to, NULL, 0, &err));
    MR_CHECK(to.producer == NULL);
}

/* design.md section 6 */
MR_TEST("brokers that do not acknowledge make the flush try again, with nothing left on its way")
{
    const struct mr_letter_lot lots[] = {{NULL, 0, "VALUE_CONVERTER"}, {&letter, 1, "TASK_PUT"}};

    MR_CHECK_INT(mr_letter_topic_write(&to, lots, 2, &err), -MR_DLQ_TOPIC);
    MR_CHECK_INT(err.class, MR_CLASS_RETRY);
    MR_CHECK(strstr(err.detail, "p.dlq") != NULL && strstr(err.detail, "source.away") != NULL);
    MR_CHECK(to.producer == NULL);
    mr_err_clear(&err);
    MR_CHECK_INT(mr_letter_topic_write(&to, lots, 2, &err), -MR_DLQ_TOPIC);
    MR_CHECK_INT(to.n_refused, 0);
}

MR_TEST("what closes a letter, or says that it failed again, is not taken for written either")
{
    const struct mr_letter_end ends[] = {
        {.id = "t-1-2-01234567", .state = MR_LETTER_REPLAYED, .by = "me"},
        {.id = "t-1-2-01234567", .state = MR_LETTER_NEW, .again = &letter, .attempts = 2}};

    for (size_t i = 0; i < 2; i++) {
        mr_err_clear(&err);
        MR_CHECK_INT(mr_letter_topic_end(&to, &ends[i], 1, &err), -MR_DLQ_TOPIC);
        MR_CHECK(strstr(err.detail, "source.away") != NULL);
        MR_CHECK(to.producer == NULL);
    }
}

/* K-11: decided here by the client itself */
MR_TEST("a letter that is too large is given back, and the others go on their way")
{
    static uint8_t much[3 << 20];
    struct mr_letter large = letter;
    struct mr_letter all[2] = {large, letter};
    all[0].value = (struct mr_slice){much, sizeof much};
    const struct mr_letter_lot alone = {all, 1, "TASK_PUT"};
    const struct mr_letter_lot both = {all, 2, "TASK_PUT"};

    MR_CHECK_OK(mr_letter_topic_write(&to, &alone, 1, &err));
    MR_CHECK_INT(to.n_refused, 1);
    MR_CHECK_INT(to.refused[0].value.len, sizeof much);
    MR_CHECK_INT(mr_letter_topic_write(&to, &both, 1, &err), -MR_DLQ_TOPIC);
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
