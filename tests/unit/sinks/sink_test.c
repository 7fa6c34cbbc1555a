#include "sinks/sink.h"

#include <string.h>

#include "tests/support/mr_test.h"

MR_TEST("the URL names the kind of sink")
{
    struct mr_err err = MR_ERR_INIT;
    MR_CHECK(mr_sink_for_url("postgresql://h/db", &err) == &mr_sink_postgresql);
    MR_CHECK(mr_sink_for_url("postgres://h/db", &err) == &mr_sink_postgresql);
    MR_CHECK(mr_sink_for_url("host=h dbname=db", &err) == &mr_sink_postgresql);
    MR_CHECK(mr_sink_for_url("host = h", &err) == &mr_sink_postgresql);
    MR_CHECK(mr_sink_for_url("sqlite:file.db", &err) == &mr_sink_sqlite);
    MR_CHECK(mr_sink_for_url("stdout:", &err) == &mr_sink_stdout);
}

MR_TEST("an unknown kind is refused without printing the URL, which may hold a password")
{
    struct mr_err err = MR_ERR_INIT;
    MR_CHECK(mr_sink_for_url("mysql://user:secret@h/db", &err) == NULL);
    MR_CHECK_INT(err.code, MR_CONFIG_INVALID);
    MR_CHECK(strstr(err.detail, "secret") == NULL);
    MR_CHECK(mr_sink_for_url("", &err) == NULL);
}
