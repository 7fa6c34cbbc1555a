/* `millrace dlq`: dead letters listed, shown, exported, replayed, discarded, purged. It joins no
 * group and moves no position. */
#include "consumer/cmd/dlq.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "config/suggest.h"
#include "config/units.h"

#include "base/ban.h"

enum {
    DEFAULT_LIMIT = 100,
    PURGE_PIECE = 1000,
    BESIDE_LINE_BYTES = 2048,
    ALL_STATES = (1 << MR_N_LETTER_STATES) - 1
};

static int usage(const char *what, const char *why)
{
    fprintf(stderr, "millrace: %s%s. See millrace dlq --help\n", what, why);
    return EX_USAGE;
}

/* ---- the filter ---- */

/* A time: as an ISO 8601 one, or so long ago ("2h"). */
static bool time_read(const char *text, const struct mr_env *env, int64_t *out)
{
    uint64_t ago_ms = 0;

    if (mr_units_read_ms(text, &ago_ms) == 0 && ago_ms <= INT64_MAX) {
        *out = mr_wall_ms(env) - (int64_t)ago_ms;
        if (*out < 0)
            *out = 0;
        return true;
    }
    return mr_units_read_timestamp(text, out) == 0 && *out >= 0;
}

static int filter_read(struct mr_dlq *dlq, uint32_t states)
{
    const struct mr_cmd_args *args = dlq->args;
    struct mr_letter_filter *filter = &dlq->filter;
    const char *state = mr_cmd_value(args, "state");
    const char *since = mr_cmd_value(args, "since");
    const char *until = mr_cmd_value(args, "until");
    const char *limit = mr_cmd_value(args, "limit");
    const char *format = mr_cmd_value(args, "format");
    int64_t n = 0;
    struct mr_env env;

    mr_env_init_system(&env);
    *filter = (struct mr_letter_filter){.topic = mr_cmd_value(args, "topic"),
                                        .code = mr_cmd_value(args, "reason"),
                                        .states = states,
                                        .since_ms = -1,
                                        .until_ms = -1};
    if (args->argc > 1) {
        filter->ids = (const char *const *)args->argv + 1;
        filter->n_ids = (size_t)args->argc - 1;
    }
    if (filter->n_ids > MR_LETTER_PAGE_IDS)
        return usage("too many ids", "; use a filter");
    if (state != NULL && strcmp(state, "all") == 0)
        filter->states = 0;
    else if (state != NULL && mr_letter_state_of(state) < 0)
        return usage(state, " is no state: new, replayed, discarded or all");
    else if (state != NULL)
        filter->states = 1u << mr_letter_state_of(state);
    if (since != NULL && !time_read(since, &env, &filter->since_ms))
        return usage(since, " is neither a time like 2026-01-31T12:00:00Z nor one like 2h");
    if (until != NULL && !time_read(until, &env, &filter->until_ms))
        return usage(until, " is neither a time like 2026-01-31T12:00:00Z nor one like 2h");
    if (limit != NULL && (mr_units_read_i64(limit, &n) < 0 || n < 1))
        return usage(limit, " is no limit: a whole number from 1");
    if (format != NULL && strcmp(format, "json") != 0 && strcmp(format, "avro") != 0)
        return usage(format, " is no format: json or avro");
    filter->limit = (size_t)n;
    return EX_OK;
}

/* What changes letters never takes all of them by being told nothing. */
static bool is_chosen(const struct mr_dlq *dlq)
{
    const struct mr_letter_filter *filter = &dlq->filter;

    return filter->ids != NULL || filter->topic != NULL || filter->code != NULL ||
           filter->since_ms >= 0 || filter->until_ms >= 0 || mr_cmd_value(dlq->args, "all") != NULL;
}

/* ---- walking ---- */

static int page_each(struct mr_dlq *dlq,
                     int (*each)(struct mr_dlq *, const struct mr_replay_record *, void *),
                     void *with)
{
    struct mr_letters *letters = dlq->box.letters;
    struct mr_kept_letter kept;
    struct mr_arena arena;
    int rc;

    mr_arena_init(&arena, 0, SIZE_MAX);
    while ((rc = letters->ops->next(letters, &kept, &dlq->err)) == 1) {
        struct mr_replay_record record;
        mr_arena_reset(&arena);
        rc = mr_replay_record_init(&record, &kept, &arena, &dlq->err);
        if (rc == -MR_VALUE_INVALID_JSON) { /* written by hand: shown without */
            mr_err_clear(&dlq->err);
            rc = 0;
        }
        if (rc == 0)
            rc = each(dlq, &record, with);
        if (rc < 0)
            break;
    }
    mr_arena_release(&arena);
    return rc;
}

