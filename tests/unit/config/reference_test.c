#include <stdio.h>
#include <string.h>

#include "config/options.h"
#include "tests/support/mr_test.h"

static void check_all_named(const struct mr_options *table, const char *text)
{
    char name[128];
    for (size_t i = 0; i < table->n_rows; i++) {
        const struct mr_option *row = &table->rows[i];
        snprintf(name, sizeof(name), "| `%s%s` |", row->name,
                 row->type == MR_OPT_PROPERTIES ? ".*" : "");
        if (strstr(text, name) == NULL)
            MR_FAIL("%s is not in the reference", name);
    }
}

MR_TEST("the reference names every key of every table")
{
    struct mr_buf out = MR_BUF_INIT;
    mr_options_reference(&out);
    check_all_named(&mr_options_global, mr_buf_cstr(&out));
    check_all_named(&mr_options_route, mr_buf_cstr(&out));
    for (size_t i = 0; i < mr_options_route.n_rows; i++) {
        if (mr_options_route.rows[i].sub != NULL)
            check_all_named(mr_options_route.rows[i].sub, mr_buf_cstr(&out));
    }
    mr_buf_release(&out);
}

MR_TEST("docs/configuration.md is what the program prints (millrace config --reference)")
{
    struct mr_buf out = MR_BUF_INIT;
    static char page[256 * 1024];
    FILE *file = fopen("docs/configuration.md", "r");
    if (file == NULL)
        MR_FAIL("docs/configuration.md cannot be read");
    size_t len = fread(page, 1, sizeof(page) - 1, file);
    fclose(file);
    page[len] = '\0';
    mr_options_reference(&out);
    MR_CHECK_STR(page, mr_buf_cstr(&out));
    mr_buf_release(&out);
}

MR_TEST("the help lists every key with its default")
{
    struct mr_buf out = MR_BUF_INIT;
    mr_options_help(&out);
    MR_CHECK(strstr(mr_buf_cstr(&out), "  batch.max_rows ") != NULL);
    MR_CHECK(strstr(mr_buf_cstr(&out), "Default: 20000.") != NULL);
    MR_CHECK(strstr(mr_buf_cstr(&out), "  unavailable_missing_row ") != NULL);
    mr_buf_release(&out);
}

static void check_later(const struct mr_options *table, const char *text)
{
    for (size_t i = 0; i < table->n_rows; i++) {
        const struct mr_option *row = &table->rows[i];
        char name[128];
        snprintf(name, sizeof(name), "\n| `%s` |", row->name);
        const char *line = strstr(strstr(text, table->title), name);
        if (row->type == MR_OPT_PROPERTIES)
            continue;
        if (line == NULL)
            MR_FAIL("%s is not in its table", row->name);
        const char *mark = strstr(line, "**Not supported by this version.**");
        bool marked = mark != NULL && mark < strchr(line + 1, '\n');
        if (marked != row->later)
            MR_FAIL("%s: %s", row->name, marked ? "marked" : "not marked");
    }
}

MR_TEST("the reference marks every key that this version does not support, and no other")
{
    struct mr_buf out = MR_BUF_INIT;
    mr_options_reference(&out);
    check_later(&mr_options_global, mr_buf_cstr(&out));
    check_later(&mr_options_route, mr_buf_cstr(&out));
    for (size_t i = 0; i < mr_options_route.n_rows; i++) {
        if (mr_options_route.rows[i].sub != NULL)
            check_later(mr_options_route.rows[i].sub, mr_buf_cstr(&out));
    }
    MR_CHECK(strstr(mr_buf_cstr(&out), "\n- `strategy = \"scd2\"`\n") != NULL);
    mr_buf_reset(&out);
    mr_options_help(&out);
    MR_CHECK(strstr(mr_buf_cstr(&out), "Default: 1. Not supported by this version.\n") != NULL);
    mr_buf_release(&out);
}
