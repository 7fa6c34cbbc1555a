/* Owns the way from a reference to a parsed schema: paths, answers, the tree of references, depth
 * first with an explicit stack (contract.md F-40, F-41). Must not cache or wait. Invariant: a frame
 * on the stack owns its answer and text; a text moves to `texts` when all it refers to is there, so
 * that texts are in dependency order. */
#include "schemas/registry_load.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "schemas/avro_lib.h"
#include "schemas/json.h"

#include "base/ban.h"

enum { PATH_BYTES_LIMIT = 16 * 1024, MAX_TEXTS_BYTES = 8 * 1024 * 1024 };

/* A schema whose references are being resolved. */
struct load_frame {
    struct mr_json *answer;     /* owns refs */
    const struct mr_json *refs; /* NULL: none */
    size_t next;
    char *text;
    size_t text_len;
    char *key; /* in `seen`; NULL for the root */
};

struct registry_load {
    struct mr_schema_ref ref;
    char *context; /* "" is the default one */
    char *subject; /* NULL: none, or given up after a 404 */
    bool encrypted;
    size_t depth; /* frames in use */
    struct load_frame frames[REGISTRY_MAX_REF_DEPTH + 1];
    struct mr_map seen; /* paths of references; keys borrow from `keys` */
    char *keys[REGISTRY_MAX_REF_SCHEMAS];
    size_t n_keys;
    struct mr_schema_text texts[REGISTRY_MAX_REF_SCHEMAS + 1]; /* owned */
    size_t n_texts;
    size_t texts_bytes;
};

/* One run of a load. */
struct load_run {
    struct registry_load *load;
    struct registry_link *link;
    uint64_t deadline_ms;
    struct mr_buf path;
    struct mr_registry_answer answer;
    struct mr_err *err;
};

struct registry_load *registry_load_new(const struct mr_schema_ref *ref, const char *context,
                                        const char *subject)
{
    struct registry_load *load = mr_memory_given(calloc(1, sizeof *load));
    if (load == NULL)
        return NULL;
    load->ref = *ref;
    load->context = mr_memory_given(strdup(context));
    load->subject = subject != NULL ? mr_memory_given(strdup(subject)) : NULL;
    mr_map_init(&load->seen, (uintptr_t)load);
    if (load->context == NULL || (subject != NULL && load->subject == NULL)) {
        registry_load_free(load);
        return NULL;
    }
    return load;
}

static void frame_release(struct load_frame *frame)
{
    if (frame->answer != NULL)
        mr_json_free(frame->answer);
    free(frame->text);
    *frame = (struct load_frame){.answer = NULL};
}

static char *owned(const char *text)
{
    union {
        const char *in;
        char *out;
    } cast = {.in = text};
    return cast.out;
}

void registry_load_free(struct registry_load *load)
{
    if (load == NULL)
        return;
    for (size_t i = 0; i < load->depth; i++)
        frame_release(&load->frames[i]);
    for (size_t i = 0; i < load->n_texts; i++)
        free(owned(load->texts[i].json));
    for (size_t i = 0; i < load->n_keys; i++)
        free(load->keys[i]);
    mr_map_release(&load->seen);
    free(load->context);
    free(load->subject);
    free(load);
}

bool registry_load_begun(const struct registry_load *load)
{
    return load->depth > 0;
}

static enum registry_verdict out_of_memory(struct load_run *run)
{
    mr_err_set(run->err, MR_NO_MEMORY, "a schema from the registry");
    return REGISTRY_NOT_NOW;
}

static enum registry_verdict refuse(struct load_run *run, enum mr_code code, const char *why)
{
    mr_err_set(run->err, code, "%s", why);
    return REGISTRY_REFUSED;
}

static void add_escaped(struct mr_buf *path, const char *text)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    for (; *text != '\0'; text++) {
        if (strchr(plain, *text) != NULL)
            mr_buf_byte(path, (uint8_t)*text);
        else
            mr_buf_fmt(path, "%%%02X", (unsigned)(unsigned char)*text);
    }
}

