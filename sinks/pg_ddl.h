/* Statements that make and alter users' tables, shared by pg_ddl.c (carries them out), pg_alter.c
 * (ALTER TABLE), pg_wish.c (types of extensions); nobody outside pg_*.c includes it. */
#ifndef MR_SINKS_PG_DDL_H
#define MR_SINKS_PG_DDL_H

#include "sinks/pg.h"

/* ---- pg_wish.c ---- */
/* The wish with every column's type as this target has it; what is new is in `arena`. */
int mr_pg_sink_wish(struct mr_sink *sink, const struct mr_ddl *ddl, struct mr_arena *arena,
                    struct mr_ddl *out, struct mr_err *err);
int mr_pg_wish_resolve(struct mr_pg_conn *conn, const struct mr_ddl *ddl, struct mr_arena *arena,
                       struct mr_ddl *out, struct mr_err *err);

/* ---- pg_ddl.c ---- */
int mr_pg_table_apply(struct mr_sink *sink, const char *schema, const char *name,
                      const struct mr_ddl *ddl, struct mr_err *err);
void mr_pg_ddl_print(struct mr_sink *sink, const struct mr_table *now, const struct mr_ddl *ddl,
                     struct mr_buf *out);
void mr_pg_type_sql(struct mr_buf *sql, const struct mr_coltype *type); /* a wanted column's type */

/* ---- pg_alter.c ---- */
/* Appends the ALTER TABLE that the table still needs; nothing where somebody else did it already.
 * Reads the table on `conn`, in whose transaction the table's DDL lock is held (V-12). `defaults`:
 * with the columns' DEFAULT (V-06). */
int mr_pg_alter_sql(struct mr_pg_sink *sink, struct mr_pg_conn *conn, const struct mr_table *place,
                    const struct mr_ddl *ddl, bool defaults, struct mr_buf *sql,
                    struct mr_err *err);
/* The same from a table that was read already; for who only shows the statement. */
void mr_pg_alter_print(struct mr_buf *sql, const struct mr_table *now, const struct mr_ddl *ddl,
                       bool defaults);
void mr_pg_create_print(struct mr_buf *sql, const struct mr_table *place, const struct mr_ddl *ddl);

#endif
