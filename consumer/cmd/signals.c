/* Owns the process's signals. */
#include "consumer/cmd/signals.h"

#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/ban.h"

enum { TICK_MS = 100 };

void mr_signals_block(sigset_t *set)
{
    struct sigaction ignore;

    memset(&ignore, 0, sizeof ignore);
    ignore.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &ignore, NULL);
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, set, NULL);
}

int mr_signals_wait(const sigset_t *set)
{
    const struct timespec tick = {.tv_sec = 0, .tv_nsec = (long)TICK_MS * 1000 * 1000};
    int signo = sigtimedwait(set, NULL, &tick);

    return signo > 0 ? signo : 0;
}

static void end_at_once(int signo)
{
    (void)signo;
    _exit(EX_TEMPFAIL);
}

void mr_signals_release(const sigset_t *set)
{
    sigset_t ending = *set;
    struct sigaction end;

    memset(&end, 0, sizeof end);
    end.sa_handler = end_at_once;
    sigaction(SIGTERM, &end, NULL);
    sigaction(SIGINT, &end, NULL);
    sigdelset(&ending, SIGHUP);
    pthread_sigmask(SIG_UNBLOCK, &ending, NULL);
}
