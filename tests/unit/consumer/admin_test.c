/* The admin listener over a loopback socket: pages, the bearer token, what is refused. */
#include "consumer/admin.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/support/mr_test.h"
#include "tests/support/service_rig.h"

enum { ANSWER_BYTES = 64 * 1024, WAIT_S = 5 };

static struct service_rig rig;
static struct mr_admin *admin;
static struct mr_err err;
static char answer[ANSWER_BYTES];

MR_SETUP
{
    service_rig_init(&rig);
    mr_log_setup(MR_ERROR, MR_LOG_LOGFMT, STDERR_FILENO);
    admin = NULL;
    mr_err_clear(&err);
}

MR_TEARDOWN
{
    mr_admin_stop(admin);
    service_rig_release(&rig);
}

static void start(const char *listen_at, const char *token)
{
    MR_CHECK_OK(mr_admin_start(&rig.service, listen_at, token, &admin, &err));
}

static int connect_to(void)
{
    const char *colon = strrchr(mr_admin_address(admin), ':');
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval wait = {.tv_sec = WAIT_S};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    MR_CHECK(fd >= 0 && colon != NULL);
    at.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    MR_CHECK_INT(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

/* Sends the bytes, reads to the end of the connection; the answer's status, 0 where none came. */
static int ask_raw(const char *bytes, size_t len)
{
    int fd = connect_to();
    size_t n = 0;
    ssize_t got = 0;

    while (len > 0 && (got = send(fd, bytes, len, MSG_NOSIGNAL)) > 0) {
        bytes += got;
        len -= (size_t)got;
    }
    while (n < sizeof answer - 1 && (got = recv(fd, answer + n, sizeof answer - 1 - n, 0)) > 0)
        n += (size_t)got;
    answer[n] = '\0';
    close(fd);
    return n > 12 && strncmp(answer, "HTTP/1.", 7) == 0 ? (int)strtol(answer + 9, NULL, 10) : 0;
}

static int ask(const char *method, const char *path, const char *header)
{
    char request[1024];
    int n =
        snprintf(request, sizeof request,
                 "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", method, path, header);

    MR_CHECK(n > 0 && (size_t)n < sizeof request);
    return ask_raw(request, (size_t)n);
}

static const char *body(void)
{
    const char *at = strstr(answer, "\r\n\r\n");

    MR_CHECK(at != NULL);
    return at + 4;
}

/* ---- pages ---- */

MR_TEST("port 0 takes a free port, and the address says which")
{
    start("127.0.0.1:0", "");
    MR_CHECK(strncmp(mr_admin_address(admin), "127.0.0.1:", 10) == 0);
    MR_CHECK(strcmp(mr_admin_address(admin), "127.0.0.1:0") != 0);
    MR_CHECK_INT(ask("GET", "/", ""), 200);
    MR_CHECK(strstr(body(), "/status") != NULL);
}

MR_TEST("metrics come in Prometheus's text form, brought up to date by the question")
{
    start("127.0.0.1:0", "");
    service_rig_part(&rig, 3, MR_PART_FLOWING, 40, 100);
    MR_CHECK_INT(ask("GET", "/metrics", ""), 200);
    MR_CHECK(strstr(answer, "Content-Type: text/plain; version=0.0.4") != NULL);
    MR_CHECK(strstr(answer, "Cache-Control: no-store") != NULL);
    MR_CHECK(strstr(body(), "kafka_consumergroup_group_lag{group=\"rig\",topic=\"t\","
                            "partition=\"3\"} 60\n") != NULL);
}

MR_TEST("readyz is 503 with its reasons until everything is well")
{
    start("127.0.0.1:0", "");
    MR_CHECK_INT(ask("GET", "/readyz", ""), 503);
    MR_CHECK(strstr(answer, "Content-Type: application/json") != NULL);
    MR_CHECK(strstr(body(), "\"ready\": false") != NULL);
    MR_CHECK(strstr(body(), "no assignment from the group yet") != NULL);
    atomic_store(&rig.service.poller.seen_assignment, true);
    service_rig_reach_target(&rig);
    MR_CHECK_INT(ask("GET", "/readyz", ""), 200);
    MR_CHECK(strstr(body(), "\"ready\": true") != NULL);
}

MR_TEST("healthz is 200 while threads move, and names the one that does not")
{
    start("127.0.0.1:0", "");
    MR_CHECK_INT(ask("GET", "/healthz", ""), 200);
    MR_CHECK_STR(body(), "ok\n");
    atomic_store(&rig.service.lanes[1].fill_moved_ms, 1);
    MR_CHECK_INT(ask("GET", "/healthz", ""), 503);
    MR_CHECK_STR(body(), "lane 1: the fill thread does not move\n");
}

MR_TEST("status is the report")
{
    start("127.0.0.1:0", "");
    MR_CHECK_INT(ask("GET", "/status", ""), 200);
    MR_CHECK(strstr(answer, "Content-Type: application/json") != NULL);
    MR_CHECK(strstr(body(), "\"pipeline\": \"rig\"") != NULL);
}

MR_TEST("HEAD gives the header alone")
{
    start("127.0.0.1:0", "");
    MR_CHECK_INT(ask("HEAD", "/healthz", ""), 200);
    MR_CHECK_STR(body(), "");
}

/* ---- what is refused ---- */

MR_TEST("a page that is not there is 404, a query is not part of its name")
{
    start("127.0.0.1:0", "");
    MR_CHECK_INT(ask("GET", "/nothing", ""), 404);
    MR_CHECK_INT(ask("GET", "/status/", ""), 404);
    MR_CHECK_INT(ask("GET", "//status", ""), 404);
    MR_CHECK_INT(ask("GET", "/healthz?verbose=1", ""), 200);
}

MR_TEST("anything but GET and HEAD is 405, on every page")
{
    static const char *const methods[] = {"POST", "PUT", "DELETE", "OPTIONS", "PATCH"};

    start("127.0.0.1:0", "");
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        MR_CHECK_INT(ask(methods[i], "/status", "Content-Length: 0\r\n"), 405);
        MR_CHECK_INT(ask(methods[i], "/nothing", "Content-Length: 0\r\n"), 405);
    }
}

/* design.md section 9; a probe of an orchestrator carries no token */
MR_TEST("with a token every page but health and readiness wants it, whole and exact")
{
    static const char *const wrong[] = {"",
                                        "Authorization: Bearer\r\n",
                                        "Authorization: Bearer \r\n",
                                        "Authorization: Bearer s3cre\r\n",
                                        "Authorization: Bearer s3crett\r\n",
                                        "Authorization: Bearer S3cret\r\n",
                                        "Authorization: Basic s3cret\r\n",
                                        "Authorization: s3cret\r\n"};
    static const char *const closed[] = {"/", "/status", "/metrics"};

    start("127.0.0.1:0", "s3cret");
    for (size_t p = 0; p < 3; p++) {
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
            MR_CHECK_INT(ask("GET", closed[p], wrong[i]), 401);
            MR_CHECK(strstr(body(), "pipeline") == NULL);
        }
        MR_CHECK_INT(ask("GET", closed[p], "Authorization: Bearer s3cret\r\n"), 200);
    }
    MR_CHECK_INT(ask("GET", "/healthz", ""), 200);
    MR_CHECK_INT(ask("GET", "/readyz", ""), 503);
    MR_CHECK_INT(ask("GET", "/nothing", ""), 404);
}

