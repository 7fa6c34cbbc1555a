/* See the header. Started as user postgres when the test runs as root, since the server refuses
 * root. */
#include "tests/support/pg_server.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "tests/support/mr_test.h"

static struct {
    char bin[256]; /* "": not looked for yet */
    char folder[64];
    pid_t pid;
    char url[256];
    PGconn *conn;
    PGconn *held;
    char text[65536];
} server;

static bool find_bin(void)
{
    glob_t found;
    bool ok = false;
    if (glob("/usr/lib/postgresql/*/bin/postgres", 0, NULL, &found) != 0)
        return false;
    for (size_t i = 0; i < found.gl_pathc; i++) { /* the newest is the last */
        ok = true;
        (void)snprintf(server.bin, sizeof server.bin, "%.*s",
                       (int)(strlen(found.gl_pathv[i]) - strlen("/postgres")), found.gl_pathv[i]);
    }
    globfree(&found);
    return ok;
}

/* In the child: another user where needed, the log as output, death with the parent. */
static void child_setup(void)
{
    char log[128];
    (void)snprintf(log, sizeof log, "%s/log", server.folder);
    struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : NULL;
    if (user != NULL && (setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0))
        _exit(126);
    (void)prctl(PR_SET_PDEATHSIG, SIGQUIT); /* the postmaster's immediate shutdown */
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0 || chdir(server.folder) != 0)
        _exit(126);
    (void)unsetenv("LD_PRELOAD");
}

static pid_t start(char *const argv[])
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    child_setup();
    execv(argv[0], argv);
    _exit(127);
}

static void run_initdb(void)
{
    char program[300];
    char data[128];
    (void)snprintf(program, sizeof program, "%s/initdb", server.bin);
    (void)snprintf(data, sizeof data, "%s/data", server.folder);
    char *argv[] = {program,
                    data,
                    (char[]){"-N"},
                    (char[]){"-A"},
                    (char[]){"trust"},
                    (char[]){"-U"},
                    (char[]){"postgres"},
                    (char[]){"-E"},
                    (char[]){"UTF8"},
                    (char[]){"--locale=C.UTF-8"},
                    (char[]){"--no-instructions"},
                    NULL};
    int status = 0;
    pid_t pid = start(argv);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        MR_FAIL("initdb failed: see %s/log", server.folder);
}

static void run_postgres(void)
{
    char program[300];
    char data[128];
    char sockets[128];
    (void)snprintf(program, sizeof program, "%s/postgres", server.bin);
    (void)snprintf(data, sizeof data, "%s/data", server.folder);
    (void)snprintf(sockets, sizeof sockets, "unix_socket_directories=%s", server.folder);
    char *argv[] = {program,
                    (char[]){"-D"},
                    data,
                    (char[]){"-c"},
                    sockets,
                    (char[]){"-c"},
                    (char[]){"listen_addresses="},
                    (char[]){"-c"},
                    (char[]){"fsync=off"},
                    (char[]){"-c"},
                    (char[]){"max_connections=60"},
                    (char[]){"-c"},
                    (char[]){"max_wal_size=4GB"},
                    (char[]){"-c"},
                    (char[]){"timezone=Asia/Tokyo"},
                    NULL};
    server.pid = start(argv);
}

static void stop(void)
{
    if (server.pid <= 0)
        return;
    PQfinish(server.conn);
    PQfinish(server.held);
    (void)kill(server.pid, SIGQUIT);
    (void)waitpid(server.pid, NULL, 0);
    pid_t pid = fork();
    if (pid == 0) {
        execlp("rm", "rm", "-rf", server.folder, (char *)NULL);
        _exit(127);
    }
    if (pid > 0)
        (void)waitpid(pid, NULL, 0);
}

static void await_ready(void)
{
    for (int i = 0; i < 2000; i++) {
        if (PQping(server.url) == PQPING_OK)
            return;
        if (waitpid(server.pid, NULL, WNOHANG) == server.pid) {
            server.pid = 0;
            MR_FAIL("postgres ended: see %s/log", server.folder);
        }
        (void)poll(NULL, 0, 10);
    }
    MR_FAIL("postgres does not answer");
}

