/* What a source says of its columns beside the wire's types: their own names and declared types
 * (contract.md I-09, I-10, S-22). Pure. Threads: any. */
#ifndef MR_SCHEMAS_NAMING_H
#define MR_SCHEMAS_NAMING_H

#include "schemas/semantic.h"

/* True where the parameters cannot be this field's: Avro defines a record once, with the parameters
 * of the field that came first, and other fields only name it. */
bool mr_naming_is_borrowed(const struct mr_typed *typed, const char *field);

/* The name of the column at the source, where the field carries it; NULL. */
const char *mr_naming_original(const struct mr_typed *typed);

/* Undoes Debezium's `avro_unicode` names: _uXXXX is that UTF-16 unit, and `_` itself was written
 * _u005f. What is no such name stays as it is. Check mr_buf_ok(). */
void mr_naming_unmangle(const char *text, struct mr_buf *out);

/* Narrows a default column type by the declared type that the source propagates: VARCHAR(n), and
 * VARBIT for bits. Only for columns that are made; conversions never look at it. */
void mr_naming_hint(const struct mr_typed *typed, struct mr_coltype *type);

#endif
