/* From a reference to a schema: contract.md F-08, F-18, F-40, F-41, F-43. */
#include <stdio.h>

#include "base/log.h"
#include "tests/support/mr_test.h"
#include "tests/support/registry_script.h"

MR_SETUP
{
    script_setup();
}

MR_TEARDOWN
{
    script_teardown();
}

/* F-04, F-40 */
MR_TEST("a GUID is looked up in its printed form")
{
    struct mr_schema_ref ref;
    memset(&ref, 0, sizeof ref);
    ref.kind = MR_REF_GUID;
    for (int i = 0; i < 16; i++)
        ref.guid[i] = (uint8_t)(i * 17);
    script_answer("/schemas/guids/00112233-4455-6677-8899-aabbccddeeff", 200, SCRIPT_INT_SCHEMA);
    MR_CHECK_OK(script_get_ref(&ref, "t-value"));
    MR_CHECK_INT(script.schema->id, -1);
    MR_CHECK_OK(script_get_ref(&ref, NULL));
    script_check_all_asked();
}

/* F-40 */
MR_TEST("a subject is escaped, and given up after a 404")
{
    script_answer("/schemas/ids/7?subject=a%20b%2Fc-value", 404, "{\"error_code\":40401}");
    script_answer("/schemas/ids/7", 200, SCRIPT_INT_SCHEMA);
    MR_CHECK_OK(script_get_subject(7, "a b/c-value"));
    script_check_all_asked();
}

/* F-40, H-03 */
MR_TEST("an id that is unknown with and without a subject is one counted attempt")
{
    script_answer("/schemas/ids/7?subject=s", 404, SCRIPT_UNKNOWN);
    script_answer("/schemas/ids/7", 404, SCRIPT_UNKNOWN);
    MR_CHECK_INT(script_get_subject(7, "s"), -MR_SCHEMA_UNKNOWN_ID);
    MR_CHECK_INT(script.err.class, MR_CLASS_RETRY);
    script_check_all_asked();
}

/* F-43 */
MR_TEST("ids are scoped by the subject's context")
{
    script_answer("/schemas/ids/7?subject=%3A.dev%3As", 404, SCRIPT_UNKNOWN);
    script_answer("/schemas/ids/7?subject=%3A.dev%3A", 200, "{\"schema\":\"\\\"long\\\"\"}");
    script_answer("/schemas/ids/7?subject=s", 200, SCRIPT_INT_SCHEMA);
    MR_CHECK_OK(script_get_subject(7, ":.dev:s"));
    MR_CHECK_INT(script.schema->root->kind, MR_AV_LONG);
    MR_CHECK_OK(script_get_subject(7, "s"));
    MR_CHECK_INT(script.schema->root->kind, MR_AV_INT);
    MR_CHECK_OK(script_get_subject(7, ":.dev:other"));
    MR_CHECK_INT(script.schema->root->kind, MR_AV_LONG);
    MR_CHECK_OK(script_get_subject(7, ":.:default"));
    MR_CHECK_INT(script.schema->root->kind, MR_AV_INT);
    script_check_all_asked();
}

/* F-18 */
MR_TEST("a rule set that encrypts marks the schema")
{
    script_answer(NULL, 200,
                  "{\"schema\":\"\\\"int\\\"\",\"ruleSet\":{\"domainRules\":[{\"type\":\"CEL\"},"
                  "{\"type\":\"ENCRYPT\"}]}}");
    script_answer(NULL, 200,
                  "{\"schema\":\"\\\"int\\\"\",\"ruleSet\":{\"encodingRules\":"
                  "[{\"type\":\"ENCRYPT_PAYLOAD\"}]}}");
    script_answer(NULL, 200,
                  "{\"schema\":\"\\\"int\\\"\",\"ruleSet\":{\"domainRules\":[{\"type\":\"CEL\"},"
                  "{\"type\":\"ENCRYPT\",\"disabled\":true}],\"migrationRules\":null}}");
    MR_CHECK_OK(script_get_id(1));
    MR_CHECK(script.schema->encrypted);
    MR_CHECK_OK(script_get_id(2));
    MR_CHECK(script.schema->encrypted);
    MR_CHECK_OK(script_get_id(3));
    MR_CHECK(!script.schema->encrypted);
}

#define RECORD_OF(name, type)                                                                      \
    "\"schema\":\"{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"" name                             \
    "\\\",\\\"fields\\\":[{\\\"name\\\":\\\"f\\\",\\\"type\\\":\\\"" type "\\\"}]}\""
