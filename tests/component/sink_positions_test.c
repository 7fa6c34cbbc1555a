/* What every kind of sink promises of positions (design.md section 4), and of the target as a
 * whole. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/mr_test.h"
#include "tests/support/sink_cases.h"

MR_SETUP
{
    mr_case_start();
}

MR_TEARDOWN
{
    mr_case_stop();
}

/* ---- positions ---- */

static struct mr_claim claim_of(const char *stream, int32_t partition, int64_t start)
{
    struct mr_claim claim = {.start_offset = start, .start_leader_epoch = 3};
    (void)snprintf(claim.position.stream, sizeof claim.position.stream, "%s", stream);
    (void)snprintf(claim.position.stream_id, sizeof claim.position.stream_id, "topic-id");
    (void)snprintf(claim.position.cluster_id, sizeof claim.position.cluster_id, "cluster");
    claim.position.partition = partition;
    claim.position.slots = 1;
    return claim;
}

static struct mr_span span_of(const struct mr_claim *claim, int64_t next)
{
    return (struct mr_span){.stream = claim->position.stream,
                            .partition = claim->position.partition,
                            .slots = 1,
                            .epoch = claim->position.epoch,
                            .expected = claim->position.next_offset,
                            .next = next,
                            .leader_epoch = 7,
                            .timestamp_ms = 1700000000123};
}

/* A kind may find at begin that it is fenced, or when it moves the position. */
static int move(const struct mr_span *span)
{
    const struct mr_sink_ops *ops = mr_case.f.ops;
    int rc = ops->begin(mr_case.f.session, NULL, 0, span, 1, &mr_case.f.err);
    if (rc == 0)
        rc = ops->put_positions(mr_case.f.session, span, 1, &mr_case.f.err);
    if (rc == 0)
        rc = ops->commit(mr_case.f.session, &mr_case.f.err);
    ops->rollback(mr_case.f.session);
    return rc;
}

static int64_t stored_offset(const char *stream)
{
    struct mr_position *positions;
    size_t n;
    int64_t found = -1;
    MR_CHECK_OK(mr_case.f.ops->positions_read(mr_case.f.sink, &positions, &n, &mr_case.f.err));
    for (size_t i = 0; i < n; i++) {
        if (strcmp(positions[i].stream, stream) == 0)
            found = positions[i].next_offset;
    }
    free(positions);
    return found;
}

MR_CONFORM(claimed,
           "a claim inserts the start only if there is none, and raises the epoch each time")
{
    struct mr_claim first = claim_of("orders", 0, 42);
    MR_CHECK_OK(mr_case.f.ops->claim(mr_case.f.sink, &first, 1, &mr_case.f.err));
    MR_CHECK(!first.found);
    MR_CHECK_INT(first.position.next_offset, 42);
    MR_CHECK_STR(first.position.stream_id, "topic-id");
    struct mr_claim second = claim_of("orders", 0, 0);
    MR_CHECK_OK(mr_case.f.ops->claim(mr_case.f.sink, &second, 1, &mr_case.f.err));
    MR_CHECK(second.found);
    MR_CHECK_INT(second.position.next_offset, 42);
    MR_CHECK(second.position.epoch > first.position.epoch);
    MR_CHECK_INT(second.position.leader_epoch, 3);
}

MR_CONFORM(not_inserted, "a claim without a start inserts nothing")
{
    struct mr_claim claim = claim_of("orders", 0, -1);
    MR_CHECK_OK(mr_case.f.ops->claim(mr_case.f.sink, &claim, 1, &mr_case.f.err));
    MR_CHECK(!claim.found);
    struct mr_position *positions;
    size_t n;
    MR_CHECK_OK(mr_case.f.ops->positions_read(mr_case.f.sink, &positions, &n, &mr_case.f.err));
    free(positions);
    MR_CHECK_U64(n, 0);
}

