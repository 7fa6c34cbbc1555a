/* Owns which meanings are a loss by themselves. Measured against a real connector, value by value:
 * docs/sources.md, tests/integration/test_debezium.py. */
#include "schemas/losses.h"

#include "schemas/shape.h"

#include "base/ban.h"

static const struct mr_loss folded = {
    "an interval's months and days, folded into microseconds (a month is 30.4375 days)",
    "interval.handling.mode = string, or time.precision.mode = structured, at the connector"};
static const struct mr_loss in_utc = {"a timetz's offset: the same time comes in UTC",
                                      "time.precision.mode = structured at the connector"};
static const struct mr_loss without_scale = {
    "NaN, which comes as NULL, and zeros behind the point (1.10 comes as 1.1)",
    "decimal.handling.mode = string at the connector"};

static const struct mr_loss *const losses[MR_N_SEMANTICS] = {
    [MR_SEM_DURATION_US] = &folded,
    [MR_SEM_DURATION_NS] = &folded,
    [MR_SEM_ZONED_TIME] = &in_utc,
    [MR_SEM_VAR_DECIMAL] = &without_scale,
    [MR_SEM_VAR_DECIMAL_RECORD] = &without_scale,
};

const struct mr_loss mr_loss_unseen = {
    "a stored out-of-line value that an update leaves unchanged: it comes as NULL",
    "REPLICA IDENTITY FULL at the source, or name the column in unavailable_null_columns"};

const struct mr_loss *mr_loss_of(const struct mr_shape *shape, uint16_t idx)
{
    const struct mr_typed *typed = &shape->sources[idx].typed;
    struct mr_typed items;

    if (!shape->envelope.postgres || typed->node == NULL)
        return NULL;
    if (typed->semantic != MR_SEM_ARRAY)
        return losses[typed->semantic];
    mr_typed_items(typed, &items);
    return losses[items.semantic];
}
