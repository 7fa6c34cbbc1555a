/* Owns the parts of a plan that is shown: statements, columns, faults with what would mend them.
 * Must not ask brokers, registry or catalogue. Texts live in the planning's arena; where it is
 * full, they are "". */
#include "consumer/planned.h"

#include <string.h>

#include "schemas/losses.h"
#include "schemas/shape.h"
#include "schemas/table_after.h"
#include "schemas/widen.h"

#include "base/ban.h"

static const char *kept(struct planned_work *work, struct mr_buf *text)
{
    const char *copy = mr_arena_copy(&work->planning->arena, mr_buf_cstr(text), text->len + 1);
    mr_buf_release(text);
    return copy != NULL ? copy : "";
}

static const char *kept_text(struct planned_work *work, const char *text)
{
    const char *copy = mr_arena_copy(&work->planning->arena, text, strlen(text) + 1);
    return copy != NULL ? copy : "";
}

void planned_trouble(struct mr_planned *out, const struct mr_err *err, const char *sql)
{
    for (size_t i = 0; i < out->n_troubles; i++) {
        if (out->troubles[i].err.code == err->code &&
            strcmp(out->troubles[i].err.detail, err->detail) == 0)
            return;
    }
    if (out->n_troubles < MR_PLANNED_TROUBLES)
        out->troubles[out->n_troubles++] = (struct mr_planned_trouble){.err = *err, .sql = sql};
}

/* ---- statements ---- */

static struct mr_table place_of(const struct planned_work *work)
{
    return (struct mr_table){.schema = work->target->schema, .name = work->target->name};
}

static const char *statement(struct planned_work *work, const struct mr_ddl *ddl)
{
    const struct mr_sink_ops *ops = work->planning->sink->ops;
    struct mr_table place = place_of(work);
    struct mr_buf sql = MR_BUF_INIT;

    ops->ddl_print(work->planning->sink, work->table != NULL ? work->table : &place, ddl, &sql);
    return kept(work, &sql);
}

int planned_resolve(struct planned_work *work, struct mr_ddl *ddl, struct mr_err *err)
{
    struct mr_sink *sink = work->planning->sink;
    struct mr_ddl wish = *ddl;

    return sink->ops->wish_resolve(sink, &wish, &work->planning->arena, ddl, err);
}

void planned_statement(struct planned_work *work, const struct mr_ddl *ddl)
{
    struct mr_planned *out = work->out;
    const char *sql = statement(work, ddl);

    if (*sql != '\0' && out->n_statements < MR_PLANNED_STATEMENTS)
        out->statements[out->n_statements++] = sql;
}

int planned_apply(struct planned_work *work, const struct mr_ddl *ddl, struct mr_err *err)
{
    struct mr_table place = place_of(work);
    struct mr_table *after = mr_table_after(work->table != NULL ? work->table : &place, ddl);

    if (after == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "no memory for a table");
    mr_table_unref(work->table);
    work->table = after;
    return 0;
}

/* ---- types ---- */

static void quoted(struct mr_buf *out, const char *name)
{
    mr_buf_byte(out, '"');
    for (; *name != '\0'; name++) {
        if (*name == '"')
            mr_buf_byte(out, '"');
        mr_buf_byte(out, (uint8_t)*name);
    }
    mr_buf_byte(out, '"');
}

/* As the sink would declare it: what stands behind the name in its ADD COLUMN. */
static const char *declared(struct planned_work *work, const struct mr_coltype *type)
{
    const struct mr_shape_column column = {.name = "?", .type = *type};
    struct mr_ddl ddl = {.kind = MR_DDL_ADD_COLUMNS, .columns = &column, .n_columns = 1};
    struct mr_err ignored = MR_ERR_INIT;
    struct mr_table bare = {.schema = "", .name = "t"};
    struct mr_buf sql = MR_BUF_INIT;

    if (planned_resolve(work, &ddl, &ignored) == 0)
        work->planning->sink->ops->ddl_print(work->planning->sink, &bare, &ddl, &sql);
    const char *at = strstr(mr_buf_cstr(&sql), "\"?\" ");
    const char *text = kept_text(work, at != NULL ? at + strlen("\"?\" ") : "");
    mr_buf_release(&sql);
    return text;
}

static const char *type_text(struct planned_work *work, const struct mr_coltype *type)
{
    if (type->sql != NULL && *type->sql != '\0')
        return kept_text(work, type->sql);
    const char *text = declared(work, type);
    return *text != '\0' ? text : mr_type_name(type->type == MR_T_ARRAY ? type->elem : type->type);
}

