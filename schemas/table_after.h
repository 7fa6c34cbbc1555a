/* A table as it would be after a DDL wish, for sinks without a catalogue and for who only shows
 * what would be done. Pure. Threads: any. */
#ifndef MR_SCHEMAS_TABLE_AFTER_H
#define MR_SCHEMAS_TABLE_AFTER_H

#include "schemas/plan.h"

/* `now`: the table, or for CREATE one of which only the names count. A new table with one reference
 * (its columns have no version, no operators, and the wanted types as the wish has them); NULL when
 * memory is out. */
struct mr_table *mr_table_after(const struct mr_table *now, const struct mr_ddl *ddl);

#endif
