/* Owns scripted errors of sinks. Must not know any kind of sink. Invariant: a call that the script
 * does not name is the real one, with its result. */
#include "tests/support/sink_fault.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/mr_test.h"

struct fault_sink {
    struct mr_sink base;
    struct mr_sink *real;
    struct mr_sink_ops ops; /* a copy: name, capabilities and emitter are the real one's */
    struct mr_fault_step steps[MR_FAULT_MAX_STEPS];
    size_t n_steps;
    _Atomic uint32_t n_calls[MR_N_OPS];
    _Atomic uint32_t n_met;
    pthread_mutex_t mutex; /* the next two */
    pthread_cond_t opened;
    bool is_open;
    uint32_t n_at_gate;
};

struct fault_session {
    struct mr_session base;
    struct mr_session *real;
};

static struct fault_sink *fault_sink(struct mr_sink *sink)
{
    return (struct fault_sink *)sink;
}

static struct fault_sink *sink_of(struct mr_session *session)
{
    return fault_sink(session->sink);
}

static struct mr_session *real_of(struct mr_session *session)
{
    return ((struct fault_session *)session)->real;
}

static void gate_wait(struct fault_sink *sink)
{
    pthread_mutex_lock(&sink->mutex);
    sink->n_at_gate++;
    while (!sink->is_open)
        pthread_cond_wait(&sink->opened, &sink->mutex);
    pthread_mutex_unlock(&sink->mutex);
}

/* The step for this call, or NULL. */
static const struct mr_fault_step *next_step(struct fault_sink *sink, enum mr_fault_op op,
                                             const struct mr_row *const *rows, size_t n_rows)
{
    uint32_t call = atomic_fetch_add(&sink->n_calls[op], 1) + 1;
    for (size_t i = 0; i < sink->n_steps; i++) {
        const struct mr_fault_step *step = &sink->steps[i];
        uint32_t times = step->times == 0 ? 1 : step->times;
        if (step->op != op || call < step->call || call - step->call >= times)
            continue;
        bool met = !step->by_offset;
        for (size_t row = 0; row < n_rows && !met; row++)
            met = rows[row]->offset == step->offset;
        if (met) {
            atomic_fetch_add(&sink->n_met, 1);
            if (step->gate)
                gate_wait(sink);
            return step->code == MR_OK ? NULL : step;
        }
    }
    return NULL;
}

static int fail(const struct mr_fault_step *step, struct mr_err *err)
{
    if (step->code == MR_DB)
        return mr_err_set_db(err, step->class, step->sqlstate, "scripted");
    return mr_err_set(err, step->code, "scripted");
}

static bool is_made(const struct mr_fault_step *step)
{
    return step == NULL || step->after;
}

/* What the caller is told; rc: of the real call, if it was made. */
static int settle(const struct mr_fault_step *step, int rc, struct mr_err *err)
{
    return step != NULL && rc == 0 ? fail(step, err) : rc;
}

static int faulty_open(const struct mr_sink_opts *opts, struct mr_sink **out, struct mr_err *err)
{
    (void)opts;
    (void)out;
    return mr_err_set(err, MR_BUG, "wrap an open sink by mr_sink_fault_new");
}

static void faulty_close(struct mr_sink *sink)
{
    pthread_mutex_destroy(&fault_sink(sink)->mutex);
    pthread_cond_destroy(&fault_sink(sink)->opened);
    free(fault_sink(sink));
}

static int faulty_setup(struct mr_sink *base, char *target_id, struct mr_err *err)
{
    struct fault_sink *s = fault_sink(base);
    const struct mr_fault_step *step = next_step(s, MR_OP_SETUP, NULL, 0);
    int rc = is_made(step) ? s->real->ops->setup(s->real, target_id, err) : 0;
    return settle(step, rc, err);
}

