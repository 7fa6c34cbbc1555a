/* Owns the decisions about stored positions. Pure: no thread, source or target in here. */
#include "consumer/protocol/position.h"

#include <inttypes.h>
#include <string.h>

#include "base/fault.h"

#include "base/ban.h"

bool mr_position_added_later(const struct mr_position *stored, size_t n_stored, const char *stream,
                             int32_t partition)
{
    bool topic_known = false;
    int32_t fewest = 0;

    for (size_t i = 0; i < n_stored; i++) {
        if (strcmp(stored[i].stream, stream) != 0)
            continue;
        topic_known = true;
        int32_t n = stored[i].topic_partitions;
        if (n > 0 && (fewest == 0 || n < fewest))
            fewest = n;
    }
    return topic_known && partition >= fewest;
}

int mr_position_start(const struct mr_start_rule *rule, const struct mr_log_facts *log,
                      int64_t *offset, int32_t *leader_epoch, struct mr_err *err)
{
    *leader_epoch = -1;
    /* "earliest" loads all again, which loses nothing; any other rule would step over records */
    if (log->committed >= 0 && log->committed_is_ours && rule->start != MR_START_EARLIEST)
        return mr_err_set(err, MR_SOURCE_POSITION_MISSING,
                          "the group's commit %" PRId64
                          " was made by this pipeline, but the target has "
                          "no position for the partition",
                          log->committed);
    /* a commit of the group shows that the partition is not a new one, whatever the rows tell */
    bool has_commit = rule->start == MR_START_COMMITTED && log->committed >= 0;
    if (rule->added_later && !has_commit) {
        *offset = log->low;
        return 0;
    }
    switch (rule->start) {
    case MR_START_COMMITTED:
        *offset = log->committed >= 0 ? log->committed : log->low;
        if (log->committed >= 0)
            *leader_epoch = log->committed_leader_epoch;
        if (*offset < log->low)
            *offset = log->low; /* retention went on before the first start: nothing was promised */
        return 0;
    case MR_START_EARLIEST:
        *offset = log->low;
        return 0;
    case MR_START_LATEST:
        *offset = log->high;
        return 0;
    case MR_START_TIMESTAMP:
        *offset = log->at_timestamp >= 0 ? log->at_timestamp : log->high;
        return 0;
    }
    return mr_err_set(err, MR_BUG, "unknown start rule %d", (int)rule->start);
}

static bool ids_differ(const char *a, const char *b)
{
    return a != NULL && b != NULL && *a != '\0' && *b != '\0' && strcmp(a, b) != 0;
}

static void id_copy(char *out, size_t cap, const char *id)
{
    size_t len = id != NULL ? strnlen(id, cap - 1) : 0;

    if (len > 0)
        memcpy(out, id, len);
    out[len] = '\0';
}

int mr_position_same_log(const struct mr_position *stored, const struct mr_log_facts *log,
                         struct mr_err *err)
{
    if (ids_differ(stored->cluster_id, log->cluster_id))
        return mr_err_set(err, MR_SOURCE_CLUSTER_CHANGED,
                          "the position belongs to cluster %s, this is %s", stored->cluster_id,
                          log->cluster_id);
    if (ids_differ(stored->stream_id, log->stream_id))
        return mr_err_set(err, MR_SOURCE_TOPIC_RECREATED,
                          "the position belongs to topic id %s, the topic now has %s",
                          stored->stream_id, log->stream_id);
    return 0;
}

static int cut_set(const struct mr_position *stored, const struct mr_log_facts *log,
                   struct mr_err *err)
{
    mr_err_set(err, MR_SOURCE_TRUNCATED,
               "the log does not have the records of leader epoch %" PRId32
               " before the position %" PRId64 " any more, others may have their offsets",
               stored->leader_epoch, stored->next_offset);
    if (log->cut_end >= 0)
        mr_err_set(err, MR_SOURCE_TRUNCATED,
                   "the log does not have the records of leader epoch %" PRId32
                   " from offset %" PRId64 " to the position %" PRId64
                   " any more, others may have their offsets",
                   stored->leader_epoch, log->cut_end, stored->next_offset);
    return -MR_SOURCE_TRUNCATED;
}

