/* Owns the sink that a process loads by: calls that take time, connections that are cut at any of
 * them, and commits whose answer does not come. Compare and set, owners and claims do what the
 * statements of sinks/pg_positions.c and sinks/pg_claim.c do. */
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "sinks/sink_plain.h"
#include "sinks/typed_emit.h"
#include "tests/sim/world.h"

enum { LOCK_WAIT_MS = 400, LATE_MS = 2500, SLOW_MS = 300 };

struct session {
    struct mr_session base;
    int conn; /* -1: none */
};

static struct session *session_of(struct mr_session *session)
{
    return (struct session *)session;
}

static int away(struct mr_err *err, const char *why)
{
    return mr_err_set(err, MR_TARGET_AWAY, "%s", why);
}

/* Every call to the server takes a time in which anything may happen. */
static void travel(void)
{
    if (sim_once_in(world.faults.slow))
        sim_sleep_us(sim_below((uint64_t)SLOW_MS * 1000));
    else
        sim_sleep_us(1 + sim_below(400));
}

static bool is_away(const struct sim_process *process)
{
    return process->dead || world.target_away_until_us > sim_now_us();
}

/* ---- the catalogue: the sink that prints has one in memory ---- */

static int sink_setup(struct mr_sink *sink, char *target_id, struct mr_err *err)
{
    travel();
    if (is_away(sim_of_sink(sink)) || sim_once_in(world.faults.cut))
        return away(err, "setup");
    memcpy(target_id, "sim", 4);
    return 0;
}

static int sink_probe(struct mr_sink *sink, struct mr_err *err)
{
    travel();
    return is_away(sim_of_sink(sink)) ? away(err, "probe") : 0;
}

static int sink_table_open(struct mr_sink *sink, const char *schema, const char *name, bool fresh,
                           struct mr_table **out, struct mr_err *err)
{
    struct mr_sink *tables = world.tables;

    travel();
    if (is_away(sim_of_sink(sink)) || sim_once_in(world.faults.cut))
        return away(err, "catalogue");
    return tables->ops->table_open(tables, schema, name, fresh, out, err);
}

static int sink_table_apply(struct mr_sink *sink, const char *schema, const char *name,
                            const struct mr_ddl *ddl, struct mr_err *err)
{
    struct mr_sink *tables = world.tables;

    travel();
    if (is_away(sim_of_sink(sink)) || sim_once_in(world.faults.cut))
        return away(err, "DDL");
    return tables->ops->table_apply(tables, schema, name, ddl, err);
}

static int sink_table_register(struct mr_sink *sink, const struct mr_table *table,
                               const char *route, bool shared, struct mr_err *err)
{
    (void)sink;
    (void)table;
    (void)route;
    (void)shared;
    (void)err;
    return 0;
}

/* ---- positions ---- */

static void position_fill(struct mr_position *out, int at)
{
    const struct sim_part *part = &world.parts[at];

    memset(out, 0, sizeof *out);
    memcpy(out->stream, part->stream, strlen(part->stream) + 1);
    memcpy(out->stream_id, "topic", 6);
    memcpy(out->cluster_id, "cluster", 8);
    out->partition = part->partition;
    out->slots = 1;
    out->next_offset = world.stored[at].next;
    out->epoch = world.stored[at].epoch;
    out->leader_epoch = -1;
    out->timestamp_ms = -1;
    out->topic_partitions = SIM_MAX_PARTS;
}

static int sink_positions_read(struct mr_sink *sink, struct mr_position **out, size_t *n_out,
                               struct mr_err *err)
{
    travel();
    if (is_away(sim_of_sink(sink)) || sim_once_in(world.faults.cut))
        return away(err, "positions");
    struct mr_position *all = calloc(SIM_MAX_PARTS, sizeof *all);
    size_t n = 0;
    if (all == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "positions");
    for (uint32_t p = 0; p < world.n_parts; p++)
        if (world.stored[p].exists)
            position_fill(&all[n++], (int)p);
    travel(); /* what was read grows old on its way */
    if (is_away(sim_of_sink(sink)) || sim_once_in(world.faults.cut)) {
        free(all);
        return away(err, "positions' answer");
    }
    *out = all;
    *n_out = n;
    return 0;
}

/* backend_end() of sinks/pg_claim.c: helps, unless it does not. */
static void former_end(int part, int mine)
{
    int former = world.stored[part].conn;

    if (former < 0 || former == mine || sim_once_in(world.faults.no_kill))
        return;
    sim_conn_end(former);
}

