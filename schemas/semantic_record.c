/* Owns what the fields of semantic records are called. Must not convert. Sources: Debezium,
 * io.debezium.time.Structured*, io.debezium.data.geometry.*, io.debezium.data.vector.*. */
#include "schemas/semantic_record.h"

#include "schemas/walk.h"

#include "base/ban.h"

#define KIND(k) (UINT32_C(1) << (k))
#define INTS (KIND(MR_AV_INT) | KIND(MR_AV_LONG))
#define REALS (KIND(MR_AV_FLOAT) | KIND(MR_AV_DOUBLE))
#define TEXTS (KIND(MR_AV_STRING) | KIND(MR_AV_ENUM))
#define BYTES (KIND(MR_AV_BYTES) | KIND(MR_AV_FIXED))

#define NOT_THERE(name) {name, 0, false}
#define DATE_PARTS                                                                                 \
    {"year", INTS, true}, {"month", INTS, true},                                                   \
    {                                                                                              \
        "day", INTS, true                                                                          \
    }
#define NO_DATE_PARTS NOT_THERE("year"), NOT_THERE("month"), NOT_THERE("day")
#define TIME_PARTS                                                                                 \
    {"hour", INTS, true}, {"minute", INTS, true}, {"second", INTS, true}, {"nanos", INTS, false},  \
    {                                                                                              \
        "picoseconds", INTS, false                                                                 \
    }
#define ZONE_PARTS                                                                                 \
    {"offsetSeconds", INTS, true},                                                                 \
    {                                                                                              \
        "zoneId", TEXTS, false                                                                     \
    }
#define SPECIAL_PART {"specialValue", TEXTS, false}

static const struct mr_record_spec var_decimal = {2,
                                                  {{"scale", INTS, true}, {"value", BYTES, true}}};
static const struct mr_record_spec date = {4, {SPECIAL_PART, DATE_PARTS}};
static const struct mr_record_spec time_of_day = {9, {SPECIAL_PART, NO_DATE_PARTS, TIME_PARTS}};
static const struct mr_record_spec moment = {9, {SPECIAL_PART, DATE_PARTS, TIME_PARTS}};
static const struct mr_record_spec zoned_time = {
    11, {SPECIAL_PART, NO_DATE_PARTS, TIME_PARTS, ZONE_PARTS}};
static const struct mr_record_spec zoned_moment = {
    11, {SPECIAL_PART, DATE_PARTS, TIME_PARTS, ZONE_PARTS}};
static const struct mr_record_spec duration = {9,
                                               {SPECIAL_PART,
                                                {"years", INTS, true},
                                                {"months", INTS, true},
                                                {"days", INTS, true},
                                                {"hours", INTS, true},
                                                {"minutes", INTS, true},
                                                {"seconds", INTS, true},
                                                {"nanos", INTS, false},
                                                {"picoseconds", INTS, false}}};
static const struct mr_record_spec geometry = {
    3, {{"wkb", BYTES, true}, {"srid", INTS, false}, {"extensions", KIND(MR_AV_MAP), false}}};
static const struct mr_record_spec point = {5,
                                            {{"wkb", BYTES, false},
                                             {"srid", INTS, false},
                                             {"extensions", KIND(MR_AV_MAP), false},
                                             {"x", REALS, true},
                                             {"y", REALS, true}}};
static const struct mr_record_spec circle = {
    2, {{"center", KIND(MR_AV_RECORD), true}, {"radius", REALS, true}}};
static const struct mr_record_spec line = {
    3, {{"a", REALS, true}, {"b", REALS, true}, {"c", REALS, true}}};
static const struct mr_record_spec sparse = {
    2, {{"dimensions", INTS, true}, {"vector", KIND(MR_AV_MAP) | KIND(MR_AV_ARRAY), true}}};

const struct mr_record_spec *mr_record_spec(enum mr_semantic semantic)
{
    static const struct mr_record_spec *const specs[MR_N_SEMANTICS] = {
        [MR_SEM_VAR_DECIMAL] = &var_decimal,
        [MR_SEM_VAR_DECIMAL_RECORD] = &var_decimal,
        [MR_SEM_S_DATE] = &date,
        [MR_SEM_S_TIME] = &time_of_day,
        [MR_SEM_S_TS] = &moment,
        [MR_SEM_S_ZONED_TIME] = &zoned_time,
        [MR_SEM_S_ZONED_TS] = &zoned_moment,
        [MR_SEM_S_DURATION] = &duration,
        [MR_SEM_GEOMETRY] = &geometry,
        [MR_SEM_GEOGRAPHY] = &geometry,
        [MR_SEM_POINT] = &point,
        [MR_SEM_CIRCLE] = &circle,
        [MR_SEM_LINE] = &line,
        [MR_SEM_SPARSEVEC] = &sparse,
    };
    return specs[semantic];
}