MR_TEST("a token as long as the option allows must match to its last byte")
{
    char token[1024];
    char header[1100];

    memset(token, 'k', 255);
    token[255] = '\0';
    start("127.0.0.1:0", token);
    snprintf(header, sizeof header, "Authorization: Bearer %s\r\n", token);
    MR_CHECK_INT(ask("GET", "/status", header), 200);
    token[254] = 'x';
    snprintf(header, sizeof header, "Authorization: Bearer %s\r\n", token);
    MR_CHECK_INT(ask("GET", "/status", header), 401);
}

MR_TEST("a token that is too long is refused at the start, not cut")
{
    char token[512];

    memset(token, 'k', sizeof token - 1);
    token[sizeof token - 1] = '\0';
    MR_CHECK_INT(mr_admin_start(&rig.service, "127.0.0.1:0", token, &admin, &err),
                 -MR_CONFIG_INVALID);
    MR_CHECK(strstr(err.detail, "kkkk") == NULL); /* never a secret */
}

MR_TEST("a header beyond the limit is refused, and the next question is answered")
{
    static char big[40 * 1024];

    start("127.0.0.1:0", "");
    int n = snprintf(big, sizeof big, "GET /status HTTP/1.1\r\nHost: x\r\nX: ");
    memset(big + n, 'a', sizeof big - (size_t)n - 4);
    memcpy(big + sizeof big - 4, "\r\n\r\n", 4);
    int status = ask_raw(big, sizeof big);
    MR_CHECK(status == 0 || status >= 400);
    MR_CHECK_INT(ask("GET", "/healthz", ""), 200);
}

