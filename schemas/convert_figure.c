/* Owns geometries and figures: from records, bytes and texts into columns (contract.md T-39..T-41).
 */
#include <math.h>

#include "schemas/convert_write.h"
#include "schemas/figure.h"
#include "schemas/semantic_record.h"
#include "schemas/wire.h"
#include "schemas/wkb.h"

#include "base/ban.h"

static int invalid(struct mr_convert_run *run, const char *what)
{
    return mr_err_set(run->err, MR_VALUE_INVALID, "%s", what);
}

static int no_memory(struct mr_convert_run *run)
{
    return mr_err_set(run->err, MR_VALUE_TOO_LARGE, "a geometry");
}

/* The value of a key of the extensions; data NULL: it is not there. */
static struct mr_slice extension(const struct mr_part *map, const char *name)
{
    struct mr_wire w;
    struct mr_wire_block block = {.n = 0};
    struct mr_slice none = {NULL, 0};
    struct mr_slice key;
    struct mr_slice text;
    uint32_t null_branch = 0;
    const struct mr_avro_node *inner = NULL;
    if (!map->set)
        return none;
    bool nullable = mr_avro_nullable(map->node->items, &inner, &null_branch);
    if ((nullable ? inner : map->node->items)->kind != MR_AV_STRING)
        return none;
    mr_wire_init(&w, map->s, 0);
    while (mr_wire_block_open(&w, 1, &block) && block.n > 0) {
        for (; block.n > 0; block.n--) {
            uint32_t branch = UINT32_MAX;
            if (!mr_wire_bytes(&w, &key) || (nullable && !mr_wire_branch(&w, 2, &branch)))
                return none;
            if (nullable && branch == null_branch)
                continue;
            if (!mr_wire_bytes(&w, &text))
                return none;
            if (mr_slice_eq(key, mr_slice_str(name)))
                return text;
        }
    }
    return none;
}

/* EWKB of a checked geometry, in run->text where it had to be changed. */
static int with_srid(struct mr_convert_run *run, struct mr_slice wkb, const struct mr_part *srid,
                     struct mr_slice *out)
{
    struct mr_wkb head;
    *out = wkb;
    if (!mr_wkb_check(wkb, &head))
        return invalid(run, "no well-known binary geometry");
    if (!srid->set || srid->i == 0)
        return 0;
    if (srid->i < 0 || srid->i > INT32_MAX || (head.has_srid && head.srid != srid->i))
        return invalid(run, "an SRID that cannot be, or two of them");
    if (head.has_srid)
        return 0;
    mr_buf_reset(&run->more);
    mr_wkb_with_srid(wkb, (int32_t)srid->i, &run->more);
    mr_buf_reset(&run->text);
    mr_buf_add(&run->text, run->more.data, run->more.len);
    if (!mr_buf_ok(&run->more) || !mr_buf_ok(&run->text))
        return no_memory(run);
    *out = (struct mr_slice){run->text.data, run->text.len};
    return 0;
}

int mr_norm_geometry(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_part parts[MR_PARTS_MAX];
    mr_record_read(mr_record_spec(c->semantic), c->node, v->s, parts);
    if (!parts[MR_PART_WKB].set)
        return invalid(run, "a geometry without its bytes");
    v->i = mr_slice_eq(extension(&parts[MR_PART_EXTENSIONS], "closed"), mr_slice_str("true"));
    return with_srid(run, parts[MR_PART_WKB].s, &parts[MR_PART_SRID], &v->s);
}

/* The bytes of a Point may hold more than x and y: they are what a geometry gets. */
int mr_norm_point(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_part parts[MR_PARTS_MAX];
    mr_record_read(mr_record_spec(c->semantic), c->node, v->s, parts);
    bool have_xy = parts[MR_PART_X].set && parts[MR_PART_Y].set;
    bool have_wkb = parts[MR_PART_WKB].set && parts[MR_PART_WKB].s.len > 0;
    bool whole =
        c->to.type == MR_T_GEOMETRY || c->to.type == MR_T_GEOGRAPHY || c->to.type == MR_T_BYTEA;
    struct mr_slice wkb = parts[MR_PART_WKB].s;
    if (!have_xy && !have_wkb)
        return invalid(run, "a point without coordinates");
    if (have_xy && !(whole && have_wkb)) {
        mr_buf_reset(&run->text);
        mr_wkb_point(parts[MR_PART_X].d, parts[MR_PART_Y].d, &run->text);
        if (!mr_buf_ok(&run->text))
            return no_memory(run);
        wkb = (struct mr_slice){run->text.data, run->text.len};
    }
    v->i = 0;
    return with_srid(run, wkb, &parts[MR_PART_SRID], &v->s);
}

static int set_figure(struct mr_convert_run *run, enum mr_type type, const double *numbers,
                      struct mr_value *v)
{
    mr_buf_reset(&run->items);
    mr_buf_add(&run->items, numbers, 3 * sizeof *numbers);
    if (!mr_buf_ok(&run->items))
        return no_memory(run);
    v->figure = (struct mr_figure){.n = 3, .v = mr_buf_items(&run->items)};
    return mr_figure_valid(type, &v->figure) ? 0 : invalid(run, "numbers that make no figure");
}

