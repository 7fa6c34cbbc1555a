/* Framing over arbitrary payloads, formats and headers. Input: byte 0 the format (low nibble) and
 * whether it is a key (bit 4), byte 1 which header there is, byte 2 its length, then the header's
 * value, then the payload. Beside memory safety: a body lies inside the payload, an error is
 * POISON, and a reference that needs an id has one. */
#include "schemas/framing.h"

#include <stdint.h>
#include <stdlib.h>

struct one_header {
    const char *name;
    struct mr_slice value;
};

static bool header_last(const void *owner, const char *name, struct mr_slice *value)
{
    const struct one_header *header = owner;
    if (header->name == NULL || strcmp(header->name, name) != 0)
        return false;
    *value = header->value;
    return true;
}

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_frame(const struct mr_frame *frame, struct mr_slice payload)
{
    check(frame->body.len <= payload.len);
    check(frame->body.data == NULL ||
          (frame->body.data >= payload.data &&
           frame->body.data + frame->body.len == payload.data + payload.len));
    bool needs_id = frame->ref.kind == MR_REF_ID || frame->ref.kind == MR_REF_GLOBAL_ID ||
                    frame->ref.kind == MR_REF_CONTENT_ID;
    check(!needs_id || frame->ref.id > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {NULL,
                                        "__value_schema_id",
                                        "__key_schema_id",
                                        "apicurio.value.globalId",
                                        "apicurio.key.globalId",
                                        "apicurio.value.contentId",
                                        "apicurio.key.contentId"};
    if (size < 3)
        return 0;
    enum mr_format format = (enum mr_format)((data[0] & 0x0f) % (MR_FORMAT_BYTES + 1));
    bool is_key = (data[0] & 0x10) != 0;
    size_t n_header = data[2] < size - 3 ? data[2] : size - 3;
    struct one_header header = {names[data[1] % (sizeof names / sizeof names[0])],
                                {data + 3, n_header}};
    struct mr_headers headers = {&header, header_last};
    struct mr_slice payload = {data + 3 + n_header, size - 3 - n_header};
    struct mr_frame frame;
    struct mr_err err = MR_ERR_INIT;
    int rc = mr_framing_open(payload, is_key, format, &headers, &frame, &err);
    if (rc == 0)
        check_frame(&frame, payload);
    else
        check(err.class == MR_CLASS_POISON && rc == -(int)err.code);
    mr_framing_single_object(&payload, 0);
    return 0;
}
