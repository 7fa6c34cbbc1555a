/* The HTTP client against a small server on loopback: F-46, F-47, H-01, H-06. The server answers
 * one request a connection with the next scripted bytes and keeps the request's text. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/lock.h"
#include "schemas/registry.h"
#include "tests/support/mr_test.h"

enum { MAX_ANSWERS = 8, MAX_REQUEST = 4096, TIMEOUT_MS = 20000, RANK_SERVER = 70 };

struct server {
    int listener;
    int port;
    pthread_t thread;
    bool running;
    struct mr_lock lock;
    const char *answers[MAX_ANSWERS]; /* whole answers; NULL: closes without a byte */
    size_t n_answers;
    size_t n_requests;
    size_t endless_bytes; /* behind the last answer: so many bytes of body */
    bool silent;          /* takes the request and never answers */
    char requests[MAX_ANSWERS][MAX_REQUEST];
};

static struct fixture {
    struct server one, two;
    struct mr_registry_opts opts;
    char urls[2][128];
    void *conn;
    struct mr_registry_answer answer;
    struct mr_err err;
} f;

static void server_send(int to, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(to, bytes, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* the client hung up: it has had enough */
        bytes += sent;
        n -= (size_t)sent;
    }
}

static void server_flood(int to, size_t n)
{
    static const char filler[65536];
    for (; n > 0; n -= n < sizeof filler ? n : sizeof filler)
        server_send(to, filler, n < sizeof filler ? n : sizeof filler);
}

static void server_answer(struct server *server, int from)
{
    char request[MAX_REQUEST] = "";
    size_t len = 0;
    while (strstr(request, "\r\n\r\n") == NULL && len + 1 < sizeof request) {
        ssize_t got = recv(from, request + len, sizeof request - 1 - len, 0);
        if (got <= 0)
            return;
        len += (size_t)got;
        request[len] = '\0';
    }
    mr_lock_take(&server->lock);
    size_t at = server->n_requests++;
    const char *answer = at < server->n_answers ? server->answers[at] : NULL;
    size_t n_flood = at + 1 == server->n_answers ? server->endless_bytes : 0;
    bool silent = server->silent;
    if (at < MAX_ANSWERS)
        memcpy(server->requests[at], request, sizeof request);
    mr_lock_drop(&server->lock);
    if (silent) /* until the client hangs up */
        while (recv(from, request, sizeof request, 0) > 0)
            continue;
    if (answer != NULL)
        server_send(from, answer, strlen(answer));
    server_flood(from, n_flood);
}

static void *server_run(void *arg)
{
    struct server *server = arg;
    for (;;) {
        int from = accept(server->listener, NULL, NULL);
        if (from < 0)
            return NULL;
        server_answer(server, from);
        close(from);
    }
}

static void server_start(struct server *server)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    MR_CHECK_OK(bind(server->listener, (struct sockaddr *)&at, sizeof at));
    MR_CHECK_OK(getsockname(server->listener, (struct sockaddr *)&at, &len));
    MR_CHECK_OK(listen(server->listener, 16));
    server->port = ntohs(at.sin_port);
    mr_lock_init(&server->lock, RANK_SERVER);
    MR_CHECK_OK(mr_thread_start(&server->thread, "server", server_run, server));
    server->running = true;
}

static void server_stop(struct server *server)
{
    if (!server->running)
        return;
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
    mr_lock_release(&server->lock);
    server->running = false;
}

MR_SETUP
{
    memset(&f, 0, sizeof f);
    mr_err_clear(&f.err);
    f.answer.timeout_ms = TIMEOUT_MS;
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    unsetenv("all_proxy");
    server_start(&f.one);
    server_start(&f.two);
    snprintf(f.urls[0], sizeof f.urls[0], "http://127.0.0.1:%d/base/", f.one.port);
    snprintf(f.urls[1], sizeof f.urls[1], "http://127.0.0.1:%d", f.two.port);
    f.opts.urls[0] = f.urls[0];
    f.opts.urls[1] = f.urls[1];
    f.opts.n_urls = 1;
}

MR_TEARDOWN
{
    if (f.conn != NULL)
        mr_registry_http.close(f.conn);
    server_stop(&f.one);
    server_stop(&f.two);
    mr_buf_release(&f.answer.body);
}

static void will_answer(struct server *server, const char *answer)
{
    mr_lock_take(&server->lock);
    server->answers[server->n_answers++] = answer;
    mr_lock_drop(&server->lock);
}

