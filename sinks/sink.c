/* The list of sinks: a new one is one line here. Must not know what they do. */
#include "sinks/sink.h"

#include <string.h>

#include "schemas/semantic.h"
#include "sinks/sink_plain.h"

#include "base/ban.h"

struct kind_row {
    const char *prefix;
    const struct mr_sink_ops *ops;
};

static const struct kind_row kinds[] = {
    {"postgresql://", &mr_sink_postgresql},
    {"postgres://", &mr_sink_postgresql},
    {"sqlite:", &mr_sink_sqlite},
    {"stdout:", &mr_sink_stdout},
};

/* libpq's other form: `keyword = value ...`. */
static bool is_keyword_value(const char *url)
{
    size_t word = strspn(url, "abcdefghijklmnopqrstuvwxyz_");
    return word > 0 && url[word + strspn(url + word, " ")] == '=';
}

/* The URL is not printed: it may hold a password. */
int mr_sink_wish_plain(struct mr_sink *sink, const struct mr_ddl *ddl, struct mr_arena *arena,
                       struct mr_ddl *out, struct mr_err *err)
{
    (void)sink;
    struct mr_shape_column *columns =
        mr_arena_alloc(arena, (ddl->n_columns + 1u) * sizeof *columns);
    *out = *ddl;
    if (columns == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "columns to make");
    for (uint16_t i = 0; i < ddl->n_columns; i++) {
        columns[i] = ddl->columns[i];
        mr_semantic_fallback(&columns[i].type);
    }
    out->columns = columns;
    return 0;
}

const struct mr_sink_ops *mr_sink_for_url(const char *url, struct mr_err *err)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strncmp(url, kinds[i].prefix, strlen(kinds[i].prefix)) == 0)
            return kinds[i].ops;
    }
    if (is_keyword_value(url))
        return &mr_sink_postgresql;
    (void)mr_err_set(err, MR_CONFIG_INVALID,
                     "target.url must begin with postgresql://, sqlite: or stdout:");
    return NULL;
}

int mr_sink_place_plain(struct mr_sink *sink, const struct mr_position *positions, size_t n,
                        struct mr_err *err)
{
    (void)positions;
    (void)n;
    return mr_err_set(err, MR_CONFIG_USAGE, "%s keeps no positions", sink->ops->name);
}

int mr_sink_constraints_plain(struct mr_session *session, const struct mr_table *table,
                              struct mr_err *err)
{
    (void)session;
    (void)table;
    (void)err;
    return 0;
}

int mr_sink_keys_plain(struct mr_session *session, const struct mr_keys *keys, uint32_t *groups,
                       struct mr_err *err)
{
    (void)session;
    (void)keys;
    (void)groups;
    (void)err;
    return 0;
}

int mr_sink_poisons_plain(struct mr_sink *sink, const struct mr_poison_taker *taker,
                          struct mr_err *err)
{
    (void)sink;
    (void)taker;
    (void)err;
    return 0;
}

int mr_sink_overtaken_plain(struct mr_session *session, const struct mr_overtaken *overtaken,
                            size_t n, struct mr_err *err)
{
    (void)session;
    (void)overtaken;
    (void)n;
    (void)err;
    return 0;
}

int mr_sink_look_plain(struct mr_sink *sink, struct mr_look *look, struct mr_findings *findings,
                       struct mr_err *err)
{
    (void)err;
    if (look->tables != NULL)
        return 0;
    look->control_absent = true;
    mr_findings_add(findings, MR_FINDING_NOTE, sink->ops->name,
                    "keeps no positions: the group's commits are used, at least once");
    return 0;
}
