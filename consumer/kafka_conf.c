/* Owns the consumer client's configuration: our defaults, the user's properties, then what the
 * source relies on. Must not interpret the user's properties: the client says what it does not
 * take. Source: librdkafka's CONFIGURATION.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <librdkafka/rdkafka.h>

#include "base/log.h"
#include "consumer/kafka_err.h"
#include "consumer/kafka_source.h"

#include "base/ban.h"

enum {
    STATS_INTERVAL_MS = 5000,
    /* A partition whose lane's queue is full is looked at again after this time, however soon the
     * lane empties it; the client's default of 1 s would starve a lane with a small queue. */
    QUEUE_FULL_BACKOFF_MS = 5,
    FETCH_BYTES_MOST = 1024 * 1024, /* of one partition at once; the client's own default */
    FETCH_BYTES_LEAST = 64 * 1024,
    ANSWER_BYTES_LEAST = 1024 * 1024, /* of all partitions of a broker at once */
    ANSWER_BYTES_MOST = 50 * 1024 * 1024,
    LANE_RECORDS_LEAST = 500,
    LANE_RECORDS_MOST = 100000, /* the client's own default */
    SCRAM_NEEDS = 0x020601ff    /* older ones cannot log in to Kafka 4 by SCRAM */
};

static int conf_set(rd_kafka_conf_t *conf, const char *name, const char *value, struct mr_err *err)
{
    char text[256] = "";

    if (rd_kafka_conf_set(conf, name, value, text, sizeof text) == RD_KAFKA_CONF_OK)
        return 0;
    /* the client's text may quote the value, which may be a secret */
    return mr_err_set(err, MR_CONFIG_INVALID, "kafka.%s: the client does not take this value",
                      name);
}

static int conf_number(rd_kafka_conf_t *conf, const char *name, uint64_t value, struct mr_err *err)
{
    char text[24];

    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    return conf_set(conf, name, text, err);
}

static uint64_t clamp(uint64_t v, uint64_t least, uint64_t most)
{
    return v < least ? least : v > most ? most : v;
}

/* What the user's properties may change. Memory: the client's queue limit counts the bytes of keys
 * and values only; what it spends beside them is bounded by the number of records. A queue can
 * reach both bounds at once, so that each has half. An answer goes beyond them, and is kept until
 * its last record is released: 48 partitions on one lane held 220 MB with the client's own limit of
 * an answer, 94 MB with this one, at the same speed. */
static int defaults_set(rd_kafka_conf_t *conf, size_t lane_bytes, struct mr_err *err)
{
    size_t half = lane_bytes / 2;
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {
        {"statistics.interval.ms", STATS_INTERVAL_MS},
        {"fetch.queue.backoff.ms", QUEUE_FULL_BACKOFF_MS},
        {"queued.max.messages.kbytes", clamp(half / 1024, 1, 2097151)},
        {"queued.min.messages",
         clamp(half / MR_KAFKA_RECORD_OVERHEAD, LANE_RECORDS_LEAST, LANE_RECORDS_MOST)},
        {"fetch.message.max.bytes", clamp(lane_bytes / 16, FETCH_BYTES_LEAST, FETCH_BYTES_MOST)},
        {"fetch.max.bytes", clamp(lane_bytes / 16, ANSWER_BYTES_LEAST, ANSWER_BYTES_MOST)},
    };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof numbers / sizeof *numbers; i++)
        rc = conf_number(conf, numbers[i].name, numbers[i].value, err);
    return rc;
}

/* What the source relies on (design.md sections 4 and 7; contract.md F-16, G-01, K-05). */
static int fixed_set(rd_kafka_conf_t *conf, const struct mr_source_opts *opts, struct mr_err *err)
{
    const struct {
        const char *name;
        const char *value;
    } fixed[] = {
        {"group.id", opts->group_id},    {"partition.assignment.strategy", "cooperative-sticky"},
        {"enable.auto.commit", "false"}, {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "error"},  {"enable.partition.eof", "true"},
        {"log.queue", "true"},
    };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof fixed / sizeof *fixed; i++)
        rc = conf_set(conf, fixed[i].name, fixed[i].value, err);
    if (rc == 0 && opts->client_id != NULL && *opts->client_id != '\0')
        rc = conf_set(conf, "client.id", opts->client_id, err);
    return rc;
}

static uint32_t conf_u32(const rd_kafka_conf_t *conf, const char *name)
{
    char text[64] = "";
    size_t size = sizeof text;

    if (rd_kafka_conf_get(conf, name, text, &size) != RD_KAFKA_CONF_OK)
        return 0;
    return (uint32_t)strtoul(text, NULL, 10);
}

/* The client refuses an answer that is smaller than the user's message.max.bytes. */
static int answer_fit(rd_kafka_conf_t *conf, struct mr_err *err)
{
    uint32_t record = conf_u32(conf, "message.max.bytes");

    return conf_u32(conf, "fetch.max.bytes") < record
               ? conf_number(conf, "fetch.max.bytes", record, err)
               : 0;
}

static void scram_check(const rd_kafka_conf_t *conf)
{
    char mechanism[64] = "";
    size_t size = sizeof mechanism;

    if (rd_kafka_version() >= SCRAM_NEEDS ||
        rd_kafka_conf_get(conf, "sasl.mechanisms", mechanism, &size) != RD_KAFKA_CONF_OK ||
        strncasecmp(mechanism, "SCRAM-", 6) != 0)
        return;
    mr_log(MR_WARN, "kafka_client_old", mr_kv_str("version", rd_kafka_version_str()),
           mr_kv_str("detail", "before librdkafka 2.6.1 a login by SCRAM fails at Kafka 4"),
           mr_kv_str("remedy", "build with a newer librdkafka: scripts/deps.sh"));
}

/* What a partition's queue brings that is no message: the topic or the partition is gone. It comes
 * from within a read, in the reader's thread. */
static void error_note(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    (void)rk;
    mr_log(MR_WARN, "kafka_log", mr_kv_str("facility", "ERROR"), mr_kv_str("detail", reason));
    if (opaque != NULL && mr_kafka_err_code(code) == MR_SOURCE_TOPIC_MISSING)
        mr_kafka_gone_note(opaque, reason);
}

int mr_kafka_client_new(const struct mr_source_opts *opts, struct mr_kafka *kafka,
                        struct rd_kafka_s **out, uint32_t *session_timeout_ms, struct mr_err *err)
{
    char text[512] = "";
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    int rc = defaults_set(conf, opts->lane_queue_bytes, err);

    for (size_t i = 0; rc == 0 && i < opts->n_properties; i++)
        rc = conf_set(conf, opts->properties[i].name, opts->properties[i].value, err);
    if (rc == 0)
        rc = fixed_set(conf, opts, err);
    if (rc == 0)
        rc = answer_fit(conf, err);
    if (rc < 0)
        goto out;
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_ERROR |
                                       RD_KAFKA_EVENT_LOG | RD_KAFKA_EVENT_STATS |
                                       RD_KAFKA_EVENT_OFFSET_COMMIT);
    rd_kafka_conf_set_error_cb(conf, error_note);
    rd_kafka_conf_set_opaque(conf, kafka);
    scram_check(conf);
    *session_timeout_ms = conf_u32(conf, "session.timeout.ms");
    *out = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    if (*out == NULL)
        rc = mr_err_set(err, MR_CONFIG_INVALID, "the Kafka client refuses its settings: %s", text);
    else
        conf = NULL; /* the client took it */
out:
    if (conf != NULL)
        rd_kafka_conf_destroy(conf);
    return rc;
}
