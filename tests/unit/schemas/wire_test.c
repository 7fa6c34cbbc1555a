/* Reading the wire (contract.md S-30 to S-38); the rows are in decode_row_test.c, here the borders.
 */
#include "schemas/wire.h"

#include "tests/support/mr_test.h"

static struct mr_wire open_bytes(const char *bytes, size_t len)
{
    struct mr_wire w;
    mr_wire_init(&w, (struct mr_slice){(const uint8_t *)bytes, len}, 10);
    return w;
}

/* S-30 */
MR_TEST("the tenth byte of a varint holds one bit and ends it")
{
    int64_t v;
    struct mr_wire w = open_bytes("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10);
    MR_CHECK(mr_wire_long(&w, &v));
    MR_CHECK_INT(v, INT64_MIN);
    w = open_bytes("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 10);
    MR_CHECK(mr_wire_long(&w, &v));
    MR_CHECK_INT(v, 0);
    w = open_bytes("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 11);
    MR_CHECK(!mr_wire_long(&w, &v));
    MR_CHECK_INT(w.fault, MR_AVRO_VARINT);
}

/* S-35, S-36 */
MR_TEST("a block's count is held against what is left and what is allowed")
{
    struct mr_wire_block block;
    struct mr_wire w = open_bytes("\x06\x01\x02\x03", 4);
    MR_CHECK(mr_wire_block_open(&w, 1, &block));
    MR_CHECK_U64(block.n, 3);
    w = open_bytes("\x08\x01\x02\x03", 4);
    MR_CHECK(!mr_wire_block_open(&w, 1, &block));
    MR_CHECK_INT(w.fault, MR_AVRO_BLOCK_COUNT);
    w = open_bytes("\x14", 1);
    MR_CHECK(mr_wire_block_open(&w, 0, &block));
    w = open_bytes("\x16", 1);
    MR_CHECK(!mr_wire_block_open(&w, 0, &block));
}

MR_TEST("a fault says where in the datum it stood")
{
    struct mr_err err = MR_ERR_INIT;
    struct mr_slice v;
    struct mr_wire w = open_bytes("\x08"
                                  "ab",
                                  3);
    MR_CHECK(!mr_wire_bytes(&w, &v));
    MR_CHECK_INT(mr_wire_fail(&w, &err), -MR_AVRO_LENGTH);
    MR_CHECK_STR(err.detail, "at byte 1 of 3");
}

/* The null slice is no bytes, not a fault of ours. */
MR_TEST("an empty datum is truncated wherever a byte is wanted")
{
    struct mr_wire w;
    int64_t v;
    mr_wire_init(&w, (struct mr_slice){NULL, 0}, 0);
    MR_CHECK(!mr_wire_boolean(&w, &v));
    MR_CHECK_INT(w.fault, MR_AVRO_TRUNCATED);
    MR_CHECK(!mr_wire_zero(&w));
}
