/* Owns the demo's registry (libmicrohttpd). It keeps no state: schemas are data. */
#include "consumer/demo_registry.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <microhttpd.h>

#include "consumer/demo_tables.h"
#include "schemas/json_text.h"

#include "base/ban.h"

enum {
    MAX_CONNECTIONS = 16,
    TIMEOUT_S = 10,
    CONNECTION_BYTES = 16384,
    NO_SUBJECT = 40401,
    NO_VERSION = 40402,
    NO_SCHEMA = 40403,
    NO_PAGE = 404
};

struct mr_demo_registry {
    struct MHD_Daemon *daemon;
    char url[64];
};

struct answer {
    unsigned status;
    struct mr_buf body;
};

static void refuse(struct answer *answer, int error_code, const char *why)
{
    answer->status = MHD_HTTP_NOT_FOUND;
    mr_buf_fmt(&answer->body, "{\"error_code\":%d,\"message\":\"%s\"}", error_code, why);
}

/* "schema":"<text>" */
static void add_schema(struct mr_buf *out, const struct mr_demo_schema *schema)
{
    struct mr_buf text = MR_BUF_INIT;

    mr_demo_schema_text(schema, &text);
    mr_buf_str(out, "\"schema\":");
    if (mr_buf_ok(&text))
        mr_json_text_string(out, (struct mr_slice){text.data, text.len});
    mr_buf_release(&text);
}

static bool has_subject(const struct mr_demo_schema *schema, const char *name, size_t len)
{
    struct mr_buf subject = MR_BUF_INIT;

    mr_demo_subject(schema, &subject);
    bool same = mr_buf_ok(&subject) && subject.len == len && memcmp(subject.data, name, len) == 0;
    mr_buf_release(&subject);
    return same;
}

static void answer_id(struct answer *answer, const char *text)
{
    char *end = NULL;
    unsigned long id = strtoul(text, &end, 10);
    const struct mr_demo_schema *schema;

    for (size_t i = 0; (schema = mr_demo_schema_at(i)) != NULL; i++) {
        if (schema->id == id && end != text && *end == '\0')
            break;
    }
    if (schema == NULL) {
        refuse(answer, NO_SCHEMA, "Schema not found");
        return;
    }
    mr_buf_byte(&answer->body, '{');
    add_schema(&answer->body, schema);
    mr_buf_byte(&answer->body, '}');
}

static void answer_subjects(struct answer *answer)
{
    const struct mr_demo_schema *schema;
    bool first = true;

    mr_buf_byte(&answer->body, '[');
    for (size_t i = 0; (schema = mr_demo_schema_at(i)) != NULL; i++) {
        if (schema->version > 0)
            continue;
        mr_buf_str(&answer->body, first ? "\"" : ",\"");
        mr_demo_subject(schema, &answer->body);
        mr_buf_byte(&answer->body, '"');
        first = false;
    }
    mr_buf_byte(&answer->body, ']');
}

static void answer_versions(struct answer *answer, const char *name, size_t len)
{
    const struct mr_demo_schema *schema;
    size_t n = 0;

    for (size_t i = 0; (schema = mr_demo_schema_at(i)) != NULL; i++) {
        if (has_subject(schema, name, len))
            mr_buf_fmt(&answer->body, "%c%u", n++ == 0 ? '[' : ',', schema->version + 1U);
    }
    if (n == 0)
        refuse(answer, NO_SUBJECT, "Subject not found.");
    else
        mr_buf_byte(&answer->body, ']');
}

static void answer_version(struct answer *answer, const char *name, size_t len, const char *version)
{
    const struct mr_demo_schema *schema;
    const struct mr_demo_schema *found = NULL;
    bool latest = strcmp(version, "latest") == 0;
    char *end = NULL;
    unsigned long wanted = strtoul(version, &end, 10);
    bool known = false;

    for (size_t i = 0; (schema = mr_demo_schema_at(i)) != NULL; i++) {
        if (!has_subject(schema, name, len))
            continue;
        known = true;
        if (latest || (*end == '\0' && schema->version + 1UL == wanted))
            found = schema;
    }
    if (found == NULL) {
        refuse(answer, known ? NO_VERSION : NO_SUBJECT,
               known ? "Version not found." : "Subject not found.");
        return;
    }
    mr_buf_fmt(&answer->body, "{\"subject\":\"%.*s\",\"version\":%u,\"id\":%u,", (int)len, name,
               found->version + 1U, found->id);
    add_schema(&answer->body, found);
    mr_buf_byte(&answer->body, '}');
}