static void claim_one(struct mr_claim *claim, int at)
{
    struct sim_stored *stored = &world.stored[at];

    claim->found = stored->exists;
    if (!stored->exists)
        stored->next = claim->start_offset;
    stored->exists = true;
    stored->epoch++;
    position_fill(&claim->position, at);
    sim_trace("server: part %d claimed at %lld, epoch %lld", at, (long long)stored->next,
              (long long)stored->epoch);
}

/* One statement for all; its answer may be lost when it was carried out. */
static int sink_claim(struct mr_sink *sink, struct mr_claim *claims, size_t n, struct mr_err *err)
{
    struct sim_process *process = sim_of_sink(sink);
    uint32_t parts = 0;
    int mine = -1;

    travel();
    if (is_away(process) || sim_once_in(world.faults.cut) ||
        (mine = sim_conn_new(process->id, claims)) < 0)
        return away(err, "claim");
    for (size_t i = 0; i < n; i++)
        parts |=
            UINT32_C(1) << sim_part_find(claims[i].position.stream, claims[i].position.partition);
    bool locked = sim_lock_rows(mine, parts, LOCK_WAIT_MS);
    for (uint32_t p = 0; p < world.n_parts; p++)
        if ((parts >> p & 1) != 0) /* a lock that is waited for, or a stalled former owner */
            former_end((int)p, mine);
    for (size_t i = 0; locked && i < n; i++) {
        int at = sim_part_find(claims[i].position.stream, claims[i].position.partition);
        claim_one(&claims[i], at);
        world.stored[at].conn = -1;
    }
    sim_conn_leave(mine);
    if (!locked)
        return mr_err_set_db(err, MR_CLASS_RETRY, "55P03", "lock time-out of a claim");
    travel();
    return is_away(process) || sim_once_in(world.faults.claim_lost) ? away(err, "claim's answer")
                                                                    : 0;
}

/* ---- session ---- */

static int session_open(struct mr_sink *sink, struct mr_session **out, struct mr_err *err)
{
    struct session *session = calloc(1, sizeof *session);

    if (session == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "a session");
    session->base.ops = &sim_sink_ops;
    session->base.sink = sink;
    session->conn = -1;
    *out = &session->base;
    return 0;
}

static struct sim_conn *conn_of(struct mr_session *session)
{
    return session_of(session)->conn >= 0 ? &world.conns[session_of(session)->conn] : NULL;
}

static bool is_mine(struct mr_session *session, enum sim_backend state)
{
    struct sim_conn *conn = conn_of(session);

    return conn != NULL && conn->client == session && conn->state == state;
}

/* The connection is gone, for the client at least. */
static int cut(struct mr_session *session, const char *why, struct mr_err *err)
{
    int at = session_of(session)->conn;

    if (at >= 0 && world.conns[at].client == session)
        sim_conn_leave(at);
    session_of(session)->conn = -1;
    return away(err, why);
}

/* A call within a transaction: 0, or the connection turns out to be cut. */
static int call(struct mr_session *session, const char *what, struct mr_err *err)
{
    travel();
    if (is_away(sim_of_sink(session->sink)) || sim_once_in(world.faults.cut))
        return cut(session, what, err);
    if (!is_mine(session, SIM_BACKEND_OPEN))
        return cut(session, "the backend was ended", err);
    return 0;
}

static void session_close(struct mr_session *session)
{
    struct mr_err ignored = MR_ERR_INIT;

    (void)cut(session, "closed", &ignored);
    free(session_of(session));
}

static int fenced(const struct mr_span *span, int at, struct mr_err *err)
{
    const struct sim_stored *stored = &world.stored[at];

    world.n.fenced++;
    sim_trace("server: fenced: part %d expected %lld epoch %lld, holds %lld epoch %lld", at,
              (long long)span->expected, (long long)span->epoch, (long long)stored->next,
              (long long)stored->epoch);
    mr_err_set(err, MR_FENCED, "expected %lld epoch %lld, the target holds %lld epoch %lld",
               (long long)span->expected, (long long)span->epoch, (long long)stored->next,
               (long long)stored->epoch);
    mr_err_at(err, span->stream, span->partition, span->expected);
    return -MR_FENCED;
}

static uint32_t parts_of(const struct mr_span *spans, size_t n)
{
    uint32_t parts = 0;

    for (size_t i = 0; i < n; i++)
        parts |= UINT32_C(1) << sim_part_find(spans[i].stream, spans[i].partition);
    return parts;
}