/* F-43: the context as a subject of its own, ":.ctx:". */
static void add_context(struct mr_buf *path, const char *context)
{
    if (context[0] != '\0') {
        add_escaped(path, context);
        add_escaped(path, ":");
    }
}

static void add_guid(struct mr_buf *path, const uint8_t guid[16])
{
    for (int i = 0; i < 16; i++)
        mr_buf_fmt(path, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
                   (unsigned)guid[i]);
}

static void confluent_root_path(struct load_run *run)
{
    const struct registry_load *load = run->load;
    if (load->ref.kind == MR_REF_GUID) {
        mr_buf_str(&run->path, "/schemas/guids/");
        add_guid(&run->path, load->ref.guid);
        return;
    }
    mr_buf_fmt(&run->path, "/schemas/ids/%lld", (long long)load->ref.id);
    if (load->subject == NULL && load->context[0] == '\0')
        return;
    mr_buf_str(&run->path, "?subject=");
    if (load->subject != NULL)
        add_escaped(&run->path, load->subject);
    else
        add_context(&run->path, load->context);
}

static void apicurio_root_path(struct load_run *run)
{
    const struct registry_load *load = run->load;
    mr_buf_fmt(&run->path, "/ids/%s/%lld",
               load->ref.kind == MR_REF_CONTENT_ID ? "contentIds" : "globalIds",
               (long long)load->ref.id);
}

/* A reference's path, which is also its identity; false if it names no schema. */
static bool confluent_ref_path(struct load_run *run, const struct mr_json *ref)
{
    const char *subject = mr_json_text(mr_json_find(ref, "subject"));
    const struct mr_json *version = mr_json_find(ref, "version");
    if (subject == NULL || !mr_json_is(version, MR_JSON_INTEGER))
        return false;
    mr_buf_str(&run->path, "/subjects/");
    if (strncmp(subject, ":.", 2) != 0) /* relative to the referring schema's context */
        add_context(&run->path, run->load->context);
    add_escaped(&run->path, subject);
    mr_buf_fmt(&run->path, "/versions/%lld?deleted=true", (long long)mr_json_integer(version));
    return true;
}

static bool apicurio_ref_path(struct load_run *run, const struct mr_json *ref)
{
    const char *group = mr_json_text(mr_json_find(ref, "groupId"));
    const char *artifact = mr_json_text(mr_json_find(ref, "artifactId"));
    const char *version = mr_json_text(mr_json_find(ref, "version"));
    if (artifact == NULL || version == NULL)
        return false;
    mr_buf_str(&run->path, "/groups/");
    add_escaped(&run->path, group != NULL ? group : "default");
    mr_buf_str(&run->path, "/artifacts/");
    add_escaped(&run->path, artifact);
    mr_buf_str(&run->path, "/versions/");
    add_escaped(&run->path, version);
    return true;
}

/* F-18: an active rule whose type begins with ENCRYPT (ENCRYPT, ENCRYPT_PAYLOAD). */
static bool has_encrypt(const struct mr_json *rules)
{
    for (size_t i = 0; i < mr_json_size(rules); i++) {
        const struct mr_json *rule = mr_json_at(rules, i);
        const char *type = mr_json_text(mr_json_find(rule, "type"));
        const struct mr_json *disabled = mr_json_find(rule, "disabled");
        bool off = mr_json_is(disabled, MR_JSON_BOOL) && mr_json_bool(disabled);
        if (type != NULL && strncmp(type, "ENCRYPT", strlen("ENCRYPT")) == 0 && !off)
            return true;
    }
    return false;
}

static enum registry_verdict set_text(struct load_run *run, struct load_frame *frame,
                                      struct mr_slice text)
{
    if (text.len > MAX_TEXTS_BYTES - run->load->texts_bytes)
        return refuse(run, MR_SCHEMA_TOO_LARGE, "schema texts of more than 8 MiB");
    frame->text = mr_memory_given(malloc(text.len + 1));
    if (frame->text == NULL)
        return out_of_memory(run);
    memcpy(frame->text, text.data, text.len);
    frame->text[text.len] = '\0';
    frame->text_len = text.len;
    run->load->texts_bytes += text.len;
    return REGISTRY_LOADED;
}

