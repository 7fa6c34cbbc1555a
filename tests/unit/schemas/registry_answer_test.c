/* What answers mean: contract.md H-01..H-10, F-12, F-47. */
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

/* H-01; cases 16, 17 */
MR_TEST("a registry that is away is retried for ever and nothing is remembered")
{
    for (int i = 0; i < 20; i++) {
        script_away("/schemas/ids/7");
        MR_CHECK_INT(script_get_id(7), -MR_REGISTRY_AWAY);
        MR_CHECK_INT(script.err.class, MR_CLASS_RETRY);
    }
    struct mr_registry_stats stats;
    mr_registry_stats(script.registry, &stats);
    MR_CHECK_INT(stats.last_rc, -MR_REGISTRY_AWAY);
    MR_CHECK_U64(stats.n_failures, 20);
    script_answer("/schemas/ids/7", 200, SCRIPT_INT_SCHEMA);
    MR_CHECK_OK(script_get_id(7));
    mr_registry_stats(script.registry, &stats);
    MR_CHECK_INT(stats.last_rc, 0);
    script_check_all_asked();
}

/* H-02; case 18 */
MR_TEST("refused credentials halt")
{
    script_answer(NULL, 401, "{\"error_code\":40101}");
    script_answer(NULL, 403, "no");
    MR_CHECK_INT(script_get_id(7), -MR_REGISTRY_AUTH);
    MR_CHECK_INT(script.err.class, MR_CLASS_HALT);
    MR_CHECK_INT(script_get_id(7), -MR_REGISTRY_AUTH);
    script_answer(NULL, 200, SCRIPT_INT_SCHEMA);
    MR_CHECK_OK(script_get_id(7));
    script_check_all_asked();
}

/* H-03, F-42; case 15 */
MR_TEST("an unknown id is asked for five times over 30 seconds before it is poison")
{
    static const uint64_t gaps_ms[] = {2000, 4000, 8000, 16000};
    for (int i = 0; i < 5; i++)
        script_answer("/schemas/ids/99", 404, SCRIPT_UNKNOWN);
    for (int i = 0; i < 4; i++) {
        MR_CHECK_INT(script_get_id(99), -MR_SCHEMA_UNKNOWN_ID);
        MR_CHECK_INT(script.err.class, MR_CLASS_RETRY);
        MR_CHECK_U64(script.n_asked, (size_t)i + 1);
        script_pass_ms(gaps_ms[i] - 1); /* too early: answered without a request */
        MR_CHECK_INT(script_get_id(99), -MR_SCHEMA_UNKNOWN_ID);
        MR_CHECK_INT(script.err.class, MR_CLASS_RETRY);
        MR_CHECK_U64(script.n_asked, (size_t)i + 1);
        script_pass_ms(1);
    }
    MR_CHECK_INT(script_get_id(99), -MR_SCHEMA_UNKNOWN_ID);
    MR_CHECK_INT(script.err.class, MR_CLASS_POISON);
    script_pass_ms(59999); /* the negative entry's time */
    MR_CHECK_INT(script_get_id(99), -MR_SCHEMA_UNKNOWN_ID);
    MR_CHECK_INT(script.err.class, MR_CLASS_POISON);
    script_check_all_asked();
    script_pass_ms(1);
    script_answer("/schemas/ids/99", 404, SCRIPT_UNKNOWN); /* once, not five times again */
    MR_CHECK_INT(script_get_id(99), -MR_SCHEMA_UNKNOWN_ID);
    MR_CHECK_INT(script.err.class, MR_CLASS_POISON);
    script_pass_ms(60000);
    script_answer("/schemas/ids/99", 200, SCRIPT_INT_SCHEMA);
    MR_CHECK_OK(script_get_id(99));
    script_check_all_asked();
}

/* H-03 */
MR_TEST("attempts are counted per id and not by outages between them")
{
    script.opts.settle_ms = 30;
    script_answer("/schemas/ids/1", 404, SCRIPT_UNKNOWN);
    MR_CHECK_INT(script_get_id(1), -MR_SCHEMA_UNKNOWN_ID);
    for (int i = 0; i < 5; i++) {
        script_pass_ms(100);
        script_away("/schemas/ids/1");
        MR_CHECK_INT(script_get_id(1), -MR_REGISTRY_AWAY);
    }
    script_answer("/schemas/ids/2", 404, SCRIPT_UNKNOWN);
    MR_CHECK_INT(script_get_id(2), -MR_SCHEMA_UNKNOWN_ID);
    MR_CHECK_INT(script.err.class, MR_CLASS_RETRY);
    script_answer("/schemas/ids/1", 200, SCRIPT_INT_SCHEMA);
    MR_CHECK_OK(script_get_id(1));
    script_check_all_asked();
}

/* H-05; case 19 */
MR_TEST("a 404 that is not a registry's halts at once")
{
    script_answer(NULL, 404, "<html>404</html>");
    script_answer(NULL, 404, "{\"error_code\":404,\"message\":\"HTTP 404 Not Found\"}");
    script_answer(NULL, 404, "");
    for (int i = 0; i < 3; i++) {
        MR_CHECK_INT(script_get_id(7), -MR_REGISTRY_NOT_A_REGISTRY);
        MR_CHECK_INT(script.err.class, MR_CLASS_HALT);
    }
    script_check_all_asked();
}

