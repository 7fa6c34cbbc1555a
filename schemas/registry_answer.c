/* Owns what an HTTP answer of a registry means: contract.md's table H-01..H-10 as data. Must not
 * know schemas, references or the cache. */
#include "base/fault.h"
#include "schemas/json.h"
#include "schemas/registry_load.h"

#include "base/ban.h"

enum { ANY_CODE = -1 };

/* First match wins. `code` MR_OK: what the caller names. error_code from..to; ANY_CODE matches none
 * (0) and all others. */
static const struct http_rule {
    int status_from, status_to;
    int error_from, error_to;
    enum registry_verdict verdict;
    enum mr_code code;
} http_rules[] = {
    {200, 200, ANY_CODE, ANY_CODE, REGISTRY_LOADED, MR_OK},
    {401, 401, ANY_CODE, ANY_CODE, REGISTRY_STOPPED, MR_REGISTRY_AUTH},           /* H-02 */
    {403, 403, ANY_CODE, ANY_CODE, REGISTRY_STOPPED, MR_REGISTRY_AUTH},           /* H-02 */
    {404, 404, 40400, 40499, REGISTRY_MISSING, MR_OK},                            /* H-03, H-04 */
    {404, 404, ANY_CODE, ANY_CODE, REGISTRY_STOPPED, MR_REGISTRY_NOT_A_REGISTRY}, /* H-05 */
    {408, 408, ANY_CODE, ANY_CODE, REGISTRY_NOT_NOW, MR_REGISTRY_AWAY},           /* H-06 */
    {429, 429, ANY_CODE, ANY_CODE, REGISTRY_NOT_NOW, MR_REGISTRY_AWAY},           /* H-06 */
    {422, 422, ANY_CODE, ANY_CODE, REGISTRY_REFUSED, MR_OK},                      /* H-07 */
    {500, 599, ANY_CODE, ANY_CODE, REGISTRY_NOT_NOW, MR_REGISTRY_AWAY},           /* H-08 */
    {0, 999, ANY_CODE, ANY_CODE, REGISTRY_STRANGE, MR_REGISTRY_NOT_A_REGISTRY},   /* H-09 */
};

static const struct http_rule *rule_of(long status, int64_t error_code)
{
    enum { N_RULES = sizeof http_rules / sizeof http_rules[0] };
    for (size_t i = 0; i + 1 < N_RULES; i++) {
        const struct http_rule *rule = &http_rules[i];
        if (status < rule->status_from || status > rule->status_to)
            continue;
        if (rule->error_from == ANY_CODE ||
            (error_code >= rule->error_from && error_code <= rule->error_to))
            return rule;
    }
    return &http_rules[N_RULES - 1];
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = text != NULL ? strlen(text) : 0;
    size_t n_end = strlen(end);
    return n >= n_end && strcmp(text + n - n_end, end) == 0;
}

/* The error_code of an answer's body; 0: none. Apicurio's own API names an exception instead. */
static int64_t error_code_of(const struct mr_registry_answer *answer, enum mr_registry_kind kind)
{
    static const struct mr_json_limits limits = {65536, 32, 1000};
    struct mr_json *body;
    if (mr_json_parse((const char *)answer->body.data, answer->body.len, &limits, &body, NULL) < 0)
        return 0;
    const struct mr_json *code = mr_json_find(body, "error_code");
    int64_t error_code = mr_json_is(code, MR_JSON_INTEGER) ? mr_json_integer(code) : 0;
    if (kind == MR_REGISTRY_APICURIO && answer->status == 404 &&
        ends_with(mr_json_text(mr_json_find(body, "name")), "NotFoundException"))
        error_code = 40403;
    mr_json_free(body);
    return error_code;
}

static uint64_t now_ms(const struct registry_link *link)
{
    return mr_mono_ms(&link->env);
}

/* May a request be made now? H-06 holds all of the registry back. */
static bool may_ask(struct registry_link *link, uint64_t deadline_ms, struct mr_err *err)
{
    uint64_t now = now_ms(link);
    uint64_t not_before = atomic_load(&link->not_before_ms);
    if (now < not_before) {
        mr_err_set(err, MR_REGISTRY_AWAY, "the registry asked to wait, %llu ms are left",
                   (unsigned long long)(not_before - now));
        return false;
    }
    if (now >= deadline_ms) {
        mr_err_set(err, MR_REGISTRY_AWAY, "no time left for a request");
        return false;
    }
    return true;
}

static int get(struct registry_link *link, const char *path, struct mr_registry_answer *answer,
               struct mr_err *err)
{
    atomic_fetch_add(&link->n_requests, 1);
    if (MR_FAULT(REGISTRY_FETCH))
        return mr_err_set(err, MR_REGISTRY_AWAY, "injected: registry_fetch");
    return link->fetch->get(link->conn, path, answer, err);
}

static void hold_back(struct registry_link *link, uint32_t retry_after_ms)
{
    if (retry_after_ms > REGISTRY_MAX_RETRY_AFTER_MS)
        retry_after_ms = REGISTRY_MAX_RETRY_AFTER_MS;
    if (retry_after_ms > 0)
        atomic_store(&link->not_before_ms, now_ms(link) + retry_after_ms);
}

enum registry_verdict registry_ask(struct registry_link *link,
                                   const struct registry_question *question,
                                   struct mr_registry_answer *answer, struct mr_err *err)
{
    if (!may_ask(link, question->deadline_ms, err))
        return REGISTRY_NOT_NOW;
    uint64_t left_ms = question->deadline_ms - now_ms(link);
    answer->timeout_ms = left_ms < link->timeout_ms ? (uint32_t)left_ms : link->timeout_ms;
    answer->status = 0;
    answer->retry_after_ms = 0;
    answer->artifact_type[0] = '\0';
    int rc = get(link, question->path, answer, err);
    if (rc == -MR_SCHEMA_TOO_LARGE)
        return REGISTRY_REFUSED;
    if (rc < 0)
        return mr_code_class(rc) == MR_CLASS_HALT ? REGISTRY_STOPPED : REGISTRY_NOT_NOW; /* H-01 */
    int64_t error_code = answer->status == 200 ? 0 : error_code_of(answer, link->kind);
    const struct http_rule *rule = rule_of(answer->status, error_code);
    if (answer->status == 408 || answer->status == 429 || answer->status == 503)
        hold_back(link, answer->retry_after_ms);
    if (rule->verdict != REGISTRY_LOADED)
        mr_err_set(err, rule->code != MR_OK ? rule->code : question->missing,
                   "GET %s: status %ld, error_code %lld", question->path, answer->status,
                   (long long)error_code);
    return rule->verdict;
}
