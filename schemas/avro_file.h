/* Writes an Avro object container file through avro-c, from datums that are encoded already. What
 * is written never reads as a whole file before it is one: the last octets, which end the last
 * block's sync marker, are held back until the end. Source: Avro specification, "Object Container
 * Files". Thread: one, and no other that uses avro-c beside it: avro-c's reference counts are not
 * atomic. */
#ifndef MR_SCHEMAS_AVRO_FILE_H
#define MR_SCHEMAS_AVRO_FILE_H

#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"

struct mr_avro_file;

enum { MR_AVRO_FILE_BLOCK = 64 * 1024 * 1024 }; /* no datum may be larger */

/* `out` is borrowed. The file has the schema as it is given, with logical types and names' docs,
 * which avro-c forgets. Gives: mr_avro_file_free(). Errors: schema.invalid, internal.io,
 * internal.no_memory. */
int mr_avro_file_open(FILE *out, const char *schema, struct mr_avro_file **file,
                      struct mr_err *err);
/* Errors: value.too_large, after which others may follow; internal.io. */
int mr_avro_file_append(struct mr_avro_file *file, struct mr_slice datum, struct mr_err *err);
/* Writes what is left: the file is whole. Once, and nothing may follow. Errors: internal.io. */
int mr_avro_file_finish(struct mr_avro_file *file, struct mr_err *err);
void mr_avro_file_free(struct mr_avro_file *file); /* NULL is allowed */

#endif
