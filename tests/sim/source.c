/* Owns the log, the group, and the client that a process reads them by. */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/world.h"
#include "tests/support/memory_gate.h"

enum { READ_MOST = 8 };

static struct sim_part *part_at(int part)
{
    return &world.parts[part];
}

/* ---- the log ---- */

static size_t varint(uint8_t *out, int64_t v)
{
    uint64_t z = ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
    size_t n = 0;

    for (; z > 127; z >>= 7)
        out[n++] = (uint8_t)(z | 128);
    out[n++] = (uint8_t)z;
    return n;
}

/* Ids are unique among all partitions: partition * 1000 + key. */
static void encode(int part, struct sim_record *record)
{
    static const uint8_t key_head[] = {0, 0, 0, 0, 2};
    static const uint8_t value_head[] = {0, 0, 0, 0, 1};
    int64_t id = (int64_t)part * 1000 + record->key;

    memcpy(record->key_bytes, key_head, 5);
    record->key_len = 5 + varint(record->key_bytes + 5, id);
    memcpy(record->value_bytes, value_head, 5);
    record->value_len = 5;
    if (record->kind == SIM_BAD)
        return; /* the body is missing */
    record->value_len += varint(record->value_bytes + 5, id);
    record->value_len += varint(record->value_bytes + record->value_len, record->version);
}

void sim_log_append(int at, enum sim_kind kind)
{
    struct sim_part *part = part_at(at);

    if (part->high == SIM_MAX_LOG)
        return;
    struct sim_record *record = &part->log[part->high];
    *record = (struct sim_record){.kind = kind};
    if (part->appended && kind == SIM_DELETE)
        record->kind = SIM_PUT;
    record->key = part->appended ? (int32_t)part->high : (int32_t)sim_below(SIM_N_KEYS);
    if (kind == SIM_PUT || kind == SIM_DELETE)
        record->version = part->appended ? 1 : ++part->versions[record->key];
    encode(at, record);
    sim_trace("log: %s/%d@%lld kind %d key %d version %lld", part->stream, part->partition,
              (long long)part->high, (int)record->kind, record->key, (long long)record->version);
    part->high++;
    world.n.records++;
    for (uint32_t i = 0; i < world.n_processes; i++)
        for (uint32_t lane = 0; lane < world.n_lanes; lane++) {
            world.processes[i].local[at].end_told = false;
            sim_wake(&world.processes[i].woken_lane[lane]);
        }
}

/* ---- the group ---- */

void sim_event_push(struct sim_process *process, enum mr_source_event_kind kind, int part)
{
    static const char *const names[] = {"nothing", "assigned", "revoked", "lost", "fault"};

    if (process->n_events - process->at_event >= SIM_MAX_EVENTS) {
        sim_violate("a process takes no events");
        return;
    }
    sim_trace("group: process %u %s %s/%d", process->id, names[kind], part_at(part)->stream,
              part_at(part)->partition);
    process->events[process->n_events++ % SIM_MAX_EVENTS] = (struct sim_event){kind, part};
    sim_wake(&process->woken_poll);
}

/* Has the group heard of it within the session time-out? */
static bool is_member(const struct sim_process *process)
{
    bool silent = process->stopped_until_us > 0 &&
                  sim_now_us() - process->stopped_from_us > (uint64_t)SIM_SESSION_MS * 1000;

    return process->running && !process->dead && !process->leaving && !silent;
}

void sim_group_turn(void)
{
    for (uint32_t i = 0; i < world.n_parts; i++) {
        struct sim_part *part = part_at((int)i);
        struct sim_process *owner = part->owner >= 0 ? &world.processes[part->owner] : NULL;
        if (owner != NULL && !is_member(owner)) {
            if (owner->running && !owner->dead && !owner->leaving)
                sim_event_push(owner, MR_SOURCE_LOST, (int)i);
            part->owner = -1;
            part->revoking = false;
        } else if (owner != NULL && part->owner != part->wanted && !part->revoking) {
            part->revoking = true;
            sim_event_push(owner, MR_SOURCE_REVOKED, (int)i);
        }
        if (part->owner < 0 && part->wanted >= 0 && is_member(&world.processes[part->wanted])) {
            part->owner = part->wanted;
            sim_event_push(&world.processes[part->wanted], MR_SOURCE_ASSIGNED, (int)i);
        }
    }
}