int mr_norm_circle(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_part parts[MR_PARTS_MAX];
    struct mr_part center[MR_PARTS_MAX];
    mr_record_read(mr_record_spec(c->semantic), c->node, v->s, parts);
    if (!parts[MR_PART_CENTER].set || !parts[MR_PART_RADIUS].set)
        return invalid(run, "a circle without center or radius");
    mr_record_read(mr_record_spec(MR_SEM_POINT), parts[MR_PART_CENTER].node,
                   parts[MR_PART_CENTER].s, center);
    if (!center[MR_PART_X].set || !center[MR_PART_Y].set)
        return invalid(run, "a circle without its center");
    const double numbers[3] = {center[MR_PART_X].d, center[MR_PART_Y].d, parts[MR_PART_RADIUS].d};
    return set_figure(run, MR_T_CIRCLE, numbers, v);
}

int mr_norm_line(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_part parts[MR_PARTS_MAX];
    mr_record_read(mr_record_spec(c->semantic), c->node, v->s, parts);
    if (!parts[0].set || !parts[1].set || !parts[2].set)
        return invalid(run, "a line without its three numbers");
    const double numbers[3] = {parts[0].d, parts[1].d, parts[2].d};
    return set_figure(run, MR_T_LINE, numbers, v);
}

void mr_geometry_print(struct mr_buf *out, const struct mr_convert *c, const struct mr_value *v)
{
    static const char hex[] = "0123456789ABCDEF";
    struct mr_wkb head;
    struct mr_buf xy = MR_BUF_INIT;
    bool flat = c->semantic == MR_SEM_POINT && !mr_is_geometry(c->to.type) &&
                mr_wkb_check(v->s, &head) && !head.has_srid && head.type == MR_WKB_POINT &&
                mr_wkb_points(v->s, &xy) && mr_buf_ok(&xy);
    if (flat) {
        struct mr_figure figure = {.n = 2, .v = mr_buf_items(&xy)};
        mr_figure_print(out, MR_T_POINT, &figure);
    }
    for (size_t i = 0; !flat && i < v->s.len; i++) {
        mr_buf_byte(out, (uint8_t)hex[v->s.data[i] >> 4]);
        mr_buf_byte(out, (uint8_t)hex[v->s.data[i] & 15]);
    }
    mr_buf_release(&xy);
}

int mr_write_figure(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    run->emit->figure(run->out, &c->to, &v->figure);
    return 0;
}

/* The corners of a rectangle with upright sides, as two of them; false if it is none. */
static bool to_box(double *xy, uint32_t *n)
{
    if (*n != 10 || xy[0] != xy[8] || xy[1] != xy[9])
        return false;
    for (int i = 0; i < 8; i += 2) {
        bool upright = xy[i] == xy[i + 2];
        bool level = xy[i + 1] == xy[i + 3];
        /* Sides take turns, unless the box has no width or height. */
        bool turn = i == 0 || (xy[i - 2] == xy[i] ? level || xy[i - 1] == xy[i + 1] : upright);
        if ((!upright && !level) || !turn)
            return false;
    }
    xy[2] = xy[4];
    xy[3] = xy[5];
    *n = 4;
    mr_figure_box(xy);
    return true;
}

/* Points of a geometry as those of the figure. */
static bool to_figure(enum mr_type to, uint32_t wkb_type, double *xy, uint32_t *n)
{
    switch ((int)to) {
    case MR_T_POINT:
        return wkb_type == MR_WKB_POINT;
    case MR_T_LSEG:
        return wkb_type == MR_WKB_LINE && *n == 4;
    case MR_T_PATH:
        return wkb_type == MR_WKB_LINE && *n >= 2;
    case MR_T_BOX:
        return wkb_type == MR_WKB_POLYGON && to_box(xy, n);
    default:
        /* A ring ends where it began, a polygon does not say so. */
        if (wkb_type != MR_WKB_POLYGON || *n < 4 || xy[0] != xy[*n - 2] || xy[1] != xy[*n - 1])
            return false;
        *n -= 2;
        return true;
    }
}

int mr_write_geometry_figure(struct mr_convert_run *run, const struct mr_convert *c,
                             struct mr_value *v)
{
    struct mr_wkb head;
    mr_buf_reset(&run->items);
    if (!mr_wkb_check(v->s, &head) || !mr_wkb_points(v->s, &run->items))
        return mr_err_set(run->err, MR_VALUE_INVALID, "the geometry is no %s",
                          mr_type_name(c->to.type));
    if (!mr_buf_ok(&run->items))
        return no_memory(run);
    if (head.has_srid && head.srid != 0 && !c->lossy)
        return mr_err_set(run->err, MR_VALUE_LOSSY, "SRID %d into %s", (int)head.srid,
                          mr_type_name(c->to.type));
    double *xy = mr_buf_items(&run->items);
    struct mr_figure figure = {.closed = c->to.type == MR_T_PATH && v->i != 0,
                               .n = (uint32_t)(run->items.len / sizeof *xy),
                               .v = xy};
    if (!to_figure(c->to.type, head.type, xy, &figure.n))
        return mr_err_set(run->err, MR_VALUE_INVALID, "the geometry is no %s",
                          mr_type_name(c->to.type));
    run->emit->figure(run->out, &c->to, &figure);
    return 0;
}

int mr_write_bytes_geometry(struct mr_convert_run *run, const struct mr_convert *c,
                            struct mr_value *v)
{
    struct mr_wkb head;
    if (!mr_wkb_check(v->s, &head))
        return invalid(run, "no well-known binary geometry");
    return mr_write_bytes(run, c, v);
}

int mr_parse_figure(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_figure figure;
    if (!mr_figure_parse(v->s, c->to.type, &run->items, &figure))
        return mr_err_set(run->err, MR_VALUE_INVALID, "the text is no value of %s",
                          mr_type_name(c->to.type));
    run->emit->figure(run->out, &c->to, &figure);
    return 0;
}
