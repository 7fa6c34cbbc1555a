/* Owns the list of findings and its form for people. Must not judge: levels are the finder's. */
#include "sinks/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/ban.h"

enum { FIRST = 64, ARENA_BYTES = 64 * 1024 * 1024, SUBJECT_WIDTH = 36 };

void mr_findings_init(struct mr_findings *list)
{
    memset(list, 0, sizeof *list);
    list->check = "";
    mr_arena_init(&list->arena, 65536, ARENA_BYTES);
}

void mr_findings_release(struct mr_findings *list)
{
    mr_arena_release(&list->arena);
    memset(list, 0, sizeof *list);
}

static const char *kept(struct mr_findings *list, const char *text)
{
    const char *copy = mr_arena_copy(&list->arena, text, strlen(text) + 1);
    return copy != NULL ? copy : "";
}

static struct mr_finding *last(struct mr_findings *list)
{
    return list->n > 0 ? &list->items[list->n - 1] : NULL;
}

static bool room(struct mr_findings *list)
{
    size_t cap = list->cap == 0 ? FIRST : 2 * list->cap;
    if (list->n < list->cap)
        return true;
    struct mr_finding *items = mr_arena_alloc(&list->arena, cap * sizeof *items);
    if (items == NULL)
        return false;
    if (list->n > 0)
        memcpy(items, list->items, list->n * sizeof *items);
    list->items = items;
    list->cap = cap;
    return true;
}

static void add(struct mr_findings *list, const struct mr_finding *finding)
{
    list->counts[finding->level]++;
    if (!room(list)) {
        list->n_lost++;
        return;
    }
    list->items[list->n++] = (struct mr_finding){.level = finding->level,
                                                 .check = list->check,
                                                 .subject = kept(list, finding->subject),
                                                 .what = kept(list, finding->what),
                                                 .remedy = finding->remedy,
                                                 .sql = "",
                                                 .exit_code = finding->exit_code};
}

void mr_findings_add(struct mr_findings *list, enum mr_finding_level level, const char *subject,
                     const char *fmt, ...)
{
    char what[MR_ERR_DETAIL_BYTES + 8];
    struct mr_err cut = MR_ERR_INIT; /* an error's detail ends at a whole character */
    struct mr_finding finding = {
        .level = level, .subject = subject, .what = cut.detail, .remedy = ""};
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    (void)mr_err_set(&cut, MR_IO, "%s", what);
    if (level == MR_FINDING_FAULT)
        finding.exit_code = EX_CONFIG;
    add(list, &finding);
}

void mr_findings_fault(struct mr_findings *list, const char *subject, const struct mr_err *err)
{
    char code[64];
    char what[MR_ERR_DETAIL_BYTES + 96 + MR_ERR_NAME_BYTES];
    int exit_code = mr_err_exit_code(err);
    bool column = *err->column != '\0';

    (void)snprintf(what, sizeof what, "%s: %s%s%s%s", mr_err_printed(err, code, sizeof code),
                   *err->detail != '\0' ? err->detail : mr_code_text((int)err->code),
                   column ? " (column " : "", err->column, column ? ")" : "");
    /* run would try again; who asks now is told that it is not there */
    struct mr_finding finding = {.level = MR_FINDING_FAULT,
                                 .subject = subject,
                                 .what = what,
                                 .remedy = mr_code_remedy((int)err->code),
                                 .exit_code =
                                     exit_code == EX_TEMPFAIL ? EX_UNAVAILABLE : exit_code};
    add(list, &finding);
}

void mr_findings_remedy(struct mr_findings *list, const char *remedy)
{
    if (last(list) != NULL)
        last(list)->remedy = kept(list, remedy);
}

void mr_findings_sql(struct mr_findings *list, const char *sql)
{
    if (last(list) != NULL)
        last(list)->sql = kept(list, sql);
}

void mr_findings_exit(struct mr_findings *list, int exit_code)
{
    if (last(list) != NULL)
        last(list)->exit_code = exit_code;
}