static void will_answer_with_flood(struct server *server, size_t n_bytes)
{
    mr_lock_take(&server->lock);
    server->endless_bytes = n_bytes;
    server->answers[server->n_answers++] = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    mr_lock_drop(&server->lock);
}

static int get(const char *path)
{
    if (f.conn == NULL)
        MR_CHECK_OK(mr_registry_http.open(&f.opts, &f.conn, &f.err));
    return mr_registry_http.get(f.conn, path, &f.answer, &f.err);
}

static size_t n_requests(struct server *server)
{
    mr_lock_take(&server->lock);
    size_t n = server->n_requests;
    mr_lock_drop(&server->lock);
    return n;
}

static void check_request(struct server *server, size_t at, const char *part)
{
    mr_lock_take(&server->lock);
    bool has = strstr(server->requests[at], part) != NULL;
    mr_lock_drop(&server->lock);
    if (!has)
        MR_FAIL("request %zu has no '%s': %s", at, part, server->requests[at]);
}

static void check_no_request(struct server *server, size_t at, const char *part)
{
    mr_lock_take(&server->lock);
    bool has = strstr(server->requests[at], part) != NULL;
    mr_lock_drop(&server->lock);
    if (has)
        MR_FAIL("request %zu has '%s'", at, part);
}

#define OK_HEAD "HTTP/1.1 200 OK\r\nConnection: close\r\n"
#define OK_BODY(length, body) OK_HEAD "Content-Length: " length "\r\n\r\n" body

MR_TEST("a GET joins base and path and gives status and body")
{
    will_answer(&f.one, OK_BODY("5", "hello"));
    MR_CHECK_OK(get("/schemas/ids/1?subject=a%20b"));
    MR_CHECK_INT(f.answer.status, 200);
    MR_CHECK_STR(mr_buf_cstr(&f.answer.body), "hello");
    MR_CHECK_U64(f.answer.retry_after_ms, 0);
    MR_CHECK_STR(f.answer.artifact_type, "");
    check_request(&f.one, 0, "GET /base/schemas/ids/1?subject=a%20b HTTP/1.1\r\n");
    check_request(&f.one, 0, "Accept: application/vnd.schemaregistry.v1+json");
    check_no_request(&f.one, 0, "Authorization");
}

MR_TEST("an error's status and body are an answer, and replace the one before")
{
    will_answer(&f.one, OK_BODY("5", "hello"));
    will_answer(&f.one,
                "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}");
    MR_CHECK_OK(get("/a"));
    MR_CHECK_OK(get("/b"));
    MR_CHECK_INT(f.answer.status, 404);
    MR_CHECK_STR(mr_buf_cstr(&f.answer.body), "{}");
}

MR_TEST("basic credentials are sent, encoded")
{
    f.opts.basic_auth = "me:pass word";
    will_answer(&f.one, OK_BODY("0", ""));
    MR_CHECK_OK(get("/a"));
    check_request(&f.one, 0, "Authorization: Basic bWU6cGFzcyB3b3Jk\r\n");
}

MR_TEST("a bearer token is sent")
{
    f.opts.bearer_token = "tok-en";
    will_answer(&f.one, OK_BODY("0", ""));
    MR_CHECK_OK(get("/a"));
    check_request(&f.one, 0, "Authorization: Bearer tok-en\r\n");
}

