/* Statement texts of the PostgreSQL sink: pure, no connection. Inside the PostgreSQL sink only. */
#ifndef MR_SINKS_PG_MERGE_H
#define MR_SINKS_PG_MERGE_H

#include "base/buf.h"
#include "schemas/rows.h"

void mr_pg_ident(struct mr_buf *sql, const char *name);   /* quoted, I-02 */
void mr_pg_literal(struct mr_buf *sql, const char *text); /* quoted; for settings and arrays */
void mr_pg_table_name(struct mr_buf *sql, const struct mr_table *table);
/* Elements of array literals, to be sent as parameters. */
void mr_pg_array_text(struct mr_buf *out, bool first, const char *text);
void mr_pg_array_i64(struct mr_buf *out, bool first, int64_t v);

#define MR_PG_ROW_NUMBER "\"millrace row number\""

struct mr_pg_stage_use {
    const struct mr_table *table;
    const struct mr_colset *cols;
    bool numbered; /* a further column, MR_PG_ROW_NUMBER, tells each row's place in the COPY */
    char name[64]; /* pg_temp."millrace_s_<oid>_<id>" without the schema */
};
/* Is a value of the type staged as text and cast in the merge (X-08, T-39)? */
bool mr_pg_staged_as_text(enum mr_type type);
bool mr_pg_needs_stage(const struct mr_table *table, const struct mr_colset *cols);
void mr_pg_stage_create_sql(struct mr_buf *sql, const struct mr_pg_stage_use *stage);
void mr_pg_copy_sql(struct mr_buf *sql, const struct mr_table *table, const struct mr_colset *cols);
void mr_pg_stage_copy_sql(struct mr_buf *sql, const struct mr_pg_stage_use *stage);
bool mr_pg_insert_sql(struct mr_buf *sql, const struct mr_pg_stage_use *stage,
                      const struct mr_colset *key, bool upsert);
void mr_pg_update_sql(struct mr_buf *sql, const struct mr_pg_stage_use *stage,
                      const struct mr_colset *key, const uint64_t *mask);
/* The numbers of staged rows whose key the table does not have. */
void mr_pg_missing_sql(struct mr_buf *sql, const struct mr_pg_stage_use *stage,
                       const struct mr_colset *key);
/* Number of each staged key that equals one before it, and the number of the first of those. */
void mr_pg_groups_sql(struct mr_buf *sql, const struct mr_pg_stage_use *stage);
/* A table's stored guard (alias t) as octets that compare bytewise. */
void mr_pg_guard_octets_sql(struct mr_buf *sql, const char *column, bool single);
/* Number, and stored guard as hex, of the rows whose keys are staged. */
void mr_pg_guards_sql(struct mr_buf *sql, const struct mr_pg_stage_use *stage,
                      const struct mr_guard_use *guard);
/* Number and columns, as they are staged, of the rows whose keys are staged; locks them. */
void mr_pg_read_sql(struct mr_buf *sql, const struct mr_pg_stage_use *stage,
                    const struct mr_colset *cols);
/* Deletes one row that looks as the staged one but for the masked columns (E-40). `by_value`: it
 * may be another spelling of the same numbers and documents, as 1.0 is of 1.00. */
void mr_pg_delete_match_sql(struct mr_buf *sql, const struct mr_pg_stage_use *stage,
                            const uint64_t *mask, bool by_value);
/* Are there other spellings of such a row? */
bool mr_pg_matches_by_value(const struct mr_table *table, const struct mr_colset *cols,
                            const uint64_t *mask);
void mr_pg_delete_sql(struct mr_buf *sql, const struct mr_pg_stage_use *stage);
/* DELETE ... WHERE key = ANY ($1); false where the key's type has no such form. */
bool mr_pg_delete_any_sql(struct mr_buf *sql, const struct mr_table *table,
                          const struct mr_colset *key);

#endif
