/* Owns the JSON of `millrace resume`, both ends. */
#include "consumer/report_resume.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "consumer/resume.h"

#include "base/ban.h"

static unsigned dump(unsigned status, json_t *root, struct mr_buf *out)
{
    char *text = root != NULL ? json_dumps(root, JSON_INDENT(2) | JSON_PRESERVE_ORDER) : NULL;

    json_decref(root);
    mr_buf_str(out, text != NULL ? text : "{}");
    mr_buf_str(out, "\n");
    free(text);
    return text != NULL ? status : 500;
}

static unsigned unknown(const struct mr_service *service, struct mr_buf *out)
{
    json_t *routes = json_array();

    for (size_t i = 0; i < service->wiring.n_rules; i++)
        json_array_append_new(routes, json_string(service->wiring.rules[i].label));
    return dump(404, json_pack("{s:s, s:o}", "error", "no such route", "routes", routes), out);
}

static unsigned done(const struct mr_resumed *resumed, uint64_t accept, struct mr_buf *out)
{
    return dump(200,
                json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:I}", "route", resumed->route,
                          "breaker_was_open", (int)resumed->was_open, "records",
                          (json_int_t)resumed->before.n_records, "bad",
                          (json_int_t)resumed->before.n_bad, "accept", (json_int_t)accept,
                          "partitions", (json_int_t)resumed->n_partitions, "tables",
                          (json_int_t)resumed->n_tables),
                out);
}

unsigned mr_report_resume(struct mr_service *service, const struct mr_buf *question,
                          struct mr_buf *out)
{
    const char *route = NULL;
    json_int_t accept = 0;
    struct mr_resumed resumed;
    unsigned status;
    json_t *root =
        json_loadb((const char *)question->data, question->len, JSON_REJECT_DUPLICATES, NULL);

    if (root == NULL ||
        json_unpack(root, "{s:s, s?:I !}", "route", &route, "accept", &accept) != 0 || accept < 0 ||
        accept > MR_RESUME_MAX_ACCEPT)
        status = dump(400,
                      json_pack("{s:s}", "error",
                                "wanted: {\"route\": \"...\", \"accept\": 0 to 1000000000}"),
                      out);
    else if (!mr_resume(service, route, (uint64_t)accept, &resumed))
        status = unknown(service, out);
    else
        status = done(&resumed, (uint64_t)accept, out);
    json_decref(root);
    return status;
}

int mr_report_resume_ask(const char *route, uint64_t accept, struct mr_buf *out)
{
    return dump(200, json_pack("{s:s, s:I}", "route", route, "accept", (json_int_t)accept), out) ==
                       200 &&
                   mr_buf_ok(out)
               ? 0
               : -MR_NO_MEMORY;
}

static void routes_tell(const json_t *routes, struct mr_buf *out)
{
    size_t i;
    const json_t *one;

    json_array_foreach(routes, i, one)
        mr_buf_fmt(out, "%s%s", i == 0 ? ": there are " : ", ", json_string_value(one));
}

void mr_report_resume_tell(const struct mr_buf *answer, struct mr_buf *out)
{
    const char *error = NULL;
    const char *route = NULL;
    json_int_t n_partitions = 0;
    json_int_t n_tables = 0;
    json_int_t accept = 0;
    json_t *root = json_loadb((const char *)answer->data, answer->len, 0, NULL);

    if (root != NULL && json_unpack(root, "{s:s}", "error", &error) == 0) {
        mr_buf_str(out, error);
        routes_tell(json_object_get(root, "routes"), out);
    } else if (root != NULL &&
               json_unpack(root, "{s:s, s:I, s:I, s:I}", "route", &route, "partitions",
                           &n_partitions, "tables", &n_tables, "accept", &accept) == 0) {
        mr_buf_fmt(out, "%s: a fresh window, %lld halted partitions and %lld halted tables go on",
                   route, (long long)n_partitions, (long long)n_tables);
        if (accept > 0)
            mr_buf_fmt(out, "; the limit is higher by %lld for the next %lld records",
                       (long long)accept, (long long)accept);
        mr_buf_str(out, "\n");
    } else {
        mr_buf_str(out, "the answer is none of millrace's\n");
    }
    json_decref(root);
}