static enum registry_verdict strange(struct load_run *run, const char *why)
{
    mr_err_set(run->err, MR_REGISTRY_NOT_A_REGISTRY, "GET %s: %s", mr_buf_cstr(&run->path), why);
    return REGISTRY_STRANGE;
}

/* Parses the answer's body. Errors as registry verdicts: a body beyond the limits is a schema that
 * is too large (F-47), one that is no JSON is not a registry's (H-09). */
static enum registry_verdict parse_body(struct load_run *run, struct mr_json **out)
{
    static const struct mr_json_limits limits = {
        REGISTRY_MAX_ANSWER_BYTES, REGISTRY_MAX_ANSWER_DEPTH, REGISTRY_MAX_ANSWER_VALUES};
    const struct mr_buf *body = &run->answer.body;
    int rc = mr_json_parse((const char *)body->data, body->len, &limits, out, run->err);
    if (rc == -MR_SCHEMA_TOO_LARGE)
        return REGISTRY_REFUSED;
    if (rc == -MR_NO_MEMORY)
        return REGISTRY_NOT_NOW;
    return rc < 0 ? strange(run, "the answer is not JSON") : REGISTRY_LOADED;
}

static enum registry_verdict read_confluent(struct load_run *run, struct load_frame *frame)
{
    enum registry_verdict verdict = parse_body(run, &frame->answer);
    if (verdict != REGISTRY_LOADED)
        return verdict;
    const struct mr_json *schema = mr_json_find(frame->answer, "schema");
    if (!mr_json_is(schema, MR_JSON_STRING))
        return strange(run, "the answer has no schema");
    const char *type = mr_json_text(mr_json_find(frame->answer, "schemaType"));
    if (type != NULL && strcmp(type, "AVRO") != 0)
        return refuse(run, MR_SCHEMA_UNSUPPORTED_TYPE, type);
    const struct mr_json *rules = mr_json_find(frame->answer, "ruleSet");
    if (has_encrypt(mr_json_find(rules, "domainRules")) ||
        has_encrypt(mr_json_find(rules, "encodingRules")))
        run->load->encrypted = true;
    frame->refs = mr_json_find(frame->answer, "references");
    return set_text(run, frame, mr_json_string(schema));
}

/* Asks for `run->path`. */
static enum registry_verdict ask(struct load_run *run, enum mr_code missing)
{
    const struct registry_question question = {
        .path = mr_buf_cstr(&run->path), .deadline_ms = run->deadline_ms, .missing = missing};
    return registry_ask(run->link, &question, &run->answer, run->err);
}

/* Apicurio's own API answers with the text itself; references are a second request. */
static enum registry_verdict read_apicurio(struct load_run *run, struct load_frame *frame,
                                           enum mr_code missing)
{
    struct mr_slice text = {run->answer.body.data, run->answer.body.len};
    const char *type = run->answer.artifact_type;
    if (type[0] != '\0' && strcmp(type, "AVRO") != 0)
        return refuse(run, MR_SCHEMA_UNSUPPORTED_TYPE, type);
    if (text.len == 0 || text.data[0] == '<')
        return strange(run, "the answer is not a schema");
    enum registry_verdict verdict = set_text(run, frame, text);
    if (verdict != REGISTRY_LOADED)
        return verdict;
    mr_buf_str(&run->path, "/references");
    verdict = ask(run, missing);
    if (run->answer.status == 404) /* before Apicurio 2.2 */
        return REGISTRY_LOADED;
    if (verdict == REGISTRY_LOADED)
        verdict = parse_body(run, &frame->answer);
    frame->refs = frame->answer;
    return verdict;
}

