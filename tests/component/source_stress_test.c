/* The proof that design.md section 4, "Reading" asks for: members of a group come and go under load
 * while partitions are held and released at random places. Lanes and poll keep the parking
 * discipline of consumer/lane.c; the records of every release must come exactly from the sought
 * offset on, without a gap (the mock cluster's log has none), none of an older generation may be
 * accepted, and at the end every partition must stand at its end.
 *
 * MILLRACE_LONG=1 runs ten times as long, MILLRACE_LONG=N for N seconds; MILLRACE_SEED=N repeats
 * the random choices. */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/lock.h"
#include "tests/support/kafka_rig.h"
#include "tests/support/mr_test.h"
#include "tests/support/parking.h"

enum {
    N_PARTITIONS = 10,
    N_LANES = 3,
    N_MEMBERS = 3,
    SHORT_MS = 22000,
    READ_RECORDS = 300,
    SETTLE_MS = 60000,
    CHURN_LEAST_MS = 500,
    CHURN_MORE_MS = 1500,
    BACK_MOST = 3000 /* how far a seek goes back */
};
static const char topic[] = "stress";

/* What the target would hold: the epoch fences an earlier owner off. */
static struct position {
    struct mr_lock lock;
    int64_t epoch MR_GUARDED_BY(lock);
    int64_t next MR_GUARDED_BY(lock);
} positions[N_PARTITIONS];

static struct {
    _Atomic int64_t records, repeats, old_generation, ends, errors, fenced, faults;
    _Atomic int64_t assigns, revokes, losts, holds, releases, seeks_back, seeks_ahead, again;
    _Atomic int64_t joins, leaves, left_midway;
} counts;

static _Atomic int64_t acknowledged[N_PARTITIONS];
static _Atomic bool calm; /* no more holds: the end is near */
static struct kafka_rig rig;

enum state { GONE, WAITING, FLOWING };

struct part {
    enum state state; /* thread: poll */
    uint64_t due_ms;  /* thread: poll; when it is released */
    bool claim;       /* thread: poll; the position is read again first */
    int64_t target;   /* thread: poll; where to seek */
    _Atomic uint32_t generation;
    _Atomic bool wished; /* fill asks for a hold; poll clears */
    /* thread: fill; poll while the lane is parked */
    bool held;
    int64_t next;
    int64_t epoch;
};

struct lane {
    uint32_t id;
    struct member *member;
    pthread_t thread;
    struct mr_rng rng;
    struct parking parking;
};

struct member {
    bool alive; /* thread: main */
    struct kafka_member kafka;
    struct mr_rng rng; /* thread: poll */
    pthread_t thread;
    _Atomic bool stop;
    struct lane lanes[N_LANES];
    struct part parts[N_PARTITIONS];
};

static struct member members[N_MEMBERS];

static struct mr_source *source_of(const struct member *member)
{
    return member->kafka.source;
}

static uint64_t now_ms(const struct member *member)
{
    return mr_mono_ms(&member->kafka.opts.env);
}

/* A slow writer: outside of the reading section, with records in memory. False: stopping. */
static bool dawdle(struct lane *lane)
{
    parking_leave(&lane->parking);
    atomic_fetch_add(&counts.left_midway, 1);
    parking_doze(&lane->parking, (uint32_t)mr_rng_below(&lane->rng, 20));
    return parking_enter(&lane->parking);
}

/* ---- fill ---- */

static void flush(struct part *part, int32_t idx)
{
    struct position *position = &positions[idx];

    mr_lock_take(&position->lock);
    if (position->epoch == part->epoch)
        position->next = part->next;
    else
        atomic_fetch_add(&counts.fenced, 1);
    mr_lock_drop(&position->lock);
}

static void check_value(const struct mr_record *record)
{
    char text[24] = "";

    MR_CHECK(record->value.len > 0 && record->value.len < sizeof text);
    memcpy(text, record->value.data, record->value.len);
    MR_CHECK_INT(atoll(text), record->offset);
}