/* ---- the client: poll ---- */

/* The client tells nobody to give up what he does not have: a revoke is passed by a loss. */
static void events_skip(struct sim_process *process)
{
    for (; process->at_event < process->n_events; process->at_event++) {
        const struct sim_event *next = &process->events[process->at_event % SIM_MAX_EVENTS];
        if ((next->kind == MR_SOURCE_ASSIGNED) != process->local[next->part].assigned)
            return;
    }
}

/* Those of one kind that come one after another, or some of them. */
static void event_take(struct sim_process *process, struct mr_source_event *event)
{
    uint32_t taken = 0;

    events_skip(process);
    if (process->at_event == process->n_events)
        return;
    event->kind = process->events[process->at_event % SIM_MAX_EVENTS].kind;
    memory_gate_hold();
    event->parts = calloc(SIM_MAX_EVENTS, sizeof *event->parts);
    memory_gate_go_on();
    while (process->at_event < process->n_events && event->n_parts < SIM_MAX_EVENTS) {
        const struct sim_event *next = &process->events[process->at_event % SIM_MAX_EVENTS];
        bool seen = (taken >> next->part & 1) != 0;
        bool has = process->local[next->part].assigned;
        if (next->kind != event->kind || seen || (event->n_parts > 0 && sim_once_in(4)) ||
            (next->kind == MR_SOURCE_ASSIGNED) == has)
            break;
        taken |= UINT32_C(1) << next->part;
        struct mr_source_part *sp = &event->parts[event->n_parts++];
        memcpy(sp->stream, part_at(next->part)->stream, strlen(part_at(next->part)->stream) + 1);
        sp->partition = part_at(next->part)->partition;
        process->at_event++;
    }
}

static void source_poll(struct mr_source *source, uint32_t timeout_ms,
                        struct mr_source_event *event)
{
    struct sim_process *process = sim_of_source(source);
    uint64_t until_us = sim_now_us() + (uint64_t)timeout_ms * 1000;

    memset(event, 0, sizeof *event);
    mr_err_clear(&event->err);
    while (!process->woken_poll && (process->dead || process->at_event == process->n_events))
        if (!sim_wait(&process->woken_poll, until_us))
            break;
    process->woken_poll = false;
    if (process->at_event < process->n_events && !process->dead)
        event_take(process, event);
}

static void source_wake_client(struct mr_source *source)
{
    (void)source;
}

static void source_wake_poll(struct mr_source *source)
{
    struct sim_process *process = sim_of_source(source);

    process->woken_poll = true;
    sim_wake(&process->woken_poll);
}

static void source_wake_lane(struct mr_source *source, uint32_t lane)
{
    struct sim_process *process = sim_of_source(source);

    if (process->reading[lane])
        process->woken_lane[lane] = true;
    sim_wake(&process->woken_lane[lane]);
}

/* The contract: the lane does not read meanwhile (consumer/source.h). */
static struct sim_local *local_of(struct sim_process *process, const struct mr_source_part *sp,
                                  const char *call)
{
    int part = sim_part_find(sp->stream, sp->partition);

    if (process->reading[sp->lane])
        sim_violate("%s of %s/%d while its lane reads", call, sp->stream, sp->partition);
    return &process->local[part];
}

static int source_assign(struct mr_source *source, const struct mr_source_part *parts, size_t n,
                         struct mr_err *err)
{
    struct sim_process *process = sim_of_source(source);

    (void)err;
    for (size_t i = 0; i < n; i++)
        *local_of(process, &parts[i], "assign") = (struct sim_local){.assigned = true, .lane = -1};
    sim_yield();
    return 0;
}

static int source_unassign(struct mr_source *source, const struct mr_source_part *parts, size_t n,
                           struct mr_err *err)
{
    struct sim_process *process = sim_of_source(source);

