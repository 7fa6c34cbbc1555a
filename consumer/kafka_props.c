/* Owns the question to librdkafka whether a property exists. Must not keep the value: the scratch
 * configuration ends with the question.
 * Source: librdkafka's rdkafka.h, rd_kafka_conf_set(). */
#include "consumer/kafka_props.h"

#include <stdio.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "config/properties.h"

#include "base/ban.h"

/* The client's spelling with dots; some names have real underscores, so the name as written goes
 * first. */
static void dotted(const char *name, char *out, size_t cap)
{
    size_t i = 0;
    for (; name[i] != '\0' && i + 1 < cap; i++)
        out[i] = (char)(name[i] == '_' ? '.' : name[i]);
    out[i] = '\0';
}

int mr_kafka_props_check(struct mr_kafka_check *check, void *arg)
{
    (void)arg;
    char text[sizeof(check->why)] = "";
    if (strlen(check->name) >= sizeof(check->canonical)) {
        snprintf(check->why, sizeof(check->why), "no property has so long a name");
        return -1;
    }
    rd_kafka_conf_t *scratch = rd_kafka_conf_new();
    snprintf(check->canonical, sizeof(check->canonical), "%s", check->name);
    rd_kafka_conf_res_t answer =
        rd_kafka_conf_set(scratch, check->canonical, check->value, text, sizeof(text));
    if (answer == RD_KAFKA_CONF_UNKNOWN) {
        dotted(check->name, check->canonical, sizeof(check->canonical));
        answer = rd_kafka_conf_set(scratch, check->canonical, check->value, text, sizeof(text));
    }
    rd_kafka_conf_destroy(scratch);
    if (answer == RD_KAFKA_CONF_OK)
        return 0;
    /* The client's text quotes the value. */
    if (answer == RD_KAFKA_CONF_INVALID && mr_properties_is_secret(check->name))
        snprintf(check->why, sizeof(check->why), "it does not take this value");
    else
        snprintf(check->why, sizeof(check->why), "%s", text);
    return -1;
}
