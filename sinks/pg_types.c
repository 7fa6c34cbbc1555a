/* Types as the catalogue has them in millrace's terms: by oid, by extension and name, with what
 * their typmods say. Must not ask a server. */
#include <string.h>

#include "sinks/pg.h"

#include "base/ban.h"

struct type_row {
    uint32_t oid;
    enum mr_type type;
};

/* Oids of built-in types never change. Source: src/include/catalog/pg_type.dat. */
static const struct type_row builtin_types[] = {
    {16, MR_T_BOOL},       {17, MR_T_BYTEA},    {20, MR_T_INT8},        {21, MR_T_INT2},
    {23, MR_T_INT4},       {25, MR_T_TEXT},     {26, MR_T_OID},         {114, MR_T_JSON},
    {700, MR_T_FLOAT4},    {701, MR_T_FLOAT8},  {1042, MR_T_BPCHAR},    {1043, MR_T_VARCHAR},
    {1082, MR_T_DATE},     {1083, MR_T_TIME},   {1114, MR_T_TIMESTAMP}, {1184, MR_T_TIMESTAMPTZ},
    {1186, MR_T_INTERVAL}, {1266, MR_T_TIMETZ}, {1560, MR_T_BIT},       {1562, MR_T_VARBIT},
    {1700, MR_T_NUMERIC},  {2950, MR_T_UUID},   {3802, MR_T_JSONB},     {600, MR_T_POINT},
    {601, MR_T_LSEG},      {602, MR_T_PATH},    {603, MR_T_BOX},        {604, MR_T_POLYGON},
    {628, MR_T_LINE},      {718, MR_T_CIRCLE},
};

/* Types of extensions, whose oids vary: by extension and name. */
static const struct extension_row {
    const char *extension;
    enum mr_type type;
} extension_types[] = {
    {"ltree", MR_T_LTREE},       {"hstore", MR_T_HSTORE}, {"postgis", MR_T_GEOMETRY},
    {"postgis", MR_T_GEOGRAPHY}, {"vector", MR_T_VECTOR}, {"vector", MR_T_HALFVEC},
    {"vector", MR_T_SPARSEVEC},
};
enum { N_EXTENSION_TYPES = sizeof extension_types / sizeof extension_types[0] };

const char *mr_pg_extension_of(enum mr_type type)
{
    for (size_t i = 0; i < N_EXTENSION_TYPES; i++) {
        if (extension_types[i].type == type)
            return extension_types[i].extension;
    }
    return NULL;
}

static enum mr_type extension_type(const char *name)
{
    for (size_t i = 0; i < N_EXTENSION_TYPES; i++) {
        const struct extension_row *row = &extension_types[i];
        size_t len = strlen(row->extension);
        if (strncmp(name, row->extension, len) == 0 && name[len] == '.' &&
            strcmp(name + len + 1, mr_type_name(row->type)) == 0)
            return row->type;
    }
    return MR_T_NONE;
}

static enum mr_type builtin_type(uint32_t oid)
{
    for (size_t i = 0; i < sizeof builtin_types / sizeof builtin_types[0]; i++) {
        if (builtin_types[i].oid == oid)
            return builtin_types[i].type;
    }
    return MR_T_NONE;
}

/* Source: src/include/utils/timestamp.h and datetime.h, INTERVAL_MASK. */
static int32_t interval_field(int32_t typmod)
{
    static const struct {
        int bit;
        enum mr_interval_field field;
    } fields[] = {{12, MR_FIELD_SECOND}, {11, MR_FIELD_MINUTE}, {10, MR_FIELD_HOUR},
                  {3, MR_FIELD_DAY},     {1, MR_FIELD_MONTH},   {2, MR_FIELD_YEAR}};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (((typmod >> 16) >> fields[i].bit & 1) != 0)
            return (int32_t)fields[i].field;
    }
    return -1;
}

