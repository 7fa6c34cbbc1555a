/* What systemd is told, over a socket of the test's in place of systemd's. */
#include "consumer/supervisor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "consumer/status.h"
#include "tests/support/mr_test.h"
#include "tests/support/service_rig.h"

static struct service_rig rig;
static int fd = -1;
static struct sockaddr_un at;

MR_SETUP
{
    at = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "/tmp/mr-notify-%ld", (long)getpid());
    unlink(at.sun_path);
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    MR_CHECK(fd >= 0);
    MR_CHECK_INT(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    MR_CHECK_INT(setenv("NOTIFY_SOCKET", at.sun_path, 1), 0);
    service_rig_init(&rig);
}

MR_TEARDOWN
{
    service_rig_release(&rig);
    unsetenv("NOTIFY_SOCKET");
    close(fd);
    unlink(at.sun_path);
}

/* What was told since the last call, "" for nothing: a datagram is there when its send returns. */
static const char *told(void)
{
    static char text[256];
    ssize_t n = recv(fd, text, sizeof text - 1, 0);

    text[n > 0 ? n : 0] = '\0';
    return text;
}

/* The build takes libsystemd where its header is. */
static void need_systemd(void)
{
#if !__has_include(<systemd/sd-daemon.h>)
    MR_SKIP("built without libsystemd");
#endif
}

MR_TEST("a state reaches the supervisor as it is")
{
    need_systemd();
    mr_supervisor_notify("READY=1");
    MR_CHECK_STR(told(), "READY=1");
    mr_supervisor_notify("STOPPING=1");
    MR_CHECK_STR(told(), "STOPPING=1");
    MR_CHECK_STR(told(), "");
}

MR_TEST("outside of systemd nothing is told and nothing fails")
{
    unsetenv("NOTIFY_SOCKET");
    mr_supervisor_notify("READY=1");
    service_rig_pass_ms(&rig, 5000);
    mr_supervisor_tick(&rig.service);
    MR_CHECK_STR(told(), "");
}

MR_TEST("the watchdog is fed once a second while the service is healthy, not while it is wedged")
{
    need_systemd();
    service_rig_pass_ms(&rig, 100000);
    uint64_t now_ms = mr_mono_ms(&rig.service.opts.env);
    atomic_store(&rig.service.poller.progress_ms, now_ms);
    mr_supervisor_tick(&rig.service);
    MR_CHECK_STR(told(), "WATCHDOG=1");
    service_rig_pass_ms(&rig, 999);
    mr_supervisor_tick(&rig.service);
    MR_CHECK_STR(told(), "");
    service_rig_pass_ms(&rig, 1);
    mr_supervisor_tick(&rig.service);
    MR_CHECK_STR(told(), "WATCHDOG=1");
    service_rig_pass_ms(&rig, MR_WEDGED_MS);
    mr_supervisor_tick(&rig.service);
    MR_CHECK_STR(told(), "");
    atomic_store(&rig.service.poller.progress_ms, mr_mono_ms(&rig.service.opts.env));
    service_rig_pass_ms(&rig, 1000);
    mr_supervisor_tick(&rig.service);
    MR_CHECK_STR(told(), "WATCHDOG=1");
}
