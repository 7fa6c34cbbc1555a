/* Owns libcurl: one GET over a bounded pool of easy handles, URLs by turn (contract.md F-46), the
 * cap on answers (F-47). Must not know what an answer means (registry_answer) nor retry.
 * Invariants: a handle is with one thread at a time; a credential reaches only the host that it was
 * given for and no message; connections stay open inside the handles. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include <curl/curl.h>

#include "base/lock.h"
#include "base/memory.h"
#include "schemas/registry.h"

#include "base/ban.h"

enum {
    RANK_POOL = 60,
    MAX_HANDLES = 8,
    MAX_REDIRECTS = 3,
    MAX_BODY_BYTES = 16 * 1024 * 1024,
    MAX_RETRY_AFTER_S = 300
};

/* Read-only after open. */
struct http_url {
    char *base; /* without credentials and without a slash at its end */
    char *scheme, *host, *port;
    char *user, *password; /* NULL: those of the registry */
};

struct http_conn {
    struct http_url urls[MR_REGISTRY_MAX_URLS];
    size_t n_urls;
    char *basic_auth, *bearer_token, *tls_ca, *tls_cert, *tls_key; /* NULL: not set */
    struct curl_slist *headers;
    _Atomic size_t preferred; /* the URL that answered last */
    struct mr_lock lock;      /* rank 60 */
    struct mr_cond freed;
    CURL *idle[MAX_HANDLES] MR_GUARDED_BY(lock);
    size_t n_idle MR_GUARDED_BY(lock);
    size_t n_handles MR_GUARDED_BY(lock);
};

/* One call of http_get. */
struct http_request {
    struct http_conn *conn;
    CURL *curl;
    const struct http_url *url;
    struct mr_registry_answer *answer;
    bool too_large;
    bool head_ended; /* libcurl takes a connection that ends inside the head for a whole answer */
    uint64_t deadline_us;
    char why[CURL_ERROR_SIZE];
    struct mr_err *err;
};

static uint64_t now_us(void)
{
    return mr_clock_system.mono_us(&mr_clock_system);
}

static void url_release(struct http_url *url)
{
    free(url->base);
    free(url->user);
    free(url->password);
    curl_free(url->scheme);
    curl_free(url->host);
    curl_free(url->port);
}

/* A part of a URL as our own memory; NULL if it has none. */
static char *url_part(CURLU *url, CURLUPart what, unsigned int flags)
{
    char *part = NULL;
    char *copy = NULL;
    if (curl_url_get(url, what, &part, flags) == CURLUE_OK)
        copy = mr_memory_given(strdup(part));
    curl_free(part);
    return copy;
}

static void url_take_place(CURLU *url, struct http_url *out)
{
    curl_url_get(url, CURLUPART_SCHEME, &out->scheme, 0);
    curl_url_get(url, CURLUPART_HOST, &out->host, 0);
    curl_url_get(url, CURLUPART_PORT, &out->port, CURLU_DEFAULT_PORT);
}

static bool url_is_http(const struct http_url *url)
{
    return url->scheme != NULL && url->host != NULL && url->port != NULL &&
           (strcasecmp(url->scheme, "http") == 0 || strcasecmp(url->scheme, "https") == 0);
}

static int url_parse(const char *text, struct http_url *out, struct mr_err *err)
{
    int rc = 0;
    char *extra = NULL;
    CURLU *url = curl_url();
    if (url == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "a registry URL");
    if (curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK)
        url_take_place(url, out);
    /* The text is not printed: it may hold a password. */
    if (!url_is_http(out)) {
        rc = mr_err_set(err, MR_CONFIG_INVALID, "a registry URL is not of http:// or https://");
        goto out;
    }
    extra = url_part(url, CURLUPART_QUERY, 0);
    if (extra == NULL)
        extra = url_part(url, CURLUPART_FRAGMENT, 0);
    if (extra != NULL) {
        rc = mr_err_set(err, MR_CONFIG_INVALID, "the registry URL for %s has a query", out->host);
        goto out;
    }
    out->user = url_part(url, CURLUPART_USER, CURLU_URLDECODE);
    out->password = url_part(url, CURLUPART_PASSWORD, CURLU_URLDECODE);
    curl_url_set(url, CURLUPART_USER, NULL, 0);
    curl_url_set(url, CURLUPART_PASSWORD, NULL, 0);
    out->base = url_part(url, CURLUPART_URL, 0);
    if (out->base == NULL) {
        rc = mr_err_set(err, MR_NO_MEMORY, "a registry URL");
        goto out;
    }
    for (size_t n = strlen(out->base); n > 0 && out->base[n - 1] == '/'; n--)
        out->base[n - 1] = '\0';
out:
    free(extra);
    curl_url_cleanup(url);
    return rc;
}

