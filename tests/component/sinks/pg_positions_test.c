/* Positions in PostgreSQL: claims of two instances, fences, owners that do not let go, and commits
 * whose answer is lost. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/pg_faults.h"
#include "tests/support/pg_fixture.h"

static struct pg_fixture one;
static struct pg_fixture two;

MR_SETUP
{
    pg_fixture_wipe();
    pg_fixture_open(&one, "one");
    pg_fixture_open(&two, "two");
    pg_server_exec("CREATE TABLE orders (id int8 PRIMARY KEY, n int4)");
}

MR_TEARDOWN
{
    pg_server_hold_end();
    pg_fixture_close(&one);
    pg_fixture_close(&two);
}

static void ready(struct pg_fixture *f, const char *values)
{
    pg_fixture_claim(f, 1);
    pg_fixture_table(f, "orders", "id", NULL);
    pg_rows_put(&f->rows, values);
}

static struct mr_claim claim_of(const char *stream, int32_t partition, int64_t start)
{
    struct mr_claim claim = {.start_offset = start, .start_leader_epoch = 4};
    (void)snprintf(claim.position.stream, sizeof claim.position.stream, "%s", stream);
    (void)snprintf(claim.position.stream_id, sizeof claim.position.stream_id, "id-%s", stream);
    (void)snprintf(claim.position.cluster_id, sizeof claim.position.cluster_id, "k1");
    claim.position.partition = partition;
    claim.position.slots = 1;
    return claim;
}

// K-06
MR_TEST("a first claim stores the start offset, and a later one finds what stands there")
{
    struct mr_claim claims[2] = {claim_of("b", 1, 500), claim_of("a", 0, 0)};
    PG_OK(&one, one.sink->ops->claim(one.sink, claims, 2, &one.err));
    MR_CHECK(!claims[0].found);
    MR_CHECK_INT(claims[0].position.next_offset, 500);
    MR_CHECK_INT(claims[0].position.epoch, 1);
    struct mr_claim again[2] = {claim_of("b", 1, 7), claim_of("a", 0, 7)};
    (void)snprintf(again[0].position.cluster_id, sizeof again[0].position.cluster_id, "k2");
    PG_OK(&two, two.sink->ops->claim(two.sink, again, 2, &two.err));
    MR_CHECK(again[0].found);
    MR_CHECK_INT(again[0].position.next_offset, 500);
    MR_CHECK_INT(again[0].position.epoch, 2);
    MR_CHECK_STR(again[0].position.cluster_id, "k1");
    MR_CHECK_STR(again[0].position.stream_id, "id-b");
    MR_CHECK_INT(again[0].position.leader_epoch, 4);
    MR_CHECK_INT(again[1].position.epoch, 2);
    MR_CHECK_STR(again[1].position.stream, "a");
}

MR_TEST("a claim without a start leaves an absent position absent")
{
    struct mr_claim claims[2] = {claim_of("a", 0, 3), claim_of("a", 1, -1)};
    PG_OK(&one, one.sink->ops->claim(one.sink, claims, 2, &one.err));
    MR_CHECK(!claims[1].found);
    MR_CHECK_STR(pg_server_query("SELECT partition FROM millrace.positions"), "0");
    claims[0].start_offset = -1;
    PG_OK(&one, one.sink->ops->claim(one.sink, claims, 2, &one.err));
    MR_CHECK(claims[0].found);
    MR_CHECK_INT(claims[0].position.next_offset, 3);
}

MR_TEST("positions are read back as they were written")
{
    struct mr_claim claims[2] = {claim_of("b", 1, 500), claim_of("a", 0, 0)};
    struct mr_position *all = NULL;
    size_t n = 0;
    PG_OK(&one, one.sink->ops->claim(one.sink, claims, 2, &one.err));
    PG_OK(&one, one.sink->ops->positions_read(one.sink, &all, &n, &one.err));
    MR_CHECK_U64(n, 2);
    MR_CHECK_STR(all[0].stream, "a");
    MR_CHECK_STR(all[1].stream, "b");
    MR_CHECK_INT(all[1].partition, 1);
    MR_CHECK_INT(all[1].next_offset, 500);
    MR_CHECK_INT(all[1].timestamp_ms, -1);
    MR_CHECK(all[1].updated_ms > 1700000000000);
    MR_CHECK(strncmp(all[1].owner, "one ", 4) == 0);
    free(all);
}

// G-03
MR_TEST("a flush of a former owner is fenced, and leaves nothing")
{
    ready(&one, "1|1");
    ready(&two, "1|2");
    MR_CHECK_INT(pg_fixture_flush(&one), -MR_FENCED);
    MR_CHECK_INT(one.err.class, MR_CLASS_FENCED);
    MR_CHECK_STR(one.err.topic, "t");
    MR_CHECK(strstr(one.err.detail, "under epoch 2") != NULL);
    MR_CHECK_STR(pg_server_query("SELECT count(*) FROM orders"), "0");
    PG_OK(&two, pg_fixture_flush(&two));
    MR_CHECK_STR(pg_server_query("SELECT * FROM orders"), "1|2");
}

// G-03: fenced in the middle, after begin has noted the owner
MR_TEST("a claim between begin and the positions fences the flush")
{
    ready(&one, "1|1");
    PG_OK(&one, pg_fixture_begin(&one));
    PG_OK(&one, pg_fixture_run(&one));
    pg_fixture_claim(&two, 1);
    MR_CHECK_INT(one.session->ops->put_positions(one.session, &one.span, 1, &one.err), -MR_FENCED);
    one.session->ops->rollback(one.session);
    MR_CHECK_STR(pg_server_query("SELECT count(*) FROM orders"), "0");
}

MR_TEST("a flush that starts from another offset than the target holds is fenced")
{
    ready(&one, "1|1");
    one.span.expected = 17;
    MR_CHECK_INT(pg_fixture_flush(&one), -MR_FENCED);
    MR_CHECK(strstr(one.err.detail, "expected next offset 17 under epoch 1, the target holds 0") !=
             NULL);
    MR_CHECK_INT(one.err.offset, 17);
}

MR_TEST("a flush of several spans is fenced by one of them")
{
    struct mr_claim claims[2] = {claim_of("b", 1, 0), claim_of("a", 0, 0)};
    struct mr_span spans[2];
    PG_OK(&one, one.sink->ops->claim(one.sink, claims, 2, &one.err));
    for (int i = 0; i < 2; i++)
        spans[i] = (struct mr_span){.stream = claims[i].position.stream,
                                    .partition = claims[i].position.partition,
                                    .epoch = claims[i].position.epoch,
                                    .next = 5,
                                    .leader_epoch = -1,
                                    .timestamp_ms = -1};
    spans[0].expected = 1;
    const struct mr_sink_ops *ops = one.session->ops;
    PG_OK(&one, ops->begin(one.session, NULL, 0, spans, 2, &one.err));
    MR_CHECK_INT(ops->put_positions(one.session, spans, 2, &one.err), -MR_FENCED);
    MR_CHECK_STR(one.err.topic, "b");
    ops->rollback(one.session);
    spans[0].expected = 0;
    PG_OK(&one, ops->begin(one.session, NULL, 0, spans, 2, &one.err));
    PG_OK(&one, ops->put_positions(one.session, spans, 2, &one.err));
    PG_OK(&one, ops->commit(one.session, &one.err));
    MR_CHECK_STR(pg_server_query("SELECT topic, next_offset, leader_epoch, record_timestamp FROM "
                                 "millrace.positions ORDER BY 1"),
                 "a|5|4|NULL\nb|5|4|NULL");
}

// R-26, K-06: each element of the arrays meets its own row
MR_TEST("of several positions each keeps its own envelope flag and number of partitions")
{
    struct mr_claim claims[2] = {claim_of("b", 1, 0), claim_of("a", 0, 0)};
    struct mr_span spans[2];
    claims[0].position.topic_partitions = 12;
    claims[1].position.topic_partitions = 3;
    PG_OK(&one, one.sink->ops->claim(one.sink, claims, 2, &one.err));
    for (int i = 0; i < 2; i++)
        spans[i] = (struct mr_span){.stream = claims[i].position.stream,
                                    .partition = claims[i].position.partition,
                                    .epoch = claims[i].position.epoch,
                                    .next = 5,
                                    .leader_epoch = -1,
                                    .timestamp_ms = -1,
                                    .envelope = i == 0};
    const struct mr_sink_ops *ops = one.session->ops;
    PG_OK(&one, ops->begin(one.session, NULL, 0, spans, 2, &one.err));
    PG_OK(&one, ops->put_positions(one.session, spans, 2, &one.err));
    PG_OK(&one, ops->commit(one.session, &one.err));
    MR_CHECK_STR(pg_server_query("SELECT topic, envelope, topic_partitions FROM "
                                 "millrace.positions ORDER BY 1"),
                 "a|f|3\nb|t|12");
    struct mr_claim again[2] = {claim_of("a", 0, 0), claim_of("b", 1, 0)};
    PG_OK(&two, two.sink->ops->claim(two.sink, again, 2, &two.err));
    MR_CHECK(!again[0].position.envelope);
    MR_CHECK_INT(again[0].position.topic_partitions, 3);
    MR_CHECK(again[1].position.envelope);
    MR_CHECK_INT(again[1].position.topic_partitions, 12);
}

MR_TEST("the backend that writes is noted as the owner")
{
    ready(&one, "1|1");
    PG_OK(&one, pg_fixture_flush(&one));
    MR_CHECK_STR(pg_server_query(
                     "SELECT split_part(p.owner, ' ', 1), count(a.pid) FROM millrace.positions p "
                     "LEFT JOIN pg_stat_activity a ON a.pid::text = split_part(p.owner, ' ', 3) "
                     "AND to_char(a.backend_start AT TIME ZONE 'UTC', "
                     "'YYYY-MM-DD\"T\"HH24:MI:SS.US') = split_part(p.owner, ' ', 4) GROUP BY 1"),
                 "one|1");
}

MR_TEST("an owner stalled with the position rows locked is ended by the next claim")
{
    ready(&one, "1|1");
    PG_OK(&one, pg_fixture_begin(&one));
    PG_OK(&one, pg_fixture_run(&one));
    PG_OK(&one, one.session->ops->put_positions(one.session, &one.span, 1, &one.err));
    pg_fixture_claim(&two, 1);
    MR_CHECK_INT(two.claim.position.epoch, 2);
    MR_CHECK_INT(two.claim.position.next_offset, 0);
    MR_CHECK_INT(one.session->ops->commit(one.session, &one.err), -MR_COMMIT_UNKNOWN);
    one.session->ops->rollback(one.session);
    MR_CHECK_STR(pg_server_query("SELECT count(*) FROM orders"), "0");
}

MR_TEST("an owner stalled with rows written is ended after a lock wait of the next flush")
{
    ready(&one, "1|1");
    PG_OK(&one, pg_fixture_begin(&one));
    PG_OK(&one, pg_fixture_run(&one));
    ready(&two, "1|2");
    MR_CHECK_INT(pg_fixture_flush(&two), -MR_DB);
    MR_CHECK_STR(two.err.sqlstate, "55P03");
    MR_CHECK_INT(two.err.class, MR_CLASS_RETRY);
    PG_OK(&two, pg_fixture_flush(&two));
    MR_CHECK_STR(pg_server_query("SELECT * FROM orders"), "1|2");
}

MR_TEST("an owner that lets go in time is left alone")
{
    ready(&one, "1|1");
    PG_OK(&one, pg_fixture_flush(&one));
    ready(&two, "2|2");
    PG_OK(&two, pg_fixture_flush(&two));
    MR_CHECK_INT(pg_fixture_flush(&one), -MR_FENCED); /* by the same, living connection */
    MR_CHECK_STR(one.err.topic, "t");
}