    (void)err;
    for (size_t i = 0; i < n; i++) {
        struct sim_part *part = part_at(sim_part_find(parts[i].stream, parts[i].partition));
        *local_of(process, &parts[i], "unassign") = (struct sim_local){.lane = -1};
        if (!process->dead && part->owner == (int)process->id && part->revoking) {
            part->owner = -1;
            part->revoking = false;
        }
    }
    sim_yield();
    return 0;
}

static int source_hold(struct mr_source *source, const struct mr_source_part *parts, size_t n,
                       struct mr_err *err)
{
    (void)err;
    for (size_t i = 0; i < n; i++)
        local_of(sim_of_source(source), &parts[i], "hold")->lane = -1;
    sim_yield();
    return 0;
}

static int source_release(struct mr_source *source, struct mr_source_part *parts, size_t n,
                          struct mr_err *err)
{
    (void)err;
    for (size_t i = 0; i < n; i++) {
        struct sim_local *local = local_of(sim_of_source(source), &parts[i], "release");
        if (sim_once_in(world.faults.seek)) {
            parts[i].rc = -MR_AGAIN;
            continue;
        }
        if (!local->assigned)
            sim_violate("release of %s/%d, which is not assigned", parts[i].stream,
                        parts[i].partition);
        local->at = parts[i].offset;
        local->lane = (int)parts[i].lane;
        local->end_told = false;
        parts[i].rc = 0;
    }
    sim_yield();
    return 0;
}

/* K-13: what the group is told lies never before what the target holds. */
static void source_commit(struct mr_source *source, const struct mr_source_part *parts, size_t n,
                          const char *metadata)
{
    struct sim_process *process = sim_of_source(source);

    (void)metadata;
    for (size_t i = 0; i < n; i++) {
        int at = sim_part_find(parts[i].stream, parts[i].partition);
        if (parts[i].offset > world.stored[at].next)
            sim_violate("process %u tells the group %s/%d@%lld, the target holds %lld", process->id,
                        parts[i].stream, parts[i].partition, (long long)parts[i].offset,
                        (long long)world.stored[at].next);
        if (!process->dead && part_at(at)->owner == (int)process->id)
            part_at(at)->committed = parts[i].offset;
    }
    sim_yield();
}

static void source_commit_wait(struct mr_source *source, const struct mr_source_part *parts,
                               size_t n, const char *metadata, uint32_t timeout_ms)
{
    (void)timeout_ms;
    source_commit(source, parts, n, metadata);
}

/* ---- the client: fill ---- */

static bool header_none(const void *owner, const char *name, struct mr_slice *value)
{
    (void)owner;
    (void)name;
    (void)value;
    return false;
}

static void record_make(struct sim_process *process, int at, int64_t offset, struct mr_record *out)
{
    struct sim_part *part = part_at(at);
    struct sim_record *record = &part->log[offset];
    bool deleted = record->kind == SIM_DELETE;

    *out = (struct mr_record){
        .kind = MR_RECORD_DATA,
        .message = record,
        .stream = part->stream,
        .partition = part->partition,
        .offset = offset,
        .timestamp_ms = INT64_C(1700000000000) + offset,
        .leader_epoch = 0,
        .n_bytes = 200,
        .key = {part->appended ? NULL : record->key_bytes, part->appended ? 0 : record->key_len},
        .value = {deleted ? NULL : record->value_bytes, deleted ? 0 : record->value_len},
        .headers = {record, header_none},
    };
    process->n_outstanding++;
}

static size_t part_read(struct sim_process *process, int at, struct mr_record *records, size_t max)
{
    struct sim_local *local = &process->local[at];
    struct sim_part *part = part_at(at);
    size_t n = 0;

    while (local->at < part->high && n < max) {
        if (part->log[local->at].kind != SIM_GAP)
            record_make(process, at, local->at, &records[n++]);
        local->at++;
    }
    if (local->at == part->high && !local->end_told && n < max) {
        local->end_told = true;
        records[n++] = (struct mr_record){.kind = MR_RECORD_END,
                                          .stream = part->stream,
                                          .partition = part->partition,
                                          .offset = local->at,
                                          .timestamp_ms = -1,
                                          .leader_epoch = -1};
    }
    return n;
}

