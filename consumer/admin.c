/* Owns the admin listener (libmicrohttpd). What is answered is status.c's and report.c's. */
#include "consumer/admin.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "base/log.h"
#include "consumer/admin_call.h"
#include "consumer/report.h"
#include "consumer/report_resume.h"

#include "base/ban.h"

enum { MAX_TOKEN_BYTES = 255 };

struct mr_admin {
    struct MHD_Daemon *daemon;
    struct mr_service *service;
    char token[MAX_TOKEN_BYTES + 1];
    char address[64];
};

struct answer {
    unsigned status;
    const char *type;
    struct mr_buf body;
};

/* What a POST brings, piece by piece. */
struct question {
    struct mr_buf body;
    bool too_large;
};

/* ---- pages ---- */

static void page_metrics(struct mr_service *service, struct answer *a)
{
    mr_status_gauges(service);
    mr_metrics_print(service->metrics, &a->body);
    a->type = "text/plain; version=0.0.4; charset=utf-8";
}

static void page_healthz(struct mr_service *service, struct answer *a)
{
    if (!mr_status_healthy(service, MR_WEDGED_MS, &a->body))
        a->status = MHD_HTTP_SERVICE_UNAVAILABLE;
}

static void page_readyz(struct mr_service *service, struct answer *a)
{
    bool ready = false;

    if (mr_report_ready(service, &ready, &a->body) < 0 || !ready)
        a->status = MHD_HTTP_SERVICE_UNAVAILABLE;
    a->type = "application/json";
}

static void page_status(struct mr_service *service, struct answer *a)
{
    if (mr_report_status(service, &a->body) < 0)
        a->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
    a->type = "application/json";
}

static void page_index(struct mr_service *service, struct answer *a)
{
    (void)service;
    mr_buf_str(&a->body, "millrace: /status /metrics /readyz /healthz\n");
}

static const struct {
    const char *path;
    void (*page)(struct mr_service *service, struct answer *a);
    bool open; /* without a token: what an orchestrator asks */
} pages[] = {
    {"/", page_index, false},         {"/metrics", page_metrics, false},
    {"/healthz", page_healthz, true}, {"/readyz", page_readyz, true},
    {"/status", page_status, false},
};

/* ---- what changes something ---- */

static void ask_resume(struct mr_service *service, const struct mr_buf *body, struct answer *a)
{
    a->status = mr_report_resume(service, body, &a->body);
    a->type = "application/json";
}

static const struct {
    const char *path;
    void (*ask)(struct mr_service *service, const struct mr_buf *body, struct answer *a);
} asks[] = {
    {"/resume", ask_resume},
};

/* ---- the listener ---- */

/* Compares without telling by its time how much was right. */
static bool token_equal(const char *a, const char *b)
{
    size_t n = strlen(a);
    unsigned char diff = (unsigned char)(n != strlen(b));

    for (size_t i = 0; i < n && b[i] != '\0'; i++)
        diff = (unsigned char)(diff | (unsigned char)(a[i] ^ b[i]));
    return diff == 0;
}

static bool allowed(const struct mr_admin *admin, struct MHD_Connection *connection)
{
    const char *header;

    if (*admin->token == '\0')
        return true;
    header = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
    return header != NULL && strncmp(header, "Bearer ", 7) == 0 &&
           token_equal(admin->token, header + 7);
}

static void answer_find(const struct mr_admin *admin, struct MHD_Connection *connection,
                        const char *url, struct answer *a)
{
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        if (strcmp(url, pages[i].path) != 0)
            continue;
        if (!pages[i].open && !allowed(admin, connection)) {
            a->status = MHD_HTTP_UNAUTHORIZED;
            mr_buf_str(&a->body, "a bearer token is needed: http.bearer_token\n");
            return;
        }
        pages[i].page(admin->service, a);
        return;
    }
    a->status = MHD_HTTP_NOT_FOUND;
    mr_buf_str(&a->body, "no such page: /status /metrics /readyz /healthz\n");
}

static void refuse(struct answer *a, unsigned status, const char *text)
{
    a->status = status;
    mr_buf_str(&a->body, text);
}

/* A Host header; a name that only looks like an address is none. */
static bool is_loopback(const char *host)
{
    size_t len = strcspn(host, "]") + 1;

    if (strncmp(host, "[::1]", 5) != 0)
        len = strcspn(host, ":");
    return (len == 5 && strncmp(host, "[::1]", 5) == 0) ||
           (len == 9 && strncmp(host, "localhost", 9) == 0) ||
           (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == len);
}

/* Without a token nobody but this machine shall change anything, nor a page in a browser on it: not
 * by the header that only a question of its own can carry, and not under a name of another's. */