/* mr_pg_note_owner(): a connection notes itself once for each epoch, in a statement of its own. */
static int note_owner(struct mr_session *session, const struct mr_span *spans, size_t n,
                      struct mr_err *err)
{
    int at = session_of(session)->conn;
    struct sim_conn *conn = &world.conns[at];
    uint32_t fresh = 0;

    for (size_t i = 0; i < n; i++) {
        int p = sim_part_find(spans[i].stream, spans[i].partition);
        if ((conn->noted >> p & 1) == 0 || conn->noted_epoch[p] != spans[i].epoch)
            fresh |= UINT32_C(1) << p;
    }
    if (fresh == 0)
        return 0;
    bool locked = sim_lock_rows(at, fresh, LOCK_WAIT_MS);
    int rc = locked ? 0 : mr_err_set_db(err, MR_CLASS_RETRY, "55P03", "lock time-out");
    for (size_t i = 0; i < n; i++) {
        int p = sim_part_find(spans[i].stream, spans[i].partition);
        if ((fresh >> p & 1) == 0)
            continue;
        former_end(p, at);
        if (rc == 0 && world.stored[p].epoch != spans[i].epoch && !MR_MUTATION(SKIP_FENCE))
            rc = fenced(&spans[i], p, err);
        if (rc == 0) {
            world.stored[p].conn = at;
            conn->noted |= UINT32_C(1) << p;
            conn->noted_epoch[p] = spans[i].epoch;
        }
    }
    if (conn->state == SIM_BACKEND_IDLE)
        sim_conn_abort(at); /* the statement's own transaction */
    return rc;
}

static int session_begin(struct mr_session *session, struct mr_table *const *tables,
                         size_t n_tables, const struct mr_span *spans, size_t n_spans,
                         struct mr_err *err)
{
    struct sim_process *process = sim_of_sink(session->sink);

    travel();
    if (is_away(process) || sim_once_in(world.faults.cut))
        return cut(session, "begin", err);
    if (!is_mine(session, SIM_BACKEND_IDLE))
        session_of(session)->conn = sim_conn_new(process->id, session);
    if (session_of(session)->conn < 0)
        return away(err, "no backend is free");
    int rc = note_owner(session, spans, n_spans, err);
    if (rc < 0)
        return rc;
    if (!is_mine(session, SIM_BACKEND_IDLE))
        return cut(session, "the backend was ended", err);
    struct sim_conn *conn = conn_of(session);
    conn->state = SIM_BACKEND_OPEN;
    conn->n_ops = 0;
    conn->n_savepoints = 0;
    if (MR_MUTATION(COMMIT_BEFORE_WRITE))
        for (size_t i = 0; i < n_spans; i++)
            sim_move_alone(session_of(session)->conn,
                           sim_part_find(spans[i].stream, spans[i].partition), spans[i].next);
    if (n_tables > 0 && sim_once_in(world.faults.changed)) {
        mr_err_in(err, tables[0]->name, NULL);
        return mr_err_set(err, MR_TABLE_CHANGED, "the catalogue has another version");
    }
    return 0;
}

static int op_add(struct mr_session *session, struct sim_op op, struct mr_err *err)
{
    struct sim_conn *conn = conn_of(session);

    if (conn->n_ops == SIM_MAX_OPS)
        return mr_err_set(err, MR_BUG, "a transaction of more than %d rows", (int)SIM_MAX_OPS);
    conn->ops[conn->n_ops++] = op;
    return 0;
}

/* They nest as a stack. */
static int session_savepoint(struct mr_session *session, struct mr_err *err)
{
    int rc = call(session, "savepoint", err);
    struct sim_conn *conn = conn_of(session);

    if (rc == 0 && conn->n_savepoints == SIM_MAX_SAVEPOINTS)
        return mr_err_set(err, MR_BUG, "more than %d savepoints", (int)SIM_MAX_SAVEPOINTS);
    if (rc == 0)
        conn->savepoints[conn->n_savepoints++] = conn->n_ops;
    return rc;
}

static int session_rollback_to(struct mr_session *session, struct mr_err *err)
{
    int rc = call(session, "rollback to savepoint", err);
    struct sim_conn *conn = conn_of(session);

    if (rc == 0 && conn->n_savepoints == 0)
        return mr_err_set(err, MR_BUG, "no savepoint to go back to");
    if (rc == 0)
        conn->n_ops = conn->savepoints[conn->n_savepoints - 1];
    return rc;
}

