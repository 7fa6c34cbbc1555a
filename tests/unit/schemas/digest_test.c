/* Hashes against published values: FIPS 180-2, and contract.md U-09. */
#include "schemas/digest.h"

#include "tests/support/mr_test.h"

MR_TEST("SHA-256 of abc")
{
    uint8_t out[MR_SHA256_BYTES];
    MR_CHECK(mr_digest_sha256(mr_slice_str("abc"), out));
    MR_CHECK_MEM(out, "\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae\x22\x23", 16);
}

/* U-09 */
MR_TEST("the uuid of the default placeholder is Java's nameUUIDFromBytes")
{
    uint8_t out[MR_UUID_BYTES];
    MR_CHECK(mr_digest_uuid3(mr_slice_str("__debezium_unavailable_value"), out));
    MR_CHECK_MEM(out, "\xb6\x8a\x35\xa7\x17\xad\x35\xb3\xaf\x2a\xae\x46\xed\xb4\x54\x5a", 16);
}