static size_t records_take(struct sim_process *process, uint32_t lane, struct mr_record *records,
                           size_t max)
{
    size_t most = 1 + sim_below(max < READ_MOST ? max : READ_MOST);
    size_t n = 0;
    uint32_t first = (uint32_t)sim_below(world.n_parts);

    for (uint32_t i = 0; i < world.n_parts && n < most; i++) {
        int at = (int)((first + i) % world.n_parts);
        if (process->local[at].lane == (int)lane)
            n += part_read(process, at, records + n, most - n);
    }
    return n;
}

static size_t source_read(struct mr_source *source, uint32_t lane, struct mr_record *records,
                          size_t max, uint32_t timeout_ms)
{
    struct sim_process *process = sim_of_source(source);
    uint64_t until_us = sim_now_us() + (uint64_t)timeout_ms * 1000;
    size_t n;

    process->reading[lane] = true;
    if (timeout_ms == 0 || sim_once_in(3))
        sim_yield();
    while ((n = records_take(process, lane, records, max)) == 0 && !process->woken_lane[lane])
        if (timeout_ms == 0 || !sim_wait(&process->woken_lane[lane], until_us))
            break;
    process->woken_lane[lane] = false;
    process->reading[lane] = false;
    return n;
}

static void source_release_record(struct mr_source *source, struct mr_record *record)
{
    struct sim_process *process = sim_of_source(source);

    if (record->message == NULL)
        return;
    record->message = NULL;
    if (process->n_outstanding-- == 0)
        sim_violate("a record was given back twice");
}

static void source_headers_json(struct mr_source *source, const struct mr_record *record,
                                struct mr_buf *out)
{
    (void)source;
    (void)record;
    mr_buf_str(out, "[]");
}

/* ---- questions ---- */

static int source_facts(struct mr_source *source, const char *stream, int32_t partition,
                        enum mr_start start, int64_t start_ms, const char *our_metadata,
                        uint32_t timeout_ms, struct mr_log_facts *out, struct mr_err *err)
{
    struct sim_part *part = part_at(sim_part_find(stream, partition));

    (void)start;
    (void)start_ms;
    (void)our_metadata;
    (void)timeout_ms;
    sim_yield();
    if (sim_of_source(source)->dead || sim_once_in(world.faults.facts))
        return mr_err_set(err, MR_SOURCE_AWAY, "no answer");
    *out = (struct mr_log_facts){.high = part->high,
                                 .committed = part->committed,
                                 .committed_leader_epoch = -1,
                                 .committed_is_ours = part->committed >= 0,
                                 .at_timestamp = -1,
                                 .n_partitions = SIM_MAX_PARTS,
                                 .stream_id = "topic",
                                 .cluster_id = "cluster"};
    return 0;
}

static int source_n_partitions(struct mr_source *source, const char *stream, uint32_t timeout_ms,
                               int32_t *out, struct mr_err *err)
{
    (void)source;
    (void)stream;
    (void)timeout_ms;
    (void)err;
    *out = SIM_MAX_PARTS;
    return 0;
}

static int64_t source_known_end(struct mr_source *source, const char *stream, int32_t partition)
{
    (void)source;
    return part_at(sim_part_find(stream, partition))->high;
}

static bool source_answers(struct mr_source *source, uint32_t timeout_ms)
{
    (void)source;
    (void)timeout_ms;
    return true;
}

static uint32_t source_session_timeout(const struct mr_source *source)
{
    (void)source;
    return SIM_SESSION_MS;
}

const struct mr_source_ops sim_source_ops = {
    .name = "simulated",
    .poll = source_poll,
    .wake_poll = source_wake_poll,
    .wake_client = source_wake_client,
    .wake_lane = source_wake_lane,
    .assign = source_assign,
    .unassign = source_unassign,
    .hold = source_hold,
    .release = source_release,
    .commit = source_commit,
    .commit_wait = source_commit_wait,
    .read = source_read,
    .release_record = source_release_record,
    .headers_json = source_headers_json,
    .facts = source_facts,
    .answers = source_answers,
    .n_partitions = source_n_partitions,
    .known_end = source_known_end,
    .session_timeout_ms = source_session_timeout,
};