static int session_release_savepoint(struct mr_session *session, struct mr_err *err)
{
    int rc = call(session, "release savepoint", err);

    if (rc == 0 && conn_of(session)->n_savepoints-- == 0)
        return mr_err_set(err, MR_BUG, "no savepoint to release");
    return rc;
}

/* The integer of column `name`; sinks/typed_emit.c: a byte for the form, then eight. */
static int64_t column_get(const struct mr_table *table, const struct mr_colset *cols,
                          struct mr_slice tuple, const char *name)
{
    struct mr_slice field = {NULL, 0};
    uint16_t idx = 0;
    struct mr_slice payload = {NULL, 0};

    if (!mr_tuple_column(cols, tuple, (uint16_t)mr_table_column(table, name), &idx, &field) ||
        !mr_tuple_field(tuple, idx, &payload) || payload.len != 9)
        return -1;
    return (int64_t)mr_get_u64(payload.data + 1);
}

static bool has_row(const struct sim_conn *conn, int part, int64_t key)
{
    bool has = world.stored[part].rows[key] > 0;

    for (size_t i = 0; i < conn->n_ops; i++)
        if (conn->ops[i].part == part && conn->ops[i].at == key &&
            conn->ops[i].kind <= SIM_OP_DELETE)
            has = conn->ops[i].kind == SIM_OP_PUT;
    return has;
}

static int session_put_rows(struct mr_session *session, const struct mr_put_rows *put,
                            enum mr_put mode, uint64_t *n_done, struct mr_err *err)
{
    bool appended = strcmp(put->table->name, "a") == 0;
    int rc = call(session, "rows", err);

    for (size_t i = 0; rc == 0 && i < put->n_rows; i++) {
        const struct mr_row *row = put->rows[i];
        int64_t id = column_get(put->table, put->cols, row->tuple, "id");
        struct sim_op op = {.kind = appended ? SIM_OP_APPEND : SIM_OP_PUT,
                            .part = (int)(id / 1000),
                            .at = id % 1000,
                            .version = column_get(put->table, put->cols, row->tuple, "v")};
        if (!appended && mode == MR_PUT_INSERT && has_row(conn_of(session), op.part, op.at))
            return mr_err_set(err, MR_EXISTS, "a key is there");
        rc = op_add(session, op, err);
    }
    *n_done = put->n_rows;
    return rc;
}

static int session_delete_keys(struct mr_session *session, struct mr_table *table,
                               const struct mr_colset *key, const struct mr_row *const *rows,
                               size_t n_rows, uint64_t *n_done, struct mr_err *err)
{
    int rc = call(session, "deletes", err);

    for (size_t i = 0; rc == 0 && i < n_rows; i++) {
        int64_t id = column_get(table, key, rows[i]->key_tuple, "id");
        rc = op_add(
            session,
            (struct sim_op){.kind = SIM_OP_DELETE, .part = (int)(id / 1000), .at = id % 1000}, err);
    }
    *n_done = n_rows;
    return rc;
}

static int session_put_letters(struct mr_session *session, const struct mr_letter *letters,
                               size_t n, struct mr_err *err)
{
    int rc = call(session, "letters", err);

    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = op_add(session,
                    (struct sim_op){.kind = SIM_OP_LETTER,
                                    .part = sim_part_find(letters[i].stream, letters[i].partition),
                                    .at = letters[i].offset},
                    err);
    return rc;
}

/* A position that stands elsewhere under the writer's own epoch: only a commit of its own that it
 * was never told of can have done that. */
static void check_own(const struct mr_span *span, int at, int process)
{
    const struct sim_stored *stored = &world.stored[at];

    if (stored->epoch == span->epoch && stored->next != span->expected &&
        !(stored->moved_by == process && stored->moved_silent))
        sim_violate("process %d fences itself: %s/%d expected %lld, the target holds %lld", process,
                    span->stream, span->partition, (long long)span->expected,
                    (long long)stored->next);
}

/* mr_pg_put_positions() */
static int session_put_positions(struct mr_session *session, const struct mr_span *spans, size_t n,
                                 struct mr_err *err)
{
    int rc = call(session, "positions", err);