static void record_take(struct lane *lane, const struct mr_record *record)
{
    struct part *part = &lane->member->parts[record->partition];

    if (atomic_load(&part->generation) != record->generation) {
        atomic_fetch_add(&counts.old_generation, 1);
        return;
    }
    if (part->held)
        return;
    if (record->kind == MR_RECORD_ERROR) {
        atomic_fetch_add(&counts.errors, 1);
        part->held = true;
        atomic_store(&part->wished, true);
        return;
    }
    if (record->kind == MR_RECORD_END) {
        atomic_fetch_add(&counts.ends, 1);
        /* no markers in this log: an end ahead of the next record is a record lost */
        if (record->offset > part->next)
            MR_FAIL("partition %d ends at %" PRId64 ", %" PRId64 " was to come", record->partition,
                    record->offset, part->next);
        flush(part, record->partition);
        return;
    }
    if (record->offset < part->next) {
        atomic_fetch_add(&counts.repeats, 1); /* dropped, as consumer/fill.c does */
        return;
    }
    if (record->offset != part->next)
        MR_FAIL("partition %d: offset %" PRId64 " came, %" PRId64 " was to come, generation %u",
                record->partition, record->offset, part->next, record->generation);
    check_value(record);
    part->next++;
    atomic_fetch_add(&counts.records, 1);
    if (mr_rng_below(&lane->rng, 200) == 0)
        flush(part, record->partition);
    if (!atomic_load(&calm) && mr_rng_below(&lane->rng, 4000) == 0) {
        part->held = true; /* a record that must wait */
        atomic_store(&part->wished, true);
    }
}

static void lane_turn(struct lane *lane, struct mr_record *records)
{
    struct mr_source *source = source_of(lane->member);
    bool inside = parking_enter(&lane->parking);

    if (!inside)
        return;
    size_t n = source->ops->read(source, lane->id, records, READ_RECORDS, 50);
    for (size_t i = 0; i < n; i++) {
        MR_CHECK(records[i].partition >= 0 && records[i].partition < N_PARTITIONS);
        MR_CHECK_INT((uint32_t)records[i].partition % N_LANES, lane->id);
        records[i].generation = atomic_load(&lane->member->parts[records[i].partition].generation);
    }
    for (size_t i = 0; i < n; i++) {
        if (inside)
            record_take(lane, &records[i]);
        source->ops->release_record(source, &records[i]);
        if (inside && mr_rng_below(&lane->rng, 1500) == 0)
            inside = dawdle(lane);
    }
    if (inside)
        parking_leave(&lane->parking);
}

static void *fill_main(void *arg)
{
    struct lane *lane = arg;
    struct mr_record *records = calloc(READ_RECORDS, sizeof *records);

    MR_CHECK(records != NULL);
    while (!parking_is_stopping(&lane->parking))
        lane_turn(lane, records);
    free(records);
    return NULL;
}

/* ---- poll ---- */

static struct lane *lane_of(struct member *member, int32_t idx)
{
    return &member->lanes[(uint32_t)idx % N_LANES];
}

static void part_wait(struct member *member, struct part *part, bool claim, uint32_t most_ms)
{
    part->state = WAITING;
    part->claim = claim;
    part->due_ms = now_ms(member) + mr_rng_below(&member->rng, most_ms + 1);
}

static void assigned(struct member *member, struct mr_source_event *event)
{
    struct mr_err err = MR_ERR_INIT;

    atomic_fetch_add(&counts.assigns, 1);
    for (size_t i = 0; i < event->n_parts; i++) {
        struct part *part = &member->parts[event->parts[i].partition];
        event->parts[i].lane = (uint32_t)event->parts[i].partition % N_LANES;
        MR_CHECK_INT(part->state, GONE);
        part_wait(member, part, true, 50);
    }
    int rc = source_of(member)->ops->assign(source_of(member), event->parts, event->n_parts, &err);
    if (rc < 0)
        MR_FAIL("assign: %s", err.detail);
}