int mr_dlq_each(struct mr_dlq *dlq,
                int (*each)(struct mr_dlq *dlq, const struct mr_replay_record *record, void *with),
                void *with)
{
    struct mr_letters *letters = dlq->box.letters;
    struct mr_letter_pages pages;
    int rc = mr_letter_pages_init(&pages, letters, &dlq->filter, &dlq->err);

    while (rc == 0 &&
           (rc = mr_letter_pages_next(&pages, letters, MR_LETTER_PAGE_IDS, &dlq->err)) == 1)
        rc = page_each(dlq, each, with);
    mr_letter_pages_release(&pages);
    return rc;
}

/* ---- list, show ---- */

/* Those of the target's table are not the topic's: what is in the way there, a missing right for
 * one, is no reason not to list these. */
static void beside_tell(struct mr_dlq *dlq)
{
    struct mr_err err = MR_ERR_INIT;
    char line[BESIDE_LINE_BYTES];
    uint64_t n = 0;

    if (mr_letter_box_beside(&dlq->box, &dlq->filter, &n, &err) < 0)
        fprintf(stderr, "millrace: whether more are in the target's table is not known: %s\n",
                mr_err_line(&err, line, sizeof line));
    else if (n > 0)
        fprintf(stderr,
                "millrace: %llu more are in the target's table: -o dlq.to=table lists those\n",
                (unsigned long long)n);
}

static int dlq_list(struct mr_dlq *dlq)
{
    struct mr_letters *letters = dlq->box.letters;
    struct mr_buf out = MR_BUF_INIT;
    struct mr_kept_letter kept;
    bool json = dlq->args->json;
    uint64_t n = 0;

    if (dlq->filter.limit == 0 && mr_cmd_value(dlq->args, "all") == NULL)
        dlq->filter.limit = DEFAULT_LIMIT;
    int rc = letters->ops->find(letters, &dlq->filter, &dlq->err);
    if (json)
        mr_buf_byte(&out, '[');
    else
        mr_letter_text_head(&out);
    while (rc == 0 && (rc = letters->ops->next(letters, &kept, &dlq->err)) == 1) {
        struct mr_replay_record record = {.kept = kept};
        rc = 0;
        mr_buf_str(&out, json && n > 0 ? ",\n " : "");
        n++;
        if (json)
            mr_letter_text_object(&out, &record, NULL);
        else
            mr_letter_text_line(&out, &kept);
    }
    if (json)
        mr_buf_str(&out, "]\n");
    else
        mr_buf_fmt(&out, "%llu letters%s\n", (unsigned long long)n,
                   dlq->filter.limit > 0 && n == dlq->filter.limit ? ", and perhaps older ones"
                                                                   : "");
    if (rc == 0)
        beside_tell(dlq);
    int code = rc < 0 ? mr_cmd_fail(&dlq->err) : mr_cmd_write(&out);
    mr_buf_release(&out);
    return code;
}

struct showing {
    struct mr_letter_decoder decoder;
    struct mr_buf out;
    size_t n;
};

static int show_each(struct mr_dlq *dlq, const struct mr_replay_record *record, void *with)
{
    struct showing *showing = with;

    mr_letter_decode(&showing->decoder, record);
    if (dlq->args->json) {
        mr_buf_str(&showing->out, showing->n > 0 ? ",\n " : "[");
        mr_letter_text_object(&showing->out, record, &showing->decoder);
    } else {
        mr_buf_str(&showing->out, showing->n > 0 ? "\n" : "");
        mr_letter_text_page(&showing->out, record, &showing->decoder);
    }
    showing->n++;
    return mr_buf_ok(&showing->out) ? 0 : mr_err_set(&dlq->err, MR_NO_MEMORY, "a dead letter");
}

static int dlq_show(struct mr_dlq *dlq)
{
    struct showing showing = {.out = MR_BUF_INIT};
    int code = EX_OK;

    int rc = mr_letter_decoder_init(&showing.decoder, &dlq->box, &dlq->err);
    if (rc == 0)
        rc = mr_dlq_each(dlq, show_each, &showing);
    if (dlq->args->json && rc == 0)
        mr_buf_str(&showing.out, showing.n > 0 ? "]\n" : "[]\n");
    code = rc < 0 ? mr_cmd_fail(&dlq->err) : mr_cmd_write(&showing.out);
    if (code == EX_OK && showing.n < dlq->filter.n_ids) {
        fprintf(stderr, "millrace: %zu of %zu letters do not exist\n",
                dlq->filter.n_ids - showing.n, dlq->filter.n_ids);
        code = EX_DATAERR;
    }
    mr_letter_decoder_release(&showing.decoder);
    mr_buf_release(&showing.out);
    return code;
}

/* ---- discard, purge ---- */