static bool is_ours(const struct mr_admin *admin, struct MHD_Connection *connection)
{
    const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host");

    if (MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MR_ADMIN_HEADER) == NULL)
        return false;
    return *admin->token != '\0' || (host != NULL && is_loopback(host));
}

/* The index of asks[]; -1 after an answer. */
static int ask_find(const struct mr_admin *admin, struct MHD_Connection *connection,
                    const char *url, struct answer *a)
{
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
        if (strcmp(url, asks[i].path) != 0)
            continue;
        if (!allowed(admin, connection))
            refuse(a, MHD_HTTP_UNAUTHORIZED, "a bearer token is needed: http.bearer_token\n");
        else if (!is_ours(admin, connection))
            refuse(a, MHD_HTTP_FORBIDDEN,
                   "the header " MR_ADMIN_HEADER " is needed, and a host of this machine\n");
        else
            return (int)i;
        return -1;
    }
    refuse(a, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET\n");
    return -1;
}

static void question_add(struct question *question, const char *bytes, size_t n)
{
    question->too_large = question->too_large || n > MR_ADMIN_MAX_BODY - question->body.len;
    if (!question->too_large)
        mr_buf_add(&question->body, bytes, n);
}

static void question_end(void *cls, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode how)
{
    struct question *question = *state;

    (void)cls;
    (void)connection;
    (void)how;
    if (question == NULL)
        return;
    mr_buf_release(&question->body);
    free(question);
    *state = NULL;
}

