/* Owns the target's server: backends, row locks of positions, COMMITs that land or do not, and the
 * oracle that looks at every committed state. */
#include <string.h>

#include "tests/sim/world.h"

enum { LINGER_MS = 3000 };

static const char *name_of(int part)
{
    static const char *const names[SIM_MAX_PARTS] = {"#0", "#1", "#2", "#3", "#4"};

    return names[part];
}

/* ---- the oracle ---- */

/* Moves what shall stand in the tables on to `next`. */
static void want_move(int at, int64_t from, int64_t next)
{
    const struct sim_part *part = &world.parts[at];

    for (int64_t i = from; i < next && !part->appended; i++) {
        const struct sim_record *record = &part->log[i];
        if (record->kind == SIM_PUT || record->kind == SIM_DELETE)
            world.stored[at].want[record->key] = record->kind == SIM_PUT ? record->version : 0;
    }
}

static void check_log(int at)
{
    const struct sim_part *part = &world.parts[at];
    const struct sim_stored *stored = &world.stored[at];

    for (int64_t i = 0; i < part->high; i++) {
        enum sim_kind kind = part->log[i].kind;
        bool below = i < stored->next;
        bool row = part->appended && kind == SIM_PUT && below;
        bool letter = kind == SIM_BAD && below;
        if (stored->n_appended[i] != row)
            sim_violate("%s@%lld stands %u times in the table at position %lld: %s", name_of(at),
                        (long long)i, stored->n_appended[i], (long long)stored->next,
                        stored->n_appended[i] > row ? "twice" : "lost");
        if (stored->n_letters[i] != letter)
            sim_violate("%s@%lld stands %u times among the letters at position %lld", name_of(at),
                        (long long)i, stored->n_letters[i], (long long)stored->next);
    }
}

/* Position = rows, for each partition and key, after every commit. */
static void check_state(void)
{
    for (uint32_t p = 0; p < world.n_parts; p++) {
        const struct sim_stored *stored = &world.stored[p];
        check_log((int)p);
        for (int k = 0; k < SIM_N_KEYS && !world.parts[p].appended; k++)
            if (stored->rows[k] != stored->want[k])
                sim_violate("%s key %d is at version %lld, the log below position %lld says %lld",
                            name_of((int)p), k, (long long)stored->rows[k], (long long)stored->next,
                            (long long)stored->want[k]);
    }
}

/* ---- transactions ---- */

static void op_apply(const struct sim_conn *conn, const struct sim_op *op)
{
    static const char *const names[] = {"put", "delete", "append", "letter", "move"};
    struct sim_stored *stored = &world.stored[op->part];

    sim_trace("server: backend %td of process %d: %s %s@%lld, version %lld, position %lld",
              conn - world.conns, conn->process, names[op->kind], name_of(op->part),
              (long long)op->at, (long long)op->version, (long long)stored->next);
    switch (op->kind) {
    case SIM_OP_PUT:
        if (op->version < stored->rows[op->at])
            sim_violate("%s key %lld goes back from version %lld to %lld", name_of(op->part),
                        (long long)op->at, (long long)stored->rows[op->at], (long long)op->version);
        stored->rows[op->at] = op->version;
        break;
    case SIM_OP_DELETE:
        stored->rows[op->at] = 0;
        break;
    case SIM_OP_APPEND:
        stored->n_appended[op->at]++;
        break;
    case SIM_OP_LETTER:
        stored->n_letters[op->at]++;
        break;
    case SIM_OP_MOVE:
        if (op->at <= stored->next)
            sim_violate("the position of %s goes from %lld to %lld", name_of(op->part),
                        (long long)stored->next, (long long)op->at);
        want_move(op->part, stored->next, op->at);
        stored->next = op->at;
        stored->moved_by = conn->process;
        stored->moved_silent = conn->client == NULL;
        break;
    }
}

static void locks_drop(int conn)
{
    for (uint32_t p = 0; p < world.n_parts; p++)
        if (world.stored[p].locked_by == conn)
            world.stored[p].locked_by = -1;
    sim_wake(world.stored);
}

void sim_conn_abort(int at)
{
    struct sim_conn *conn = &world.conns[at];

    conn->n_ops = 0;
    conn->due_us = SIM_NEVER;
    conn->state = conn->client != NULL ? SIM_BACKEND_IDLE : SIM_BACKEND_FREE;
    locks_drop(at);
    sim_wake(conn);
}

