/* Owns openssl/evp.h in this layer. Must not be used for secrets: names and detection only. */
#include "schemas/digest.h"

#include <openssl/evp.h>

#include "base/ban.h"

static bool digest(const EVP_MD *type, struct mr_slice bytes, uint8_t *out, unsigned want)
{
    uint8_t full[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (EVP_Digest(bytes.data, bytes.len, full, &len, type, NULL) != 1 || len != want)
        return false;
    memcpy(out, full, want);
    return true;
}

bool mr_digest_sha256(struct mr_slice bytes, uint8_t out[MR_SHA256_BYTES])
{
    return digest(EVP_sha256(), bytes, out, MR_SHA256_BYTES);
}

bool mr_digest_uuid3(struct mr_slice bytes, uint8_t out[MR_UUID_BYTES])
{
    if (!digest(EVP_md5(), bytes, out, MR_UUID_BYTES))
        return false;
    out[6] = (uint8_t)((out[6] & 0x0f) | 0x30); /* version 3 */
    out[8] = (uint8_t)((out[8] & 0x3f) | 0x80); /* IETF variant */
    return true;
}
