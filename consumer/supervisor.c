/* Owns sd-daemon.h. Without libsystemd, or outside of systemd, everything here does nothing. */
#include "consumer/supervisor.h"

#include "consumer/status.h"

#if defined(MR_HAVE_SYSTEMD) && MR_HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif
#include "base/ban.h"

#if defined(MR_HAVE_SYSTEMD) && MR_HAVE_SYSTEMD

enum { FEED_EVERY_MS = 1000 };

void mr_supervisor_notify(const char *state)
{
    sd_notify(0, state);
}

void mr_supervisor_tick(struct mr_service *service)
{
    static uint64_t last_ms; /* thread: main, the only caller */
    uint64_t now_ms = mr_mono_ms(&service->opts.env);
    struct mr_buf why = MR_BUF_INIT;

    if (now_ms - last_ms < FEED_EVERY_MS)
        return;
    last_ms = now_ms;
    if (mr_status_healthy(service, MR_WEDGED_MS, &why))
        sd_notify(0, "WATCHDOG=1");
    mr_buf_release(&why);
}

#else

void mr_supervisor_notify(const char *state)
{
    (void)state;
}

void mr_supervisor_tick(struct mr_service *service)
{
    (void)service;
}

#endif