static void commit_ends(int at)
{
    struct sim_conn *conn = &world.conns[at];

    conn->landed = conn->lands;
    for (size_t i = 0; conn->lands && i < conn->n_ops; i++)
        op_apply(conn, &conn->ops[i]);
    if (conn->lands) {
        world.n.commits++;
        check_state();
    }
    sim_conn_abort(at);
}

void sim_conn_end(int at)
{
    struct sim_conn *conn = &world.conns[at];

    if (conn->state == SIM_BACKEND_COMMITS || conn->state == SIM_BACKEND_FREE)
        return;
    sim_trace("server: backend %d ends", at);
    conn->client = NULL;
    sim_conn_abort(at);
}

void sim_conn_leave(int at)
{
    struct sim_conn *conn = &world.conns[at];

    conn->client = NULL;
    if (conn->state == SIM_BACKEND_COMMITS)
        return;
    if (conn->state == SIM_BACKEND_OPEN && sim_once_in(world.faults.half_open)) {
        conn->due_us = sim_now_us() + sim_below((uint64_t)LINGER_MS * 1000);
        sim_trace("server: backend %d knows nothing of it", at);
        return;
    }
    sim_conn_abort(at);
}

void sim_move_alone(int at, int part, int64_t next)
{
    op_apply(&world.conns[at], &(struct sim_op){.kind = SIM_OP_MOVE, .part = part, .at = next});
    check_state();
}

/* ---- backends ---- */

void sim_server_begin(void)
{
    for (int i = 0; i < world.n_conns; i++)
        world.conns[i].state = SIM_BACKEND_FREE;
    world.n_conns = 0;
    memset(world.stored, 0, sizeof world.stored);
    for (int p = 0; p < SIM_MAX_PARTS; p++) {
        world.stored[p].conn = -1;
        world.stored[p].locked_by = -1;
        world.stored[p].moved_by = -1;
    }
}

int sim_conn_new(uint32_t process, const void *client)
{
    for (int i = 0; i < SIM_MAX_CONNS; i++) {
        if (i < world.n_conns && world.conns[i].state != SIM_BACKEND_FREE)
            continue;
        world.n_conns = i >= world.n_conns ? i + 1 : world.n_conns;
        memset(&world.conns[i], 0, sizeof world.conns[i]);
        world.conns[i].state = SIM_BACKEND_IDLE;
        world.conns[i].process = (int)process;
        world.conns[i].client = client;
        world.conns[i].due_us = SIM_NEVER;
        return i;
    }
    return -1;
}

void sim_server_turn(void)
{
    for (int i = 0; i < world.n_conns; i++) {
        struct sim_conn *conn = &world.conns[i];
        if (conn->state == SIM_BACKEND_FREE || conn->due_us > sim_now_us())
            continue;
        if (conn->state == SIM_BACKEND_COMMITS)
            commit_ends(i);
        else
            sim_conn_abort(i);
    }
}

uint64_t sim_server_next_us(void)
{
    uint64_t next_us = SIM_NEVER;

    for (int i = 0; i < world.n_conns; i++)
        if (world.conns[i].state != SIM_BACKEND_FREE && world.conns[i].due_us < next_us)
            next_us = world.conns[i].due_us;
    return next_us;
}

static bool others_lock(int conn, uint32_t parts)
{
    for (uint32_t p = 0; p < world.n_parts; p++)
        if ((parts >> p & 1) != 0 && world.stored[p].locked_by >= 0 &&
            world.stored[p].locked_by != conn)
            return true;
    return false;
}

/* All at once: statements take them in one order, so there is no deadlock to play. */
bool sim_lock_rows(int conn, uint32_t parts, uint32_t wait_ms)
{
    uint64_t until_us = sim_now_us() + (uint64_t)wait_ms * 1000;
    const void *client = world.conns[conn].client;

    while (others_lock(conn, parts))
        if (!sim_wait(world.stored, until_us) && others_lock(conn, parts))
            return false;
    if (client == NULL || world.conns[conn].client != client)
        return false; /* it was ended meanwhile */
    for (uint32_t p = 0; p < world.n_parts; p++)
        if ((parts >> p & 1) != 0)
            world.stored[p].locked_by = conn;
    return true;
}