#define REF(subject) "{\"name\":\"n\",\"subject\":\"" subject "\",\"version\":1}"

/* F-41; case 21 */
MR_TEST("references are resolved depth first, each once, soft-deleted ones too")
{
    script_answer("/schemas/ids/1", 200,
                  "{" RECORD_OF("A", "B") ",\"references\":[" REF("b") "," REF("c") "]}");
    script_answer("/subjects/b/versions/1?deleted=true", 200,
                  "{" RECORD_OF("B", "C") ",\"references\":[" REF("c") "]}");
    script_answer("/subjects/c/versions/1?deleted=true", 200, "{" RECORD_OF("C", "int") "}");
    MR_CHECK_OK(script_get_id(1));
    script_check_all_asked();
    MR_CHECK_STR(script.schema->root->name, "A");
    MR_CHECK_STR(script.schema->root->fields[0].type->fields[0].type->name, "C");
    MR_CHECK_INT(script.schema->id, 1);
}

/* F-41; case 22 */
MR_TEST("references in a cycle are bad")
{
    script_answer("/schemas/ids/1", 200, "{" RECORD_OF("A", "B") ",\"references\":[" REF("b") "]}");
    script_answer("/subjects/b/versions/1?deleted=true", 200,
                  "{" RECORD_OF("B", "A") ",\"references\":[" REF("a") "]}");
    script_answer("/subjects/a/versions/1?deleted=true", 200,
                  "{" RECORD_OF("A", "B") ",\"references\":[" REF("b") "]}");
    MR_CHECK_INT(script_get_id(1), -MR_SCHEMA_BAD_REFERENCE);
    MR_CHECK_INT(script.err.class, MR_CLASS_POISON);
    MR_CHECK_INT(script_get_id(1), -MR_SCHEMA_BAD_REFERENCE);
    script_check_all_asked();
}

/* F-41: a chain of references, each below the one before */
static void chain(int n)
{
    static char paths[40][64];
    static char bodies[40][256];
    for (int i = 0; i <= n; i++) {
        char ref[64] = "";
        if (i < n)
            snprintf(ref, sizeof ref, "{\"subject\":\"s%d\",\"version\":1}", i + 1);
        snprintf(bodies[i], sizeof bodies[i],
                 "{\"schema\":\"{\\\"type\\\":\\\"fixed\\\",\\\"size\\\":1,\\\"name\\\":"
                 "\\\"F%d\\\"}\",\"references\":[%s]}",
                 i, ref);
        snprintf(paths[i], sizeof paths[i], "/subjects/s%d/versions/1?deleted=true", i);
        if (script.n_steps < SCRIPT_MAX_STEPS)
            script_answer(i > 0 ? paths[i] : "/schemas/ids/1", 200, bodies[i]);
    }
}

/* F-41 */
MR_TEST("references may be 32 deep")
{
    chain(32);
    MR_CHECK_OK(script_get_id(1));
    MR_CHECK_STR(script.schema->root->name, "F0");
    script_check_all_asked();
}

/* F-41 */
MR_TEST("references 33 deep are bad")
{
    chain(33);
    MR_CHECK_INT(script_get_id(1), -MR_SCHEMA_BAD_REFERENCE);
    MR_CHECK_U64(script.n_asked, 33); /* the root and 32 references */
}

/* F-41 */
MR_TEST("a schema may have 1,000 references and not one more")
{
    struct mr_buf body = MR_BUF_INIT;
    script.any_reference = true;
    for (int n = 1000; n <= 1001; n++) {
        mr_buf_reset(&body);
        mr_buf_str(&body, "{\"schema\":\"\\\"int\\\"\",\"references\":[");
        for (int i = 0; i < n; i++)
            mr_buf_fmt(&body, "%s{\"subject\":\"s%d\",\"version\":1}", i > 0 ? "," : "", i);
        mr_buf_str(&body, "]}");
        script_answer(NULL, 200, mr_buf_cstr(&body));
        int rc = script_get_id(n);
        if (n > 1000)
            mr_buf_release(&body);
        MR_CHECK_INT(rc, n == 1000 ? 0 : -MR_SCHEMA_BAD_REFERENCE);
    }
}

/* F-41, H-04 */
MR_TEST("a missing reference is counted like a missing id, with its own code")
{
    script.opts.settle_ms = 30;
    for (int i = 0; i < 5; i++) {
        script_answer("/schemas/ids/1", 200,
                      "{" RECORD_OF("A", "B") ",\"references\":[" REF("b") "]}");
        script_answer(NULL, 404, "{\"error_code\":40402}");
        MR_CHECK_INT(script_get_id(1), -MR_SCHEMA_BAD_REFERENCE);
        MR_CHECK_INT(script.err.class, i < 4 ? MR_CLASS_RETRY : MR_CLASS_POISON);
        script_pass_ms(16);
    }
    script_check_all_asked();
}