/* F-46 */
MR_TEST("credentials in a URL are for that URL alone")
{
    snprintf(f.urls[0], sizeof f.urls[0], "http://u%%40x:p%%3Aw@127.0.0.1:%d", f.one.port);
    f.opts.n_urls = 2;
    f.opts.basic_auth = "me:pw";
    will_answer(&f.one, "HTTP/1.1 500 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    will_answer(&f.two, OK_BODY("0", ""));
    MR_CHECK_OK(get("/a"));
    check_request(&f.one, 0, "Authorization: Basic dUB4OnA6dw==\r\n"); /* u@x:p:w */
    check_request(&f.two, 0, "Authorization: Basic bWU6cHc=\r\n");
}

MR_TEST("an error names the host and no credential")
{
    snprintf(f.urls[0], sizeof f.urls[0], "http://user:geheim@127.0.0.1:%d/x", f.one.port);
    server_stop(&f.one);
    MR_CHECK_INT(get("/a"), -MR_REGISTRY_AWAY);
    MR_CHECK(strstr(f.err.detail, "127.0.0.1") != NULL);
    MR_CHECK(strstr(f.err.detail, "geheim") == NULL);
}

/* F-46, H-01 */
MR_TEST("the next URL is tried on connect failure")
{
    f.opts.n_urls = 2;
    server_stop(&f.one);
    will_answer(&f.two, OK_BODY("1", "a"));
    will_answer(&f.two, OK_BODY("1", "b"));
    MR_CHECK_OK(get("/a"));
    MR_CHECK_STR(mr_buf_cstr(&f.answer.body), "a");
    MR_CHECK_OK(get("/b"));
    MR_CHECK_U64(n_requests(&f.two), 2);
}

/* F-46 */
MR_TEST("the next URL is tried on 5xx, and not on 4xx")
{
    f.opts.n_urls = 2;
    will_answer(&f.one, "HTTP/1.1 503 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    will_answer(&f.two, "HTTP/1.1 404 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    MR_CHECK_OK(get("/a"));
    MR_CHECK_INT(f.answer.status, 404);
    MR_CHECK_U64(n_requests(&f.one), 1);
    MR_CHECK_U64(n_requests(&f.two), 1);
    will_answer(&f.two, OK_BODY("0", "")); /* from now on the first to be asked */
    MR_CHECK_OK(get("/b"));
    MR_CHECK_U64(n_requests(&f.one), 1);
    MR_CHECK_U64(n_requests(&f.two), 2);
}

/* F-46 */
MR_TEST("where all URLs answer 5xx the last answer counts")
{
    f.opts.n_urls = 2;
    will_answer(&f.one, "HTTP/1.1 500 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    will_answer(&f.two, "HTTP/1.1 502 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    MR_CHECK_OK(get("/a"));
    MR_CHECK_INT(f.answer.status, 502);
}

#define MOVED "HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 4\r\nLocation: "

/* F-46 */
MR_TEST("a redirect on the same host is followed with its credentials")
{
    f.opts.basic_auth = "me:pw";
    will_answer(&f.one, MOVED "/moved\r\n\r\ngone");
    will_answer(&f.one, OK_BODY("4", "here"));
    MR_CHECK_OK(get("/a"));
    MR_CHECK_INT(f.answer.status, 200);
    MR_CHECK_STR(mr_buf_cstr(&f.answer.body), "here");
    check_request(&f.one, 1, "GET /moved HTTP/1.1\r\n");
    check_request(&f.one, 1, "Authorization: Basic");
}

/* F-46 */
MR_TEST("a redirect to another host or port is not followed")
{
    char other_port[256];
    snprintf(other_port, sizeof other_port, MOVED "http://127.0.0.1:%d/b\r\n\r\ngone", f.two.port);
    will_answer(&f.one, other_port);
    MR_CHECK_OK(get("/a"));
    MR_CHECK_INT(f.answer.status, 302);
    char other_host[256];
    snprintf(other_host, sizeof other_host, MOVED "http://localhost:%d/b\r\n\r\ngone", f.one.port);
    will_answer(&f.one, other_host);
    MR_CHECK_OK(get("/a"));
    MR_CHECK_INT(f.answer.status, 302);
    will_answer(&f.one, MOVED "file:///etc/passwd\r\n\r\ngone");
    MR_CHECK_OK(get("/a"));
    MR_CHECK_INT(f.answer.status, 302);
    MR_CHECK_U64(n_requests(&f.one), 3);
    MR_CHECK_U64(n_requests(&f.two), 0);
}

/* F-46 */
MR_TEST("at most three redirects are followed")
{
    for (int i = 0; i < 5; i++)
        will_answer(&f.one, MOVED "/again\r\n\r\ngone");
    MR_CHECK_OK(get("/a"));
    MR_CHECK_INT(f.answer.status, 302);
    MR_CHECK_U64(n_requests(&f.one), 4);
}

/* H-06 */
MR_TEST("Retry-After is given in milliseconds and capped at 300 seconds")
{
    will_answer(&f.one, "HTTP/1.1 429 Slow\r\nConnection: close\r\nContent-Length: 0\r\n"
                        "Retry-After: 7\r\n\r\n");
    will_answer(&f.one, "HTTP/1.1 429 Slow\r\nConnection: close\r\nContent-Length: 0\r\n"
                        "Retry-After: 86400\r\n\r\n");
    MR_CHECK_OK(get("/a"));
    MR_CHECK_INT(f.answer.status, 429);
    MR_CHECK_U64(f.answer.retry_after_ms, 7000);
    MR_CHECK_OK(get("/a"));
    MR_CHECK_U64(f.answer.retry_after_ms, 300000);
}

/* F-12 for Apicurio */
MR_TEST("the artifact type header is given")
{
    will_answer(&f.one, OK_HEAD "X-Registry-ArtifactType: PROTOBUF\r\nContent-Length: 0\r\n\r\n");
    will_answer(&f.one, OK_BODY("0", ""));
    MR_CHECK_OK(get("/a"));
    MR_CHECK_STR(f.answer.artifact_type, "PROTOBUF");
    MR_CHECK_OK(get("/a"));
    MR_CHECK_STR(f.answer.artifact_type, "");
}

/* H-01 */
MR_TEST("a cut answer and an empty one are transport faults")
{
    will_answer(&f.one, OK_HEAD "Content-Length: 100\r\n\r\nonly this");
    MR_CHECK_INT(get("/a"), -MR_REGISTRY_AWAY);
    will_answer(&f.one, NULL);
    MR_CHECK_INT(get("/a"), -MR_REGISTRY_AWAY);
    will_answer(&f.one, "HTTP/1.1 200 OK\r\nTransfer-En");
    MR_CHECK_INT(get("/a"), -MR_REGISTRY_AWAY);
    MR_CHECK_INT(f.err.class, MR_CLASS_RETRY);
}

/* H-01 */
MR_TEST("a server that never answers is given up in time")
{
    mr_lock_take(&f.one.lock);
    f.one.silent = true;
    mr_lock_drop(&f.one.lock);
    f.answer.timeout_ms = 50;
    MR_CHECK_INT(get("/a"), -MR_REGISTRY_AWAY);
}

/* F-47 */
MR_TEST("a body of 16 MiB passes and one byte more is refused while it comes")
{
    will_answer_with_flood(&f.one, 16 * 1024 * 1024);
    MR_CHECK_OK(get("/a"));
    MR_CHECK_U64(f.answer.body.len, 16 * 1024 * 1024);
    will_answer_with_flood(&f.one, 16 * 1024 * 1024 + 1);
    MR_CHECK_INT(get("/a"), -MR_SCHEMA_TOO_LARGE);
    MR_CHECK_INT(f.err.class, MR_CLASS_POISON);
}

/* F-47 */
MR_TEST("a body that says it is larger is refused before it comes")
{
    will_answer(&f.one, OK_BODY("16777217", ""));
    MR_CHECK_INT(get("/a"), -MR_SCHEMA_TOO_LARGE);
}

MR_TEST("URLs that are not http, have a query, or are missing are refused at the start")
{
    static const char *const urls[] = {"ftp://h/", "file:///etc/passwd", "h:8081",
                                       "",         "http://h/?a=b",      "http://h/#x",
                                       "http://",  "javascript:1"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        f.opts.urls[0] = urls[i];
        MR_CHECK_INT(mr_registry_http.open(&f.opts, &f.conn, &f.err), -MR_CONFIG_INVALID);
    }
    f.opts.n_urls = 0;
    MR_CHECK_INT(mr_registry_http.open(&f.opts, &f.conn, &f.err), -MR_CONFIG_INVALID);
}

MR_TEST("a TLS file that cannot be read is refused at the start")
{
    f.opts.tls_ca = "/nowhere/ca.pem";
    MR_CHECK_INT(mr_registry_http.open(&f.opts, &f.conn, &f.err), -MR_CONFIG_INVALID);
    MR_CHECK(strstr(f.err.detail, "/nowhere/ca.pem") != NULL);
}

enum { N_THREADS = 12, N_GETS = 20 };

static void *many_gets(void *arg)
{
    size_t *n_ok = arg;
    struct mr_registry_answer answer = {.timeout_ms = TIMEOUT_MS};
    for (int i = 0; i < N_GETS; i++) {
        struct mr_err err = MR_ERR_INIT;
        int rc = mr_registry_http.get(f.conn, "/a", &answer, &err);
        *n_ok += rc == -MR_REGISTRY_AWAY; /* the server closes every connection */
    }
    mr_buf_release(&answer.body);
    return NULL;
}

MR_TEST("more threads than connections all get their turn")
{
    pthread_t threads[N_THREADS];
    size_t n_ok[N_THREADS] = {0};
    MR_CHECK_OK(mr_registry_http.open(&f.opts, &f.conn, &f.err));
    for (size_t i = 0; i < N_THREADS; i++)
        MR_CHECK_OK(mr_thread_start(&threads[i], "getter", many_gets, &n_ok[i]));
    for (size_t i = 0; i < N_THREADS; i++) {
        pthread_join(threads[i], NULL);
        MR_CHECK_U64(n_ok[i], N_GETS);
    }
    MR_CHECK_U64(n_requests(&f.one), N_THREADS * N_GETS);
}