MR_TEST("a body is not read")
{
    static const char request[] = "POST /status HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                                  "Connection: close\r\n\r\nhello";

    start("127.0.0.1:0", "");
    int status = ask_raw(request, sizeof request - 1);
    MR_CHECK(status == 0 || status == 405);
    MR_CHECK_INT(ask("GET", "/healthz", ""), 200);
}

/* Asks on an open connection, which stays open; is there an answer within a moment? */
static bool is_served(int fd)
{
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    struct timeval moment = {.tv_usec = 200000};
    char byte;

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof moment);
    return send(fd, request, sizeof request - 1, MSG_NOSIGNAL) > 0 && recv(fd, &byte, 1, 0) == 1;
}

MR_TEST("connections beyond the limit are not served, and there is room again afterwards")
{
    int fds[MR_ADMIN_MAX_CONNECTIONS + 8];
    size_t n_served = 0;

    start("127.0.0.1:0", "");
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        fds[i] = connect_to();
    for (size_t i = MR_ADMIN_MAX_CONNECTIONS; i < sizeof fds / sizeof *fds; i++)
        n_served += is_served(fds[i]);
    MR_CHECK_U64(n_served, 0);
    MR_CHECK(is_served(fds[MR_ADMIN_MAX_CONNECTIONS - 1]));
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        close(fds[i]);
    int status = 0;
    for (int i = 0; i < 1000 && status != 200; i++) /* it learns of the closes one by one */
        status = ask("GET", "/healthz", "");
    MR_CHECK_INT(status, 200);
}

/* ---- POST /resume ---- */

static int post(const char *path, const char *headers, const char *text)
{
    static char request[16 * 1024];
    int n = snprintf(request, sizeof request,
                     "POST %s HTTP/1.1\r\nConnection: close\r\nContent-Length: %zu\r\n%s\r\n%s",
                     path, strlen(text), headers, text);

    MR_CHECK(n > 0 && (size_t)n < sizeof request);
    return ask_raw(request, (size_t)n);
}

#define HERE "Host: 127.0.0.1:9464\r\n"
#define MARK "X-Millrace-Command: 1\r\n"

/* design.md section 6 */
MR_TEST("a resume goes to the route that is named")
{
    start("127.0.0.1:0", "");
    mr_breaker_trip(rig.service.wiring.rules[0].breaker, RIG_START_MS);
    MR_CHECK_INT(post("/resume", HERE MARK, "{\"route\": \"t\", \"accept\": 5}"), 200);
    MR_CHECK(strstr(body(), "\"breaker_was_open\": true") != NULL);
    MR_CHECK(!mr_breaker_is_open(rig.service.wiring.rules[0].breaker));
}

MR_TEST("a resume without the header, or by a name that is not this machine's, changes nothing")
{
    static const char *const wrong[] = {HERE, MARK "Host: evil.example\r\n",
                                        MARK "Host: localhost.evil.example\r\n",
                                        MARK "Host: 127.0.0.1.evil.example\r\n"};

    start("127.0.0.1:0", "");
    mr_breaker_trip(rig.service.wiring.rules[0].breaker, RIG_START_MS);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        MR_CHECK_INT(post("/resume", wrong[i], "{\"route\": \"t\"}"), 403);
    MR_CHECK(mr_breaker_is_open(rig.service.wiring.rules[0].breaker));
    MR_CHECK_INT(post("/resume", MARK "Host: localhost:1\r\n", "{\"route\": \"t\"}"), 200);
    MR_CHECK_INT(post("/resume", MARK "Host: [::1]:1\r\n", "{\"route\": \"t\"}"), 200);
    MR_CHECK_INT(ask("GET", "/resume", ""), 404);
    MR_CHECK_INT(ask("OPTIONS", "/resume", ""), 405);
}

MR_TEST("with a token a resume wants it, and takes any host")
{
    start("127.0.0.1:0", "s3cret");
    MR_CHECK_INT(post("/resume", HERE MARK, "{\"route\": \"t\"}"), 401);
    MR_CHECK_INT(
        post("/resume", "Host: x\r\nAuthorization: Bearer s3cret\r\n", "{\"route\": \"t\"}"), 403);
    MR_CHECK_INT(
        post("/resume", MARK "Host: x\r\nAuthorization: Bearer s3cret\r\n", "{\"route\": \"t\"}"),
        200);
}