/* F-41 */
MR_TEST("references without subject and version, or of another type, are refused")
{
    script_answer(NULL, 200, "{\"schema\":\"\\\"int\\\"\",\"references\":[{\"name\":\"x\"}]}");
    MR_CHECK_INT(script_get_id(1), -MR_SCHEMA_BAD_REFERENCE);
    script_answer(NULL, 200, "{\"schema\":\"\\\"int\\\"\",\"references\":[" REF("p") "]}");
    script_answer(NULL, 200, "{\"schemaType\":\"JSON\",\"schema\":\"{}\"}");
    MR_CHECK_INT(script_get_id(2), -MR_SCHEMA_UNSUPPORTED_TYPE);
    script_check_all_asked();
}

/* F-43 */
MR_TEST("references are looked up in the context of the schema that has them")
{
    script_answer(NULL, 200,
                  "{" RECORD_OF("A", "B") ",\"references\":[" REF("b") "," REF(":.x:c") "]}");
    script_answer("/subjects/%3A.dev%3Ab/versions/1?deleted=true", 200,
                  "{" RECORD_OF("B", "int") "}");
    script_answer("/subjects/%3A.x%3Ac/versions/1?deleted=true", 200,
                  "{" RECORD_OF("C", "int") "}");
    MR_CHECK_OK(script_get_subject(1, ":.dev:s"));
    script_check_all_asked();
}

MR_TEST("a load that was cut inside its references goes on where it was")
{
    script_answer("/schemas/ids/1", 200,
                  "{" RECORD_OF("A", "B") ",\"references\":[" REF("c") "," REF("b") "]}");
    script_answer("/subjects/c/versions/1?deleted=true", 200, "{" RECORD_OF("C", "int") "}");
    script_away("/subjects/b/versions/1?deleted=true");
    MR_CHECK_INT(script_get_id(1), -MR_REGISTRY_AWAY);
    script_answer("/subjects/b/versions/1?deleted=true", 200, "{" RECORD_OF("B", "int") "}");
    MR_CHECK_OK(script_get_id(1));
    script_check_all_asked();
}

MR_TEST("no request begins after the deadline, and none may last longer")
{
    script.opts.timeout_ms = 3000;
    script_answer(NULL, 200,
                  "{" RECORD_OF("A", "B") ",\"references\":[" REF("b") "," REF("c") "]}");
    script_answer(NULL, 200, "{" RECORD_OF("B", "int") "}");
    script.steps[0].takes_ms = 4000;
    script.steps[1].takes_ms = 1000;
    MR_CHECK_INT(script_get_id(1), -MR_REGISTRY_AWAY);
    script_check_all_asked();
    MR_CHECK_U64(script.last_timeout_ms, 1000);
    script_answer(NULL, 200, "{" RECORD_OF("C", "int") "}");
    MR_CHECK_OK(script_get_id(1));
    MR_CHECK_U64(script.last_timeout_ms, 3000);
}

/* F-08 */
MR_TEST("Apicurio's ids are asked of its own API, with their references")
{
    script.opts.kind = MR_REGISTRY_APICURIO;
    script_answer(
        "/ids/contentIds/5", 200,
        "{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"f\",\"type\":\"B\"}]}");
    script_answer("/ids/contentIds/5/references", 200,
                  "[{\"groupId\":\"g 1\",\"artifactId\":\"b\",\"version\":\"2\",\"name\":\"B\"}]");
    script_answer("/groups/g%201/artifacts/b/versions/2", 200,
                  "{\"type\":\"fixed\",\"name\":\"B\",\"size\":2}");
    script_answer("/groups/g%201/artifacts/b/versions/2/references", 404, "");
    MR_CHECK_OK(script_get_kind(MR_REF_CONTENT_ID, 5));
    MR_CHECK_INT(script.schema->root->fields[0].type->size, 2);
    script_answer("/ids/globalIds/5", 200, "\"int\"");
    script_answer("/ids/globalIds/5/references", 200, "[]");
    MR_CHECK_OK(script_get_kind(MR_REF_GLOBAL_ID, 5));
    script_answer("/ids/globalIds/6", 404,
                  "{\"error_code\":404,\"name\":\"ArtifactNotFoundException\"}");
    MR_CHECK_INT(script_get_kind(MR_REF_GLOBAL_ID, 6), -MR_SCHEMA_UNKNOWN_ID);
    MR_CHECK_INT(script.err.class, MR_CLASS_RETRY);
    script.steps[script.n_steps++] =
        (struct script_step){.status = 200, .type = "PROTOBUF", .body = "syntax"};
    MR_CHECK_INT(script_get_kind(MR_REF_GLOBAL_ID, 8), -MR_SCHEMA_UNSUPPORTED_TYPE);
    script_answer("/ids/globalIds/9", 200, "<html>");
    MR_CHECK_INT(script_get_kind(MR_REF_GLOBAL_ID, 9), -MR_REGISTRY_NOT_A_REGISTRY);
    script_check_all_asked();
}