MR_CONFORM(identity, "a claim tells the ids that are stored, not those it came with")
{
    struct mr_claim claim = claim_of("orders", 0, 1);
    MR_CHECK_OK(mr_case.f.ops->claim(mr_case.f.sink, &claim, 1, &mr_case.f.err));
    claim = claim_of("orders", 0, 1);
    (void)snprintf(claim.position.stream_id, sizeof claim.position.stream_id, "another");
    MR_CHECK_OK(mr_case.f.ops->claim(mr_case.f.sink, &claim, 1, &mr_case.f.err));
    MR_CHECK_STR(claim.position.stream_id, "topic-id");
    MR_CHECK_STR(claim.position.cluster_id, "cluster");
}

static struct mr_position placed_of(const struct mr_claim *claim, int64_t next)
{
    struct mr_position to = claim->position;
    to.next_offset = next;
    to.envelope = true;
    to.topic_partitions = 9;
    (void)snprintf(to.stream_id, sizeof to.stream_id, "made-again");
    (void)snprintf(to.cluster_id, sizeof to.cluster_id, "elsewhere");
    return to;
}

/* G-03 */
MR_CONFORM(placed,
           "a position that is put by hand fences its owner, and is another log's from then on")
{
    const struct mr_sink_ops *ops = mr_case.f.ops;
    struct mr_claim owner = claim_of("orders", 0, 10);
    MR_CHECK_OK(ops->claim(mr_case.f.sink, &owner, 1, &mr_case.f.err));
    struct mr_span first = span_of(&owner, 20);
    MR_CHECK_OK(move(&first));
    struct mr_claim hand = claim_of("orders", 0, 4);
    MR_CHECK_OK(ops->claim(mr_case.f.sink, &hand, 1, &mr_case.f.err));
    struct mr_position to = placed_of(&hand, 4);
    MR_CHECK_OK(ops->place(mr_case.f.sink, &to, 1, &mr_case.f.err));
    struct mr_span late = {.stream = "orders",
                           .slots = 1,
                           .epoch = owner.position.epoch,
                           .expected = 20,
                           .next = 30,
                           .leader_epoch = -1,
                           .timestamp_ms = -1};
    MR_CHECK_INT(move(&late), -MR_FENCED);
    late.expected = 4;
    MR_CHECK_INT(move(&late), -MR_FENCED);
    struct mr_claim next = claim_of("orders", 0, -1);
    MR_CHECK_OK(ops->claim(mr_case.f.sink, &next, 1, &mr_case.f.err));
    MR_CHECK_INT(next.position.next_offset, 4);
    MR_CHECK_STR(next.position.stream_id, "made-again");
    MR_CHECK_STR(next.position.cluster_id, "elsewhere");
    MR_CHECK_INT(next.position.leader_epoch, -1);
    MR_CHECK_INT(next.position.timestamp_ms, -1);
    MR_CHECK_INT(next.position.topic_partitions, 9);
    MR_CHECK(next.position.envelope);
}

/* G-03 */
MR_CONFORM(placed_none, "where one of the positions was claimed again, none of them is put")
{
    const struct mr_sink_ops *ops = mr_case.f.ops;
    struct mr_claim both[] = {claim_of("orders", 0, 10), claim_of("items", 0, 11)};
    MR_CHECK_OK(ops->claim(mr_case.f.sink, both, 2, &mr_case.f.err));
    struct mr_claim again = claim_of("items", 0, -1);
    MR_CHECK_OK(ops->claim(mr_case.f.sink, &again, 1, &mr_case.f.err));
    struct mr_position to[] = {placed_of(&both[0], 1), placed_of(&both[1], 2)};
    MR_CHECK_INT(ops->place(mr_case.f.sink, to, 2, &mr_case.f.err), -MR_FENCED);
    MR_CHECK_INT(stored_offset("orders"), 10);
    MR_CHECK_INT(stored_offset("items"), 11);
    to[1].epoch = again.position.epoch;
    MR_CHECK_OK(ops->place(mr_case.f.sink, to, 2, &mr_case.f.err));
    MR_CHECK_INT(stored_offset("orders"), 1);
    MR_CHECK_INT(stored_offset("items"), 2);
}