MR_TEST("a body that is too large is refused, one that is no question too")
{
    static char big[8 * 1024];

    start("127.0.0.1:0", "");
    memset(big, ' ', sizeof big - 1);
    MR_CHECK_INT(post("/resume", HERE MARK, big), 413);
    big[MR_ADMIN_MAX_BODY] = '\0';
    MR_CHECK_INT(post("/resume", HERE MARK, big), 400);
    MR_CHECK_INT(post("/resume", HERE MARK, ""), 400);
    MR_CHECK_INT(post("/status", HERE MARK, "{}"), 405);
    MR_CHECK_INT(ask("GET", "/healthz", ""), 200);
}

/* ---- addresses ---- */

MR_TEST("an address that is none is refused, with what one looks like")
{
    static const char *const bad[] = {"",
                                      "9464",
                                      ":9464",
                                      "127.0.0.1",
                                      "1.2.3:80",
                                      "127.0.0.1:",
                                      "127.0.0.1:x",
                                      "127.0.0.1:65536",
                                      "::1:80",
                                      "[::1:80",
                                      "[]:80",
                                      "host.example:80",
                                      "127.0.0.1:80x"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int rc = mr_admin_start(&rig.service, bad[i], "token", &admin, &err);
        if (rc != -MR_CONFIG_INVALID)
            MR_FAIL("%s gives %d", bad[i], rc);
        MR_CHECK(strstr(err.detail, "address:port") != NULL);
    }
}

MR_TEST("beyond loopback a token is demanded")
{
    static const char *const open[] = {"0.0.0.0:0", "[::]:0", "192.0.2.1:0"};

    for (size_t i = 0; i < sizeof open / sizeof *open; i++) {
        MR_CHECK_INT(mr_admin_start(&rig.service, open[i], "", &admin, &err), -MR_CONFIG_INVALID);
        MR_CHECK(strstr(err.detail, "http.bearer_token") != NULL);
    }
    start("0.0.0.0:0", "token");
    MR_CHECK_INT(ask("GET", "/status", ""), 401);
}

MR_TEST("whether an address can be listened on is told without serving it")
{
    char taken[64];
    bool is_taken = false;

    start("127.0.0.1:0", "");
    (void)snprintf(taken, sizeof taken, "%s", mr_admin_address(admin));
    MR_CHECK_INT(mr_admin_try(taken, "", &is_taken, &err), -MR_IO);
    MR_CHECK(is_taken && strstr(err.detail, "Address already in use") != NULL);
    mr_admin_stop(admin);
    admin = NULL;
    MR_CHECK_OK(mr_admin_try(taken, "", &is_taken, &err));
    MR_CHECK(!is_taken);
    start(taken, "");
    MR_CHECK_INT(mr_admin_try("0.0.0.0:0", "", &is_taken, &err), -MR_CONFIG_INVALID);
    MR_CHECK_INT(mr_admin_try("here", "", &is_taken, &err), -MR_CONFIG_INVALID);
}

/* 192.0.2.0/24 is no machine's (RFC 5737). */
MR_TEST("an address that is not this machine's is a wrong setting, when tried and when started")
{
    static const char at[] = "192.0.2.1:9464";
    bool taken = true;

    MR_CHECK_INT(mr_admin_try(at, "token", &taken, &err), -MR_CONFIG_INVALID);
    MR_CHECK(!taken && strstr(err.detail, "Cannot assign requested address") != NULL);
    MR_CHECK_INT(mr_err_exit_code(&err), 78);
    mr_err_clear(&err);
    MR_CHECK_INT(mr_admin_start(&rig.service, at, "token", &admin, &err), -MR_CONFIG_INVALID);
    MR_CHECK(strstr(err.detail, "Cannot assign requested address") != NULL);
}

MR_TEST("localhost and any 127 address are loopback")
{
    start("localhost:0", "");
    MR_CHECK_INT(ask("GET", "/healthz", ""), 200);
    mr_admin_stop(admin);
    admin = NULL;
    start("127.1.2.3:0", "");
}

MR_TEST("a port that is taken is said, with its address")
{
    struct mr_admin *second = NULL;

    start("127.0.0.1:0", "");
    MR_CHECK_INT(mr_admin_start(&rig.service, mr_admin_address(admin), "", &second, &err), -MR_IO);
    MR_CHECK(strstr(err.detail, mr_admin_address(admin)) != NULL);
    MR_CHECK(second == NULL);
}