/* ---- by hand ---- */

static void table_quoted(const struct planned_work *work, struct mr_buf *out)
{
    const struct mr_table *table = work->table;
    const char *schema = table != NULL ? table->schema : work->target->schema;

    if (*schema != '\0') {
        quoted(out, schema);
        mr_buf_byte(out, '.');
    }
    quoted(out, table != NULL ? table->name : work->target->name);
}

static const char *index_by_hand(struct planned_work *work, const struct mr_shape *shape)
{
    struct mr_buf sql = MR_BUF_INIT;
    struct mr_buf name = MR_BUF_INIT;

    mr_buf_fmt(&name, "%s_key", work->target->name);
    mr_buf_str(&sql, "CREATE UNIQUE INDEX ");
    quoted(&sql, mr_buf_cstr(&name));
    mr_buf_str(&sql, " ON ");
    table_quoted(work, &sql);
    for (uint16_t k = 0; k < shape->n_key; k++) {
        mr_buf_str(&sql, k == 0 ? " (" : ", ");
        quoted(&sql, shape->columns[shape->key_columns[k]].name);
    }
    mr_buf_byte(&sql, ')');
    mr_buf_release(&name);
    return kept(work, &sql);
}

static const char *alter_by_hand(struct planned_work *work, const char *column, const char *action)
{
    struct mr_buf sql = MR_BUF_INIT;

    if (*column == '\0' || (work->planning->sink->ops->caps & MR_SINK_ALTER) == 0)
        return "";
    mr_buf_str(&sql, "ALTER TABLE ");
    table_quoted(work, &sql);
    mr_buf_str(&sql, " ALTER COLUMN ");
    quoted(&sql, column);
    mr_buf_fmt(&sql, " %s", action);
    return kept(work, &sql);
}

static const char *type_by_hand(struct planned_work *work, const struct mr_shape *shape,
                                const char *column)
{
    struct mr_buf action = MR_BUF_INIT;
    struct mr_buf name = MR_BUF_INIT;
    const char *sql = "";

    for (uint16_t i = 0; i < shape->n_columns && work->table != NULL; i++) {
        int at = mr_shape_match(shape, work->table, i);
        if (at < 0 || strcmp(work->table->columns[at].name, column) != 0)
            continue;
        const char *type = type_text(work, &shape->columns[i].type);
        quoted(&name, column);
        mr_buf_fmt(&action, "TYPE %s USING %s::%s", type, mr_buf_cstr(&name), type);
        sql = alter_by_hand(work, column, mr_buf_cstr(&action));
        break;
    }
    mr_buf_release(&action);
    mr_buf_release(&name);
    return sql;
}

/* What the route does not do, as one that grows its tables would. */
static const char *growth_by_hand(struct planned_work *work, const struct mr_shape *shape)
{
    struct mr_route route = work->route;
    struct mr_ddl ddl = {.kind = MR_DDL_NONE};
    struct mr_err ignored = MR_ERR_INIT;

    route.evolve = MR_EVOLVE_ADD;
    route.create = true;
    if (mr_evolve_diff(shape, work->table, &route, &work->planning->arena, &ddl, &ignored) < 0 ||
        planned_resolve(work, &ddl, &ignored) < 0)
        return "";
    return statement(work, &ddl);
}

const char *planned_by_hand(struct planned_work *work, const struct mr_shape *shape,
                            const struct mr_err *err)
{
    if (shape == NULL)
        return "";
    switch ((int)err->code) {
    case MR_TARGET_MISSING:
    case MR_SCHEMA_FROZEN:
    case MR_SCHEMA_DRIFT:
        return growth_by_hand(work, shape);
    case MR_TARGET_NO_UNIQUE_KEY:
    case MR_KEY_CHANGED:
        return shape->n_key > 0 ? index_by_hand(work, shape) : "";
    case MR_TARGET_NOT_NULL_MISSING:
        return alter_by_hand(work, err->column, "DROP NOT NULL");
    case MR_TYPE_INCOMPATIBLE:
        return type_by_hand(work, shape, err->column);
    default:
        return "";
    }
}

/* ---- columns ---- */

static const char *type_before(struct planned_work *work, const char *name)
{
    for (uint16_t i = 0; work->before != NULL && i < work->before->n_columns; i++) {
        if (strcmp(work->before->columns[i].name, name) == 0)
            return type_text(work, &work->before->columns[i].type);
    }
    return "";
}

