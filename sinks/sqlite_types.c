/* Owns the names of declared types (contract.md section 5.2). Must not touch a database.
 * Invariants: a type that millrace declares is read back as exactly the same logical type; its
 * affinity stores the value as it was bound, so texts never stand under NUMERIC, INTEGER or REAL
 * affinity.
 *
 * SQLite keeps a declared type as text and gives the column an affinity by the first rule that
 * matches: INT anywhere -> INTEGER; CHAR, CLOB or TEXT -> TEXT; BLOB or nothing -> BLOB; REAL, FLOA
 * or DOUB -> REAL; else NUMERIC. So no name of a text may hold INT (hence DURATION for interval,
 * and I4 for the items of an array). Source: sqlite.org/datatype3.html, "Determination Of Column
 * Affinity". */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "schemas/semantic.h"
#include "sinks/sqlite.h"

#include "base/ban.h"

enum { TYPE_NAME_BYTES = 64, MAX_SIZE = 1000000000 };
static const char array_suffix[] = "_ARRAY_TEXT";

struct type_name {
    const char *name;
    const char *item; /* the word for it in an array's name; NULL: the same as above */
    enum mr_type type;
};

/* The first name of a type is the one that millrace declares; all of them are understood. */
static const struct type_name type_names[] = {
    {"BOOLEAN", "BOOL", MR_T_BOOL},
    {"INT2", "I2", MR_T_INT2},
    {"INT4", "I4", MR_T_INT4},
    {"INTEGER", "I8", MR_T_INT8},
    {"FLOAT4", "F4", MR_T_FLOAT4},
    {"REAL", "F8", MR_T_FLOAT8},
    {"NUMERIC_TEXT", "NUMERIC", MR_T_NUMERIC},
    {"TEXT", "TEXT", MR_T_TEXT},
    {"VARCHAR", "VARCHAR", MR_T_VARCHAR},
    {"CHAR", "CHAR", MR_T_BPCHAR},
    {"BLOB", "BYTEA", MR_T_BYTEA},
    {"DATE_TEXT", "DATE", MR_T_DATE},
    {"TIME_TEXT", "TIME", MR_T_TIME},
    {"TIMETZ_TEXT", "TIMETZ", MR_T_TIMETZ},
    {"TIMESTAMP_TEXT", "TIMESTAMP", MR_T_TIMESTAMP},
    {"TIMESTAMPTZ_TEXT", "TIMESTAMPTZ", MR_T_TIMESTAMPTZ},
    {"DURATION_TEXT", "DURATION", MR_T_INTERVAL},
    {"UUID_TEXT", "UUID", MR_T_UUID},
    {"JSON_TEXT", "JSON", MR_T_JSON},
    {"JSONB_TEXT", "JSONB", MR_T_JSONB},
    {"BIT_TEXT", "BIT", MR_T_BIT},
    {"VARBIT_TEXT", "VARBIT", MR_T_VARBIT},
    {"ENUM_TEXT", "ENUM", MR_T_ENUM},
    {"OID_INTEGER", "OID", MR_T_OID},
    /* users' own */
    {"BOOL", NULL, MR_T_BOOL},
    {"SMALLINT", NULL, MR_T_INT2},
    {"DATE", NULL, MR_T_DATE},
    {"TIME", NULL, MR_T_TIME},
    {"DATETIME", NULL, MR_T_TIMESTAMP},
    {"TIMESTAMP", NULL, MR_T_TIMESTAMP},
    {"TIMESTAMP WITHOUT TIME ZONE", NULL, MR_T_TIMESTAMP},
    {"TIMESTAMPTZ", NULL, MR_T_TIMESTAMPTZ},
    {"TIMESTAMP WITH TIME ZONE", NULL, MR_T_TIMESTAMPTZ},
    {"UUID", NULL, MR_T_UUID},
    {"JSON", NULL, MR_T_JSON},
    {"JSONB", NULL, MR_T_JSONB},
    {"CHARACTER", NULL, MR_T_BPCHAR},
    {"NCHAR", NULL, MR_T_BPCHAR},
    {"NVARCHAR", NULL, MR_T_VARCHAR},
    {"CHARACTER VARYING", NULL, MR_T_VARCHAR},
    {"VARYING CHARACTER", NULL, MR_T_VARCHAR},
    {"", NULL, MR_T_TEXT}, /* no type, no affinity */
};
enum { N_TYPE_NAMES = sizeof type_names / sizeof type_names[0] };

enum affinity { AFF_INTEGER, AFF_TEXT, AFF_BLOB, AFF_REAL, AFF_NUMERIC };

static bool holds(const char *text, const char *word)
{
    size_t n = strlen(word);
    for (; *text != '\0'; text++) {
        if (strncasecmp(text, word, n) == 0)
            return true;
    }
    return false;
}

static enum affinity affinity_of(const char *declared)
{
    if (holds(declared, "INT"))
        return AFF_INTEGER;
    if (holds(declared, "CHAR") || holds(declared, "CLOB") || holds(declared, "TEXT"))
        return AFF_TEXT;
    if (holds(declared, "BLOB") || declared[0] == '\0')
        return AFF_BLOB;
    if (holds(declared, "REAL") || holds(declared, "FLOA") || holds(declared, "DOUB"))
        return AFF_REAL;
    return AFF_NUMERIC;
}