static int tell(const struct mr_dlq *dlq, const char *what, uint64_t n, uint64_t n_all)
{
    struct mr_buf out = MR_BUF_INIT;

    if (dlq->args->json)
        mr_buf_fmt(&out, "{\"found\": %llu, \"%s\": %llu}\n", (unsigned long long)n_all, what,
                   (unsigned long long)n);
    else
        mr_buf_fmt(&out, "%llu of %llu letters %s\n", (unsigned long long)n,
                   (unsigned long long)n_all, what);
    int code = mr_cmd_write(&out);
    mr_buf_release(&out);
    return code;
}

static int discard_pages(struct mr_dlq *dlq, struct mr_letter_pages *pages, uint64_t *n_done)
{
    struct mr_letters *letters = dlq->box.letters;
    int rc = 0;

    for (size_t at = 0; rc == 0 && at < pages->n_ids;) {
        size_t n = 0;
        uint64_t n_piece = 0;
        while (n < MR_LETTER_PAGE_IDS && at < pages->n_ids)
            pages->page[n++] = (const char *)pages->texts.data + pages->ids[at++].text;
        rc = letters->ops->discard(letters, pages->page, n, dlq->by, &n_piece, &dlq->err);
        *n_done += n_piece;
    }
    return rc;
}

static int dlq_discard(struct mr_dlq *dlq)
{
    struct mr_letter_pages pages;
    uint64_t n_done = 0;

    int rc = mr_letter_pages_init(&pages, dlq->box.letters, &dlq->filter, &dlq->err);
    if (rc == 0 && dlq->filter.ids == NULL && pages.n_ids > 1 &&
        mr_cmd_value(dlq->args, "yes") == NULL) {
        fprintf(stderr, "millrace: this discards %zu letters; add --yes\n", pages.n_ids);
        mr_letter_pages_release(&pages);
        return EX_USAGE;
    }
    if (rc == 0)
        rc = discard_pages(dlq, &pages, &n_done);
    int code = rc < 0 ? mr_cmd_fail(&dlq->err)
                      : tell(dlq, "discarded", n_done,
                             dlq->filter.ids != NULL ? dlq->filter.n_ids : pages.n_ids);
    mr_letter_pages_release(&pages);
    return code == EX_OK && n_done == 0 ? EX_DATAERR : code;
}

static int dlq_purge(struct mr_dlq *dlq)
{
    struct mr_letters *letters = dlq->box.letters;
    const char *older = mr_cmd_value(dlq->args, "older");
    uint64_t n_done = 0;
    uint64_t n_piece = 0;
    uint64_t ms = 0;
    int rc;

    if (older == NULL || mr_units_read_ms(older, &ms) < 0)
        return usage("purge", " needs --older with a time like 30d");
    uint32_t states = dlq->filter.states == 0 ? (uint32_t)ALL_STATES : dlq->filter.states;
    if ((states & 1u << MR_LETTER_NEW) != 0 && mr_cmd_value(dlq->args, "yes") == NULL)
        return usage("purge", " of letters that nobody closed needs --yes");
    int64_t before_ms = mr_wall_ms(&dlq->box.env) - (int64_t)ms;
    do {
        rc = letters->ops->purge(letters, states, before_ms < 0 ? 0 : before_ms, PURGE_PIECE,
                                 &n_piece, &dlq->err);
        n_done += n_piece;
    } while (rc == 0 && n_piece > 0);
    return rc < 0 ? mr_cmd_fail(&dlq->err) : tell(dlq, "removed", n_done, n_done);
}

/* ---- the command ---- */

enum { VERB_OPTIONS = 9 };

/* What must be said about which letters are meant. */
enum choice { CHOICE_OPEN, CHOICE_IDS, CHOICE_SOME, CHOICE_NO_IDS };

struct verb {
    const char *name;
    int (*run)(struct mr_dlq *dlq);
    enum choice choice;
    uint32_t states; /* where no option says them; 0: all */
    const char *options[VERB_OPTIONS];
    const char *help;
};

static const struct verb verbs[] = {
    {"list",
     dlq_list,
     CHOICE_OPEN,
     1u << MR_LETTER_NEW,
     {"topic", "reason", "state", "since", "until", "limit", "all"},
     "a line each, the newest first: 100, or --limit, or --all"},
    {"show",
     dlq_show,
     CHOICE_IDS,
     0,
     {NULL},
     "all of the letters ID ...: decoded, with reason and remedy"},
    {"replay",
     mr_dlq_replay,
     CHOICE_SOME,
     1u << MR_LETTER_NEW,
     {"topic", "reason", "since", "until", "limit", "all", "force"},
     "load letters ID ..., or those of a filter, again as they came"},
    {"discard",
     dlq_discard,
     CHOICE_SOME,
     1u << MR_LETTER_NEW,
     {"topic", "reason", "since", "until", "all", "yes"},
     "close letters ID ..., or those of a filter, without loading them"},
    {"export",
     mr_dlq_export,
     CHOICE_OPEN,
     1u << MR_LETTER_NEW,
     {"topic", "reason", "state", "since", "until", "limit", "all", "format", "output"},
     "letters ID ..., or those of a filter, as JSON lines or an Avro file"},
    {"purge",
     dlq_purge,
     CHOICE_NO_IDS,
     1u << MR_LETTER_REPLAYED | 1u << MR_LETTER_DISCARDED,
     {"state", "older", "yes"},
     "remove letters for good that were closed so long ago"},
};
enum { N_VERBS = sizeof verbs / sizeof verbs[0] };

