/* Other forms in front of the plan: payloads that are not Avro of a registered schema become Avro
 * of a schema made of the record itself, or of the route's own; and a writer's datum becomes the
 * reader's. Plan and decoder know nothing of it. Schemas are interned by the digest of their text
 * and bounded, the least recently used goes first. Threads: one owner, a lane's fill. */
#ifndef MR_SCHEMAS_TRANSCODE_H
#define MR_SCHEMAS_TRANSCODE_H

#include "base/clock.h"
#include "schemas/plan.h"
#include "schemas/resolve.h"
#include "schemas/route.h"

enum { MR_TRANSCODE_MAX_SCHEMAS = 2048 };

struct mr_transcode;

/* NULL when memory is out. */
struct mr_transcode *mr_transcode_new(struct mr_env env);
void mr_transcode_free(struct mr_transcode *transcode); /* NULL is allowed */

/* Whose record it is. */
struct mr_transcode_for {
    const struct mr_route *route;
    uint32_t scope; /* the target: records of one are alike */
    bool is_key;
};

/* After framing, before the plan: a string, number or octets as a value, and JSON, get a reference
 * of kind MR_REF_MADE (or CONFIGURED) and a body in Avro, which lives until the same side's next
 * call; JSON's null becomes the null payload; single-object encoding loses its mark (F-13). All
 * other frames stay as they are.
 * Errors: framing.bad_json, framing.too_large, value.*, schema.*. */
int mr_transcode_open(struct mr_transcode *transcode, const struct mr_transcode_for *of,
                      struct mr_frame *frame, struct mr_err *err);

/* Was the key or the value that was opened last given a schema by its own values, which another
 * scope might have given another one? */
bool mr_transcode_guessed(const struct mr_transcode *transcode);

/* The schema of a reference of kind MR_REF_MADE: gives a reference; NULL where it is not kept (it
 * is for the two that were opened last). */
struct mr_schema *mr_transcode_schema(const struct mr_transcode *transcode,
                                      const struct mr_schema_ref *ref);

/* The resolvers of a plan whose route has schemas of its own; NULL: none. */
struct mr_transcode_via {
    const struct mr_resolver *value;
    const struct mr_resolver *key;
    uint32_t max_zero;
};

/* A record whose bodies are in the readers' form (S-01), as mr_resolver_run; the key that a row had
 * before, too, where it stands in the header as the record's own key does (U-30): none where it
 * does not resolve. They live until the next call. */
int mr_transcode_resolve(struct mr_transcode *transcode, const struct mr_transcode_via *via,
                         const struct mr_record_in *in, struct mr_record_in *out,
                         struct mr_err *err);

#endif