static void unassigned(struct member *member, struct mr_source_event *event)
{
    struct mr_err err = MR_ERR_INIT;

    atomic_fetch_add(event->kind == MR_SOURCE_LOST ? &counts.losts : &counts.revokes, 1);
    for (uint32_t i = 0; i < N_LANES; i++)
        parking_park(&member->lanes[i].parking);
    for (size_t i = 0; i < event->n_parts; i++) {
        struct part *part = &member->parts[event->parts[i].partition];
        if (part->state == FLOWING)
            flush(part, event->parts[i].partition);
        atomic_fetch_add(&part->generation, 1);
        part->held = true;
        part->state = GONE;
        atomic_store(&part->wished, false);
    }
    int rc =
        source_of(member)->ops->unassign(source_of(member), event->parts, event->n_parts, &err);
    for (uint32_t i = 0; i < N_LANES; i++)
        parking_unpark(&member->lanes[i].parking);
    if (rc < 0)
        MR_FAIL("unassign: %s", err.detail);
}

static void event_serve(struct member *member, uint32_t timeout_ms)
{
    struct mr_source_event event;

    source_of(member)->ops->poll(source_of(member), timeout_ms, &event);
    if (event.kind == MR_SOURCE_ASSIGNED)
        assigned(member, &event);
    else if (event.kind == MR_SOURCE_REVOKED || event.kind == MR_SOURCE_LOST)
        unassigned(member, &event);
    else if (event.kind == MR_SOURCE_FAULT) {
        atomic_fetch_add(&counts.faults, 1);
        if (event.err.class == MR_CLASS_FATAL || event.err.class == MR_CLASS_BUG)
            MR_FAIL("fault: %s", event.err.detail);
    }
    mr_source_event_release(&event);
}

static void part_hold(struct member *member, int32_t idx)
{
    struct part *part = &member->parts[idx];
    struct mr_source_part sp = kafka_part(&member->kafka, topic, idx, 0);
    struct mr_err err = MR_ERR_INIT;

    atomic_fetch_add(&counts.holds, 1);
    parking_park(&lane_of(member, idx)->parking);
    MR_CHECK_OK(source_of(member)->ops->hold(source_of(member), &sp, 1, &err));
    atomic_fetch_add(&part->generation, 1);
    part->held = true;
    part->target = part->next;
    if (!atomic_load(&calm)) {
        uint64_t die = mr_rng_below(&member->rng, 4);
        int64_t end = atomic_load(&acknowledged[idx]);
        if (die == 0) {
            int64_t back = (int64_t)mr_rng_below(&member->rng, BACK_MOST);
            part->target = part->next > back ? part->next - back : 0;
            atomic_fetch_add(&counts.seeks_back, 1);
        } else if (die == 1 && end > part->next) {
            part->target += (int64_t)mr_rng_below(&member->rng, (uint64_t)(end - part->next) + 1);
            atomic_fetch_add(&counts.seeks_ahead, 1);
        }
    }
    parking_unpark(&lane_of(member, idx)->parking);
    part_wait(member, part, false, 120);
}

static void claim(struct part *part, int32_t idx)
{
    mr_lock_take(&positions[idx].lock);
    part->epoch = ++positions[idx].epoch;
    part->target = positions[idx].next;
    mr_lock_drop(&positions[idx].lock);
    part->claim = false;
}

static void part_release(struct member *member, int32_t idx)
{
    struct part *part = &member->parts[idx];
    struct mr_err err = MR_ERR_INIT;

    parking_park(&lane_of(member, idx)->parking);
    if (part->claim)
        claim(part, idx);
    struct mr_source_part sp = kafka_part(&member->kafka, topic, idx, part->target);
    source_of(member)->ops->release(source_of(member), &sp, 1, &err);
    if (sp.rc == 0) {
        atomic_fetch_add(&counts.releases, 1);
        part->next = part->target;
        part->held = false;
        part->state = FLOWING;
        atomic_store(&part->wished, false);
        atomic_fetch_add(&part->generation, 1);
    } else if (sp.rc == -MR_AGAIN) {
        atomic_fetch_add(&counts.again, 1);
        part->due_ms = now_ms(member) + 20;
    } else {
        MR_FAIL("release: %s", err.detail);
    }
    parking_unpark(&lane_of(member, idx)->parking);
}

static void parts_serve(struct member *member)
{
    for (int32_t idx = 0; idx < N_PARTITIONS; idx++) {
        struct part *part = &member->parts[idx];
        bool hold = part->state == FLOWING &&
                    (atomic_load(&part->wished) ||
                     (!atomic_load(&calm) && mr_rng_below(&member->rng, 60) == 0));
        if (hold)
            part_hold(member, idx);
        else if (part->state == WAITING && part->due_ms <= now_ms(member))
            part_release(member, idx);
    }
}