static int faulty_probe(struct mr_sink *base, struct mr_err *err)
{
    struct fault_sink *s = fault_sink(base);
    const struct mr_fault_step *step = next_step(s, MR_OP_PROBE, NULL, 0);
    int rc = is_made(step) ? s->real->ops->probe(s->real, err) : 0;
    return settle(step, rc, err);
}

static int faulty_table_open(struct mr_sink *base, const char *schema, const char *name, bool fresh,
                             struct mr_table **out, struct mr_err *err)
{
    struct fault_sink *s = fault_sink(base);
    const struct mr_fault_step *step = next_step(s, MR_OP_TABLE_OPEN, NULL, 0);
    if (step != NULL) /* never after: the reference would be lost */
        return fail(step, err);
    return s->real->ops->table_open(s->real, schema, name, fresh, out, err);
}

static int faulty_table_apply(struct mr_sink *base, const char *schema, const char *name,
                              const struct mr_ddl *ddl, struct mr_err *err)
{
    struct fault_sink *s = fault_sink(base);
    const struct mr_fault_step *step = next_step(s, MR_OP_TABLE_APPLY, NULL, 0);
    int rc = is_made(step) ? s->real->ops->table_apply(s->real, schema, name, ddl, err) : 0;
    return settle(step, rc, err);
}

static int faulty_table_register(struct mr_sink *base, const struct mr_table *table,
                                 const char *route, bool shared, struct mr_err *err)
{
    struct fault_sink *s = fault_sink(base);
    const struct mr_fault_step *step = next_step(s, MR_OP_TABLE_REGISTER, NULL, 0);
    int rc = is_made(step) ? s->real->ops->table_register(s->real, table, route, shared, err) : 0;
    return settle(step, rc, err);
}

static int faulty_poisons_read(struct mr_sink *base, const struct mr_poison_taker *taker,
                               struct mr_err *err)
{
    struct fault_sink *s = fault_sink(base);
    return s->real->ops->poisons_read(s->real, taker, err);
}

static int faulty_positions_read(struct mr_sink *base, struct mr_position **out, size_t *n_out,
                                 struct mr_err *err)
{
    struct fault_sink *s = fault_sink(base);
    const struct mr_fault_step *step = next_step(s, MR_OP_POSITIONS_READ, NULL, 0);
    if (step != NULL) /* never after: the array would be lost */
        return fail(step, err);
    return s->real->ops->positions_read(s->real, out, n_out, err);
}

static int faulty_claim(struct mr_sink *base, struct mr_claim *claims, size_t n, struct mr_err *err)
{
    struct fault_sink *s = fault_sink(base);
    const struct mr_fault_step *step = next_step(s, MR_OP_CLAIM, NULL, 0);
    int rc = is_made(step) ? s->real->ops->claim(s->real, claims, n, err) : 0;
    return settle(step, rc, err);
}

static int faulty_place(struct mr_sink *base, const struct mr_position *positions, size_t n,
                        struct mr_err *err)
{
    struct mr_sink *real = fault_sink(base)->real;
    return real->ops->place(real, positions, n, err);
}

static int faulty_look_over(struct mr_sink *base, struct mr_look *look,
                            struct mr_findings *findings, struct mr_err *err)
{
    struct mr_sink *real = fault_sink(base)->real;
    return real->ops->look_over(real, look, findings, err);
}

static void faulty_stats(struct mr_sink *base, uint32_t *idle, uint32_t *busy, uint32_t *waiting)
{
    struct mr_sink *real = fault_sink(base)->real;
    real->ops->stats(real, idle, busy, waiting);
}

static int faulty_session_open(struct mr_sink *base, struct mr_session **out, struct mr_err *err)
{
    struct fault_sink *s = fault_sink(base);
    const struct mr_fault_step *step = next_step(s, MR_OP_SESSION_OPEN, NULL, 0);
    if (step != NULL)
        return fail(step, err);
    struct fault_session *session = calloc(1, sizeof *session);
    if (session == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "a session");
    session->base = (struct mr_session){.ops = &s->ops, .sink = base};
    int rc = s->real->ops->session_open(s->real, &session->real, err);
    if (rc < 0)
        free(session);
    else
        *out = &session->base;
    return rc;
}

