/* Owns the JSON form of positions. Must not decide what stands in them. */
#include "consumer/report_positions.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/ban.h"

static int dump(json_t *root, struct mr_buf *out)
{
    char *text = root != NULL ? json_dumps(root, JSON_INDENT(2) | JSON_PRESERVE_ORDER) : NULL;

    json_decref(root);
    if (text == NULL)
        return -MR_NO_MEMORY;
    mr_buf_fmt(out, "%s\n", text);
    free(text);
    return mr_buf_ok(out) ? 0 : -MR_NO_MEMORY;
}

/* null where it is not known */
static json_t *known(int64_t v)
{
    return v >= 0 ? json_integer((json_int_t)v) : json_null();
}

static json_t *position_json(const struct mr_position *p)
{
    return json_pack("{s:s, s:i, s:i, s:I, s:I, s:o, s:s, s:s, s:s, s:o, s:I}", "topic", p->stream,
                     "partition", (int)p->partition, "slot", (int)p->slot, "next_offset",
                     (json_int_t)p->next_offset, "epoch", (json_int_t)p->epoch, "leader_epoch",
                     known(p->leader_epoch), "owner", p->owner, "topic_id", p->stream_id,
                     "cluster_id", p->cluster_id, "record_timestamp_ms", known(p->timestamp_ms),
                     "updated_ms", (json_int_t)p->updated_ms);
}

int mr_report_positions(const struct mr_position *positions, size_t n, struct mr_buf *out)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, position_json(&positions[i]));
    return dump(list, out);
}

static json_t *placement_json(const struct mr_placement *item)
{
    const struct mr_position *to = &item->to;
    bool other = strcmp(item->from.stream_id, to->stream_id) != 0 ||
                 strcmp(item->from.cluster_id, to->cluster_id) != 0;

    return json_pack("{s:s, s:i, s:i, s:o, s:I, s:I, s:I, s:s, s:s, s:b}", "topic", to->stream,
                     "partition", (int)to->partition, "slot", (int)to->slot, "from",
                     known(item->found ? item->from.next_offset : -1), "to",
                     (json_int_t)to->next_offset, "log_start", (json_int_t)item->low, "log_end",
                     (json_int_t)item->high, "topic_id", to->stream_id, "cluster_id",
                     to->cluster_id, "identity_changed", item->found && other);
}

int mr_report_placing(const struct mr_placing *placing, bool applied, struct mr_buf *out)
{
    json_t *list = json_array();

    for (size_t i = 0; i < placing->n; i++)
        json_array_append_new(list, placement_json(&placing->items[i]));
    return dump(json_pack("{s:b, s:o}", "applied", applied, "positions", list), out);
}