static void *poll_main(void *arg)
{
    struct member *member = arg;

    while (!atomic_load(&member->stop)) {
        event_serve(member, (uint32_t)mr_rng_below(&member->rng, 20));
        parts_serve(member);
    }
    return NULL;
}

/* ---- members ---- */

static void member_join(struct member *member, struct mr_rng *rng)
{
    atomic_fetch_add(&counts.joins, 1);
    memset(member, 0, sizeof *member);
    member->rng = mr_rng_split(rng);
    kafka_member_open(&member->kafka, &rig, topic, N_LANES);
    for (int32_t i = 0; i < N_PARTITIONS; i++)
        member->parts[i].held = true;
    for (uint32_t i = 0; i < N_LANES; i++) {
        struct lane *lane = &member->lanes[i];
        lane->id = i;
        lane->member = member;
        lane->rng = mr_rng_split(rng);
        parking_init(&lane->parking, source_of(member), i);
        MR_CHECK_OK(mr_thread_start(&lane->thread, "fill", fill_main, lane));
    }
    MR_CHECK_OK(mr_thread_start(&member->thread, "poll", poll_main, member));
    member->alive = true;
}

static void member_leave(struct member *member)
{
    struct mr_source *source = source_of(member);

    atomic_fetch_add(&counts.leaves, 1);
    atomic_store(&member->stop, true);
    source->ops->wake_poll(source);
    pthread_join(member->thread, NULL);
    for (uint32_t i = 0; i < N_LANES; i++) {
        struct lane *lane = &member->lanes[i];
        parking_stop(&lane->parking);
        pthread_join(lane->thread, NULL);
    }
    for (int32_t i = 0; i < N_PARTITIONS; i++)
        if (member->parts[i].state == FLOWING)
            flush(&member->parts[i], i);
    kafka_member_close(&member->kafka);
    for (uint32_t i = 0; i < N_LANES; i++)
        parking_release(&member->lanes[i].parking);
    member->alive = false;
}

/* One joins or one leaves; two at least stay. */
static void churn(struct mr_rng *rng)
{
    int n_alive = 0;
    struct member *member = &members[mr_rng_below(rng, N_MEMBERS)];

    for (int i = 0; i < N_MEMBERS; i++)
        n_alive += members[i].alive;
    for (int i = 0; n_alive <= 2 && i < N_MEMBERS; i++)
        if (!members[i].alive)
            member = &members[i];
    if (!member->alive)
        member_join(member, rng);
    else
        member_leave(member);
}

/* ---- load ---- */

/* Bursts and pauses, so that ends are met again and again: the next record after an end is the one
 * that a client can step over. */
static void burst(struct mr_rng *rng)
{
    struct mr_err err = MR_ERR_INIT;

    for (int i = 0; i < 6; i++) {
        int32_t idx = (int32_t)mr_rng_below(rng, N_PARTITIONS);
        int64_t n = mr_rng_below(rng, 4) == 0 ? (int64_t)mr_rng_below(rng, 1500) : 1;
        kafka_rig_queue(&rig, idx, n);
    }
    if (mr_kafka_producer_flush(rig.producer, 20000, &err) < 0)
        MR_FAIL("produce: %s", err.detail);
    for (int32_t i = 0; i < N_PARTITIONS; i++)
        atomic_store(&acknowledged[i], rig.produced[i]);
}

static uint64_t run_ms(void)
{
    const char *text = getenv("MILLRACE_LONG");
    unsigned long seconds = text != NULL ? strtoul(text, NULL, 10) : 0;

    if (text == NULL || *text == '\0' || *text == '0')
        return SHORT_MS;
    return seconds > 1 ? seconds * 1000 : (uint64_t)SHORT_MS * 10;
}