/* Source: the *typmodin functions; numeric's scale has 11 bits with a sign since PostgreSQL 15. */
static void typmod_apply(struct mr_coltype *to, enum mr_type scalar, int32_t typmod)
{
    to->length = -1;
    to->precision = -1;
    to->scale = 0;
    if (typmod < 0)
        return;
    if ((scalar == MR_T_VARCHAR || scalar == MR_T_BPCHAR) && typmod >= 4) {
        to->length = typmod - 4;
    } else if (scalar == MR_T_BIT || scalar == MR_T_VARBIT || scalar == MR_T_VECTOR ||
               scalar == MR_T_HALFVEC || scalar == MR_T_SPARSEVEC) {
        to->length = typmod;
    } else if (scalar == MR_T_NUMERIC && typmod >= 4) {
        to->precision = ((typmod - 4) >> 16) & 0xffff;
        to->scale = (((typmod - 4) & 0x7ff) ^ 1024) - 1024;
    } else if (scalar == MR_T_TIME || scalar == MR_T_TIMETZ || scalar == MR_T_TIMESTAMP ||
               scalar == MR_T_TIMESTAMPTZ) {
        to->precision = typmod;
    } else if (scalar == MR_T_INTERVAL) {
        to->precision = (typmod & 0xffff) != 0xffff ? typmod & 0xffff : -1;
        to->length = interval_field(typmod);
    }
}

/* Casts from text to "char" and name cut in silence what is longer, one to money rounds to cents
 * (lc_monetary is C). Source: src/include/catalog/pg_type.dat; cash.c, cash_in(). */
static void cast_bounds(struct mr_coltype *to, uint32_t oid)
{
    enum { CHAR_OID = 18, NAME_OID = 19, MONEY_OID = 790 };
    if (oid == CHAR_OID) {
        to->length = 1;
    } else if (oid == NAME_OID) {
        to->length = MR_PG_NAME_BYTES;
    } else if (oid == MONEY_OID) {
        to->precision = 19;
        to->scale = 2;
    }
}

static enum mr_type type_of(uint32_t oid, const char *extension)
{
    enum mr_type type = builtin_type(oid);
    return type != MR_T_NONE ? type : extension_type(extension);
}

/* Items of a domain are sent as its base type, under the domain's own oid, which the server asks
 * for; its constraints are then asked at once. */
static enum mr_type item_type(const struct mr_pg_type_row *row)
{
    if (row->elem == 0)
        return MR_T_NONE;
    if (row->elem_kind == 'e')
        return MR_T_ENUM;
    return type_of(row->elem_kind == 'd' ? row->elem_base : row->elem, row->elem_extension);
}

/* A domain is its base type, whose rules decide what fits: a cast to a domain over varchar(n) or
 * numeric(p,s) would cut or round. With constraints it is staged as that type, so that they are
 * asked in the merge alone, where no masked column stands (T-47). */
bool mr_pg_type_fill(const struct mr_pg_type_row *row, struct mr_coltype *to)
{
    bool domain = row->kind == 'd';
    enum mr_type base = domain ? type_of(row->base, row->extension) : MR_T_NONE;
    bool constrained = domain && row->constrained && base != MR_T_NONE;
    bool through = domain && (constrained || !row->constrained);
    uint32_t oid = through ? row->base : row->oid;
    int32_t typmod = through ? row->base_typmod : row->typmod;
    enum mr_type elem = item_type(row);
    /* what has no writer goes into literals, and so do types that are staged as text */
    enum mr_type spelled = mr_pg_staged_as_text(elem) ? elem : MR_T_CAST;
    elem = spelled == elem ? MR_T_NONE : elem;
    *to = (struct mr_coltype){.type = base, .elem = MR_T_NONE, .domain = domain, .oid = oid};
    if (!domain)
        to->type = type_of(oid, row->extension);
    enum mr_type scalar = to->type;
    if (elem != MR_T_NONE) {
        to->type = MR_T_ARRAY;
        to->elem = elem;
        to->elem_oid = row->elem;
        scalar = elem;
        typmod = row->elem_kind == 'd' ? row->elem_typmod : typmod;
    } else if (row->kind == 'e') {
        to->type = MR_T_ENUM;
    } else if (to->type == MR_T_NONE) {
        to->type = MR_T_CAST;
        to->elem = row->array ? spelled : MR_T_NONE;
        to->composite = row->base_kind == 'c';
        to->oid = row->oid;
    }
    typmod_apply(to, scalar, typmod);
    if (to->type == MR_T_CAST)
        cast_bounds(to, to->elem != MR_T_NONE && row->elem != 0 ? row->elem : oid);
    return constrained;
}