/* Asks for `run->path` and pushes what it answers. `key` (taken on LOADED) is in `seen`. */
static enum registry_verdict push(struct load_run *run, enum mr_code missing, char *key)
{
    struct registry_load *load = run->load;
    struct load_frame frame = {.key = key};
    enum registry_verdict verdict = ask(run, missing);
    if (verdict != REGISTRY_LOADED)
        return verdict;
    size_t texts_bytes = load->texts_bytes;
    verdict = run->link->kind == MR_REGISTRY_APICURIO ? read_apicurio(run, &frame, missing)
                                                      : read_confluent(run, &frame);
    if (verdict == REGISTRY_LOADED) {
        load->frames[load->depth++] = frame;
    } else {
        load->texts_bytes = texts_bytes;
        frame_release(&frame);
    }
    return verdict;
}

/* F-40: a 404 with a subject is asked once more without it. */
static enum registry_verdict push_root(struct load_run *run)
{
    struct registry_load *load = run->load;
    if (run->link->kind == MR_REGISTRY_APICURIO) {
        apicurio_root_path(run);
        return push(run, MR_SCHEMA_UNKNOWN_ID, NULL);
    }
    confluent_root_path(run);
    enum registry_verdict verdict = push(run, MR_SCHEMA_UNKNOWN_ID, NULL);
    if (load->subject == NULL || load->ref.kind == MR_REF_GUID || run->answer.status != 404)
        return verdict;
    free(load->subject);
    load->subject = NULL;
    mr_buf_reset(&run->path);
    confluent_root_path(run);
    return push(run, MR_SCHEMA_UNKNOWN_ID, NULL);
}

/* The next reference of the top frame: already there, a cycle, or one more frame. */
static enum registry_verdict push_ref(struct load_run *run, const struct mr_json *ref)
{
    struct registry_load *load = run->load;
    bool named = run->link->kind == MR_REGISTRY_APICURIO ? apicurio_ref_path(run, ref)
                                                         : confluent_ref_path(run, ref);
    const char *path = mr_buf_cstr(&run->path);
    if (!named || !mr_buf_ok(&run->path))
        return refuse(run, MR_SCHEMA_BAD_REFERENCE, "a reference without subject and version");
    for (size_t i = 0; i < load->depth; i++) {
        if (load->frames[i].key != NULL && strcmp(load->frames[i].key, path) == 0)
            return refuse(run, MR_SCHEMA_BAD_REFERENCE, "references form a cycle");
    }
    if (mr_map_find(&load->seen, path, strlen(path)) != NULL)
        return REGISTRY_LOADED;
    if (load->depth > REGISTRY_MAX_REF_DEPTH)
        return refuse(run, MR_SCHEMA_BAD_REFERENCE, "references are nested deeper than 32");
    if (load->n_keys == REGISTRY_MAX_REF_SCHEMAS)
        return refuse(run, MR_SCHEMA_BAD_REFERENCE, "more than 1000 referenced schemas");
    char *key = mr_memory_given(strdup(path));
    if (key == NULL)
        return out_of_memory(run);
    if (mr_map_put(&load->seen, key, strlen(key), load) < 0) {
        free(key);
        return out_of_memory(run);
    }
    enum registry_verdict verdict = push(run, MR_SCHEMA_BAD_REFERENCE, key);
    if (verdict == REGISTRY_LOADED) {
        load->keys[load->n_keys++] = key;
    } else {
        mr_map_remove(&load->seen, key, strlen(key));
        free(key);
    }
    return verdict;
}

/* The top frame's references are all there: its text is next in order. */
static void pop(struct registry_load *load)
{
    struct load_frame *top = &load->frames[--load->depth];
    load->texts[load->n_texts++] = (struct mr_schema_text){top->text, top->text_len};
    top->text = NULL;
    frame_release(top);
}

static enum registry_verdict load_step(struct load_run *run)
{
    struct registry_load *load = run->load;
    mr_buf_reset(&run->path);
    if (load->depth == 0)
        return push_root(run);
    struct load_frame *top = &load->frames[load->depth - 1];
    if (top->next >= mr_json_size(top->refs)) {
        pop(load);
        return REGISTRY_LOADED;
    }
    enum registry_verdict verdict = push_ref(run, mr_json_at(top->refs, top->next));
    if (verdict == REGISTRY_LOADED)
        top->next++;
    return verdict;
}