static const char *behind(const char *text, const char *start)
{
    size_t n = strlen(start);
    return strncmp(text, start, n) == 0 ? text + n : NULL;
}

static void answer_path(struct answer *answer, const char *path)
{
    const char *id = behind(path, "/schemas/ids/");
    const char *subject = behind(path, "/subjects/");
    const char *slash = subject != NULL ? strchr(subject, '/') : NULL;

    answer->status = MHD_HTTP_OK;
    if (id != NULL)
        answer_id(answer, id);
    else if (strcmp(path, "/subjects") == 0)
        answer_subjects(answer);
    else if (slash != NULL && strcmp(slash, "/versions") == 0)
        answer_versions(answer, subject, (size_t)(slash - subject));
    else if (slash != NULL && behind(slash, "/versions/") != NULL)
        answer_version(answer, subject, (size_t)(slash - subject), behind(slash, "/versions/"));
    else
        refuse(answer, NO_PAGE, "HTTP 404 Not Found");
}

/* NOLINTNEXTLINE(readability-function-size): the parameters are libmicrohttpd's */
static enum MHD_Result serve(void *cls, struct MHD_Connection *connection, const char *url,
                             const char *method, const char *version, const char *upload,
                             size_t *upload_size, void **state)
{
    struct answer answer = {.status = MHD_HTTP_METHOD_NOT_ALLOWED, .body = MR_BUF_INIT};

    (void)cls;
    (void)version;
    (void)upload;
    (void)state;
    if (*upload_size != 0)
        return MHD_NO;
    if (strcmp(method, "GET") == 0)
        answer_path(&answer, url);
    else
        mr_buf_str(&answer.body,
                   "{\"error_code\":405,\"message\":\"HTTP 405 Method Not Allowed\"}");
    if (!mr_buf_ok(&answer.body)) {
        mr_buf_release(&answer.body);
        return MHD_NO;
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(answer.body.len, answer.body.data, MHD_RESPMEM_MUST_COPY);
    mr_buf_release(&answer.body);
    if (response == NULL)
        return MHD_NO;
    (void)MHD_add_response_header(response, "Content-Type",
                                  "application/vnd.schemaregistry.v1+json");
    enum MHD_Result result = MHD_queue_response(connection, answer.status, response);
    MHD_destroy_response(response);
    return result;
}

int mr_demo_registry_open(struct mr_demo_registry **out, struct mr_err *err)
{
    struct mr_demo_registry *registry = calloc(1, sizeof *registry);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = 0};

    if (registry == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "the demo's registry");
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    registry->daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, NULL, NULL, serve, NULL,
        MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)MAX_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_END);
    const union MHD_DaemonInfo *info =
        registry->daemon != NULL ? MHD_get_daemon_info(registry->daemon, MHD_DAEMON_INFO_BIND_PORT)
                                 : NULL;
    if (info == NULL) {
        mr_demo_registry_close(registry);
        return mr_err_set(err, MR_IO, "cannot listen on 127.0.0.1 for the demo's registry");
    }
    (void)snprintf(registry->url, sizeof registry->url, "http://127.0.0.1:%u",
                   (unsigned)info->port);
    *out = registry;
    return 0;
}

const char *mr_demo_registry_url(const struct mr_demo_registry *registry)
{
    return registry->url;
}

void mr_demo_registry_close(struct mr_demo_registry *registry)
{
    if (registry == NULL)
        return;
    if (registry->daemon != NULL)
        MHD_stop_daemon(registry->daemon);
    free(registry);
}
