/* Owns what leaves as JSON (jansson's one owner in this layer). */
#include "consumer/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "version.h"

#include "base/ban.h"

static int dump(json_t *root, struct mr_buf *out)
{
    char *text = root != NULL ? json_dumps(root, JSON_INDENT(2) | JSON_PRESERVE_ORDER) : NULL;

    json_decref(root);
    if (text == NULL)
        return -MR_NO_MEMORY;
    mr_buf_str(out, text);
    mr_buf_str(out, "\n");
    free(text);
    return mr_buf_ok(out) ? 0 : -MR_NO_MEMORY;
}

static json_t *err_json(const struct mr_err *err)
{
    char code[64];
    json_t *o;

    if (err->code == MR_OK)
        return json_null();
    o = json_pack("{s:s, s:s, s:s, s:s, s:s}", "code", mr_err_printed(err, code, sizeof code),
                  "class", mr_class_name(err->class), "owner", mr_owner_name(err->owner), "detail",
                  err->detail, "remedy", mr_code_remedy((int)err->code));
    if (*err->topic != '\0') {
        json_object_set_new(o, "topic", json_string(err->topic));
        json_object_set_new(o, "partition", json_integer(err->partition));
        json_object_set_new(o, "offset", json_integer(err->offset));
    }
    if (*err->table != '\0')
        json_object_set_new(o, "table", json_string(err->table));
    if (*err->column != '\0')
        json_object_set_new(o, "column", json_string(err->column));
    return o;
}

static json_t *part_json(struct mr_service *service, struct mr_partition *part)
{
    int64_t records;
    double seconds;
    struct mr_err err;
    enum mr_partition_state state = (enum mr_partition_state)atomic_load(&part->state_seen);
    bool waits = state == MR_PART_HALTED || state == MR_PART_HELD || state == MR_PART_FENCED ||
                 state == MR_PART_CLAIMING;

    mr_status_lag(service, part, &records, &seconds);
    mr_partition_last_err(part, &err);
    return json_pack("{s:s, s:i, s:i, s:s, s:I, s:I, s:I, s:f, s:o}", "topic", part->stream,
                     "partition", (int)part->partition, "lane", (int)part->lane, "state",
                     mr_partition_state_name(state), "position",
                     (json_int_t)atomic_load(&part->committed_next), "epoch",
                     (json_int_t)atomic_load(&part->epoch), "lag", (json_int_t)records,
                     "lag_seconds", seconds, "error", waits ? err_json(&err) : json_null());
}

static json_t *parts_json(struct mr_service *service)
{
    json_t *list = json_array();
    struct mr_partition *part;

    for (size_t i = 0; (part = mr_partitions_at(&service->partitions, i)) != NULL; i++)
        if (atomic_load(&part->state_seen) != MR_PART_GONE)
            json_array_append_new(list, part_json(service, part));
    return list;
}

static json_t *lanes_json(struct mr_service *service)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < service->n_lanes; i++) {
        struct mr_lane *lane = &service->lanes[i];
        mr_lock_take(&lane->lock);
        enum mr_writer_state state = lane->writer_state;
        struct mr_err err = lane->last_err;
        mr_lock_drop(&lane->lock);
        json_array_append_new(list, json_pack("{s:i, s:s, s:I, s:I, s:I, s:I, s:o}", "lane", (int)i,
                                              "writer", mr_writer_state_name(state), "records",
                                              (json_int_t)atomic_load(&lane->n_records), "flushes",
                                              (json_int_t)atomic_load(&lane->n_flushes), "retries",
                                              (json_int_t)atomic_load(&lane->n_retries), "fenced",
                                              (json_int_t)atomic_load(&lane->n_fenced),
                                              "last_error", err_json(&err)));
    }
    return list;
}

static json_t *tables_json(struct mr_service *service)
{
    json_t *list = json_array();
    struct mr_target *target;

    for (size_t i = 0; (target = mr_targets_at(&service->targets, i)) != NULL; i++) {
        if (target->stem)
            continue;
        mr_lock_take(&target->lock);
        struct mr_err fault = target->fault;
        struct mr_err bad = target->last_bad;
        mr_lock_drop(&target->lock);
        json_array_append_new(
            list,
            json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:o, s:o}", "table", target->label, "route",
                      target->rule->label, "strategy", target->load->name, "upserts",
                      (json_int_t)atomic_load(&target->rows_upserted), "deletes",
                      (json_int_t)atomic_load(&target->rows_deleted), "dead_letters",
                      (json_int_t)atomic_load(&target->letters), "last_bad_record", err_json(&bad),
                      "halted", atomic_load(&target->halted) ? err_json(&fault) : json_null()));
    }
    return list;
}

