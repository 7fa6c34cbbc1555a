/* Owns the mock cluster. Its header calls itself experimental: nothing but the demo and tests may
 * rest on it. Source: librdkafka's rdkafka_mock.h. */
#include "consumer/demo_broker.h"

#include <stdlib.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "base/ban.h"

struct mr_demo_broker {
    rd_kafka_t *rk; /* the handle that the cluster lives in */
    rd_kafka_mock_cluster_t *cluster;
};

int mr_demo_broker_open(const struct mr_demo_broker_opts *opts, struct mr_demo_broker **out,
                        struct mr_err *err)
{
    char text[256] = "";
    struct mr_demo_broker *broker = calloc(1, sizeof *broker);

    if (broker == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "no memory for the demo's broker");
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "client.id", "demo-broker", text, sizeof text);
    rd_kafka_conf_set(conf, "log_level", "2", text, sizeof text); /* it has no servers of its own */
    broker->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (broker->rk == NULL)
        rd_kafka_conf_destroy(conf);
    else
        broker->cluster = rd_kafka_mock_cluster_new(broker->rk, opts->n_brokers);
    if (broker->cluster == NULL) {
        mr_demo_broker_close(broker);
        return mr_err_set(err, MR_SOURCE_FATAL, "the broker in this process does not start: %s",
                          text);
    }
    rd_kafka_mock_group_initial_rebalance_delay_ms(broker->cluster,
                                                   (int32_t)opts->rebalance_delay_ms);
    *out = broker;
    return 0;
}

void mr_demo_broker_close(struct mr_demo_broker *broker)
{
    if (broker == NULL)
        return;
    if (broker->cluster != NULL)
        rd_kafka_mock_cluster_destroy(broker->cluster);
    if (broker->rk != NULL)
        rd_kafka_destroy(broker->rk);
    free(broker);
}

const char *mr_demo_broker_bootstrap(const struct mr_demo_broker *broker)
{
    return rd_kafka_mock_cluster_bootstraps(broker->cluster);
}

int mr_demo_broker_topic(struct mr_demo_broker *broker, const char *topic, int n_partitions,
                         struct mr_err *err)
{
    rd_kafka_resp_err_t code = rd_kafka_mock_topic_create(broker->cluster, topic, n_partitions, 1);

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    return mr_err_set(err, MR_SOURCE_FATAL, "topic %s: %s", topic, rd_kafka_err2str(code));
}

void mr_demo_broker_fail(struct mr_demo_broker *broker, int api_key, int error_code, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        rd_kafka_mock_push_request_errors(broker->cluster, (int16_t)api_key, 1, error_code);
}

void mr_demo_broker_delay(struct mr_demo_broker *broker, int broker_id, uint32_t delay_ms)
{
    rd_kafka_mock_broker_set_rtt(broker->cluster, broker_id, (int)delay_ms);
}

void mr_demo_broker_set_up(struct mr_demo_broker *broker, int broker_id, bool up)
{
    if (up)
        rd_kafka_mock_broker_set_up(broker->cluster, broker_id);
    else
        rd_kafka_mock_broker_set_down(broker->cluster, broker_id);
}