MR_TEST("a lock that no former owner holds ends nobody")
{
    ready(&one, "1|1");
    pg_server_hold("BEGIN; INSERT INTO orders VALUES (1, 9)");
    MR_CHECK_INT(pg_fixture_flush(&one), -MR_DB);
    MR_CHECK_STR(one.err.sqlstate, "55P03");
    MR_CHECK(pg_server_hold_alive());
    pg_server_hold_end();
    pg_server_await("SELECT count(*) FROM pg_locks WHERE relation = 'orders'::regclass", "0");
    PG_OK(&one, pg_fixture_flush(&one));
}

//
MR_TEST("a commit whose answer is lost is unknown, and its position tells that it landed")
{
    struct mr_position *all = NULL;
    size_t n = 0;
    ready(&one, "1|1");
    pg_faults_arm(MR_FAULT_PG_COMMIT_AFTER_SEND);
    MR_CHECK_INT(pg_fixture_flush(&one), -MR_COMMIT_UNKNOWN);
    pg_server_await("SELECT count(*) FROM orders", "1");
    PG_OK(&one, one.sink->ops->positions_read(one.sink, &all, &n, &one.err));
    MR_CHECK_INT(all[0].next_offset, 1);
    free(all);
}

//
MR_TEST("a connection lost before COMMIT leaves nothing, and the flush can be repeated")
{
    ready(&one, "1|1");
    PG_OK(&one, pg_fixture_begin(&one));
    PG_OK(&one, pg_fixture_run(&one));
    PG_OK(&one, one.session->ops->put_positions(one.session, &one.span, 1, &one.err));
    pg_server_exec(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'millrace/shop/one' AND state = 'idle in transaction'");
    MR_CHECK_INT(one.session->ops->commit(one.session, &one.err), -MR_COMMIT_UNKNOWN);
    MR_CHECK_INT(one.err.class, MR_CLASS_RETRY);
    one.session->ops->rollback(one.session);
    MR_CHECK_STR(pg_server_query("SELECT count(*) FROM orders"), "0");
    PG_OK(&one, pg_fixture_flush(&one));
    MR_CHECK_STR(pg_server_query("SELECT * FROM orders"), "1|1");
}

MR_TEST("every cut of the path is one that can be tried again, and nothing is written twice")
{
    static const enum mr_fault_point points[] = {
        MR_FAULT_PG_CONNECT, MR_FAULT_PG_BEGIN,     MR_FAULT_PG_COPY,
        MR_FAULT_PG_MERGE,   MR_FAULT_PG_POSITIONS, MR_FAULT_PG_COMMIT_BEFORE_SEND};
    ready(&one, "1|1");
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        one.session->ops->rollback(one.session);
        pg_fixture_close(&two);
        pg_faults_arm(points[i]);
        if (points[i] == MR_FAULT_PG_CONNECT)
            pg_server_exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                           "WHERE application_name = 'millrace/shop/one'");
        int rc = pg_fixture_flush(&one);
        MR_CHECK(rc == -MR_TARGET_AWAY || rc == -MR_DB);
        MR_CHECK_INT(one.err.class, MR_CLASS_RETRY);
        MR_CHECK_STR(pg_server_query("SELECT count(*) FROM orders"), "0");
    }
    pg_faults_disarm();
    PG_OK(&one, pg_fixture_flush(&one));
    MR_CHECK_STR(pg_server_query("SELECT * FROM orders"), "1|1");
    MR_CHECK_STR(pg_server_query("SELECT next_offset, epoch FROM millrace.positions"), "1|1");
}

