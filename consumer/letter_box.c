/* Owns how a command opens dead letters and reads more of them than fit memory. */
#include "consumer/letter_box.h"

#include <stdlib.h>
#include <string.h>

#include "consumer/topic_letters.h"

#include "base/ban.h"

enum { PAGE_BYTES = 4 * 1024 * 1024 };

static int sink_open(struct mr_letter_box *box, const struct mr_config *config, struct mr_err *err)
{
    char target_id[MR_TARGET_ID_BYTES];
    const struct mr_sink_ops *ops = mr_sink_for_url(config->target.url, err);

    if (ops == NULL)
        return -(int)err->code;
    mr_wiring_sink_opts(&box->wiring, box->env, &box->sink_opts);
    int rc = ops->open(&box->sink_opts, &box->sink, err);
    if (rc == 0)
        rc = ops->setup(box->sink, target_id, err);
    if (rc < 0 || box->in_topic)
        return rc;
    return mr_letters_of_sink(box->sink, &box->letters, err);
}

static int topic_open(struct mr_letter_box *box, struct mr_err *err)
{
    const struct mr_topic_letters_opts opts = {
        .source = &box->source_opts, .topic = &box->topic, .sink = box->sink};

    mr_wiring_source_opts(&box->wiring, box->env, &box->source_opts);
    return mr_topic_letters_open(&opts, &box->letters, err);
}

int mr_letter_box_open(struct mr_letter_box *box, const struct mr_config *config,
                       struct mr_err *err)
{
    memset(box, 0, sizeof *box);
    mr_env_init_system(&box->env);
    int rc = mr_wiring_init(&box->wiring, config, box->env, err);
    if (rc < 0)
        return rc;
    mr_targets_init(&box->targets, box->wiring.rules, box->wiring.n_rules, config->dlq.topic,
                    box->wiring.n_rules > 0 ? box->wiring.rules[0].route.max_identifier_bytes : 63,
                    box->env);
    box->targets.default_schema = config->target.schema;
    box->targets_made = true;
    box->in_topic = mr_wiring_letter_topic(&box->wiring, &box->topic);
    rc = sink_open(box, config, err);
    return rc == 0 && box->in_topic ? topic_open(box, err) : rc;
}

int mr_letter_box_beside(struct mr_letter_box *box, const struct mr_letter_filter *wanted,
                         uint64_t *n, struct mr_err *err)
{
    struct mr_letter_filter filter = *wanted;
    struct mr_letters *letters = NULL;
    struct mr_kept_letter kept;

    *n = 0;
    if (!box->in_topic || wanted->ids != NULL || box->sink->ops == &mr_sink_stdout)
        return 0;
    filter.brief = true;
    filter.limit = 0;
    int rc = mr_letters_of_sink(box->sink, &letters, err);
    if (rc == 0)
        rc = letters->ops->find(letters, &filter, err);
    while (rc == 0 && (rc = letters->ops->next(letters, &kept, err)) == 1) {
        rc = 0;
        ++*n;
    }
    if (letters != NULL)
        letters->ops->close(letters);
    return rc;
}

void mr_letter_box_close(struct mr_letter_box *box)
{
    if (box->letters != NULL)
        box->letters->ops->close(box->letters);
    if (box->sink != NULL)
        box->sink->ops->close(box->sink);
    if (box->targets_made)
        mr_targets_release(&box->targets);
    mr_wiring_release(&box->wiring);
    memset(box, 0, sizeof *box);
}

/* ---- pages ---- */

static int id_add(struct mr_letter_pages *pages, const struct mr_kept_letter *kept,
                  struct mr_err *err)
{
    if (pages->n_ids == pages->cap_ids) {
        size_t cap = pages->cap_ids == 0 ? 256 : 2 * pages->cap_ids;
        void *grown = realloc(pages->ids, cap * sizeof *pages->ids);
        if (grown == NULL)
            return mr_err_set(err, MR_NO_MEMORY, "ids of dead letters");
        pages->ids = grown;
        pages->cap_ids = cap;
    }
    pages->ids[pages->n_ids++] =
        (struct mr_letter_page_id){.text = pages->texts.len, .n_bytes = kept->n_bytes};
    mr_buf_add(&pages->texts, kept->id, strlen(kept->id) + 1);
    return mr_buf_ok(&pages->texts) ? 0 : mr_err_set(err, MR_NO_MEMORY, "ids of dead letters");
}

int mr_letter_pages_init(struct mr_letter_pages *pages, struct mr_letters *letters,
                         const struct mr_letter_filter *filter, struct mr_err *err)
{
    struct mr_letter_filter ids = *filter;
    struct mr_kept_letter kept;

    memset(pages, 0, sizeof *pages);
    pages->filter = (struct mr_letter_filter){.since_ms = -1,
                                              .until_ms = -1,
                                              .states = filter->states,
                                              .in_log_order = filter->in_log_order,
                                              .with_bytes = true};
    ids.with_bytes = false;
    ids.brief = true;
    if (filter->n_ids > MR_LETTER_PAGE_IDS)
        return mr_err_set(err, MR_CONFIG_USAGE, "more than %d ids", (int)MR_LETTER_PAGE_IDS);
    pages->page = calloc(MR_LETTER_PAGE_IDS, sizeof *pages->page);
    if (pages->page == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "ids of dead letters");
    int rc = letters->ops->find(letters, &ids, err);
    while (rc == 0 && (rc = letters->ops->next(letters, &kept, err)) == 1)
        rc = id_add(pages, &kept, err);
    return rc;
}

void mr_letter_pages_release(struct mr_letter_pages *pages)
{
    free(pages->ids);
    free(pages->page);
    mr_buf_release(&pages->texts);
    memset(pages, 0, sizeof *pages);
}

int mr_letter_pages_next(struct mr_letter_pages *pages, struct mr_letters *letters, size_t max,
                         struct mr_err *err)
{
    uint64_t n_bytes = 0;

    pages->n_page = 0;
    if (max > MR_LETTER_PAGE_IDS)
        max = MR_LETTER_PAGE_IDS;
    while (pages->at < pages->n_ids && pages->n_page < max) {
        const struct mr_letter_page_id *id = &pages->ids[pages->at];
        n_bytes += id->n_bytes;
        if (pages->n_page > 0 && n_bytes > PAGE_BYTES)
            break;
        pages->page[pages->n_page++] = (const char *)pages->texts.data + id->text;
        pages->at++;
    }
    if (pages->n_page == 0)
        return 0;
    pages->filter.ids = pages->page;
    pages->filter.n_ids = pages->n_page;
    int rc = letters->ops->find(letters, &pages->filter, err);
    return rc < 0 ? rc : 1;
}