/* G-03 */
MR_CONFORM(fenced, "a position moves only for its epoch, and from where it is")
{
    struct mr_claim claim = claim_of("orders", 0, 10);
    MR_CHECK_OK(mr_case.f.ops->claim(mr_case.f.sink, &claim, 1, &mr_case.f.err));
    struct mr_span wrong_epoch = span_of(&claim, 20);
    wrong_epoch.epoch--;
    MR_CHECK_INT(move(&wrong_epoch), -MR_FENCED);
    struct mr_span wrong_offset = span_of(&claim, 20);
    wrong_offset.expected = 11;
    MR_CHECK_INT(move(&wrong_offset), -MR_FENCED);
    MR_CHECK_STR(mr_case.f.err.topic, "orders");
    MR_CHECK_INT(mr_case.f.err.partition, 0);
    MR_CHECK_INT(stored_offset("orders"), 10);
    struct mr_span right = span_of(&claim, 20);
    MR_CHECK_OK(move(&right));
    MR_CHECK_INT(stored_offset("orders"), 20);
    MR_CHECK_INT(move(&right), -MR_FENCED);
}

/* G-01 */
MR_CONFORM(atomic, "rows, dead letters and positions are there together or not at all")
{
    mr_case_make("t", 1);
    struct mr_claim claim = claim_of("orders", 0, 0);
    MR_CHECK_OK(mr_case.f.ops->claim(mr_case.f.sink, &claim, 1, &mr_case.f.err));
    const struct mr_span span = span_of(&claim, 2);
    const struct mr_letter letter = {.stream = "orders",
                                     .partition = 0,
                                     .offset = 1,
                                     .key = {(const uint8_t *)"k", 1},
                                     .value = {NULL, 0},
                                     .headers_json = "[]",
                                     .timestamp_ms = 1700000000123,
                                     .code = "avro.trailing",
                                     .sqlstate = "",
                                     .detail = "bytes left",
                                     .target_table = "t"};
    char sql[256];
    (void)snprintf(sql, sizeof sql, "SELECT topic, \"offset\", value IS NULL, code, state FROM %s",
                   mr_sink_fixture_control(&mr_case.f, "dead_letters"));
    for (int i = 0; i < 2; i++) {
        mr_case_add(1, "one", NULL);
        MR_CHECK_OK(
            mr_case.f.ops->begin(mr_case.f.session, &mr_case.table, 1, &span, 1, &mr_case.f.err));
        MR_CHECK_OK(mr_case_put(MR_PUT_UPSERT));
        MR_CHECK_OK(mr_case.f.ops->put_letters(mr_case.f.session, &letter, 1, &mr_case.f.err));
        MR_CHECK_OK(mr_case.f.ops->put_positions(mr_case.f.session, &span, 1, &mr_case.f.err));
        if (i == 1)
            break;
        mr_case.f.ops->rollback(mr_case.f.session);
        mr_case_rows("");
        MR_CHECK_STR(mr_sink_fixture_query(&mr_case.f, sql), "");
        MR_CHECK_INT(stored_offset("orders"), 0);
    }
    mr_case_commit();
    mr_case_rows("1|one|~\n");
    MR_CHECK_STR(mr_sink_fixture_query(&mr_case.f, sql), mr_case.f.kind == MR_KIND_SQLITE
                                                             ? "orders|1|1|avro.trailing|new\n"
                                                             : "orders|1|t|avro.trailing|new\n");
    MR_CHECK_INT(stored_offset("orders"), 2);
}