MR_TEST("a deferred constraint that fails at COMMIT is a refusal, not a doubt")
{
    pg_server_exec("CREATE TABLE kids (id int8 PRIMARY KEY, parent int8 REFERENCES orders "
                   "DEFERRABLE INITIALLY DEFERRED)");
    pg_fixture_claim(&one, 1);
    pg_fixture_table(&one, "kids", "id", NULL);
    pg_rows_put(&one.rows, "1|77");
    MR_CHECK_INT(pg_fixture_flush(&one), -MR_DB);
    MR_CHECK_STR(one.err.sqlstate, "23503");
    MR_CHECK_STR(one.err.table, "public.kids"); /* the lane's other tables go on */
    MR_CHECK_STR(pg_server_query("SELECT next_offset FROM millrace.positions"), "0");
}

MR_TEST("the function wait_for and the view freshness follow the positions")
{
    ready(&one, "1|1");
    MR_CHECK_STR(pg_server_query("SELECT millrace.wait_for('t', 0, 0, '0 s')"), "f");
    PG_OK(&one, pg_fixture_flush(&one));
    MR_CHECK_STR(pg_server_query("SELECT millrace.wait_for('t', 0, 0, '0 s')"), "t");
    MR_CHECK_STR(pg_server_query("SELECT millrace.wait_for('t', 0, 1, '0 s')"), "f");
    MR_CHECK_STR(pg_server_query("SELECT pipeline, topic, source_time, lag > '50 years' "
                                 "FROM millrace.freshness"),
                 "shop|t|1970-01-01 00:00:01+00|t");
}
