#include "config/properties.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/conf_files.h"
#include "tests/support/mr_test.h"

static struct conf_files f;

/* A client that knows two properties, one of them by its dots. */
static int check(struct mr_kafka_check *question, void *arg)
{
    (void)arg;
    if (strcmp(question->name, "linger_ms") == 0)
        snprintf(question->canonical, sizeof(question->canonical), "linger.ms");
    else if (strcmp(question->name, "log_level") != 0) {
        snprintf(question->why, sizeof(question->why), "no such property");
        return -1;
    }
    if (strcmp(question->value, "5") == 0)
        return 0;
    snprintf(question->why, sizeof(question->why), "it wants 5");
    return -1;
}

MR_SETUP
{
    conf_files_init(&f);
    f.kafka_check = check;
}
MR_TEARDOWN
{
    conf_files_release(&f);
}

static void refused(const char *text, const char *why)
{
    MR_CHECK(conf_files_load_more(&f, text) < 0);
    MR_CHECK_INT(f.err.class, MR_CLASS_FATAL);
    if (strstr(f.err.detail, why) == NULL || strstr(f.err.detail, "test.conf:4: ") == NULL)
        MR_FAIL("%s: \"%s\" does not say \"%s\"", text, f.err.detail, why);
}

MR_TEST("properties are passed on in order, under the client's own name, numbers as text")
{
    MR_CHECK_OK(conf_files_load_more(&f, "kafka: { linger_ms = 5; log_level = \"5\"; };"));
    MR_CHECK_U64(f.config->kafka.n_properties, 2);
    MR_CHECK_STR(f.config->kafka.properties[0].name, "linger.ms");
    MR_CHECK_STR(f.config->kafka.properties[0].value, "5");
    MR_CHECK_STR(f.config->kafka.properties[1].name, "log_level");
    MR_CHECK_U64(f.config->kafka.properties[1].origin.line, 4);
}

MR_TEST("every kind of scalar becomes text")
{
    f.kafka_check = NULL;
    MR_CHECK_OK(
        conf_files_load_more(&f, "kafka: { a = true; b = 1.5; c = 3000000000L; d = \"x\"; };"));
    static const char *const values[] = {"true", "1.5", "3000000000", "x"};
    for (uint32_t i = 0; i < 4; i++)
        MR_CHECK_STR(f.config->kafka.properties[i].value, values[i]);
}

MR_TEST("a property may be set by -o with its dots")
{
    f.kafka_check = NULL;
    f.overrides[0] = "kafka.ssl.ca.location=/x";
    f.n_overrides = 1;
    MR_CHECK_OK(conf_files_load_more(&f, ""));
    MR_CHECK_STR(f.config->kafka.properties[0].name, "ssl.ca.location");
    MR_CHECK_INT(f.config->kafka.properties[0].origin.kind, MR_CONF_FROM_ARGUMENT);
}

MR_TEST("what millrace sets itself is refused by name, in both spellings, with the key to use")
{
    static const struct {
        const char *key;
        const char *why;
    } cases[] = {
        {"rebalance_cb", "callbacks cannot be configured"},
        {"enable_auto_commit", "millrace commits after the target has"},
        {"enable_auto_offset_store", "millrace stores positions"},
        {"auto_offset_reset", "use start"},
        {"group_id", "the top-level key group_id"},
        {"partition_assignment_strategy", "cooperative-sticky"},
        {"isolation_level", "the top-level key isolation_level"},
        {"metadata_broker_list", "use kafka.bootstrap_servers"},
    };
    f.kafka_check = NULL;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[128];
        snprintf(text, sizeof(text), "kafka: { %s = \"x\"; };", cases[i].key);
        refused(text, cases[i].why);
        snprintf(text, sizeof(text), "kafka.%s=x", cases[i].key);
        for (char *c = text + 6; *c != '\0'; c++)
            *c = *c == '_' ? '.' : *c;
        f.overrides[0] = text;
        f.n_overrides = 1;
        MR_CHECK_INT(conf_files_load_more(&f, ""), -MR_CONFIG_UNKNOWN);
        MR_CHECK(strstr(f.err.detail, cases[i].why) != NULL);
        f.n_overrides = 0;
    }
}

MR_TEST("what the client refuses is refused with its reason, a slip with the nearest key of ours")
{
    refused("kafka: { no_such = 1; };", "the Kafka client refuses it: no such property");
    refused("kafka: { linger_ms = 6; };", "it wants 5");
    refused("kafka: { bootstrap_server = \"x\"; };", "the nearest is `kafka.bootstrap_servers`");
    refused("kafka: { revoke_timout = \"1s\"; };", "the nearest is `kafka.revoke_timeout`");
    refused("kafka: { linger_ms = [ 5 ]; };", "wants a string, a number or a boolean");
}

MR_TEST("passwords, keys and tokens are secret by their names")
{
    static const char *const secret[] = {"sasl_password",
                                         "sasl.password",
                                         "ssl_key_password",
                                         "ssl.key.pem",
                                         "sasl_oauthbearer_client_secret",
                                         "ssl_keystore_password"};
    for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++)
        MR_CHECK(mr_properties_is_secret(secret[i]));
    MR_CHECK(!mr_properties_is_secret("sasl_username"));
    MR_CHECK(!mr_properties_is_secret("ssl.ca.location"));
}