void mr_cmd_dlq_help(struct mr_buf *out)
{
    mr_buf_str(out, "Actions:\n");
    for (size_t i = 0; i < N_VERBS; i++) {
        mr_buf_fmt(out, "  %-8s %s\n           options:", verbs[i].name, verbs[i].help);
        for (size_t k = 0; k < VERB_OPTIONS && verbs[i].options[k] != NULL; k++)
            mr_buf_fmt(out, " --%s", verbs[i].options[k]);
        mr_buf_str(out, verbs[i].options[0] == NULL ? " none\n" : "\n");
    }
}

static bool takes(const struct verb *verb, const char *option)
{
    for (size_t i = 0; i < VERB_OPTIONS && verb->options[i] != NULL; i++)
        if (strcmp(verb->options[i], option) == 0)
            return true;
    return false;
}

static const struct verb *verb_find(const struct mr_cmd_args *args, int *code)
{
    const char *name = args->argc > 0 ? args->argv[0] : "";
    struct mr_suggest near;

    *code = EX_USAGE;
    mr_suggest_init(&near, name);
    for (size_t i = 0; i < N_VERBS; i++) {
        const struct verb *verb = &verbs[i];
        if (strcmp(verb->name, name) != 0) {
            mr_suggest_offer(&near, verb->name);
            continue;
        }
        for (size_t k = 0; k < args->cmd->n_options; k++) {
            if (args->values[k] == NULL || takes(verb, args->cmd->options[k].name))
                continue;
            fprintf(stderr, "millrace: dlq %s does not take --%s. See millrace dlq --help\n", name,
                    args->cmd->options[k].name);
            return NULL;
        }
        return verb;
    }
    if (*name == '\0')
        (void)usage("dlq", " needs an action");
    else if (near.best != NULL)
        fprintf(stderr, "millrace: %s is no action of dlq; did you mean %s?\n", name, near.best);
    else
        (void)usage(name, " is no action of dlq");
    return NULL;
}

static int choice_check(const struct mr_dlq *dlq, const struct verb *verb)
{
    bool ids = dlq->filter.ids != NULL;

    if (verb->choice == CHOICE_IDS && !ids)
        return usage(verb->name, " needs ids of letters");
    if (verb->choice == CHOICE_NO_IDS && ids)
        return usage(verb->name, " takes no ids");
    if (verb->choice == CHOICE_SOME && !is_chosen(dlq))
        return usage(verb->name, " needs ids, a filter, or --all");
    return EX_OK;
}

/* Who closes a letter, for those who ask later: what the environment calls the user, and where. */
static void who(char *out, size_t cap)
{
    char host[64] = "localhost";
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes the environment */
    const char *user = getenv("USER");

    (void)gethostname(host, sizeof host - 1);
    if (user != NULL && *user != '\0')
        (void)snprintf(out, cap, "%.64s@%s", user, host);
    else
        (void)snprintf(out, cap, "uid %ld@%s", (long)getuid(), host);
}

int mr_cmd_dlq(const struct mr_cmd_args *args)
{
    struct mr_dlq dlq = {.args = args, .err = MR_ERR_INIT};
    struct mr_config *config = NULL;
    char by[160];
    int code = EX_OK;
    const struct verb *verb = verb_find(args, &code);

    if (verb == NULL)
        return code;
    code = filter_read(&dlq, verb->states);
    if (code == EX_OK)
        code = choice_check(&dlq, verb);
    if (code != EX_OK)
        return code;
    if (mr_cmd_value(args, "state") == NULL && dlq.filter.ids != NULL && takes(verb, "state"))
        dlq.filter.states = 0; /* who names a letter wants it, whatever its state */
    code = mr_cmd_load(args, &config);
    if (code != EX_OK)
        return code;
    mr_log_setup(MR_ERROR, config->log_format, STDERR_FILENO);
    who(by, sizeof by);
    dlq.by = by;
    code = mr_letter_box_open(&dlq.box, config, &dlq.err) < 0 ? mr_cmd_fail(&dlq.err)
                                                              : verb->run(&dlq);
    mr_letter_box_close(&dlq.box);
    mr_config_free(config);
    return code;
}