static void http_close(void *opaque)
{
    struct http_conn *conn = opaque;
    mr_lock_take(&conn->lock);
    for (size_t i = 0; i < conn->n_idle; i++)
        curl_easy_cleanup(conn->idle[i]);
    mr_lock_drop(&conn->lock);
    for (size_t i = 0; i < conn->n_urls; i++)
        url_release(&conn->urls[i]);
    free(conn->basic_auth);
    free(conn->bearer_token);
    free(conn->tls_ca);
    free(conn->tls_cert);
    free(conn->tls_key);
    curl_slist_free_all(conn->headers);
    mr_cond_release(&conn->freed);
    mr_lock_release(&conn->lock);
    free(conn);
}

static int copy_text(const char *text, char **out, struct mr_err *err)
{
    if (text == NULL)
        return 0;
    *out = strdup(text);
    return *out != NULL ? 0 : mr_err_set(err, MR_NO_MEMORY, "registry options");
}

/* A file name that must be readable now, so that a wrong one is a start's error, not an outage. */
static int copy_file_name(const char *name, char **out, struct mr_err *err)
{
    FILE *file = name != NULL ? fopen(name, "rb") : NULL;
    if (name != NULL && file == NULL)
        return mr_err_set(err, MR_CONFIG_INVALID, "the registry's TLS file %s cannot be read",
                          name);
    if (file != NULL)
        (void)fclose(file); /* only read */
    return copy_text(name, out, err);
}

static int copy_opts(struct http_conn *conn, const struct mr_registry_opts *opts,
                     struct mr_err *err)
{
    if (opts->n_urls == 0 || opts->n_urls > MR_REGISTRY_MAX_URLS)
        return mr_err_set(err, MR_CONFIG_INVALID, "%zu registry URLs, 1 to %d are possible",
                          opts->n_urls, MR_REGISTRY_MAX_URLS);
    int rc = 0;
    for (size_t i = 0; i < opts->n_urls && rc == 0; i++) {
        conn->n_urls++;
        rc = url_parse(opts->urls[i], &conn->urls[i], err);
    }
    if (rc == 0)
        rc = copy_text(opts->basic_auth, &conn->basic_auth, err);
    if (rc == 0)
        rc = copy_text(opts->bearer_token, &conn->bearer_token, err);
    if (rc == 0)
        rc = copy_file_name(opts->tls_ca, &conn->tls_ca, err);
    if (rc == 0)
        rc = copy_file_name(opts->tls_cert, &conn->tls_cert, err);
    if (rc == 0)
        rc = copy_file_name(opts->tls_key, &conn->tls_key, err);
    return rc;
}

static void curl_begin(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static int http_open(const struct mr_registry_opts *opts, void **out, struct mr_err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, curl_begin);
    struct http_conn *conn = mr_memory_given(calloc(1, sizeof *conn));
    if (conn == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "a registry client");
    mr_lock_init(&conn->lock, RANK_POOL);
    mr_cond_init(&conn->freed);
    conn->headers = curl_slist_append(
        NULL, "Accept: application/vnd.schemaregistry.v1+json, application/json, */*;q=0.1");
    int rc = conn->headers != NULL ? copy_opts(conn, opts, err)
                                   : mr_err_set(err, MR_NO_MEMORY, "a registry client");
    if (rc < 0)
        http_close(conn);
    else
        *out = conn;
    return rc;
}

/* A handle from the pool, waiting for one if all are busy; NULL at the deadline. */
static CURL *handle_take(struct http_conn *conn, uint32_t timeout_ms)
{
    CURL *curl = NULL;
    struct timespec deadline;
    mr_clock_deadline(&deadline, timeout_ms);
    mr_lock_take(&conn->lock);
    while (conn->n_idle == 0 && conn->n_handles == MAX_HANDLES) {
        if (!mr_cond_wait_until(&conn->freed, &conn->lock, &deadline))
            break;
    }
    if (conn->n_idle > 0) {
        curl = conn->idle[--conn->n_idle];
    } else if (conn->n_handles < MAX_HANDLES) {
        curl = curl_easy_init();
        conn->n_handles += curl != NULL;
    }
    mr_lock_drop(&conn->lock);
    return curl;
}