int mr_position_check(const struct mr_position *stored, const struct mr_start_rule *rule,
                      const struct mr_log_facts *log, int64_t *offset, struct mr_err *err)
{
    *offset = stored->next_offset;
    int rc = mr_position_same_log(stored, log, err);
    if (rc < 0)
        return rc;
    if (log->is_cut && stored->next_offset == log->cut_at && stored->leader_epoch == log->cut_epoch)
        return cut_set(stored, log, err);
    if (log->low >= 0 && stored->next_offset < log->low) {
        if (rule->continue_on_loss) {
            *offset = log->low;
            return 0;
        }
        return mr_err_set(err, MR_SOURCE_GAP,
                          "offsets %" PRId64 " to %" PRId64 " are lost: the position is %" PRId64
                          ", the log starts at %" PRId64,
                          stored->next_offset, log->low - 1, stored->next_offset, log->low);
    }
    if (log->high >= 0 && stored->next_offset > log->high)
        return mr_err_set(err, MR_SOURCE_TRUNCATED,
                          "the position is %" PRId64 ", the log ends at %" PRId64,
                          stored->next_offset, log->high);
    return 0;
}

static int64_t place_offset(const struct mr_place_rule *rule, const struct mr_log_facts *log)
{
    switch (rule->to) {
    case MR_PLACE_EARLIEST:
        return log->low;
    case MR_PLACE_LATEST:
        return log->high;
    case MR_PLACE_TIMESTAMP:
        return log->at_timestamp >= 0 ? log->at_timestamp : log->high;
    case MR_PLACE_OFFSET:
        break;
    }
    return rule->value;
}

int mr_position_place(const struct mr_place_rule *rule, const struct mr_position *stored,
                      const struct mr_log_facts *log, struct mr_position *out, struct mr_err *err)
{
    int rc = stored != NULL && !rule->reset ? mr_position_same_log(stored, log, err) : 0;
    if (rc < 0)
        return rc;
    int64_t offset = place_offset(rule, log);
    if (offset < log->low || offset > log->high)
        return mr_err_set(err, MR_CONFIG_USAGE,
                          "offset %" PRId64 " is outside of the log, which has %" PRId64
                          " to %" PRId64,
                          offset, log->low, log->high);
    out->next_offset = offset;
    out->leader_epoch = -1;
    out->timestamp_ms = -1;
    if (rule->reset || stored == NULL) {
        out->envelope = false;
        out->topic_partitions = log->n_partitions;
    }
    if (rule->reset || *out->stream_id == '\0')
        id_copy(out->stream_id, sizeof out->stream_id, log->stream_id);
    if (rule->reset || *out->cluster_id == '\0')
        id_copy(out->cluster_id, sizeof out->cluster_id, log->cluster_id);
    return 0;
}

const struct mr_position *mr_position_of(const struct mr_span *span,
                                         const struct mr_position *stored, size_t n_stored)
{
    for (size_t i = 0; i < n_stored; i++)
        if (stored[i].partition == span->partition && stored[i].slot == span->slot &&
            strcmp(stored[i].stream, span->stream) == 0)
            return &stored[i];
    return NULL;
}

enum mr_settled mr_position_settle(const struct mr_span *spans, size_t n_spans,
                                   const struct mr_position *stored, size_t n_stored)
{
    size_t n_landed = 0;
    size_t n_absent = 0;

    /* One transaction moved all of them or none: a mixture means that somebody else was there. */
    for (size_t i = 0; i < n_spans; i++) {
        const struct mr_position *p = mr_position_of(&spans[i], stored, n_stored);
        if (p == NULL || p->epoch != spans[i].epoch)
            return MR_SETTLED_MOVED;
        if (p->next_offset == spans[i].next)
            n_landed++;
        if (p->next_offset == spans[i].expected)
            n_absent++;
    }
    if (MR_MUTATION(LANDED_IS_ABSENT) && n_landed == n_spans)
        return MR_SETTLED_ABSENT;
    if (n_landed == n_spans || (MR_MUTATION(ABSENT_IS_LANDED) && n_absent == n_spans))
        return MR_SETTLED_LANDED;
    return n_absent == n_spans ? MR_SETTLED_ABSENT : MR_SETTLED_MOVED;
}
