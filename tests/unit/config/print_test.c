#include <string.h>

#include "config/config.h"
#include "tests/support/conf_files.h"
#include "tests/support/mr_test.h"

static struct conf_files f;
static struct mr_buf out;

MR_SETUP
{
    conf_files_init(&f);
    out = (struct mr_buf)MR_BUF_INIT;
}
MR_TEARDOWN
{
    conf_files_release(&f);
    mr_buf_release(&out);
}

static const char *redacted(const char *url)
{
    mr_buf_reset(&out);
    mr_config_redact_url(url, &out);
    return mr_buf_cstr(&out);
}

MR_TEST("passwords in a URL are replaced, wherever they stand")
{
    MR_CHECK_STR(redacted("postgresql://u:pw@h:5432/d"), "postgresql://u:***@h:5432/d");
    MR_CHECK_STR(redacted("postgresql://u:p@w:x@h/d?a=b"), "postgresql://u:***@h/d?a=b");
    MR_CHECK_STR(redacted("postgresql://h/d?password=pw&sslmode=require&PASSWORD=pw"),
                 "postgresql://h/d?password=***&sslmode=require&PASSWORD=***");
    MR_CHECK_STR(redacted("postgresql://h/d?sslpassword=pw"), "postgresql://h/d?sslpassword=***");
    MR_CHECK_STR(redacted("http://u:pw@h/p?x=1"), "http://u:***@h/p?x=1");
    MR_CHECK_STR(redacted("postgresql://u@h/d?options=-c%20a=b"),
                 "postgresql://u@h/d?options=-c%20a=b");
    MR_CHECK_STR(redacted("sqlite:x.db"), "sqlite:x.db");
    MR_CHECK_STR(redacted(""), "");
    MR_CHECK_STR(redacted("a://?&&="), "a://?&&=");
}

static const char *print(bool json)
{
    mr_buf_reset(&out);
    MR_CHECK_OK(mr_config_print(f.config, json, &out));
    return mr_buf_cstr(&out);
}

static void shows(const char *text, const char *line)
{
    if (strstr(text, line) == NULL)
        MR_FAIL("\"%s\" is not in:\n%s", line, text);
}

MR_TEST("each value is printed with its origin")
{
    f.overrides[0] = "batch.max_wait=1s";
    f.n_overrides = 1;
    f.environment[0] = "DATABASE_URL";
    f.environment[1] = "postgresql://u:pw@h/d";
    MR_CHECK_OK(conf_files_load_text(
        &f, "pipeline = \"p\";\n\nlanes = 2;\ntables = ( { topic = \"t\"; } );\n"
            "kafka: { linger_ms = 5; };\n"));
    const char *text = print(false);
    shows(text, "/test.conf:1\n");
    shows(text, "lanes                                    = 2  # ");
    shows(text, "/test.conf:3\n");
    shows(text, "batch.max_wait                           = \"1s\"  # -o\n");
    shows(text, "batch.max_rows                           = 20000  # default\n");
    shows(
        text,
        "target.url                               = \"postgresql://u:***@h/d\"  # $DATABASE_URL\n");
    shows(text, "kafka.linger_ms                          = \"5\"  # ");
    shows(text, "tables[0].topic                          = \"t\"  # ");
}

MR_TEST("JSON has the same keys, values and origins")
{
    MR_CHECK_OK(
        conf_files_load_more(&f, "http: { listen = \"\"; };\nlog: { level = \"warn\"; };\n"));
    const char *text = print(true);
    shows(text,
          "{\n  \"options\": [\n    {\"key\": \"pipeline\", \"value\": \"p\", \"origin\": \"");
    shows(text, "{\"key\": \"batch.max_rows\", \"value\": 20000, \"origin\": \"default\"},\n");
    shows(text, "{\"key\": \"log.level\", \"value\": \"warn\", \"origin\": \"");
    shows(text, "}\n  ]\n}\n");
}

MR_TEST("no secret is ever printed, in either form")
{
    static const char *const secrets[] = {"s3cret-a", "s3cret-b", "s3cret-c", "s3cret-d",
                                          "s3cret-e", "s3cret-f", "s3cret-g", "s3cret-h"};
    conf_files_write(&f, "file", "s3cret-h\n");
    f.environment[0] = "PASSWORD";
    f.environment[1] = "s3cret-a";
    MR_CHECK_OK(conf_files_load_text(
        &f, "pipeline = \"p\"; tables = ( { topic = \"t\"; value_column = \"${file:file}\";\n"
            "  include = [ \"x\", \"${file:file}\" ]; } );\n"
            "target: { url = \"postgresql://u:${env:PASSWORD}@h/d\"; };\n"
            "kafka: { sasl_password = \"s3cret-b\"; ssl_key_password = \"s3cret-c\";\n"
            "  ssl_key_pem = \"s3cret-d\"; client_id = \"${file:file}\"; };\n"
            "registry: { basic_auth = \"u:s3cret-e\"; url = \"http://u:s3cret-f@h\"; };\n"
            "http: { bearer_token = \"s3cret-g\"; };\n"));
    for (int json = 0; json < 2; json++) {
        const char *text = print(json == 1);
        for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
            if (strstr(text, secrets[i]) != NULL)
                MR_FAIL("%s is in:\n%s", secrets[i], text);
        }
    }
    shows(print(false), "http.bearer_token                        = \"(secret)\"");
    shows(print(false), "kafka.client_id                          = \"(secret)\"");
    shows(print(false), "registry.bearer_token                    = \"\"  # default");
}
