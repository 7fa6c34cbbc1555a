/* What Debezium's PostgreSQL connector has lost before a record is written, as far as the column's
 * meaning tells: nothing behind the source can mend it, but a setting of the connector keeps it.
 * Pure. Threads: any. */
#ifndef MR_SCHEMAS_LOSSES_H
#define MR_SCHEMAS_LOSSES_H

#include "schemas/plan.h"

struct mr_loss {
    const char *what;   /* is lost */
    const char *remedy; /* what keeps it, at the source */
};

/* Of the shape's column `idx`; NULL: its type tells of no loss, or the connector is another one
 * (Oracle's NUMBER is the same record, and whole). */
const struct mr_loss *mr_loss_of(const struct mr_shape *shape, uint16_t idx);

/* Of a column that mr_plan_is_unseen() names. */
extern const struct mr_loss mr_loss_unseen;

#endif
