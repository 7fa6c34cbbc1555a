/* Owns the parameters `__debezium.source.column.*` and Debezium's name adjustment. Must not decide
 * conversions. Source: Debezium's documentation of column.propagate.source.type and
 * field.name.adjustment.mode; io.debezium.schema.UnicodeReplacementFunction. */
#include "schemas/naming.h"

#include <stdlib.h>
#include <strings.h>

#include "base/ban.h"

enum {
    MAX_CHARACTERS = 10485760, /* PostgreSQL's varchar(n) */
    UNIT_LEN = 6               /* _uXXXX */
};

static const char *param(const struct mr_typed *typed, const char *name)
{
    const char *text = typed->props != NULL ? mr_avro_param(typed->props, name) : NULL;
    return text != NULL && *text != '\0' ? text : NULL;
}

/* Debezium's adjustments put one `_` for one character of a name. */
static bool may_be_of(const char *field, const char *column)
{
    for (; *field != '\0' && *column != '\0'; field++) {
        if (*field != *column && *field != '_')
            return false;
        while (((uint8_t)*++column & 0xC0) == 0x80)
            ;
    }
    return *field == *column;
}

bool mr_naming_is_borrowed(const struct mr_typed *typed, const char *field)
{
    enum mr_avro_kind kind = typed->node->kind;
    const char *column = param(typed, "__debezium.source.column.name");
    bool named = kind == MR_AV_RECORD || kind == MR_AV_ENUM || kind == MR_AV_FIXED;
    return named && column != NULL && !may_be_of(field, column);
}

const char *mr_naming_original(const struct mr_typed *typed)
{
    return typed->borrowed ? NULL : param(typed, "__debezium.source.column.name");
}

/* ---- avro_unicode ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The unit that stands at `text`; -1: none. */
static int32_t unit_at(const char *text)
{
    int32_t unit = 0;
    if (text[0] != '_' || text[1] != 'u')
        return -1;
    for (int i = 2; i < UNIT_LEN; i++) {
        int digit = hex_digit(text[i]); /* the NUL at the end is none */
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

static void utf8_add(struct mr_buf *out, uint32_t c)
{
    if (c < 0x80) {
        mr_buf_byte(out, (uint8_t)c);
        return;
    }
    if (c < 0x800) {
        mr_buf_byte(out, (uint8_t)(0xc0 | c >> 6));
    } else if (c < 0x10000) {
        mr_buf_byte(out, (uint8_t)(0xe0 | c >> 12));
        mr_buf_byte(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
    } else {
        mr_buf_byte(out, (uint8_t)(0xf0 | c >> 18));
        mr_buf_byte(out, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
        mr_buf_byte(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
    }
    mr_buf_byte(out, (uint8_t)(0x80 | (c & 0x3f)));
}

/* Characters beyond the first plane are two units. A lone one, and U+0000, stay as written. */
static size_t unit_decode(const char *text, struct mr_buf *out)
{
    int32_t unit = unit_at(text);
    if (unit <= 0 || (unit >= 0xdc00 && unit <= 0xdfff))
        return 0;
    if (unit < 0xd800 || unit > 0xdfff) {
        utf8_add(out, (uint32_t)unit);
        return UNIT_LEN;
    }
    int32_t low = unit_at(text + UNIT_LEN);
    if (low < 0xdc00 || low > 0xdfff)
        return 0;
    utf8_add(out, 0x10000 + ((uint32_t)(unit - 0xd800) << 10) + (uint32_t)(low - 0xdc00));
    return (size_t)2 * UNIT_LEN;
}

void mr_naming_unmangle(const char *text, struct mr_buf *out)
{
    while (*text != '\0') {
        size_t n = unit_decode(text, out);
        if (n == 0) {
            mr_buf_byte(out, (uint8_t)*text);
            n = 1;
        }
        text += n;
    }
}

/* ---- declared types ---- */

static bool is_one_of(const char *text, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcasecmp(text, names[i]) == 0)
            return true;
    }
    return false;
}

static int32_t length_param(const struct mr_typed *typed)
{
    const char *text = param(typed, "__debezium.source.column.length");
    char *end;
    if (text == NULL)
        return -1;
    long n = strtol(text, &end, 10);
    return *end == '\0' && n > 0 && n <= MAX_CHARACTERS ? (int32_t)n : -1;
}

void mr_naming_hint(const struct mr_typed *typed, struct mr_coltype *type)
{
    static const char *const varying[] = {"VARCHAR", "CHARACTER VARYING", "NVARCHAR", "VARCHAR2",
                                          "NVARCHAR2"};
    static const char *const bits[] = {"VARBIT", "BIT VARYING"};
    const char *declared = param(typed, "__debezium.source.column.type");
    if (declared == NULL || typed->borrowed)
        return;
    int32_t length = length_param(typed);
    if (type->type == MR_T_TEXT && typed->semantic == MR_SEM_STRING && length > 0 &&
        is_one_of(declared, varying, sizeof varying / sizeof *varying)) {
        type->type = MR_T_VARCHAR;
        type->length = length;
    } else if (type->type == MR_T_BIT && is_one_of(declared, bits, sizeof bits / sizeof *bits)) {
        type->type = MR_T_VARBIT;
    }
}
