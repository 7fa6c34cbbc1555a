#include "config/substitute.h"

#include <string.h>

#include "tests/support/conf_files.h"
#include "tests/support/mr_test.h"

static struct conf_files f;
static struct mr_buf out;
static struct mr_substitution sub;

static const char *variable(const char *name, void *arg)
{
    (void)arg;
    if (strcmp(name, "HOST") == 0)
        return "db";
    if (strcmp(name, "EMPTY") == 0)
        return "";
    return strcmp(name, "NESTED") == 0 ? "${env:HOST}" : NULL;
}

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

static int substitute(const char *text)
{
    static const struct mr_config_args args = {.getenv = variable};
    static struct mr_conf_origin origin = {MR_CONF_FROM_FILE, "", 7};
    static char place[128];
    memcpy(place, f.folder, sizeof(f.folder));
    memcpy(place + strlen(place), "/x.conf", 8);
    origin.file = place;
    mr_buf_reset(&out);
    mr_err_clear(&f.err);
    sub = (struct mr_substitution){.args = &args, .origin = &origin, .setting = "target.url"};
    return mr_substitute(&sub, text, &out, &f.err);
}

static const char *becomes(const char *text)
{
    MR_CHECK_OK(substitute(text));
    return mr_buf_cstr(&out);
}

MR_TEST("variables and defaults are put in")
{
    MR_CHECK_STR(becomes("plain $1 text"), "plain $1 text");
    MR_CHECK(!sub.any);
    MR_CHECK_STR(becomes("pg://${env:HOST}/x"), "pg://db/x");
    MR_CHECK(sub.any && !sub.secret);
    MR_CHECK_STR(becomes("${env:NONE:-a:-b}${env:HOST:-c}"), "a:-bdb");
    MR_CHECK_STR(becomes("${env:EMPTY:-x}|${env:EMPTY}|${env:NONE:-}"), "x||");
}

MR_TEST("what was put in is not searched again")
{
    MR_CHECK_STR(becomes("${env:NESTED}"), "${env:HOST}");
}

MR_TEST("a doubled dollar keeps the braces")
{
    MR_CHECK_STR(becomes("a$${env:HOST}b"), "a${env:HOST}b");
    MR_CHECK(!sub.any);
}

MR_TEST("a file is put in without its last newline, and makes the value secret")
{
    conf_files_write(&f, "secret", "pa ss\n\n");
    MR_CHECK_STR(becomes("<${file:secret}>"), "<pa ss\n>");
    MR_CHECK(sub.secret);
    conf_files_write(&f, "dos", "word\r\n");
    MR_CHECK_STR(becomes("${file:dos}"), "word");
    conf_files_write(&f, "empty", "");
    MR_CHECK_STR(becomes("${file:empty}"), "");
}

static void refused(const char *text, const char *why)
{
    MR_CHECK_INT(substitute(text), -MR_CONFIG_INVALID);
    if (strstr(f.err.detail, why) == NULL || strstr(f.err.detail, "x.conf:7: ") == NULL)
        MR_FAIL("%s: \"%s\" does not say \"%s\"", text, f.err.detail, why);
}

MR_TEST("what cannot be put in is named with its place and remedy")
{
    refused("${env:NONE}", "the environment has no NONE; set it");
    refused("${env:A B}", "letters, digits and _");
    refused("${env:}", "letters, digits and _");
    refused("${HOST}", "${env:NAME}");
    refused("${}", "${env:NAME}");
    refused("${file:}", "${file:PATH}");
    refused("${env:HOST", "no closing }");
    refused("${file:absent}", "No such file");
    refused("${file:.}", "is a folder");
}

MR_TEST("a file beyond 64 KiB or with a NUL byte is refused")
{
    static char large[MR_SUBSTITUTE_FILE_BYTES + 2];
    memset(large, 'x', sizeof(large) - 1);
    conf_files_write(&f, "large", large);
    refused("${file:large}", "more than 65536 bytes");
    large[MR_SUBSTITUTE_FILE_BYTES] = '\0';
    conf_files_write(&f, "large", large);
    MR_CHECK_U64(strlen(becomes("${file:large}")), MR_SUBSTITUTE_FILE_BYTES);
    refused("${file:/dev/zero}", "not a regular file");
}

MR_TEST("a value beyond 256 KiB is refused")
{
    static char large[MR_SUBSTITUTE_FILE_BYTES + 1];
    memset(large, 'x', sizeof(large) - 1);
    conf_files_write(&f, "l", large);
    refused("${file:l}${file:l}${file:l}${file:l}x", "longer than 256 KiB");
}