/* When that was, for people: `YYYY-MM-DDTHH:MM:SSZ`. */
static json_t *since_json(const struct mr_service *service, uint64_t then_ms)
{
    uint64_t ago_ms = mr_mono_ms(&service->opts.env) - then_ms;
    time_t at = (time_t)((mr_wall_ms(&service->opts.env) - (int64_t)ago_ms) / 1000);
    struct tm parts;
    char text[32];

    if (gmtime_r(&at, &parts) == NULL || strftime(text, sizeof text, "%Y-%m-%dT%TZ", &parts) == 0)
        return json_null();
    return json_string(text);
}

static json_t *breaker_json(const struct mr_service *service, const struct mr_route_rule *rule)
{
    struct mr_breaker_state state;
    const struct mr_breaker_opts *opts = &rule->breaker->opts;
    char todo[512];

    mr_breaker_read(rule->breaker, mr_mono_ms(&service->opts.env), &state);
    (void)snprintf(todo, sizeof todo,
                   "look at last_bad_record of its tables and mend the common cause; `millrace "
                   "resume '%.200s'` goes on at once, with --accept N although N more are bad",
                   rule->label);
    json_t *o =
        json_pack("{s:b, s:I, s:I, s:I, s:f, s:o, s:I}", "open", (int)state.open, "records",
                  (json_int_t)state.window.n_records, "bad", (json_int_t)state.window.n_bad,
                  "bad_limit", (json_int_t)(state.limit < INT64_MAX ? state.limit : INT64_MAX),
                  "window_seconds", (double)opts->window_ms / 1e3, "window_since",
                  since_json(service, state.began_ms), "accept_records", (json_int_t)state.accept);
    json_object_set_new(o, "open_since",
                        state.open ? since_json(service, state.open_ms) : json_null());
    json_object_set_new(o, "what_to_do", state.open ? json_string(todo) : json_null());
    return o;
}

static json_t *routes_json(const struct mr_service *service)
{
    json_t *list = json_array();

    for (size_t i = 0; i < service->wiring.n_rules; i++) {
        const struct mr_route_rule *rule = &service->wiring.rules[i];
        json_array_append_new(list, json_pack("{s:s, s:o}", "route", rule->label, "breaker",
                                              breaker_json(service, rule)));
    }
    return list;
}

int mr_report_status(struct mr_service *service, struct mr_buf *out)
{
    struct mr_status status;
    uint64_t up_ms = mr_mono_ms(&service->opts.env) - service->started_ms;

    mr_status_read(service, &status);
    json_t *root = json_pack(
        "{s:s, s:s, s:s, s:s, s:f, s:{s:I, s:I, s:I, s:I, s:I, s:I}, s:{s:I, s:f},"
        " s:{s:f, s:f}, s:o, s:o, s:o, s:o, s:o}",
        "version", MR_VERSION, "pipeline", service->opts.config->pipeline, "instance",
        service->wiring.instance_id, "sink", service->sink->ops->name, "uptime_seconds",
        (double)up_ms / 1e3, "totals", "records", (json_int_t)status.n_records, "bytes",
        (json_int_t)status.n_bytes, "flushes", (json_int_t)status.n_flushes, "dead_letters",
        (json_int_t)status.n_letters, "retries", (json_int_t)status.n_retries, "fenced",
        (json_int_t)status.n_fenced, "lag", "records", (json_int_t)status.lag_records, "seconds",
        status.lag_seconds, "freshness_seconds", "p50", status.freshness_p50_s, "p99",
        status.freshness_p99_s, "last_error", err_json(&status.last_err), "routes",
        routes_json(service), "tables", tables_json(service), "partitions", parts_json(service),
        "lanes", lanes_json(service));
    return dump(root, out);
}

int mr_report_ready(struct mr_service *service, bool *ready, struct mr_buf *out)
{
    struct mr_status_check checks[MR_STATUS_CHECKS];
    json_t *list = json_object();

    *ready = mr_status_ready(service, checks);
    for (int i = 0; i < MR_STATUS_CHECKS; i++)
        json_object_set_new(list, checks[i].name,
                            checks[i].ok ? json_string("ok") : err_json(&checks[i].why));
    return dump(json_pack("{s:b, s:o}", "ready", (int)*ready, "checks", list), out);
}

int mr_report_lag(const struct mr_lag_row *rows, size_t n, struct mr_buf *out)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(
            list,
            json_pack("{s:s, s:i, s:I, s:I, s:I, s:I, s:f}", "topic", rows[i].stream, "partition",
                      (int)rows[i].partition, "committed", (json_int_t)rows[i].committed,
                      "position", (json_int_t)rows[i].position, "end", (json_int_t)rows[i].end,
                      "lag", (json_int_t)rows[i].lag, "lag_seconds", rows[i].lag_seconds));
    return dump(list, out);
}