/* The second opinion on a schema that ours has accepted; it changes nothing but the log and a
 * count. A text that refers to others is left out, since avro-c knows no references. */
static void ask_avro_c(struct load_run *run, const struct mr_schema *schema)
{
    struct mr_err why = MR_ERR_INIT;
    const char *name = schema->root->full_name;
    if (!run->link->check_with_avro_c || run->load->n_texts != 1 ||
        mr_avro_lib_check(schema->text, schema->text_len, &why) == 0)
        return;
    atomic_fetch_add(&run->link->n_disagreements, 1);
    mr_log(MR_WARN, "schema_disagreement", mr_kv_i64("schema_id", schema->id),
           mr_kv_str("schema", name != NULL ? name : mr_avro_kind_name(schema->root->kind)),
           mr_kv_str("detail", why.detail));
}

static enum registry_verdict parse_all(struct load_run *run, struct mr_schema **out)
{
    struct registry_load *load = run->load;
    int rc = mr_schema_parse(load->texts, load->n_texts, &run->link->schema, out, run->err);
    if (rc < 0)
        return mr_code_class(rc) == MR_CLASS_POISON ? REGISTRY_REFUSED : REGISTRY_NOT_NOW;
    (*out)->encrypted = load->encrypted;
    if (load->ref.kind != MR_REF_GUID)
        (*out)->id = load->ref.id;
    ask_avro_c(run, *out);
    return REGISTRY_LOADED;
}

/* F-42: what was loaded is kept in a file, for a restart while the registry is away. */
static void keep_on_disk(struct load_run *run)
{
    const struct registry_load *load = run->load;
    const struct registry_disk_key key = {&load->ref, load->context};
    struct registry_disk_texts texts = {
        .texts = run->load->texts, .n_texts = load->n_texts, .encrypted = load->encrypted};
    if (run->link->disk.dir[0] != '\0')
        registry_disk_write(&run->link->disk, &key, &texts);
}

/* The file of what the registry did not answer for. It is parsed as an answer would be. */
static enum registry_verdict take_from_disk(struct load_run *run, struct mr_schema **out)
{
    const struct registry_load *load = run->load;
    const struct registry_disk_key key = {&load->ref, load->context};
    struct registry_disk_texts texts;
    struct mr_err why = MR_ERR_INIT;
    if (run->link->disk.dir[0] == '\0' || !registry_disk_read(&run->link->disk, &key, &texts))
        return REGISTRY_NOT_NOW;
    int rc = mr_schema_parse(texts.texts, texts.n_texts, &run->link->schema, out, &why);
    bool encrypted = texts.encrypted;
    registry_disk_release(&texts);
    if (rc < 0)
        return REGISTRY_NOT_NOW;
    (*out)->encrypted = encrypted;
    if (load->ref.kind != MR_REF_GUID)
        (*out)->id = load->ref.id;
    mr_log(MR_WARN, "schema_from_disk", mr_kv_i64("schema_id", (*out)->id),
           mr_kv_str("detail", run->err->detail));
    return REGISTRY_LOADED;
}

enum registry_verdict registry_load_run(struct registry_load *load, struct registry_link *link,
                                        uint64_t deadline_ms, struct mr_schema **out,
                                        struct mr_err *err)
{
    struct load_run run = {.load = load,
                           .link = link,
                           .deadline_ms = deadline_ms,
                           .path = {.limit = PATH_BYTES_LIMIT},
                           .answer = {.body = {.limit = REGISTRY_MAX_ANSWER_BYTES + 1}},
                           .err = err};
    enum registry_verdict verdict;
    do {
        verdict = load_step(&run);
    } while (verdict == REGISTRY_LOADED && load->depth > 0);
    if (verdict == REGISTRY_LOADED) {
        verdict = parse_all(&run, out);
        if (verdict == REGISTRY_LOADED)
            keep_on_disk(&run);
    } else if (verdict == REGISTRY_NOT_NOW) {
        verdict = take_from_disk(&run, out);
    }
    mr_buf_release(&run.path);
    mr_buf_release(&run.answer.body);
    return verdict;
}