/* Whether SQLite turns texts that look like numbers into numbers in such a column. */
static bool is_numeric(const char *declared)
{
    enum affinity affinity = affinity_of(declared);
    return affinity != AFF_TEXT && affinity != AFF_BLOB;
}

/* A type without a name of ours is what its affinity can hold. DECIMAL and the like store what
 * looks like a number as INTEGER or REAL: what would lose digits there is refused by the plan. */
static enum mr_type type_by_affinity(const char *declared)
{
    switch (affinity_of(declared)) {
    case AFF_INTEGER:
        return MR_T_INT8;
    case AFF_BLOB:
        return MR_T_BYTEA;
    case AFF_REAL:
        return MR_T_FLOAT8;
    case AFF_NUMERIC:
        return MR_T_NUMERIC;
    case AFF_TEXT:
    default:
        return MR_T_TEXT;
    }
}

static const struct type_name *name_find(const char *name)
{
    for (size_t i = 0; i < N_TYPE_NAMES; i++) {
        if (strcasecmp(type_names[i].name, name) == 0)
            return &type_names[i];
    }
    return NULL;
}

static enum mr_type array_item(const char *name)
{
    size_t len = strlen(name);
    size_t suffix_len = sizeof array_suffix - 1;
    if (len <= suffix_len || strcasecmp(name + len - suffix_len, array_suffix) != 0)
        return MR_T_NONE;
    for (size_t i = 0; i < N_TYPE_NAMES && type_names[i].item != NULL; i++) {
        const char *item = type_names[i].item;
        if (strlen(item) == len - suffix_len && strncasecmp(item, name, strlen(item)) == 0)
            return type_names[i].type;
    }
    return MR_T_NONE;
}

/* "NUMERIC_TEXT(10,2)": the name without blanks at its end, and the sizes, -1 where there are none.
 */
static void split_declared(const char *declared, char name[TYPE_NAME_BYTES], int sizes[2])
{
    size_t len = strcspn(declared, "(");
    sizes[0] = -1;
    sizes[1] = -1;
    const char *at = declared + len;
    for (int i = 0; i < 2 && *at == (i == 0 ? '(' : ','); i++) {
        char *end;
        long size = strtol(at + 1, &end, 10);
        if (end == at + 1 || size < 0 || size > MAX_SIZE)
            break;
        sizes[i] = (int)size;
        at = end + strspn(end, " ");
    }
    while (len > 0 && declared[len - 1] == ' ')
        len--;
    if (len >= TYPE_NAME_BYTES)
        len = TYPE_NAME_BYTES - 1;
    memcpy(name, declared, len);
    name[len] = '\0';
}

struct mr_coltype mr_sq_type_of(const char *declared)
{
    char name[TYPE_NAME_BYTES];
    int sizes[2];
    split_declared(declared, name, sizes);
    struct mr_coltype out = {.length = -1,
                             .precision = -1,
                             .scale = 0,
                             .sql = declared,
                             .as_number = is_numeric(declared)};
    const struct type_name *known = name_find(name);
    out.elem = known == NULL ? array_item(name) : MR_T_NONE;
    if (known != NULL)
        out.type = known->type;
    else if (out.elem != MR_T_NONE)
        out.type = MR_T_ARRAY;
    else
        out.type = type_by_affinity(declared);

    enum mr_type sized = out.type == MR_T_ARRAY ? out.elem : out.type;
    bool by_length =
        sized == MR_T_VARCHAR || sized == MR_T_BPCHAR || sized == MR_T_BIT || sized == MR_T_VARBIT;
    if (by_length && sizes[0] > 0)
        out.length = sizes[0];
    if (sized == MR_T_NUMERIC && sizes[0] > 0) {
        out.precision = sizes[0];
        out.scale = sizes[1] > 0 ? sizes[1] : 0;
    }
    return out;
}

void mr_sq_type_declare(struct mr_buf *out, const struct mr_coltype *type)
{
    struct mr_coltype here = *type;
    mr_semantic_fallback(&here);
    bool array = here.type == MR_T_ARRAY;
    enum mr_type base = array ? here.elem : here.type;
    const struct type_name *known = NULL;
    for (size_t i = 0; i < N_TYPE_NAMES && known == NULL; i++) {
        if (type_names[i].type == base)
            known = &type_names[i];
    }
    /* Types of another target (MR_T_CAST) are texts here. */
    const char *name = "TEXT";
    if (known != NULL)
        name = array ? known->item : known->name;
    mr_buf_fmt(out, "%s%s", name, array ? array_suffix : "");
    if (base == MR_T_NUMERIC && type->precision > 0)
        mr_buf_fmt(out, "(%d,%d)", (int)type->precision, (int)type->scale);
    else if (base != MR_T_NUMERIC && type->length > 0)
        mr_buf_fmt(out, "(%d)", (int)type->length);
}