static const struct mr_avro_node *inner_of(const struct mr_avro_node *node, int *null_branch)
{
    const struct mr_avro_node *inner = node;
    uint32_t at;
    *null_branch = mr_avro_nullable(node, &inner, &at) ? (int)at : -1;
    return inner;
}

static int part_find(const struct mr_record_spec *spec, const char *name)
{
    for (uint8_t k = 0; k < spec->n; k++) {
        if (strcmp(spec->parts[k].name, name) == 0)
            return k;
    }
    return -1;
}

/* The record's own level: names and kinds, not what its containers hold. */
static bool parts_fit(const struct mr_record_spec *spec, const struct mr_avro_node *node)
{
    uint32_t found = 0;
    int ignored;
    for (uint16_t i = 0; i < node->n_fields; i++) {
        int k = part_find(spec, node->fields[i].name);
        if (k < 0 || spec->parts[k].kinds == 0)
            continue;
        const struct mr_avro_node *inner = inner_of(node->fields[i].type, &ignored);
        if ((spec->parts[k].kinds & KIND(inner->kind)) == 0)
            return false;
        found |= UINT32_C(1) << k;
    }
    for (uint8_t k = 0; k < spec->n; k++) {
        if (spec->parts[k].required && (found >> k & 1) == 0)
            return false;
    }
    return true;
}

/* The parts of one that hold others; a point holds none of them, so one level down is all. */
static bool container_fits(const struct mr_avro_node *part, const char *name)
{
    int ignored;
    if (strcmp(name, "center") == 0)
        return parts_fit(&point, part);
    if (strcmp(name, "vector") != 0)
        return true;
    if (part->kind == MR_AV_MAP)
        return (REALS & KIND(part->items->kind)) != 0;
    const struct mr_avro_node *item = part->items;
    return item->kind == MR_AV_RECORD && item->n_fields == 2 &&
           (INTS & KIND(inner_of(item->fields[0].type, &ignored)->kind)) != 0 && ignored < 0 &&
           (REALS & KIND(item->fields[1].type->kind)) != 0;
}

bool mr_record_fits(const struct mr_record_spec *spec, const struct mr_avro_node *node)
{
    int ignored;
    if (!parts_fit(spec, node))
        return false;
    for (uint16_t i = 0; i < node->n_fields; i++) {
        const struct mr_avro_field *field = &node->fields[i];
        if (part_find(spec, field->name) >= 0 &&
            !container_fits(inner_of(field->type, &ignored), field->name))
            return false;
    }
    return true;
}

static void part_read(struct mr_wire *w, const struct mr_avro_node *inner, struct mr_part *part)
{
    struct mr_value v = {.i = 0};
    const uint8_t *first = w->at;
    part->set = true;
    part->node = inner;
    if (inner->kind == MR_AV_RECORD || inner->kind == MR_AV_MAP || inner->kind == MR_AV_ARRAY) {
        (void)mr_walk_skip(w, inner);
        part->s = (struct mr_slice){first, (size_t)(w->at - first)};
        return;
    }
    (void)mr_walk_scalar(w, inner, &v);
    part->i = v.i;
    part->d = v.d;
    part->s = v.s;
}

void mr_record_read(const struct mr_record_spec *spec, const struct mr_avro_node *node,
                    struct mr_slice bytes, struct mr_part *parts)
{
    struct mr_wire w;
    mr_wire_init(&w, bytes, UINT32_MAX);
    memset(parts, 0, spec->n * sizeof *parts);
    for (uint16_t i = 0; i < node->n_fields; i++) {
        const struct mr_avro_field *field = &node->fields[i];
        int null_branch;
        uint32_t branch;
        int k = part_find(spec, field->name);
        const struct mr_avro_node *inner = inner_of(field->type, &null_branch);
        if (k < 0 || spec->parts[k].kinds == 0) {
            (void)mr_walk_skip(&w, field->type);
            continue;
        }
        parts[k].known = true;
        if (null_branch >= 0 && (!mr_wire_branch(&w, 2, &branch) || (int)branch == null_branch))
            continue;
        part_read(&w, inner, &parts[k]);
    }
}
