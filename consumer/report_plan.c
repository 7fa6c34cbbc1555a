/* Owns the JSON form of a plan. Must not decide what stands in it. */
#include "consumer/report_plan.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/ban.h"

static json_t *column_json(const struct mr_planned_column *column)
{
    json_t *o =
        json_pack("{s:s, s:s, s:s, s:s, s:b}", "column", column->name, "field", column->field,
                  "source", column->source, "type", column->type, "key", (int)column->key);

    if (*column->was == '\0')
        json_object_set_new(o, "change", json_string("add"));
    else if (strcmp(column->was, column->type) != 0)
        json_object_set_new(o, "change", json_string("widen"));
    else
        json_object_set_new(o, "change", json_string("none"));
    json_object_set_new(o, "was", *column->was != '\0' ? json_string(column->was) : json_null());
    json_object_set_new(o, "conversion",
                        json_string(column->filled ? mr_fit_name(column->fit) : "not filled"));
    return o;
}

static json_t *trouble_json(const struct mr_planned_trouble *trouble)
{
    char code[64];

    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "code",
                     mr_err_printed(&trouble->err, code, sizeof code), "class",
                     mr_class_name(trouble->err.class), "detail", trouble->err.detail, "remedy",
                     mr_code_remedy((int)trouble->err.code), "by_hand", trouble->sql);
}

static json_t *note_json(const struct mr_planned_note *note)
{
    return json_pack("{s:s, s:s, s:s, s:s}", "column", note->column, "kind",
                     note->lost ? "lost" : "unseen", "what", note->what, "remedy", note->remedy);
}

static json_t *texts_json(const char *const *texts, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(texts[i]));
    return list;
}

int mr_report_planned(const struct mr_planned *planned, struct mr_buf *out)
{
    json_t *ids = json_array();
    json_t *columns = json_array();
    json_t *troubles = json_array();
    json_t *notes = json_array();

    for (size_t i = 0; i < planned->n_schemas; i++)
        json_array_append_new(ids, json_integer((json_int_t)planned->schema_ids[i]));
    for (size_t i = 0; i < planned->n_columns; i++)
        json_array_append_new(columns, column_json(&planned->columns[i]));
    for (size_t i = 0; i < planned->n_troubles; i++)
        json_array_append_new(troubles, trouble_json(&planned->troubles[i]));
    for (size_t i = 0; i < planned->n_notes; i++)
        json_array_append_new(notes, note_json(&planned->notes[i]));
    json_t *root = json_pack(
        "{s:s, s:s, s:s, s:o, s:I, s:I, s:b, s:o, s:o, s:o, s:o, s:o}", "topic", planned->topic,
        "table", planned->table, "schemas_from", planned->from, "schema_ids", ids, "records_seen",
        (json_int_t)planned->n_records, "records_bad", (json_int_t)planned->n_bad, "exists",
        (int)planned->exists, "columns", columns, "statements",
        texts_json(planned->statements, planned->n_statements), "widenings",
        texts_json(planned->widenings, planned->n_widenings), "troubles", troubles, "notes", notes);
    char *text = root != NULL ? json_dumps(root, JSON_INDENT(2) | JSON_PRESERVE_ORDER) : NULL;
    json_decref(root);
    if (text == NULL)
        return -MR_NO_MEMORY;
    mr_buf_str(out, text);
    free(text);
    return mr_buf_ok(out) ? 0 : -MR_NO_MEMORY;
}