static void faulty_session_close(struct mr_session *base)
{
    struct mr_session *real = real_of(base);
    real->ops->session_close(real);
    free(base);
}

static int faulty_begin(struct mr_session *base, struct mr_table *const *tables, size_t n_tables,
                        const struct mr_span *spans, size_t n_spans, struct mr_err *err)
{
    struct mr_session *real = real_of(base);
    const struct mr_fault_step *step = next_step(sink_of(base), MR_OP_BEGIN, NULL, 0);
    int rc = is_made(step) ? real->ops->begin(real, tables, n_tables, spans, n_spans, err) : 0;
    return settle(step, rc, err);
}

static int faulty_savepoint(struct mr_session *base, struct mr_err *err)
{
    struct mr_session *real = real_of(base);
    const struct mr_fault_step *step = next_step(sink_of(base), MR_OP_SAVEPOINT, NULL, 0);
    int rc = is_made(step) ? real->ops->savepoint(real, err) : 0;
    return settle(step, rc, err);
}

static int faulty_rollback_to(struct mr_session *base, struct mr_err *err)
{
    struct mr_session *real = real_of(base);
    const struct mr_fault_step *step = next_step(sink_of(base), MR_OP_ROLLBACK_TO, NULL, 0);
    int rc = is_made(step) ? real->ops->rollback_to_savepoint(real, err) : 0;
    return settle(step, rc, err);
}

static int faulty_release(struct mr_session *base, struct mr_err *err)
{
    struct mr_session *real = real_of(base);
    const struct mr_fault_step *step = next_step(sink_of(base), MR_OP_RELEASE, NULL, 0);
    int rc = is_made(step) ? real->ops->release_savepoint(real, err) : 0;
    return settle(step, rc, err);
}

static int faulty_truncate(struct mr_session *base, struct mr_table *table, struct mr_err *err)
{
    struct mr_session *real = real_of(base);
    const struct mr_fault_step *step = next_step(sink_of(base), MR_OP_TRUNCATE, NULL, 0);
    int rc = is_made(step) ? real->ops->truncate(real, table, err) : 0;
    return settle(step, rc, err);
}

static int faulty_guards_lock(struct mr_session *base, const struct mr_table *table,
                              struct mr_err *err)
{
    return real_of(base)->ops->guard_lock(real_of(base), table, err);
}

static int faulty_guards_read(struct mr_session *base, const struct mr_guarded *what,
                              struct mr_guard_seen *seen, struct mr_err *err)
{
    return real_of(base)->ops->guards_read(real_of(base), what, seen, err);
}

static int faulty_constraints_later(struct mr_session *base, const struct mr_table *table,
                                    struct mr_err *err)
{
    return real_of(base)->ops->defer(real_of(base), table, err);
}

static int faulty_constraints_now(struct mr_session *base, const struct mr_table *table,
                                  struct mr_err *err)
{
    return real_of(base)->ops->constraints_now(real_of(base), table, err);
}

static int faulty_key_groups(struct mr_session *base, const struct mr_keys *keys, uint32_t *groups,
                             struct mr_err *err)
{
    return real_of(base)->ops->key_groups(real_of(base), keys, groups, err);
}

static int faulty_tombs_put(struct mr_session *base, const struct mr_guarded *what,
                            struct mr_err *err)
{
    return real_of(base)->ops->tombs_put(real_of(base), what, err);
}

static int faulty_kept_read(struct mr_session *base, const struct mr_kept_rows *what,
                            struct mr_err *err)
{
    return real_of(base)->ops->kept_read(real_of(base), what, err);
}

static int faulty_kept_put(struct mr_session *base, const struct mr_kept_rows *what,
                           struct mr_err *err)
{
    return real_of(base)->ops->kept_put(real_of(base), what, err);
}

