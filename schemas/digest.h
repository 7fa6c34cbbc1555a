/* Hashes of OpenSSL, whose one owner this is in the schemas layer. Threads: any. */
#ifndef MR_SCHEMAS_DIGEST_H
#define MR_SCHEMAS_DIGEST_H

#include "base/buf.h"

enum { MR_SHA256_BYTES = 32, MR_UUID_BYTES = 16 };

/* False when the library refuses (memory, or a policy that forbids the algorithm). */
bool mr_digest_sha256(struct mr_slice bytes, uint8_t out[MR_SHA256_BYTES]);

/* A name-based uuid, version 3 (MD5) without namespace, as java.util.UUID.nameUUIDFromBytes. */
bool mr_digest_uuid3(struct mr_slice bytes, uint8_t out[MR_UUID_BYTES]);

#endif
