/* Columns that no field fills: their order and types. */
#include "schemas/shape.h"
#include "tests/support/mr_test.h"

/* */
MR_TEST("append's own columns come first, then meta, then constants")
{
    static const struct mr_route_meta meta[] = {{MR_META_OFFSET, "off"}};
    static const struct mr_route_constant constants[] = {{"c", MR_CONSTANT_TRUTH, "true", "int"}};
    static const struct {
        const char *name;
        enum mr_type type;
        enum mr_origin origin;
    } wanted[] = {{"_op", MR_T_TEXT, MR_FROM_OP},
                  {"_unavailable", MR_T_ARRAY, MR_FROM_UNAVAILABLE},
                  {"off", MR_T_INT8, MR_FROM_META},
                  {"c", MR_T_BOOL, MR_FROM_CONSTANT}};
    struct mr_route route = {.strategy = MR_STRATEGY_APPEND,
                             .meta = meta,
                             .n_meta = 1,
                             .constants = constants,
                             .n_constants = 1};
    struct mr_shape_extra extra;
    for (uint16_t i = 0; i < 4; i++) {
        MR_CHECK(mr_shape_extra(&route, i, &extra));
        MR_CHECK_STR(extra.name, wanted[i].name);
        MR_CHECK_INT(extra.type.type, wanted[i].type);
        MR_CHECK_INT(extra.source.origin, wanted[i].origin);
    }
    MR_CHECK_STR(extra.cast, "int");
    MR_CHECK_STR(extra.source.constant, "true");
    MR_CHECK(!mr_shape_extra(&route, 4, &extra));
    route.strategy = MR_STRATEGY_UPSERT;
    MR_CHECK(mr_shape_extra(&route, 0, &extra));
    MR_CHECK_STR(extra.name, "off");
}