static int faulty_truncate_below(struct mr_session *base, const struct mr_guarded *what,
                                 struct mr_slice octets, struct mr_err *err)
{
    return real_of(base)->ops->truncate_below(real_of(base), what, octets, err);
}

static int faulty_delete_keys(struct mr_session *base, struct mr_table *table,
                              const struct mr_colset *key, const struct mr_row *const *rows,
                              size_t n_rows, uint64_t *n_done, struct mr_err *err)
{
    struct mr_session *real = real_of(base);
    const struct mr_fault_step *step = next_step(sink_of(base), MR_OP_DELETE_KEYS, rows, n_rows);
    int rc =
        is_made(step) ? real->ops->delete_keys(real, table, key, rows, n_rows, n_done, err) : 0;
    return settle(step, rc, err);
}

static int faulty_put_rows(struct mr_session *base, const struct mr_put_rows *put, enum mr_put mode,
                           uint64_t *n_done, struct mr_err *err)
{
    struct mr_session *real = real_of(base);
    const struct mr_fault_step *step =
        next_step(sink_of(base), MR_OP_PUT_ROWS, put->rows, put->n_rows);
    int rc = is_made(step) ? real->ops->put_rows(real, put, mode, n_done, err) : 0;
    return settle(step, rc, err);
}

static int faulty_delete_match(struct mr_session *base, struct mr_table *table,
                               const struct mr_row *row, uint64_t *n_done, struct mr_err *err)
{
    struct mr_session *real = real_of(base);
    return real->ops->delete_match(real, table, row, n_done, err);
}

static int faulty_read_rows(struct mr_session *base, const struct mr_read_rows *read,
                            struct mr_err *err)
{
    struct mr_session *real = real_of(base);
    return real->ops->read_rows(real, read, err);
}

static int faulty_put_letters(struct mr_session *base, const struct mr_letter *letters, size_t n,
                              struct mr_err *err)
{
    struct mr_session *real = real_of(base);
    const struct mr_fault_step *step = next_step(sink_of(base), MR_OP_PUT_LETTERS, NULL, 0);
    int rc = is_made(step) ? real->ops->put_letters(real, letters, n, err) : 0;
    return settle(step, rc, err);
}

static int faulty_overtaken_put(struct mr_session *base, const struct mr_overtaken *overtaken,
                                size_t n, struct mr_err *err)
{
    struct mr_session *real = real_of(base);
    return real->ops->overtaken_put(real, overtaken, n, err);
}

static int faulty_put_positions(struct mr_session *base, const struct mr_span *spans, size_t n,
                                struct mr_err *err)
{
    struct mr_session *real = real_of(base);
    const struct mr_fault_step *step = next_step(sink_of(base), MR_OP_PUT_POSITIONS, NULL, 0);
    int rc = is_made(step) ? real->ops->put_positions(real, spans, n, err) : 0;
    return settle(step, rc, err);
}

static int faulty_commit(struct mr_session *base, struct mr_err *err)
{
    struct mr_session *real = real_of(base);
    const struct mr_fault_step *step = next_step(sink_of(base), MR_OP_COMMIT, NULL, 0);
    if (step != NULL && step->code == MR_COMMIT_UNKNOWN && !step->after)
        real->ops->rollback(real); /* it never arrived: the server ends the transaction */
    int rc = is_made(step) ? real->ops->commit(real, err) : 0;
    return settle(step, rc, err);
}

static void faulty_rollback(struct mr_session *base)
{
    real_of(base)->ops->rollback(real_of(base));
}

static void faulty_interrupt(struct mr_session *base)
{
    real_of(base)->ops->session_interrupt(real_of(base));
}

static void faulty_idle(struct mr_session *base)
{
    real_of(base)->ops->session_idle(real_of(base));
}