static void handle_give(struct http_conn *conn, CURL *curl)
{
    curl_easy_reset(curl);
    mr_lock_take(&conn->lock);
    conn->idle[conn->n_idle++] = curl;
    mr_cond_wake_one(&conn->freed);
    mr_lock_drop(&conn->lock);
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct http_request *request = arg;
    struct mr_buf *body = &request->answer->body;
    size_t n_bytes = size * n; /* at most CURL_MAX_WRITE_SIZE */
    if (n_bytes > MAX_BODY_BYTES - body->len) {
        request->too_large = true;
        return 0;
    }
    mr_buf_add(body, bytes, n_bytes);
    return mr_buf_ok(body) ? n_bytes : 0;
}

static size_t on_head(char *line, size_t size, size_t n, void *arg)
{
    struct http_request *request = arg;
    request->head_ended = n > 0 && (line[0] == '\r' || line[0] == '\n');
    return size * n;
}

static void set_auth(struct http_request *request)
{
    const struct http_conn *conn = request->conn;
    if (request->url->user != NULL) {
        curl_easy_setopt(request->curl, CURLOPT_USERNAME, request->url->user);
        curl_easy_setopt(request->curl, CURLOPT_PASSWORD,
                         request->url->password != NULL ? request->url->password : "");
    } else if (conn->basic_auth != NULL) {
        curl_easy_setopt(request->curl, CURLOPT_USERPWD, conn->basic_auth);
    } else if (conn->bearer_token != NULL) {
        curl_easy_setopt(request->curl, CURLOPT_XOAUTH2_BEARER, conn->bearer_token);
        curl_easy_setopt(request->curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
        return;
    } else {
        return;
    }
    curl_easy_setopt(request->curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
}

static void set_tls(struct http_request *request)
{
    const struct http_conn *conn = request->conn;
    curl_easy_setopt(request->curl, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
    if (conn->tls_ca != NULL)
        curl_easy_setopt(request->curl, CURLOPT_CAINFO, conn->tls_ca);
    if (conn->tls_cert != NULL)
        curl_easy_setopt(request->curl, CURLOPT_SSLCERT, conn->tls_cert);
    if (conn->tls_key != NULL)
        curl_easy_setopt(request->curl, CURLOPT_SSLKEY, conn->tls_key);
}

/* Redirects are followed by perform_url, which looks at their host first. */
static void set_options(struct http_request *request, long connect_ms)
{
    CURL *curl = request->curl;
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "millrace");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, request->conn->headers);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
    curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)MAX_BODY_BYTES);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, request);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_head);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, request);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, request->why);
    set_auth(request);
    set_tls(request);
}

static void read_answer(struct http_request *request)
{
    struct mr_registry_answer *answer = request->answer;
    curl_off_t retry_after_s = 0;
    struct curl_header *header;
    curl_easy_getinfo(request->curl, CURLINFO_RESPONSE_CODE, &answer->status);
    curl_easy_getinfo(request->curl, CURLINFO_RETRY_AFTER, &retry_after_s);
    if (retry_after_s > MAX_RETRY_AFTER_S)
        retry_after_s = MAX_RETRY_AFTER_S;
    answer->retry_after_ms = retry_after_s > 0 ? (uint32_t)retry_after_s * 1000 : 0;
    answer->artifact_type[0] = '\0';
    if (curl_easy_header(request->curl, "X-Registry-ArtifactType", 0, CURLH_HEADER, -1, &header) ==
        CURLHE_OK)
        (void)snprintf(answer->artifact_type, sizeof answer->artifact_type, "%s", header->value);
}

