/* What systemd is told, when it runs the service: sd_notify(3) states and the watchdog. Thread:
 * main. */
#ifndef MR_CONSUMER_SUPERVISOR_H
#define MR_CONSUMER_SUPERVISOR_H

#include "consumer/service.h"

/* "READY=1", "RELOADING=1", "STOPPING=1". Does nothing without NOTIFY_SOCKET, or without
 * libsystemd. */
void mr_supervisor_notify(const char *state);
/* Feeds the watchdog while the service is healthy; at most once a second. */
void mr_supervisor_tick(struct mr_service *service);

#endif