MR_CONFORM(read, "all positions of the pipeline are read, with what was stored")
{
    struct mr_claim claims[] = {claim_of("a", 0, 5), claim_of("a", 1, 6), claim_of("b", 0, 7)};
    MR_CHECK_OK(mr_case.f.ops->claim(mr_case.f.sink, claims, 3, &mr_case.f.err));
    const struct mr_span span = span_of(&claims[1], 60);
    MR_CHECK_OK(move(&span));
    struct mr_sink_fixture other = mr_case.f;
    other.opts.pipeline = "other";
    mr_sink_fixture_twin(&other, "two", &mr_case.twin);
    struct mr_claim foreign = claim_of("c", 0, 1);
    MR_CHECK_OK(mr_case.f.ops->claim(mr_case.twin.sink, &foreign, 1, &mr_case.f.err));
    struct mr_position *positions;
    size_t n;
    MR_CHECK_OK(mr_case.f.ops->positions_read(mr_case.f.sink, &positions, &n, &mr_case.f.err));
    MR_CHECK_U64(n, 3);
    MR_CHECK_STR(positions[1].stream, "a");
    MR_CHECK_INT(positions[1].partition, 1);
    MR_CHECK_INT(positions[1].next_offset, 60);
    MR_CHECK_INT(positions[1].leader_epoch, 7);
    MR_CHECK_INT(positions[1].timestamp_ms, 1700000000123);
    MR_CHECK_INT(positions[0].timestamp_ms, -1);
    MR_CHECK(positions[1].updated_ms > 1700000000000);
    MR_CHECK(strstr(positions[1].owner, "one") != NULL);
    MR_CHECK_STR(positions[2].stream, "b");
    free(positions);
}

static struct mr_position stored_position(void)
{
    struct mr_position *positions;
    size_t n;
    MR_CHECK_OK(mr_case.f.ops->positions_read(mr_case.f.sink, &positions, &n, &mr_case.f.err));
    MR_CHECK_U64(n, 1);
    struct mr_position first = positions[0];
    free(positions);
    return first;
}

/* */
MR_CONFORM(envelope, "that a topic carries envelopes is stored with the position and stays")
{
    struct mr_claim claim = claim_of("orders", 0, 0);
    MR_CHECK_OK(mr_case.f.ops->claim(mr_case.f.sink, &claim, 1, &mr_case.f.err));
    MR_CHECK(!claim.position.envelope);
    struct mr_span span = span_of(&claim, 1);
    MR_CHECK_OK(move(&span));
    MR_CHECK(!stored_position().envelope);
    for (int i = 0; i < 2; i++) { /* told by the first flush only */
        span.expected = span.next++;
        span.envelope = i == 0;
        MR_CHECK_OK(move(&span));
        MR_CHECK(stored_position().envelope);
    }
    claim = claim_of("orders", 0, 0);
    MR_CHECK_OK(mr_case.f.ops->claim(mr_case.f.sink, &claim, 1, &mr_case.f.err));
    MR_CHECK(claim.position.envelope);
    MR_CHECK_INT(claim.position.next_offset, 3);
}

/* K-06 */
MR_CONFORM(partitions, "the number of the topic's partitions is that of the row's first claim")
{
    struct mr_claim claim = claim_of("orders", 0, 0);
    claim.position.topic_partitions = 4;
    MR_CHECK_OK(mr_case.f.ops->claim(mr_case.f.sink, &claim, 1, &mr_case.f.err));
    MR_CHECK_INT(claim.position.topic_partitions, 4);
    claim = claim_of("orders", 0, 0);
    claim.position.topic_partitions = 6;
    MR_CHECK_OK(mr_case.f.ops->claim(mr_case.f.sink, &claim, 1, &mr_case.f.err));
    MR_CHECK_INT(claim.position.topic_partitions, 4);
    const struct mr_span span = span_of(&claim, 1);
    MR_CHECK_OK(move(&span));
    MR_CHECK_INT(stored_position().topic_partitions, 4);
}

MR_CONFORM(no_positions, "a fresh target has no positions")
{
    struct mr_position *positions;
    size_t n;
    MR_CHECK_OK(mr_case.f.ops->positions_read(mr_case.f.sink, &positions, &n, &mr_case.f.err));
    MR_CHECK_U64(n, 0);
    free(positions);
}

