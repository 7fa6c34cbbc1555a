/* Avro schema resolution (contract.md S-01..S-09): from a pair of schemas a program, which turns a
 * datum of the writer into one of the reader. Bytes are untrusted: all checks of S-30..S-45 are
 * made on the way. Threads: a resolver is immutable. */
#ifndef MR_SCHEMAS_RESOLVE_H
#define MR_SCHEMAS_RESOLVE_H

#include "schemas/avro_schema.h"

struct mr_resolver;

/* *out gives: mr_resolver_free(), or is NULL where the writer's bytes are the reader's as they are.
 * What resolves for some values only is found by mr_resolver_run. Takes references of both.
 * Errors: schema.unresolvable where no value can resolve, schema.invalid for a default that every
 * value needs and that does not fit its type, schema.too_large. */
int mr_resolver_compile(struct mr_schema *writer, struct mr_schema *reader,
                        struct mr_resolver **out, struct mr_err *err);
void mr_resolver_free(struct mr_resolver *resolver); /* NULL is allowed */

/* Appends the datum in the reader's form. max_zero: S-36. The buffer's limit bounds what defaults
 * may add. Errors: schema.unresolvable, schema.invalid, value.lossy (a number that the reader's
 * type cannot hold exactly), avro.* of the bytes, framing.too_large. */
int mr_resolver_run(const struct mr_resolver *resolver, struct mr_slice datum, uint32_t max_zero,
                    struct mr_buf *out, struct mr_err *err);

#endif