const char *mr_finding_level_name(enum mr_finding_level level)
{
    static const char *const names[MR_N_FINDING_LEVELS] = {
        [MR_FINDING_OK] = "ok",           [MR_FINDING_NOTE] = "note",
        [MR_FINDING_WARNING] = "warning", [MR_FINDING_FAULT] = "fault",
        [MR_FINDING_SKIPPED] = "skipped",
    };
    return names[level];
}

int mr_findings_exit_code(const struct mr_findings *list)
{
    for (size_t i = 0; i < list->n; i++) {
        if (list->items[i].level == MR_FINDING_FAULT)
            return list->items[i].exit_code;
    }
    return list->counts[MR_FINDING_FAULT] > 0 ? EX_SOFTWARE : EX_OK;
}

static int width_of(const char *text, int least, int most)
{
    size_t len = strlen(text);
    if (len > (size_t)most)
        return most;
    return (int)len > least ? (int)len : least;
}

void mr_findings_print(const struct mr_findings *list, struct mr_buf *out)
{
    int checks = 0;
    int subjects = 0;

    for (size_t i = 0; i < list->n; i++) {
        checks = width_of(list->items[i].check, checks, SUBJECT_WIDTH);
        subjects = width_of(list->items[i].subject, subjects, SUBJECT_WIDTH);
    }
    for (size_t i = 0; i < list->n; i++) {
        const struct mr_finding *f = &list->items[i];
        mr_buf_fmt(out, "%-8s %-*s %-*s %s\n", mr_finding_level_name(f->level), checks, f->check,
                   subjects, f->subject, f->what);
        if (*f->remedy != '\0')
            mr_buf_fmt(out, "%-8s %-*s -> %s\n", "", checks, "", f->remedy);
        if (*f->sql != '\0')
            mr_buf_fmt(out, "%-8s %-*s -> %s\n", "", checks, "",
                       strchr(f->sql, '\n') == NULL ? f->sql : "statements: millrace check --sql");
    }
    if (list->n_lost > 0)
        mr_buf_fmt(out, "%zu findings more than there is memory for\n", list->n_lost);
    mr_buf_fmt(out, "%zu ok, %zu notes, %zu warnings, %zu faults", list->counts[MR_FINDING_OK],
               list->counts[MR_FINDING_NOTE], list->counts[MR_FINDING_WARNING],
               list->counts[MR_FINDING_FAULT]);
    if (list->counts[MR_FINDING_SKIPPED] > 0)
        mr_buf_fmt(out, ", %zu not checked", list->counts[MR_FINDING_SKIPPED]);
    mr_buf_byte(out, '\n');
}

static bool said_before(const struct mr_findings *list, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (strcmp(list->items[k].sql, list->items[i].sql) == 0)
            return true;
    }
    return false;
}

/* On one line: a name may hold a line's end. */
static void comment_put(struct mr_buf *out, const char *text)
{
    for (const char *at = text; *at != '\0'; at++)
        mr_buf_byte(out, (uint8_t)*at < ' ' ? ' ' : (uint8_t)*at);
}

static void skipped_put(struct mr_buf *out, const struct mr_finding *f)
{
    static const char said[] = "not checked: ";
    bool begins = strncmp(f->what, said, sizeof said - 1) == 0;

    mr_buf_fmt(out, "-- %s", said);
    comment_put(out, f->subject);
    mr_buf_str(out, " (");
    comment_put(out, f->what + (begins ? sizeof said - 1 : 0));
    mr_buf_str(out, ")\n");
}

void mr_findings_script(const struct mr_findings *list, struct mr_buf *out)
{
    size_t n = 0;

    for (size_t i = 0; i < list->n; i++) {
        const struct mr_finding *f = &list->items[i];
        if (f->level == MR_FINDING_SKIPPED)
            skipped_put(out, f);
        if (*f->sql == '\0' || said_before(list, i))
            continue;
        mr_buf_str(out, "-- ");
        comment_put(out, f->subject);
        mr_buf_fmt(out, "\n%s;\n", f->sql);
        n++;
    }
    if (n == 0 && list->counts[MR_FINDING_SKIPPED] == 0)
        mr_buf_str(out, "-- no statement is needed\n");
}