/* One exchange with the URL that the handle has. */
static int perform(struct http_request *request)
{
    uint64_t now = now_us();
    if (now / 1000 >= request->deadline_us / 1000)
        return mr_err_set(request->err, MR_REGISTRY_AWAY, "%s: no answer in time",
                          request->url->base);
    request->too_large = false;
    request->head_ended = false;
    request->why[0] = '\0';
    mr_buf_reset(&request->answer->body);
    curl_easy_setopt(request->curl, CURLOPT_TIMEOUT_MS,
                     (long)(request->deadline_us / 1000 - now / 1000));
    CURLcode code = curl_easy_perform(request->curl);
    if (request->too_large || code == CURLE_FILESIZE_EXCEEDED)
        return mr_err_set(request->err, MR_SCHEMA_TOO_LARGE, "%s: an answer of more than 16 MiB",
                          request->url->base);
    if (code != CURLE_OK)
        return mr_err_set(request->err, MR_REGISTRY_AWAY, "%s: %s", request->url->base,
                          request->why[0] != '\0' ? request->why : curl_easy_strerror(code));
    if (!request->head_ended)
        return mr_err_set(request->err, MR_REGISTRY_AWAY, "%s: the answer is cut",
                          request->url->base);
    read_answer(request);
    return 0;
}

static bool same_place(const struct http_url *from, const struct http_url *to)
{
    if (!url_is_http(to) || strcasecmp(from->host, to->host) != 0)
        return false;
    bool to_tls = strcasecmp(from->scheme, "http") == 0 && strcasecmp(to->scheme, "https") == 0;
    return to_tls ||
           (strcasecmp(from->scheme, to->scheme) == 0 && strcmp(from->port, to->port) == 0);
}

/* Sets the redirect's target on the handle if it is on the same host: credentials go with it.
 * Another port counts as another host, but for a step from http to https. */
static bool follow(struct http_request *request)
{
    bool followed = false;
    char *location = NULL;
    struct http_url to = {.base = NULL};
    CURLU *url = curl_url();
    curl_easy_getinfo(request->curl, CURLINFO_REDIRECT_URL, &location);
    if (url != NULL && location != NULL &&
        curl_url_set(url, CURLUPART_URL, location, 0) == CURLUE_OK) {
        url_take_place(url, &to);
        /* libcurl copies the text before the handle's old one goes. */
        followed = same_place(request->url, &to) &&
                   curl_easy_setopt(request->curl, CURLOPT_URL, location) == CURLE_OK;
    }
    url_release(&to);
    curl_url_cleanup(url);
    return followed;
}

static int perform_url(struct http_request *request, const char *path, size_t n_urls_left)
{
    struct mr_buf url = MR_BUF_INIT;
    uint64_t now = now_us();
    uint64_t left_ms = request->deadline_us > now ? (request->deadline_us - now) / 1000 : 0;
    long connect_ms = (long)(left_ms / n_urls_left);
    set_options(request, connect_ms > 0 ? connect_ms : 1);
    mr_buf_str(&url, request->url->base);
    mr_buf_str(&url, path);
    int rc = -MR_NO_MEMORY;
    if (mr_buf_ok(&url) &&
        curl_easy_setopt(request->curl, CURLOPT_URL, mr_buf_cstr(&url)) == CURLE_OK)
        rc = perform(request);
    else
        mr_err_set(request->err, MR_NO_MEMORY, "a registry URL");
    for (int i = 0; i < MAX_REDIRECTS && rc == 0; i++) {
        if (request->answer->status < 300 || request->answer->status > 399 || !follow(request))
            break;
        rc = perform(request);
    }
    mr_buf_release(&url);
    return rc;
}

static int http_get(void *opaque, const char *path, struct mr_registry_answer *answer,
                    struct mr_err *err)
{
    struct http_conn *conn = opaque;
    struct http_request request = {.conn = conn,
                                   .answer = answer,
                                   .deadline_us = now_us() + (uint64_t)answer->timeout_ms * 1000,
                                   .err = err};
    request.curl = handle_take(conn, answer->timeout_ms);
    if (request.curl == NULL)
        return mr_err_set(err, MR_REGISTRY_AWAY, "all %d connections are busy", MAX_HANDLES);
    size_t first = atomic_load(&conn->preferred);
    int rc = -MR_REGISTRY_AWAY;
    for (size_t i = 0; i < conn->n_urls; i++) {
        size_t at = (first + i) % conn->n_urls;
        request.url = &conn->urls[at];
        rc = perform_url(&request, path, conn->n_urls - i);
        if (rc != -MR_REGISTRY_AWAY && (rc < 0 || answer->status < 500)) {
            atomic_store(&conn->preferred, at);
            break;
        }
    }
    handle_give(conn, request.curl);
    return rc;
}

const struct mr_registry_fetch_ops mr_registry_http = {
    .name = "http",
    .open = http_open,
    .get = http_get,
    .close = http_close,
};
