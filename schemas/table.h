/* A target table as a sink's catalogue describes it, in target-neutral types. Immutable after it
 * was made; shared by reference count between plans, batches and the catalogue cache.
 * Threads: any (the count is atomic). */
#ifndef MR_SCHEMAS_TABLE_H
#define MR_SCHEMAS_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/* The types that plans can write to. MR_T_CAST is any other type of the target: the value is staged
 * as text and cast in the merge (contract.md X-08). */
enum mr_type {
    MR_T_NONE,
    MR_T_BOOL,
    MR_T_INT2,
    MR_T_INT4,
    MR_T_INT8,
    MR_T_FLOAT4,
    MR_T_FLOAT8,
    MR_T_NUMERIC,
    MR_T_TEXT,
    MR_T_VARCHAR,
    MR_T_BPCHAR,
    MR_T_BYTEA,
    MR_T_DATE,
    MR_T_TIME,
    MR_T_TIMETZ,
    MR_T_TIMESTAMP,
    MR_T_TIMESTAMPTZ,
    MR_T_INTERVAL,
    MR_T_UUID,
    MR_T_JSON,
    MR_T_JSONB,
    MR_T_BIT,
    MR_T_VARBIT,
    MR_T_ENUM,
    MR_T_OID,
    MR_T_ARRAY,
    MR_T_CAST,
    /* Types with a form of their own on the wire; all but figures come with extensions. */
    MR_T_POINT,
    MR_T_LINE,
    MR_T_CIRCLE,
    MR_T_BOX,
    MR_T_LSEG,
    MR_T_PATH,
    MR_T_POLYGON,
    MR_T_LTREE,
    MR_T_HSTORE,
    MR_T_GEOMETRY, /* texts and EWKB as hex: staged as text like MR_T_CAST (T-39) */
    MR_T_GEOGRAPHY,
    MR_T_VECTOR,
    MR_T_HALFVEC,
    MR_T_SPARSEVEC,
    MR_N_TYPES
};

/* The smallest field that an interval column keeps (`interval hour to minute`). */
enum mr_interval_field {
    MR_FIELD_YEAR,
    MR_FIELD_MONTH,
    MR_FIELD_DAY,
    MR_FIELD_HOUR,
    MR_FIELD_MINUTE,
    MR_FIELD_SECOND
};

/* A type of PostGIS? */
static inline bool mr_is_geometry(enum mr_type type)
{
    return type == MR_T_GEOMETRY || type == MR_T_GEOGRAPHY;
}

/* The attributes of a row type, in its order. */
struct mr_composite {
    uint16_t n;
    const struct mr_column *attrs;
};

/* The labels of an enum of the target, sorted by their bytes. */
struct mr_labels {
    uint32_t n;
    const char **texts;
};

struct mr_coltype {
    enum mr_type type;
    enum mr_type elem; /* of MR_T_ARRAY; of a MR_T_CAST whose texts are the target's own array
                          literals MR_T_CAST, as of inet[], or a type of PostGIS, whose literals
                          have colons between their items; else MR_T_NONE */
    int32_t length;    /* varchar, bpchar: characters; bit: bits; cast: bytes; interval: enum
                          mr_interval_field; vectors: dimensions; -1: none */
    int32_t precision; /* numeric; of times and intervals the digits of a second; -1: all */
    int32_t scale;     /* numeric, cast; 0 where precision is -1 */
    bool domain;       /* the column's type is a domain over what the rest describes */
    uint32_t oid;      /* of the type in the target; 0 where the target has none */
    uint32_t elem_oid; /* of an array's element */
    const char *sql;   /* the type as the target's SQL spells it, schema-qualified; in arena; NULL
                          in a wanted shape: the dialect makes it */
    const char *base_sql; /* of a domain with constraints: its base type, which is what the rest of
                             this describes; staged as that, cast in the merge (T-47); NULL */
    bool composite;       /* a row type of the target's own: takes its row literals, and records
                             whose fields are its attributes (T-47) */
    const struct mr_composite *row; /* of that, or of an array's items that are; in arena; NULL */
    const struct mr_labels *labels; /* of an enum, or of the enum that an array's items are, as the
                                       table was read; in arena; NULL: not known */
    bool as_number; /* the target stores a text that looks like a number as int64 or as a double:
                       what that would change is the record's fault (L-03) */
};