static struct mr_planned_column column_of(struct planned_work *work, const struct mr_shape *shape,
                                          uint16_t i)
{
    const struct mr_shape_column *want = &shape->columns[i];
    int at = -1;
    enum mr_fit fit = mr_fit_of(shape, i, work->table, &at);
    const struct mr_column *have =
        at >= 0 && work->table != NULL ? &work->table->columns[at] : NULL;
    const char *name = have != NULL ? have->name : want->name;

    return (struct mr_planned_column){
        .name = kept_text(work, name),
        .field = kept_text(work, want->field != NULL ? want->field : ""),
        .source = kept_text(work, mr_fit_source(shape, i)),
        .type = type_text(work, have != NULL ? &have->type : &want->type),
        .was = type_before(work, name),
        .fit = fit,
        .key = want->key,
        .filled = true,
    };
}

static bool is_filled(const struct mr_shape *shape, const struct mr_table *table, uint16_t col)
{
    for (uint16_t i = 0; i < shape->n_columns; i++) {
        if (mr_shape_match(shape, table, i) == col)
            return true;
    }
    return false;
}

/* V-04: what PostgreSQL could widen, where the route does not. */
static void widenings_find(struct planned_work *work, const struct mr_shape *shape)
{
    struct mr_planned *out = work->out;

    out->n_widenings = 0;
    if ((work->planning->sink->ops->caps & MR_SINK_ALTER) == 0 || work->table == NULL)
        return;
    for (uint16_t i = 0; i < shape->n_columns && out->n_widenings < MR_PLANNED_STATEMENTS; i++) {
        int at = mr_shape_match(shape, work->table, i);
        if (at < 0 || shape->sources[i].typed.node == NULL ||
            mr_widen_kind(&work->table->columns[at].type, &shape->columns[i].type,
                          shape->sources[i].typed.semantic) == MR_WIDEN_NONE)
            continue;
        struct mr_shape_column column = shape->columns[i];
        column.name = work->table->columns[at].name;
        struct mr_ddl ddl = {.kind = MR_DDL_WIDEN, .columns = &column, .n_columns = 1};
        out->widenings[out->n_widenings++] = statement(work, &ddl);
    }
}

void planned_columns(struct planned_work *work, const struct mr_shape *shape)
{
    struct mr_planned *out = work->out;
    uint16_t n_table = work->table != NULL ? work->table->n_columns : 0;

    out->n_columns = 0;
    out->columns = mr_arena_alloc(&work->planning->arena,
                                  ((size_t)shape->n_columns + n_table + 1) * sizeof *out->columns);
    if (out->columns == NULL)
        return;
    for (uint16_t i = 0; i < shape->n_columns; i++)
        out->columns[out->n_columns++] = column_of(work, shape, i);
    for (uint16_t i = 0; i < n_table; i++) {
        const struct mr_column *column = &work->table->columns[i];
        if (is_filled(shape, work->table, i))
            continue;
        out->columns[out->n_columns++] = (struct mr_planned_column){
            .name = kept_text(work, column->name),
            .field = "",
            .source = "",
            .type = type_text(work, &column->type),
            .was = type_before(work, column->name),
            .fit = column->generated ? MR_FIT_GENERATED : MR_FIT_ABSENT,
        };
    }
    widenings_find(work, shape);
}

/* ---- notes ---- */

static void note_add(struct planned_work *work, const char *column, const struct mr_loss *loss)
{
    work->out->notes[work->out->n_notes++] =
        (struct mr_planned_note){.column = kept_text(work, column),
                                 .lost = loss != &mr_loss_unseen,
                                 .what = loss->what,
                                 .remedy = loss->remedy};
}

void planned_notes(struct planned_work *work, const struct mr_shape *shape,
                   const struct mr_plan *plan)
{
    struct mr_planned *out = work->out;

    out->n_notes = 0;
    out->notes = mr_arena_alloc(&work->planning->arena,
                                ((size_t)shape->n_columns * 2 + 1) * sizeof *out->notes);
    for (uint16_t i = 0; i < shape->n_columns && out->notes != NULL; i++) {
        int at = work->table != NULL ? mr_shape_match(shape, work->table, i) : -1;
        const char *name = at >= 0 ? work->table->columns[at].name : shape->columns[i].name;
        const struct mr_loss *loss = mr_loss_of(shape, i);
        if (loss != NULL)
            note_add(work, name, loss);
        if (plan != NULL && mr_plan_is_unseen(plan, name))
            note_add(work, name, &mr_loss_unseen);
    }
}
