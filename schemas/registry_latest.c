/* Owns the question for a subject's newest schema (contract.md F-44, TopicName strategy): for who
 * looks at a topic whose records name none yet. Nothing is cached: a subject grows. */
#include <string.h>

#include "schemas/json.h"
#include "schemas/registry_load.h"

#include "base/ban.h"

enum { PATH_LIMIT = 65536 };

/* Everything but letters, digits and -._~ as %XX. */
static void add_escaped(struct mr_buf *path, const char *text)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (const char *at = text; *at != '\0'; at++) {
        if (strchr(plain, *at) != NULL)
            mr_buf_byte(path, (uint8_t)*at);
        else
            mr_buf_fmt(path, "%%%02X", (unsigned)(uint8_t)*at);
    }
}

static int read_id(const struct mr_registry_answer *answer, const char *member, int64_t *out,
                   struct mr_err *err)
{
    static const struct mr_json_limits limits = {.max_bytes = REGISTRY_MAX_ANSWER_BYTES,
                                                 .max_depth = REGISTRY_MAX_ANSWER_DEPTH,
                                                 .max_values = REGISTRY_MAX_ANSWER_VALUES};
    struct mr_json *json = NULL;
    int rc = mr_json_parse((const char *)answer->body.data, answer->body.len, &limits, &json, err);
    if (rc < 0)
        return mr_err_set(err, MR_REGISTRY_NOT_A_REGISTRY, "the answer is not JSON");
    const struct mr_json *id = mr_json_find(json, member);
    if (mr_json_is(id, MR_JSON_INTEGER))
        *out = mr_json_integer(id);
    else
        rc = mr_err_set(err, MR_REGISTRY_NOT_A_REGISTRY, "the answer has no %s", member);
    mr_json_free(json);
    return rc;
}

int registry_latest(struct registry_link *link, const char *subject, uint64_t deadline_ms,
                    struct mr_schema_ref *out, struct mr_err *err)
{
    bool apicurio = link->kind == MR_REGISTRY_APICURIO;
    struct mr_buf path = {.limit = PATH_LIMIT};
    struct mr_registry_answer answer = {.body = {.limit = REGISTRY_MAX_ANSWER_BYTES + 1}};
    mr_buf_str(&path, apicurio ? "/groups/default/artifacts/" : "/subjects/");
    add_escaped(&path, subject);
    mr_buf_str(&path, apicurio ? "/meta" : "/versions/latest");
    const struct registry_question question = {
        .path = mr_buf_cstr(&path), .deadline_ms = deadline_ms, .missing = MR_SCHEMA_UNKNOWN_ID};
    int rc;
    memset(out, 0, sizeof *out);
    out->kind = apicurio ? MR_REF_GLOBAL_ID : MR_REF_ID;
    if (!mr_buf_ok(&path))
        rc = mr_err_set(err, MR_NO_MEMORY, "a subject");
    else if (registry_ask(link, &question, &answer, err) == REGISTRY_LOADED)
        rc = read_id(&answer, apicurio ? "globalId" : "id", &out->id, err);
    else if (answer.status == 404)
        rc = mr_err_set(err, MR_EMPTY, "no subject %s", subject);
    else
        rc = -(int)err->code;
    mr_buf_release(&path);
    mr_buf_release(&answer.body);
    return rc;
}