/* G-03, P-31 */
MR_CONFORM(second_owner, "a second sink's claim fences the first one, whose rows do not land")
{
    mr_case_make("t", 1);
    struct mr_claim claim = claim_of("orders", 0, 0);
    MR_CHECK_OK(mr_case.f.ops->claim(mr_case.f.sink, &claim, 1, &mr_case.f.err));
    mr_sink_fixture_twin(&mr_case.f, "two", &mr_case.twin);
    struct mr_claim taken = claim_of("orders", 0, 0);
    MR_CHECK_OK(mr_case.f.ops->claim(mr_case.twin.sink, &taken, 1, &mr_case.f.err));
    MR_CHECK(taken.found);
    MR_CHECK(taken.position.epoch > claim.position.epoch);
    const struct mr_span span = span_of(&claim, 2);
    mr_case_add(1, "late", NULL);
    const struct mr_sink_ops *ops = mr_case.f.ops;
    int rc = ops->begin(mr_case.f.session, &mr_case.table, 1, &span, 1, &mr_case.f.err);
    if (rc == 0) {
        MR_CHECK_OK(mr_case_put(MR_PUT_UPSERT));
        rc = ops->put_positions(mr_case.f.session, &span, 1, &mr_case.f.err);
    }
    MR_CHECK_INT(rc, -MR_FENCED);
    mr_case.f.ops->rollback(mr_case.f.session);
    mr_case_rows("");
    MR_CHECK_INT(stored_offset("orders"), 0);
}

/* ---- the target ---- */

MR_CONFORM_ALL(setup_again, "setup can be done again, and the target keeps its id")
{
    char again[MR_TARGET_ID_BYTES] = "";
    MR_CHECK_OK(mr_case.f.ops->setup(mr_case.f.sink, again, &mr_case.f.err));
    MR_CHECK_STR(again, mr_case.f.target_id);
    MR_CHECK(again[0] != '\0');
    mr_sink_fixture_twin(&mr_case.f, "two", &mr_case.twin);
    MR_CHECK_STR(mr_case.twin.target_id, mr_case.f.target_id);
    MR_CHECK_OK(mr_case.f.ops->probe(mr_case.f.sink, &mr_case.f.err));
}

MR_CONFORM(newer, "control tables of a newer version are refused and left alone")
{
    char sql[128];
    (void)snprintf(sql, sizeof sql, "UPDATE %s SET schema_version = 1000",
                   mr_sink_fixture_control(&mr_case.f, "meta"));
    mr_sink_fixture_exec(&mr_case.f, sql);
    char id[MR_TARGET_ID_BYTES];
    MR_CHECK_INT(mr_case.f.ops->setup(mr_case.f.sink, id, &mr_case.f.err),
                 -MR_TARGET_CONTROL_NEWER);
    MR_CHECK_INT(mr_case.f.err.class, MR_CLASS_FATAL);
}

MR_CONFORM_ALL(empty_flush, "a flush without rows commits")
{
    MR_CHECK_OK(mr_case.f.ops->begin(mr_case.f.session, NULL, 0, NULL, 0, &mr_case.f.err));
    mr_case_commit();
    mr_case.f.ops->session_idle(mr_case.f.session);
    MR_CHECK_OK(mr_case.f.ops->begin(mr_case.f.session, NULL, 0, NULL, 0, &mr_case.f.err));
    mr_case.f.ops->rollback(mr_case.f.session);
    mr_case.f.ops->rollback(mr_case.f.session);
}

MR_CONFORM_ALL(printed_or_loaded, "each way to put rows is taken by every kind")
{
    mr_case_make("t", 1);
    static const enum mr_put modes[] = {MR_PUT_INSERT, MR_PUT_UPSERT, MR_PUT_UPDATE};
    uint64_t n_done;
    mr_case_begin();
    for (size_t i = 0; i < 3; i++) {
        mr_case_add(1, "one", NULL);
        MR_CHECK_OK(mr_case_put_as(modes[i], mr_case_all_cols, NULL, &n_done));
        MR_CHECK_U64(n_done, 1);
    }
    const struct mr_cell key = MR_INT(1);
    (void)mr_row_build_delete(&mr_case.build, &key);
    MR_CHECK_OK(mr_case_delete(&n_done));
    MR_CHECK_U64(n_done, 1);
    mr_case_commit();
}
