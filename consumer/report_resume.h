/* The question and answer of POST /resume, as JSON. */
#ifndef MR_CONSUMER_REPORT_RESUME_H
#define MR_CONSUMER_REPORT_RESUME_H

#include "base/buf.h"
#include "consumer/service.h"

/* `{"route": "...", "accept": N}`, accept 0 when it is absent; answers the HTTP status: 200, 400
 * (with the reason), 404 (with the routes there are). Any thread. */
unsigned mr_report_resume(struct mr_service *service, const struct mr_buf *question,
                          struct mr_buf *out);

/* The same from the other side, for the command. -MR_NO_MEMORY. */
int mr_report_resume_ask(const char *route, uint64_t accept, struct mr_buf *out);
/* The answer for people: its `error`, or what was done. */
void mr_report_resume_tell(const struct mr_buf *answer, struct mr_buf *out);

#endif
