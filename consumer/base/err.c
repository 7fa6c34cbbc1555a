/* Owns the table of codes (err.def compiled to arrays) and the text of an error. Must not log,
 * allocate or decide what happens next: the class says that. Invariants: row i of the table is
 * code i; every string in a struct mr_err is NUL-terminated. */
#include "base/err.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

#include "base/ban.h"

#undef mr_err_set /* err.h has a form of it for clang-tidy */

struct code_row {
    const char *printed;
    const char *text;
    const char *remedy;
    enum mr_class class;
    enum mr_owner owner;
};

static const struct code_row code_rows[MR_N_CODES] = {
    [MR_OK] = {"ok", "no error", "", MR_CLASS_FLOW, MR_OWNER_INTERNAL},
#define MR_CODE(name, printed, class, owner, text, remedy)                                         \
    [MR_##name] = {printed, text, remedy, MR_CLASS_##class, MR_OWNER_##owner},
#include "base/err.def"
#undef MR_CODE
};

/* The exit codes of sysexits.h that design.md section 8 uses. */
enum {
    EXIT_USAGE = 64,
    EXIT_DATA = 65,
    EXIT_UNAVAILABLE = 69,
    EXIT_SOFTWARE = 70,
    EXIT_IO = 74,
    EXIT_TRY_AGAIN = 75,
    EXIT_PERMISSION = 77,
    EXIT_CONFIG = 78
};

static const struct code_row *code_row(int rc)
{
    if (rc > -(int)MR_N_CODES && rc < (int)MR_N_CODES)
        return &code_rows[rc < 0 ? -rc : rc];
    return &code_rows[MR_BUG];
}

void mr_err_clear(struct mr_err *err)
{
    err->code = MR_OK;
    err->class = MR_CLASS_FLOW;
    err->owner = MR_OWNER_SOURCE;
    err->partition = -1;
    err->offset = -1;
    /* Once a record: a kilobyte of zeros behind the ends of five empty texts says nothing. */
    err->sqlstate[0] = err->topic[0] = err->table[0] = err->column[0] = err->detail[0] = '\0';
}

/* Copies as much of `from` as fits, never half of a UTF-8 character. */
static void copy_text(char *to, size_t cap, const char *from)
{
    size_t len = strnlen(from, cap);
    if (len == cap) {
        len = cap - 1;
        while (len > 0 && ((unsigned char)from[len] & 0xc0) == 0x80)
            len--;
    }
    memmove(to, from, len);
    to[len] = '\0';
}

/* Cuts an incomplete UTF-8 character from the end of a text that vsnprintf() shortened. */
static void drop_partial_char(char *text)
{
    size_t len = strlen(text);
    size_t start = len;
    while (start > 0 && len - start < 3 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
        start--;
    if (start == 0 || (unsigned char)text[start - 1] < 0xc0)
        return;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t want = 2;
    if (lead >= 0xf0)
        want = 4;
    else if (lead >= 0xe0)
        want = 3;
    if (len - (start - 1) < want)
        text[start - 1] = '\0';
}

/* A library's text or a cut name may be no UTF-8, which JSON and the dead letter table refuse. */
static void keep_utf8(char *text)
{
    size_t len = strlen(text);
    for (size_t at = 0; at < len;) {
        size_t step = mr_utf8_step((const uint8_t *)text + at, len - at);
        if (step == 0)
            text[at] = '?';
        at += step > 0 ? step : 1;
    }
}

static void format_detail(struct mr_err *err, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));
static void format_detail(struct mr_err *err, const char *fmt, va_list args)
{
    /* By way of a copy, since the arguments may point into `err` itself. */
    char detail[MR_ERR_DETAIL_BYTES];
    int n = vsnprintf(detail, sizeof detail, fmt, args);
    if (n < 0)
        detail[0] = '\0';
    else if ((size_t)n >= sizeof detail)
        drop_partial_char(detail);
    keep_utf8(detail);
    memcpy(err->detail, detail, sizeof detail);
}

int mr_err_set(struct mr_err *err, enum mr_code code, const char *fmt, ...)
{
    if (err != NULL) {
        const struct code_row *row = code_row((int)code);
        err->code = code;
        err->class = row->class;
        err->owner = row->owner;
        err->sqlstate[0] = '\0';
        err->on_key = false;
        va_list args;
        va_start(args, fmt);
        format_detail(err, fmt, args);
        va_end(args);
    }
    return -(int)code;
}

int mr_err_set_db(struct mr_err *err, enum mr_class class, const char *sqlstate, const char *fmt,
                  ...)
{
    if (err != NULL) {
        err->code = MR_DB;
        err->class = class;
        err->owner = code_row(MR_DB)->owner;
        err->on_key = false;
        copy_text(err->sqlstate, sizeof err->sqlstate, sqlstate != NULL ? sqlstate : "");
        va_list args;
        va_start(args, fmt);
        format_detail(err, fmt, args);
        va_end(args);
    }
    return -(int)MR_DB;
}

int mr_err_at(struct mr_err *err, const char *topic, int32_t partition, int64_t offset)
{
    if (topic != NULL)
        copy_text(err->topic, sizeof err->topic, topic);
    err->partition = partition;
    err->offset = offset;
    return -(int)err->code;
}

int mr_err_in(struct mr_err *err, const char *table, const char *column)
{
    if (table != NULL)
        copy_text(err->table, sizeof err->table, table);
    if (column != NULL)
        copy_text(err->column, sizeof err->column, column);
    return -(int)err->code;
}

const char *mr_err_printed(const struct mr_err *err, char *out, size_t cap)
{
    if (cap == 0)
        return out;
    const char *printed = code_row((int)err->code)->printed;
    if (err->code == MR_DB && err->sqlstate[0] != '\0')
        (void)snprintf(out, cap, "%s.%s", printed, err->sqlstate);
    else
        (void)snprintf(out, cap, "%s", printed);
    return out;
}

/* Appends at `*len`; a text that no longer fits is cut, and all later ones are dropped. */
static void line_add(char *out, size_t cap, size_t *len, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static void line_add(char *out, size_t cap, size_t *len, const char *fmt, ...)
{
    if (*len + 1 >= cap)
        return;
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(out + *len, cap - *len, fmt, args);
    va_end(args);
    if (n < 0) {
        out[*len] = '\0';
    } else if ((size_t)n >= cap - *len) {
        drop_partial_char(out);
        *len = cap - 1;
    } else {
        *len += (size_t)n;
    }
}

/* Whether the text ends a sentence by itself: a detail may be a question, or a server's sentence.
 */
static bool is_ended(const char *text, size_t len)
{
    return len > 0 && strchr(".?!", text[len - 1]) != NULL;
}

const char *mr_err_line(const struct mr_err *err, char *out, size_t cap)
{
    if (cap == 0)
        return out;
    const struct code_row *row = code_row((int)err->code);
    char printed[64];
    size_t len = 0;
    line_add(out, cap, &len, "%s: %s", mr_err_printed(err, printed, sizeof printed), row->text);
    if (err->detail[0] != '\0')
        line_add(out, cap, &len, ": %s", err->detail);
    const char *sep = " (";
    if (err->topic[0] != '\0') {
        line_add(out, cap, &len, "%stopic %s", sep, err->topic);
        sep = ", ";
    }
    if (err->partition >= 0) {
        line_add(out, cap, &len, "%spartition %" PRId32, sep, err->partition);
        sep = ", ";
    }
    if (err->offset >= 0) {
        line_add(out, cap, &len, "%soffset %" PRId64, sep, err->offset);
        sep = ", ";
    }
    if (err->table[0] != '\0') {
        line_add(out, cap, &len, "%stable %s", sep, err->table);
        sep = ", ";
    }
    if (err->column[0] != '\0') {
        line_add(out, cap, &len, "%scolumn %s", sep, err->column);
        sep = ", ";
    }
    if (sep[0] == ',')
        line_add(out, cap, &len, ")");
    if (row->remedy[0] != '\0')
        line_add(out, cap, &len, is_ended(out, len) ? " %s" : ". %s", row->remedy);
    return out;
}

const char *mr_code_printed(int rc)
{
    return code_row(rc)->printed;
}

const char *mr_code_text(int rc)
{
    return code_row(rc)->text;
}

const char *mr_code_remedy(int rc)
{
    return code_row(rc)->remedy;
}

enum mr_class mr_code_class(int rc)
{
    return code_row(rc)->class;
}

enum mr_owner mr_code_owner(int rc)
{
    return code_row(rc)->owner;
}

const char *mr_class_name(enum mr_class class)
{
    static const char *const names[MR_N_CLASSES] = {"FLOW", "RETRY",  "PAUSE", "POISON",
                                                    "HALT", "FENCED", "FATAL", "BUG"};
    return (size_t)class < MR_N_CLASSES ? names[class] : "BUG";
}

const char *mr_owner_name(enum mr_owner owner)
{
    static const char *const names[MR_N_OWNERS] = {"source", "registry", "target", "config",
                                                   "internal"};
    return (size_t)owner < MR_N_OWNERS ? names[owner] : "internal";
}

/* Codes that refuse a right, whatever their class. */
static bool is_permission(const struct mr_err *err)
{
    static const enum mr_code refused[] = {MR_REGISTRY_AUTH,    MR_TARGET_AUTH,
                                           MR_TARGET_RLS,       MR_SOURCE_AUTH,
                                           MR_TARGET_PRIVILEGE, MR_SOURCE_PRIVILEGE};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (err->code == refused[i])
            return true;
    }
    return err->code == MR_DB &&
           (strcmp(err->sqlstate, "42501") == 0 || strncmp(err->sqlstate, "28", 2) == 0);
}

static bool is_away(enum mr_code code)
{
    return code == MR_SOURCE_AWAY || code == MR_REGISTRY_AWAY || code == MR_TARGET_AWAY ||
           code == MR_SOURCE_FATAL || code == MR_REGISTRY_NOT_A_REGISTRY ||
           code == MR_INSTANCE_AWAY;
}

static int exit_code_of_class(enum mr_class class, enum mr_owner owner)
{
    switch (class) {
    case MR_CLASS_RETRY:
    case MR_CLASS_PAUSE:
    case MR_CLASS_FENCED:
        return EXIT_TRY_AGAIN;
    case MR_CLASS_POISON:
        return EXIT_DATA;
    case MR_CLASS_HALT:
        return owner == MR_OWNER_CONFIG ? EXIT_CONFIG : EXIT_TRY_AGAIN;
    case MR_CLASS_FATAL:
        return EXIT_CONFIG;
    case MR_CLASS_FLOW:
    case MR_CLASS_BUG:
    case MR_N_CLASSES:
        break;
    }
    return EXIT_SOFTWARE; /* a FLOW code that ends a process is a bug as well */
}

int mr_err_exit_code(const struct mr_err *err)
{
    if (err->code == MR_OK)
        return 0;
    if (err->code == MR_CONFIG_USAGE)
        return EXIT_USAGE;
    if (err->code == MR_IO)
        return EXIT_IO;
    if (err->code == MR_NO_MEMORY)
        return EXIT_SOFTWARE;
    if (is_permission(err))
        return EXIT_PERMISSION;
    if (is_away(err->code))
        return EXIT_UNAVAILABLE;
    return exit_code_of_class(err->class, err->owner);
}
