/* Owns docs/configuration.md and the list of keys in --help, both printed from the option table: a
 * key that is not in the table is not documented, and the other way round. */
#include <string.h>

#include "config/choices.h"
#include "config/options.h"
#include "config/value.h"

#include "base/ban.h"

static const char intro[] =
    "# Configuration\n"
    "\n"
    "This page is printed by `millrace config --reference` and compared with the program by a "
    "test: do\n"
    "not edit it. `millrace config -c FILE` shows the effective value of every key and where it "
    "came from.\n"
    "\n"
    "## Form\n"
    "\n"
    "The file has libconfig's syntax: `key = value;`, groups `name: { ... };`, lists of groups\n"
    "`( { ... }, { ... } )`, arrays `[ \"a\", \"b\" ]`, comments `#`, `//` and `/* */`. A line\n"
    "`@include \"FILE\"` puts another file in its place; its path begins at the folder of the file "
    "that names\n"
    "it. In the tables below a dot stands between a group and its key: `batch.max_rows` is\n"
    "`batch: { max_rows = 20000; };`.\n"
    "\n"
    "Times (`\"500ms\"`, units `ms`, `s`, `m`, `h`, `d`) and sizes (`\"64KiB\"`, units `B`, `KiB`, "
    "`MiB`,\n"
    "`GiB`) are strings. A number beyond 32 bits takes an `L` at its end. An unknown key, a wrong "
    "type or a\n"
    "value out of range stops the program with exit code 78, naming file, line and remedy.\n"
    "\n"
    "Inside any string, `${env:NAME}` is a variable of the environment, `${env:NAME:-default}` the "
    "same with a\n"
    "default for an unset or empty one, and `${file:PATH}` the content of a file of up to 64 KiB "
    "without its\n"
    "last newline; `$${` is a plain `${`. What was put in is not searched again. Values from "
    "`${file:}`, keys\n"
    "marked secret and passwords inside URLs are never printed.\n"
    "\n"
    "On the command line, `-o key=value` sets one key over the file and may be repeated:\n"
    "`-o batch.max_wait=1s`, `-o tables[0].strategy=append`, `-o tables[0].include=id,name`. "
    "Numbers, times\n"
    "and strings are written without quotes there, and lists with commas.\n"
    "\n"
    "Reload says when a change takes effect after SIGHUP: at once, from the next batch on, or "
    "after a restart.\n"
    "A file with any error is refused whole and the old configuration stays. In this version only\n"
    "`log.level` changes without a restart: every other change is named in the log "
    "(`option_needs_restart`).\n"
    "\n"
    "## Not supported by this version\n"
    "\n"
    "Keys marked so are known, but what they describe is not done, whatever their default says; "
    "any other\n"
    "value than the default is refused with exit code 78. So are the values that are listed so "
    "behind a table.\n";

/* `|` would end a Markdown cell. */
static void cell(const char *text, struct mr_buf *out)
{
    for (; *text != '\0'; text++) {
        if (*text == '|')
            mr_buf_byte(out, '\\');
        mr_buf_byte(out, (uint8_t)*text);
    }
}

static void default_text(const struct mr_option *row, struct mr_buf *out)
{
    bool quoted = row->type != MR_OPT_BOOL && row->type != MR_OPT_U32 && row->type != MR_OPT_RATIO;
    if (row->dflt_says != NULL)
        mr_buf_fmt(out, "%s", row->dflt_says);
    else if (row->required)
        mr_buf_str(out, "required");
    else if (row->dflt != NULL)
        mr_buf_fmt(out, quoted ? "`\"%s\"`" : "`%s`", row->dflt);
}

static void table_row(const struct mr_option *row, struct mr_buf *out)
{
    struct mr_buf text = MR_BUF_INIT;
    mr_value_expected(row, &text);
    mr_buf_fmt(out, "| `%s%s` | ", row->name, row->type == MR_OPT_PROPERTIES ? ".*" : "");
    cell(mr_buf_cstr(&text), out);
    mr_buf_str(out, " | ");
    default_text(row, out);
    mr_buf_fmt(out, " | %s | ", mr_reload_name(row->reload));
    cell(row->help, out);
    mr_buf_str(out, row->secret ? " Secret." : "");
    mr_buf_str(out, row->later ? " **Not supported by this version.**" : "");
    mr_buf_str(out, " |\n");
    mr_buf_release(&text);
}

static void later_choices(const struct mr_options *table, struct mr_buf *out)
{
    for (size_t i = 0; i < table->n_rows; i++) {
        const struct mr_choices *choices = table->rows[i].choices;
        for (size_t j = 0; choices != NULL && j < choices->n_items; j++) {
            if (choices->items[j].later)
                mr_buf_fmt(out, "- `%s = \"%s\"`\n", table->rows[i].name, choices->items[j].name);
        }
    }
}

static void table(const struct mr_options *options, struct mr_buf *out)
{
    struct mr_buf later = MR_BUF_INIT;
    mr_buf_fmt(out, "\n## %s\n\n", options->title);
    if (options->about[0] != '\0')
        mr_buf_fmt(out, "%s\n\n", options->about);
    mr_buf_str(out, "| key | value | default | reload | what it does |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < options->n_rows; i++)
        table_row(&options->rows[i], out);
    later_choices(options, &later);
    if (later.len > 0)
        mr_buf_fmt(out, "\nKnown values that are **not supported by this version**:\n\n%s",
                   mr_buf_cstr(&later));
    mr_buf_release(&later);
}

/* Every table, a parent before its lists: collected without recursion, at most one per list row. */
enum { MAX_TABLES = 16 };

static size_t all_tables(const struct mr_options *tables[MAX_TABLES])
{
    size_t n_tables = 0;
    tables[n_tables++] = &mr_options_global;
    for (size_t at = 0; at < n_tables; at++) {
        for (size_t i = 0; i < tables[at]->n_rows && n_tables < MAX_TABLES; i++) {
            if (tables[at]->rows[i].sub != NULL)
                tables[n_tables++] = tables[at]->rows[i].sub;
        }
    }
    return n_tables;
}

void mr_options_reference(struct mr_buf *out)
{
    const struct mr_options *tables[MAX_TABLES];
    size_t n_tables = all_tables(tables);
    mr_buf_str(out, intro);
    for (size_t i = 0; i < n_tables; i++)
        table(tables[i], out);
}

void mr_options_help(struct mr_buf *out)
{
    const struct mr_options *tables[MAX_TABLES];
    size_t n_tables = all_tables(tables);
    for (size_t i = 0; i < n_tables; i++) {
        mr_buf_fmt(out, "%s%s\n", i == 0 ? "" : "\n", tables[i]->title);
        for (size_t j = 0; j < tables[i]->n_rows; j++) {
            const struct mr_option *row = &tables[i]->rows[j];
            const char *dflt = row->dflt_says != NULL ? row->dflt_says : row->dflt;
            mr_buf_fmt(out, "  %-28s %s%s%s%s%s\n", row->name, row->help,
                       dflt == NULL ? "" : " Default: ", dflt == NULL ? "" : dflt,
                       dflt == NULL ? "" : ".",
                       row->later ? " Not supported by this version." : "");
        }
    }
}