/* F-08 */
MR_TEST("ids of the other kind of registry halt without a request")
{
    MR_CHECK_INT(script_get_kind(MR_REF_GLOBAL_ID, 5), -MR_REGISTRY_NOT_A_REGISTRY);
    MR_CHECK_INT(script.err.class, MR_CLASS_HALT);
    MR_CHECK_INT(script_get_kind(MR_REF_RAW, 5), -MR_BUG);
    mr_registry_free(script.registry);
    script.registry = NULL;
    script.opts.kind = MR_REGISTRY_APICURIO;
    MR_CHECK_INT(script_get_kind(MR_REF_GUID, 0), -MR_REGISTRY_NOT_A_REGISTRY);
}

static char logged[1024];
static size_t n_logged;

static void keep_line(const char *line, size_t len, void *arg)
{
    (void)arg;
    n_logged++;
    snprintf(logged, sizeof logged, "%.*s", (int)len, line);
}

static uint64_t disagreements(void)
{
    struct mr_registry_stats stats;
    mr_registry_stats(script.registry, &stats);
    return stats.n_disagreements;
}

/* Of the names that ours accepts (S-11), avro-c refuses `a-b`. */
static void answer_dashed(const char *references)
{
    static char body[512];
    snprintf(body, sizeof body,
             "{\"schema\":\"{\\\"type\\\":\\\"record\\\",\\\"name\\\":"
             "\\\"a-b\\\",\\\"fields\\\":[]}\"%s}",
             references);
    script_answer(NULL, 200, body);
}

MR_TEST("a schema that avro-c refuses is logged and counted once, and ours decides")
{
    mr_log_set_hook(keep_line, NULL);
    n_logged = 0;
    script.opts.check_with_avro_c = true;
    answer_dashed("");
    script_answer(NULL, 200, SCRIPT_INT_SCHEMA);
    for (int i = 0; i < 3; i++)
        MR_CHECK_OK(script_get_id(7));
    MR_CHECK_OK(script_get_id(8));
    mr_log_set_hook(NULL, NULL);
    MR_CHECK_U64(disagreements(), 1);
    MR_CHECK_U64(n_logged, 1);
    MR_CHECK(strstr(logged, "event=schema_disagreement schema_id=7 schema=a-b detail=") != NULL);
    script_check_all_asked();
}

MR_TEST("avro-c is not asked by default, nor about a schema with references")
{
    answer_dashed("");
    MR_CHECK_OK(script_get_id(7));
    MR_CHECK_U64(disagreements(), 0);
    mr_registry_free(script.registry);
    script.registry = NULL;
    script.opts.check_with_avro_c = true;
    answer_dashed(",\"references\":[{\"name\":\"x\",\"subject\":\"x\",\"version\":1}]");
    script_answer(
        "/subjects/x/versions/1?deleted=true", 200,
        "{\"schema\":\"{\\\"type\\\":\\\"fixed\\\",\\\"size\\\":1,\\\"name\\\":\\\"x\\\"}\"}");
    MR_CHECK_OK(script_get_id(7));
    MR_CHECK_U64(disagreements(), 0);
    script_check_all_asked();
}

/* F-44, F-45 */
MR_TEST(
    "whatever the subject's strategy, a schema is decoded by its id and never refused by subject")
{
    static const char *const subjects[] = {"t-value", "ns.Order", "t-ns.Order", "anything else"};
    for (int i = 0; i < 4; i++) {
        script_answer(NULL, 404, "{\"error_code\":40401}"); /* not known under this subject */
        script_answer(NULL, 200, SCRIPT_INT_SCHEMA);
        MR_CHECK_OK(script_get_subject(20 + i, subjects[i]));
        mr_schema_unref(script.schema);
        script.schema = NULL;
    }
    script_check_all_asked(); /* neither compatibility nor a subject's versions are asked for */
}