/* Everybody stays, nobody holds: each position must come to its partition's end. */
static void settle(struct parking *waiting, const struct mr_env *env)
{
    uint64_t end_ms = mr_mono_ms(env) + SETTLE_MS;

    atomic_store(&calm, true);
    for (int32_t idx = 0; idx < N_PARTITIONS; idx++) {
        int64_t next = -1;
        while (next != rig.produced[idx]) {
            mr_lock_take(&positions[idx].lock);
            next = positions[idx].next;
            mr_lock_drop(&positions[idx].lock);
            if (mr_mono_ms(env) > end_ms)
                MR_FAIL("partition %d stands at %" PRId64 ", its end is %" PRId64, idx, next,
                        rig.produced[idx]);
            parking_doze(waiting, 20);
        }
    }
}

static void print_counts(uint64_t seed, uint64_t ms)
{
    int64_t produced = 0;

    for (int32_t i = 0; i < N_PARTITIONS; i++)
        produced += rig.produced[i];
    printf("seed %" PRIu64 ", %" PRIu64 " s, %d partitions, %d lanes, up to %d members\n", seed,
           ms / 1000, N_PARTITIONS, N_LANES, N_MEMBERS);
    printf("produced %" PRId64 ", accepted %" PRId64 ", repeats dropped %" PRId64
           ", of older generations dropped %" PRId64 "\n",
           produced, counts.records, counts.repeats, counts.old_generation);
    printf("joins %" PRId64 ", leaves %" PRId64 ", assigns %" PRId64 ", revokes %" PRId64
           ", losts %" PRId64 "\n",
           counts.joins, counts.leaves, counts.assigns, counts.revokes, counts.losts);
    printf("holds %" PRId64 ", releases %" PRId64 ", seeks back %" PRId64 ", ahead %" PRId64
           ", not ready %" PRId64 "\n",
           counts.holds, counts.releases, counts.seeks_back, counts.seeks_ahead, counts.again);
    printf("ends %" PRId64 ", partition errors %" PRId64 ", faults %" PRId64 ", fenced %" PRId64
           ", left midway %" PRId64 "\n",
           counts.ends, counts.errors, counts.faults, counts.fenced, counts.left_midway);
}

/* Has it been through what it is for? A slow machine needs longer, and is given four times as long.
 */
static bool is_covered(void)
{
    return counts.assigns > 4 && counts.revokes > 2 && counts.leaves > 0 && counts.holds > 50 &&
           counts.seeks_back > 5 && counts.seeks_ahead > 5 && counts.ends > 50;
}

static bool goes_on(uint64_t elapsed_ms)
{
    return elapsed_ms < run_ms() || (!is_covered() && elapsed_ms < 4 * run_ms());
}

/* F-16, K-12, K-14, G-03 */
MR_TEST("holds, seeks and rebalances under load lose nothing and repeat nothing")
{
    struct mr_env env;
    struct parking waiting;
    const char *seed_text = getenv("MILLRACE_SEED");

    mr_env_init_system(&env);
    uint64_t seed =
        seed_text != NULL ? strtoull(seed_text, NULL, 10) : mr_rng_u64(&env.rng) % 1000000;
    mr_rng_init(&env.rng, seed);
    parking_init(&waiting, NULL, 0);
    for (int32_t i = 0; i < N_PARTITIONS; i++)
        mr_lock_init(&positions[i].lock, 44);
    kafka_rig_open(&rig, topic, N_PARTITIONS);
    member_join(&members[0], &env.rng);
    member_join(&members[1], &env.rng);
    uint64_t start_ms = mr_mono_ms(&env);
    uint64_t churn_ms = start_ms + 3000;
    while (goes_on(mr_mono_ms(&env) - start_ms)) {
        burst(&env.rng);
        parking_doze(&waiting, (uint32_t)mr_rng_below(&env.rng, 40));
        if (mr_mono_ms(&env) < churn_ms)
            continue;
        churn(&env.rng);
        churn_ms = mr_mono_ms(&env) + CHURN_LEAST_MS + mr_rng_below(&env.rng, CHURN_MORE_MS);
    }
    settle(&waiting, &env);
    print_counts(seed, mr_mono_ms(&env) - start_ms);
    for (int i = 0; i < N_MEMBERS; i++)
        if (members[i].alive)
            member_leave(&members[i]);
    kafka_rig_close(&rig);
    for (int32_t i = 0; i < N_PARTITIONS; i++)
        mr_lock_release(&positions[i].lock);
    parking_release(&waiting);
    MR_CHECK(is_covered());
}
