#include "consumer/kafka_props.h"

#include <string.h>

#include "tests/support/mr_test.h"

static struct mr_kafka_check question;

static int ask(const char *name, const char *value)
{
    question = (struct mr_kafka_check){.name = name, .value = value};
    return mr_kafka_props_check(&question, NULL);
}

MR_TEST("a property is found with underscores for dots, and given in the client's spelling")
{
    static const char *const cases[][3] = {
        {"security_protocol", "SASL_SSL", "security.protocol"},
        {"ssl.ca.location", "/x.pem", "ssl.ca.location"},
        {"fetch_wait_max_ms", "50", "fetch.wait.max.ms"},
        {"log_level", "5", "log_level"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        MR_CHECK_OK(ask(cases[i][0], cases[i][1]));
        MR_CHECK_STR(question.canonical, cases[i][2]);
    }
}

MR_TEST("an unknown property and a bad value are refused with the client's reason")
{
    MR_CHECK_INT(ask("no_such_property", "1"), -1);
    MR_CHECK(strstr(question.why, "No such configuration property") != NULL);
    MR_CHECK_INT(ask("fetch_wait_max_ms", "soon"), -1);
    MR_CHECK(strstr(question.why, "fetch.wait.max.ms") != NULL);
}

MR_TEST("a name beyond any property's length is refused")
{
    char name[400];
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    MR_CHECK_INT(ask(name, "1"), -1);
    MR_CHECK_STR(question.why, "no property has so long a name");
}
