#include "config/source_text.h"

#include <string.h>

#include "tests/support/conf_files.h"
#include "tests/support/mr_test.h"

static struct conf_files f;
static struct mr_arena arena;
static struct mr_source_text source;

MR_SETUP
{
    conf_files_init(&f);
    mr_arena_init(&arena, 0, 1 << 20);
    source = (struct mr_source_text)MR_SOURCE_TEXT_INIT;
}
MR_TEARDOWN
{
    mr_source_text_release(&source);
    mr_arena_release(&arena);
    conf_files_release(&f);
}

static int read_text(const char *text)
{
    mr_err_clear(&f.err);
    mr_source_text_release(&source);
    source.n_files = 0;
    return mr_source_text_read(&source, conf_files_write(&f, "main.conf", text), &arena, &f.err);
}

static void says(const char *why)
{
    if (strstr(f.err.detail, why) == NULL)
        MR_FAIL("\"%s\" does not say \"%s\"", f.err.detail, why);
}

MR_TEST("an included file takes the place of its line, and every line knows its own place")
{
    conf_files_write(&f, "inner.conf", "b = 2;\nc = 3;");
    MR_CHECK_OK(read_text("a = 1;\n@include \"inner.conf\"\nd = 4;\n"));
    MR_CHECK_STR(mr_buf_cstr(&source.text), "a = 1;\nb = 2;\nc = 3;\n\nd = 4;\n");
    static const struct {
        uint32_t line;
        const char *file;
        uint32_t place;
    } cases[] = {
        {1, "main.conf", 1}, {2, "inner.conf", 1}, {3, "inner.conf", 2}, {5, "main.conf", 3}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mr_conf_origin origin = mr_source_text_origin(&source, cases[i].line);
        MR_CHECK_STR(strrchr(origin.file, '/') + 1, cases[i].file);
        MR_CHECK_U64(origin.line, cases[i].place);
    }
}

MR_TEST("an include may fill a group, but not close it")
{
    conf_files_write(&f, "inner.conf", "x = 1;\n");
    MR_CHECK_OK(read_text("g: {\n@include \"inner.conf\"\n};\n"));
    conf_files_write(&f, "inner.conf", "x = { y = 1;\n");
    MR_CHECK_INT(read_text("g: {\n@include \"inner.conf\"\n};\n"), -MR_CONFIG_SYNTAX);
    says("inner.conf:1: the `{` of this line is still open");
}

MR_TEST("a file that includes itself is refused")
{
    MR_CHECK_INT(read_text("@include \"main.conf\"\n"), -MR_CONFIG_RANGE);
    says("does a file include itself?");
}

MR_TEST("an included folder, an absent file and a pipe are errors with their place")
{
    MR_CHECK_INT(read_text("a = 1;\n@include \".\"\n"), -MR_CONFIG_INVALID);
    says("main.conf:2: ");
    says("is a folder");
    MR_CHECK_INT(read_text("@include \"absent.conf\"\n"), -MR_CONFIG_INVALID);
    says("No such file");
    MR_CHECK_INT(read_text("@include \"/dev/null\"\n"), -MR_CONFIG_INVALID);
    says("not a regular file");
}

MR_TEST("control bytes and text that is not UTF-8 are refused")
{
    MR_CHECK_INT(read_text("a = 1;\nb = \"\001\";\n"), -MR_CONFIG_SYNTAX);
    says("main.conf:2: a control byte 0x01");
    MR_CHECK_INT(read_text("a = \"\xff\";\n"), -MR_CONFIG_SYNTAX);
    says("not valid UTF-8");
}

MR_TEST("a number in an included file is looked at too")
{
    conf_files_write(&f, "inner.conf", "\nb = 3000000000;\n");
    MR_CHECK_INT(read_text("@include \"inner.conf\"\n"), -MR_CONFIG_RANGE);
    says("inner.conf:2: 3000000000 does not fit 32 bits");
}