static enum MHD_Result reply(struct MHD_Connection *connection, struct answer *a)
{
    if (!mr_buf_ok(&a->body)) {
        mr_buf_release(&a->body);
        return MHD_NO;
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(a->body.len, a->body.data, MHD_RESPMEM_MUST_COPY);
    mr_buf_release(&a->body);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", a->type);
    MHD_add_response_header(response, "Cache-Control", "no-store");
    enum MHD_Result rc = MHD_queue_response(connection, a->status, response);
    MHD_destroy_response(response);
    return rc;
}

/* Called for the header, for each piece of the body, and at its end. */
static enum MHD_Result serve_post(struct mr_admin *admin, struct MHD_Connection *connection,
                                  const char *url, struct question **state)
{
    struct answer a = {
        .status = MHD_HTTP_OK, .type = "text/plain; charset=utf-8", .body = MR_BUF_INIT};
    int idx = ask_find(admin, connection, url, &a);

    if (idx < 0)
        return reply(connection, &a);
    if (*state == NULL) {
        *state = calloc(1, sizeof **state);
        mr_buf_release(&a.body);
        return *state != NULL ? MHD_YES : MHD_NO;
    }
    if ((*state)->too_large || !mr_buf_ok(&(*state)->body))
        refuse(&a, MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large\n");
    else
        asks[idx].ask(admin->service, &(*state)->body, &a);
    return reply(connection, &a);
}

/* NOLINTNEXTLINE(readability-function-size): the parameters are libmicrohttpd's */
static enum MHD_Result serve(void *cls, struct MHD_Connection *connection, const char *url,
                             const char *method, const char *version, const char *upload,
                             size_t *upload_size, void **state)
{
    struct mr_admin *admin = cls;
    struct answer a = {
        .status = MHD_HTTP_OK, .type = "text/plain; charset=utf-8", .body = MR_BUF_INIT};

    (void)version;
    if (*upload_size != 0 && *state == NULL)
        return MHD_NO;
    if (*upload_size != 0) {
        question_add(*state, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    if (strcmp(method, "POST") == 0)
        return serve_post(admin, connection, url, (struct question **)state);
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        refuse(&a, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET\n");
    else
        answer_find(admin, connection, url, &a);
    return reply(connection, &a);
}

/* IPv4 `address:port` or IPv6 `[address]:port`. */
static bool address_parse(const char *listen, struct sockaddr_storage *out, bool *loopback)
{
    char host[64];
    const char *colon = strrchr(listen, ':');
    char *end = NULL;

    if (colon == NULL || colon == listen || (size_t)(colon - listen) >= sizeof host)
        return false;
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (end == colon + 1 || *end != '\0' || port > 65535)
        return false;
    memset(out, 0, sizeof *out);
    bool v6 = *listen == '[' && colon[-1] == ']';
    size_t len = (size_t)(colon - listen) - (v6 ? 2 : 0);
    memcpy(host, listen + (v6 ? 1 : 0), len);
    host[len] = '\0';
    if (v6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons((uint16_t)port);
        if (inet_pton(AF_INET6, host, &in6->sin6_addr) != 1)
            return false;
        *loopback = IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr) != 0;
        return true;
    }
    struct sockaddr_in *in = (struct sockaddr_in *)out;
    in->sin_family = AF_INET;
    in->sin_port = htons((uint16_t)port);
    if (strcmp(host, "localhost") == 0)
        snprintf(host, sizeof host, "127.0.0.1");
    if (inet_pton(AF_INET, host, &in->sin_addr) != 1)
        return false;
    *loopback = (ntohl(in->sin_addr.s_addr) >> 24) == 127;
    return true;
}

static void address_note(struct mr_admin *admin, const char *listen)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(admin->daemon, MHD_DAEMON_INFO_BIND_PORT);
    const char *colon = strrchr(listen, ':');

    snprintf(admin->address, sizeof admin->address, "%.*s:%u", (int)(colon - listen), listen,
             info != NULL ? (unsigned)info->port : 0U);
}

static int listen_check(const char *listen, const char *bearer_token,
                        struct sockaddr_storage *address, struct mr_err *err)
{
    bool loopback = false;

    if (!address_parse(listen, address, &loopback))
        return mr_err_set(err, MR_CONFIG_INVALID,
                          "http.listen = \"%s\": write address:port, such as 127.0.0.1:9464",
                          listen);
    if (!loopback && *bearer_token == '\0')
        return mr_err_set(err, MR_CONFIG_INVALID,
                          "http.listen = \"%s\" is not loopback: set http.bearer_token", listen);
    if (strlen(bearer_token) > MAX_TOKEN_BYTES)
        return mr_err_set(err, MR_CONFIG_INVALID, "http.bearer_token has %zu bytes, at most %d",
                          strlen(bearer_token), MAX_TOKEN_BYTES);
    return 0;
}

/* Whether the file is to be corrected: time and other processes change nothing. */
static bool is_setting(int number)
{
    static const int settings[] = {EADDRNOTAVAIL, EACCES, EPERM, EAFNOSUPPORT};

    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        if (number == settings[i])
            return true;
    }
    return false;
}

static int bind_try(const char *at, const struct sockaddr_storage *address, bool *taken,
                    struct mr_err *err)
{
    char why[64] = "";
    int on = 1;
    socklen_t len = address->ss_family == AF_INET6 ? (socklen_t)sizeof(struct sockaddr_in6)
                                                   : (socklen_t)sizeof(struct sockaddr_in);
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool bound = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                 bind(fd, (const struct sockaddr *)address, len) == 0 && listen(fd, 1) == 0;
    int number = bound ? 0 : errno;

    if (fd >= 0)
        (void)close(fd);
    *taken = number == EADDRINUSE;
    if (bound)
        return 0;
    (void)strerror_r(number, why, sizeof why);
    return mr_err_set(err, is_setting(number) ? MR_CONFIG_INVALID : MR_IO,
                      "http.listen = \"%s\": cannot listen: %s", at, why);
}

int mr_admin_try(const char *at, const char *bearer_token, bool *taken, struct mr_err *err)
{
    struct sockaddr_storage address;
    int rc = listen_check(at, bearer_token, &address, err);

    *taken = false;
    return rc < 0 ? rc : bind_try(at, &address, taken, err);
}

/* libmicrohttpd keeps the reason to itself: what a socket of our own meets is it. */
static int start_refused(const char *at, const struct sockaddr_storage *address, struct mr_err *err)
{
    bool taken = false;
    int rc = bind_try(at, address, &taken, err);

    return rc < 0 ? rc : mr_err_set(err, MR_IO, "http.listen = \"%s\": cannot listen", at);
}

int mr_admin_start(struct mr_service *service, const char *listen, const char *bearer_token,
                   struct mr_admin **out, struct mr_err *err)
{
    struct sockaddr_storage address;
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL;
    int rc = listen_check(listen, bearer_token, &address, err);

    if (rc < 0)
        return rc;
    struct mr_admin *admin = calloc(1, sizeof *admin);
    if (admin == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "no memory for the admin listener");
    admin->service = service;
    snprintf(admin->token, sizeof admin->token, "%s", bearer_token);
    if (address.ss_family == AF_INET6)
        flags |= MHD_USE_IPv6;
    admin->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, serve, admin, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)MR_ADMIN_MAX_CONNECTIONS,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)MR_ADMIN_TIMEOUT_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)16 * 1024, MHD_OPTION_NOTIFY_COMPLETED,
        question_end, NULL, MHD_OPTION_END);
    if (admin->daemon == NULL) {
        free(admin);
        return start_refused(listen, &address, err);
    }
    address_note(admin, listen);
    mr_log(MR_INFO, "admin_listening", mr_kv_str("address", admin->address));
    *out = admin;
    return 0;
}

const char *mr_admin_address(const struct mr_admin *admin)
{
    return admin->address;
}

void mr_admin_stop(struct mr_admin *admin)
{
    if (admin == NULL)
        return;
    MHD_stop_daemon(admin->daemon);
    free(admin);
}