/* H-06 */
MR_TEST("a registry that asks to wait is not asked before, for no id")
{
    script.steps[script.n_steps++] =
        (struct script_step){.status = 429, .retry_after_ms = 5000, .body = ""};
    MR_CHECK_INT(script_get_id(7), -MR_REGISTRY_AWAY);
    MR_CHECK_INT(script.err.class, MR_CLASS_RETRY);
    script_pass_ms(4999);
    MR_CHECK_INT(script_get_id(7), -MR_REGISTRY_AWAY);
    MR_CHECK_INT(script_get_id(8), -MR_REGISTRY_AWAY);
    script_check_all_asked();
    script_pass_ms(1);
    script_answer(NULL, 408, "");
    MR_CHECK_INT(script_get_id(7), -MR_REGISTRY_AWAY);
    script_answer(NULL, 200, SCRIPT_INT_SCHEMA);
    MR_CHECK_OK(script_get_id(7));
    script_check_all_asked();
}

/* H-06 */
MR_TEST("a wait of more than 300 seconds counts as 300")
{
    script.steps[script.n_steps++] =
        (struct script_step){.status = 429, .retry_after_ms = 3600000, .body = ""};
    MR_CHECK_INT(script_get_id(7), -MR_REGISTRY_AWAY);
    script_pass_ms(299999);
    MR_CHECK_INT(script_get_id(7), -MR_REGISTRY_AWAY);
    script_pass_ms(1);
    script_answer(NULL, 200, SCRIPT_INT_SCHEMA);
    MR_CHECK_OK(script_get_id(7));
    script_check_all_asked();
}

/* H-07 */
MR_TEST("an unprocessable id is poison at once and kept for a minute")
{
    script_answer(NULL, 422, "{\"error_code\":42202}");
    MR_CHECK_INT(script_get_id(7), -MR_SCHEMA_UNKNOWN_ID);
    MR_CHECK_INT(script.err.class, MR_CLASS_POISON);
    MR_CHECK_INT(script_get_id(7), -MR_SCHEMA_UNKNOWN_ID);
    script_check_all_asked();
    script_pass_ms(60000);
    script_answer(NULL, 200, SCRIPT_INT_SCHEMA);
    MR_CHECK_OK(script_get_id(7));
}

/* H-08; case 16 */
MR_TEST("the registry's own faults are retried")
{
    static const long statuses[] = {500, 501, 502, 503, 504};
    for (size_t i = 0; i < 5; i++) {
        script_answer(NULL, statuses[i], "{\"error_code\":50001}");
        MR_CHECK_INT(script_get_id(7), -MR_REGISTRY_AWAY);
        MR_CHECK_INT(script.err.class, MR_CLASS_RETRY);
    }
    script_answer(NULL, 200, SCRIPT_INT_SCHEMA);
    MR_CHECK_OK(script_get_id(7));
    script_check_all_asked();
}

/* H-09 */
MR_TEST("answers that no registry gives are retried five times and then halt")
{
    static const struct {
        long status;
        const char *body;
    } strange[] = {{200, "<html>"},         {200, "{}"}, {405, ""}, {302, ""},
                   {200, "{\"schema\":7}"}, {415, ""}};
    script.opts.settle_ms = 30;
    for (size_t i = 0; i < 6; i++) {
        script_answer(NULL, strange[i].status, strange[i].body);
        MR_CHECK_INT(script_get_id(7), -MR_REGISTRY_NOT_A_REGISTRY);
        MR_CHECK_INT(script.err.class, i < 4 ? MR_CLASS_RETRY : MR_CLASS_HALT);
        MR_CHECK_U64(script.n_asked, i + 1);
        script_pass_ms(i < 4 ? 16 : 0);
    }
    script_answer(NULL, 200, SCRIPT_INT_SCHEMA);
    MR_CHECK_OK(script_get_id(7));
    script_check_all_asked();
}

/* H-10 */
MR_TEST("a text that is not Avro is poison")
{
    script_answer(NULL, 200, "{\"schema\":\"{\\\"type\\\":\\\"nope\\\"}\"}");
    MR_CHECK_INT(script_get_id(7), -MR_SCHEMA_INVALID);
    MR_CHECK_INT(script.err.class, MR_CLASS_POISON);
    MR_CHECK_INT(script_get_id(7), -MR_SCHEMA_INVALID);
    script_check_all_asked();
}

/* F-12; case 20 */
MR_TEST("Protobuf and JSON Schema are not retried; AVRO may be said")
{
    script_answer(NULL, 200, "{\"schemaType\":\"PROTOBUF\",\"schema\":\"syntax\"}");
    MR_CHECK_INT(script_get_id(1), -MR_SCHEMA_UNSUPPORTED_TYPE);
    MR_CHECK_INT(script.err.class, MR_CLASS_POISON);
    MR_CHECK_STR(script.err.detail, "PROTOBUF");
    MR_CHECK_INT(script_get_id(1), -MR_SCHEMA_UNSUPPORTED_TYPE);
    script_answer(NULL, 200, "{\"schemaType\":\"AVRO\",\"schema\":\"\\\"int\\\"\"}");
    MR_CHECK_OK(script_get_id(2));
    script_check_all_asked();
}

/* F-47 */
MR_TEST("answers that are too large or too deep are poison")
{
    script.steps[script.n_steps++] = (struct script_step){.rc = -MR_SCHEMA_TOO_LARGE};
    MR_CHECK_INT(script_get_id(1), -MR_SCHEMA_TOO_LARGE);
    MR_CHECK_INT(script.err.class, MR_CLASS_POISON);
    char deep[600];
    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    script_answer(NULL, 200, deep);
    MR_CHECK_INT(script_get_id(2), -MR_SCHEMA_TOO_LARGE);
    deep[512] = '\0'; /* no JSON, but not too deep: H-09 */
    script_answer(NULL, 200, deep);
    MR_CHECK_INT(script_get_id(3), -MR_REGISTRY_NOT_A_REGISTRY);
}