struct mr_column {
    const char *name; /* in arena */
    struct mr_coltype type;
    bool not_null;
    bool has_default;
    bool generated;       /* STORED or VIRTUAL: never written (V-15) */
    bool identity_always; /* OVERRIDING SYSTEM VALUE (V-16) */
};

/* A valid, immediate, non-partial unique index without expressions (V-17). */
struct mr_unique {
    const char
        *name; /* of the index, as the target tells it in errors; in arena; NULL: not known */
    uint16_t n_cols;
    bool primary;
    const uint16_t *cols; /* column indexes, ascending by index position; in arena */
    /* The equality of each column's operator class as the target's SQL spells it (I-12); in arena;
     * NULL: plain equality. For the sink that made the table. */
    const char *const *eq_ops;
    /* " COLLATE ..." of each column whose index compares by a nondeterministic collation, "" of
     * others; in arena; NULL: none at all. For the sink that made the table. */
    const char *const *collations;
    /* A column whose equality only the target knows: citext, a nondeterministic collation, a type
     * that texts are cast to (F-33). Its name; in arena; NULL: none. */
    const char *loose;
};

/* Another table, or itself, that a foreign key of the table asks for rows. */
struct mr_ref {
    const char *schema; /* as mr_table has it; in arena, like the name */
    const char *name;
};

/* What tells that a table changed since it was read (V-13); opaque to all but its sink. */
struct mr_table_version {
    uint64_t v[4];
    uint8_t n_words; /* so many of them, when equal, say that nothing changed; 0: only the object */
};

enum { MR_TABLE_MAX_COLUMNS = 1600 };

struct mr_table {
    _Atomic uint32_t refs;
    struct mr_arena arena; /* owns everything below */
    const char *schema;    /* "" in SQLite */
    const char *name;
    struct mr_column *columns;
    uint16_t n_columns;
    struct mr_unique *uniques;
    uint16_t n_uniques;
    /* As the table was read: keys that were added since are not among them. */
    const struct mr_ref *references;
    uint16_t n_references;
    /* Row types that columns are made of, by oid of their attributes' owner; in arena. For the sink
     * that made the table. */
    const uint32_t *rows;
    uint16_t n_rows;
    bool made_by_us; /* in millrace.tables: may be altered by evolve, gets its key index */
    struct mr_table_version version;
};

/* An empty table with one reference; NULL when memory is out. Gives: mr_table_unref(). */
struct mr_table *mr_table_new(void);
struct mr_table *mr_table_ref(struct mr_table *table);
void mr_table_unref(struct mr_table *table); /* NULL is allowed */

/* Do both say the same, though they may have been read at different times? Rows made for one then
 * fit the other. */
bool mr_table_same(const struct mr_table *a, const struct mr_table *b);

/* Index of a column: exact name first, then unique case-insensitive match (I-11); -1 if absent. */
int mr_table_column(const struct mr_table *table, const char *name);
/* A column of this key whose equality only the target knows (F-33); NULL: they are equal by their
 * canonical form. */
const char *mr_table_loose_key(const struct mr_table *table, const uint16_t *cols, uint16_t n_cols);
/* Is `index` the name of a unique index over exactly this key? */
bool mr_table_is_key_index(const struct mr_table *table, const uint16_t *cols, uint16_t n_cols,
                           const char *index);
const char *mr_type_name(enum mr_type type); /* "int4", "timestamptz": for messages */

#endif