static const struct mr_sink_ops faulty_ops = {
    .open = faulty_open,
    .close = faulty_close,
    .setup = faulty_setup,
    .probe = faulty_probe,
    .table_open = faulty_table_open,
    .table_apply = faulty_table_apply,
    .table_register = faulty_table_register,
    .positions_read = faulty_positions_read,
    .poisons_read = faulty_poisons_read,
    .claim = faulty_claim,
    .place = faulty_place,
    .look_over = faulty_look_over,
    .stats = faulty_stats,
    .session_open = faulty_session_open,
    .session_close = faulty_session_close,
    .begin = faulty_begin,
    .savepoint = faulty_savepoint,
    .rollback_to_savepoint = faulty_rollback_to,
    .release_savepoint = faulty_release,
    .truncate = faulty_truncate,
    .guard_lock = faulty_guards_lock,
    .guards_read = faulty_guards_read,
    .tombs_put = faulty_tombs_put,
    .truncate_below = faulty_truncate_below,
    .defer = faulty_constraints_later,
    .constraints_now = faulty_constraints_now,
    .key_groups = faulty_key_groups,
    .kept_read = faulty_kept_read,
    .kept_put = faulty_kept_put,
    .delete_keys = faulty_delete_keys,
    .put_rows = faulty_put_rows,
    .delete_match = faulty_delete_match,
    .read_rows = faulty_read_rows,
    .put_letters = faulty_put_letters,
    .overtaken_put = faulty_overtaken_put,
    .put_positions = faulty_put_positions,
    .commit = faulty_commit,
    .rollback = faulty_rollback,
    .session_interrupt = faulty_interrupt,
    .session_idle = faulty_idle,
};

struct mr_sink *mr_sink_fault_new(struct mr_sink *real)
{
    struct fault_sink *sink = calloc(1, sizeof *sink);
    if (sink == NULL)
        MR_FAIL("no memory for a sink");
    sink->real = real;
    sink->ops = faulty_ops;
    sink->ops.name = real->ops->name;
    sink->ops.caps = real->ops->caps;
    sink->ops.emit = real->ops->emit;
    sink->base.ops = &sink->ops;
    pthread_mutex_init(&sink->mutex, NULL);
    pthread_cond_init(&sink->opened, NULL);
    return &sink->base;
}

void mr_sink_fault_script(struct mr_sink *base, const struct mr_fault_step *steps, size_t n)
{
    struct fault_sink *sink = fault_sink(base);
    if (n > MR_FAULT_MAX_STEPS)
        MR_FAIL("a script of %zu steps, at most %d", n, (int)MR_FAULT_MAX_STEPS);
    if (n > 0)
        memcpy(sink->steps, steps, n * sizeof *steps);
    sink->n_steps = n;
    for (int i = 0; i < MR_N_OPS; i++)
        atomic_store(&sink->n_calls[i], 0);
    atomic_store(&sink->n_met, 0);
    pthread_mutex_lock(&sink->mutex);
    sink->is_open = false;
    sink->n_at_gate = 0;
    pthread_mutex_unlock(&sink->mutex);
}

uint32_t mr_sink_fault_calls(struct mr_sink *sink, enum mr_fault_op op)
{
    return atomic_load(&fault_sink(sink)->n_calls[op]);
}

uint32_t mr_sink_fault_met(struct mr_sink *sink)
{
    return atomic_load(&fault_sink(sink)->n_met);
}

void mr_sink_fault_open(struct mr_sink *base)
{
    struct fault_sink *sink = fault_sink(base);
    pthread_mutex_lock(&sink->mutex);
    sink->is_open = true;
    pthread_cond_broadcast(&sink->opened);
    pthread_mutex_unlock(&sink->mutex);
}

uint32_t mr_sink_fault_at_gate(struct mr_sink *base)
{
    struct fault_sink *sink = fault_sink(base);
    pthread_mutex_lock(&sink->mutex);
    uint32_t n = sink->n_at_gate;
    pthread_mutex_unlock(&sink->mutex);
    return n;
}