    if (rc < 0)
        return rc;
    if (!sim_lock_rows(session_of(session)->conn, parts_of(spans, n), LOCK_WAIT_MS))
        return mr_err_set_db(err, MR_CLASS_RETRY, "55P03", "lock time-out of positions");
    if (!is_mine(session, SIM_BACKEND_OPEN))
        return cut(session, "the backend was ended", err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        int at = sim_part_find(spans[i].stream, spans[i].partition);
        const struct sim_stored *stored = &world.stored[at];
        bool holds =
            stored->exists && stored->epoch == spans[i].epoch && stored->next == spans[i].expected;
        if (MR_MUTATION(SKIP_FENCE) || MR_MUTATION(COMMIT_BEFORE_WRITE))
            holds = true;
        if (!holds) {
            check_own(&spans[i], at, (int)sim_of_sink(session->sink)->id);
            return fenced(&spans[i], at, err);
        }
        rc = op_add(session, (struct sim_op){.kind = SIM_OP_MOVE, .part = at, .at = spans[i].next},
                    err);
    }
    return rc;
}

/* What becomes of a COMMIT is the server's (server.c); whether its client hears of it is decided
 * here. */
static int session_commit(struct mr_session *session, struct mr_err *err)
{
    int rc = call(session, "commit", err);
    struct sim_conn *conn = conn_of(session);

    if (rc < 0)
        return rc;
    uint32_t moved = 0;
    for (size_t i = 0; i < conn->n_ops; i++)
        moved |= conn->ops[i].kind == SIM_OP_MOVE ? UINT32_C(1) << conn->ops[i].part : 0;
    bool doubt = sim_once_in(world.faults.doubt);
    bool late = doubt && sim_once_in(world.faults.late);
    conn->state = SIM_BACKEND_COMMITS;
    conn->lands = !doubt || !sim_once_in(3);
    conn->landed = false;
    conn->due_us = sim_now_us() + 1 + sim_below(late ? (uint64_t)LATE_MS * 1000 : 3000);
    world.n.doubts += doubt;
    world.n.late += late;
    if (late) /* the client gives up first */
        goto unknown;
    while (conn->state == SIM_BACKEND_COMMITS)
        (void)sim_wait(conn, conn->due_us + 1000);
    bool landed = conn->landed;
    travel();
    if (doubt || is_away(sim_of_sink(session->sink)) || !landed ||
        !is_mine(session, SIM_BACKEND_IDLE))
        goto unknown;
    return 0;
unknown:
    sim_trace("process %u: a COMMIT without an answer", sim_of_sink(session->sink)->id);
    for (uint32_t p = 0; p < world.n_parts; p++)
        if ((moved >> p & 1) != 0 &&
            world.stored[p].moved_by == (int)sim_of_sink(session->sink)->id)
            world.stored[p].moved_silent = true;
    (void)cut(session, "commit", err);
    return mr_err_set(err, MR_COMMIT_UNKNOWN, "the answer was lost");
}

static void session_rollback(struct mr_session *session)
{
    if (is_mine(session, SIM_BACKEND_OPEN))
        sim_conn_abort(session_of(session)->conn);
}

static void session_nothing(struct mr_session *session)
{
    (void)session;
}

static void sink_stats(struct mr_sink *sink, uint32_t *idle, uint32_t *busy, uint32_t *waiting)
{
    (void)sink;
    *idle = *busy = *waiting = 0;
}

const struct mr_sink_ops sim_sink_ops = {
    .name = "simulated",
    .caps = MR_SINK_TXN | MR_SINK_POSITIONS | MR_SINK_DDL | MR_SINK_PARALLEL,
    .emit = &mr_typed_emit,
    .setup = sink_setup,
    .probe = sink_probe,
    .table_open = sink_table_open,
    .table_apply = sink_table_apply,
    .wish_resolve = mr_sink_wish_plain,
    .table_register = sink_table_register,
    .positions_read = sink_positions_read,
    .claim = sink_claim,
    .place = mr_sink_place_plain,
    .stats = sink_stats,
    .session_open = session_open,
    .session_close = session_close,
    .begin = session_begin,
    .savepoint = session_savepoint,
    .rollback_to_savepoint = session_rollback_to,
    .release_savepoint = session_release_savepoint,
    .defer = mr_sink_constraints_plain,
    .constraints_now = mr_sink_constraints_plain,
    .guard_lock = mr_sink_constraints_plain,
    .delete_keys = session_delete_keys,
    .put_rows = session_put_rows,
    .put_letters = session_put_letters,
    .put_positions = session_put_positions,
    .commit = session_commit,
    .rollback = session_rollback,
    .session_interrupt = session_nothing,
    .session_idle = session_nothing,
};