static void server_start(void)
{
    (void)snprintf(server.folder, sizeof server.folder, "/tmp/millrace-pg-XXXXXX");
    if (mkdtemp(server.folder) == NULL)
        MR_FAIL("mkdtemp: %s", strerror(errno));
    struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : NULL;
    if (user != NULL && chown(server.folder, user->pw_uid, user->pw_gid) != 0)
        MR_FAIL("chown: %s", strerror(errno));
    run_initdb();
    (void)snprintf(server.url, sizeof server.url, "postgresql:///postgres?host=%s&user=postgres",
                   server.folder);
    run_postgres();
    (void)atexit(stop);
    await_ready();
    server.conn = PQconnectdb(server.url);
    if (PQstatus(server.conn) != CONNECTION_OK)
        MR_FAIL("%s", PQerrorMessage(server.conn));
    pg_server_exec("SET TimeZone = 'UTC'; SET client_min_messages = error");
}

const char *pg_server_url(void)
{
    if (server.bin[0] == '\0' && !find_bin())
        MR_SKIP("PostgreSQL is not installed (apt-get install postgresql)");
    if (server.pid == 0)
        server_start();
    return server.url;
}

const char *pg_server_url_for(const char *role, const char *database)
{
    static char url[256];
    (void)pg_server_url();
    (void)snprintf(url, sizeof url, "postgresql:///%s?host=%s&user=%s", database, server.folder,
                   role);
    return url;
}

static PGresult *run(const char *format, va_list args) __attribute__((format(printf, 1, 0)));
static PGresult *run(const char *format, va_list args)
{
    char sql[8192];
    (void)pg_server_url();
    (void)vsnprintf(sql, sizeof sql, format, args);
    PGresult *res = PQexec(server.conn, sql);
    ExecStatusType status = PQresultStatus(res);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        return res;
    char message[1024];
    (void)snprintf(message, sizeof message, "%s", PQresultErrorMessage(res));
    PQclear(res);
    MR_FAIL("%s\nin: %s", message, sql);
}

void pg_server_exec(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    PQclear(run(format, args));
    va_end(args);
}

const char *pg_server_query(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    PGresult *res = run(format, args);
    va_end(args);
    size_t used = 0;
    server.text[0] = '\0';
    for (int row = 0; row < PQntuples(res); row++) {
        for (int col = 0; col < PQnfields(res); col++) {
            const char *sep = col > 0 ? "|" : row > 0 ? "\n" : "";
            const char *v = PQgetisnull(res, row, col) ? "NULL" : PQgetvalue(res, row, col);
            int n = snprintf(server.text + used, sizeof server.text - used, "%s%s", sep, v);
            if (n > 0 && used + (size_t)n < sizeof server.text)
                used += (size_t)n;
        }
    }
    PQclear(res);
    return server.text;
}

void pg_server_await(const char *query, const char *expected)
{
    for (int i = 0; i < 2000; i++) {
        if (strcmp(pg_server_query("%s", query), expected) == 0)
            return;
        (void)poll(NULL, 0, 10);
    }
    MR_CHECK_STR(server.text, expected);
}

void pg_server_hold(const char *sql)
{
    (void)pg_server_url();
    PQfinish(server.held);
    server.held = PQconnectdb(server.url);
    PGresult *res = PQexec(server.held, sql);
    ExecStatusType status = PQresultStatus(res);
    char message[1024];
    (void)snprintf(message, sizeof message, "%s", PQresultErrorMessage(res));
    PQclear(res);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_COPY_IN)
        MR_FAIL("%s\nin: %s", message, sql);
}

bool pg_server_hold_alive(void)
{
    char expected[16];
    (void)snprintf(expected, sizeof expected, "%d", PQbackendPID(server.held));
    return strcmp(pg_server_query("SELECT pid FROM pg_stat_activity WHERE pid = %d",
                                  PQbackendPID(server.held)),
                  expected) == 0;
}

void pg_server_hold_end(void)
{
    PQfinish(server.held);
    server.held = NULL;
}
