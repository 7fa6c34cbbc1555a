/* `millrace positions list|set|reset`: positions by hand. list asks the target only; set and reset
 * print what they would do, and do it with --yes. They join no group; who owns a position that is
 * put is fenced, and goes on where it was put. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "consumer/cmd/cmd.h"
#include "consumer/placing.h"
#include "consumer/report_positions.h"

#include "base/ban.h"

enum { MAX_PICKS = 1000 };

/* What the words of the command line ask for. */
struct ask {
    enum { ASK_LIST, ASK_SET, ASK_RESET } what;
    struct mr_pick picks[MAX_PICKS];
    size_t n_picks;
    struct mr_place_rule rule;
    bool yes;
    bool json;
};

static int refuse(struct mr_err *err, const char *why)
{
    return mr_err_set(err, MR_CONFIG_USAGE, "%s", why);
}

static int rule_read(const struct mr_cmd_args *args, struct ask *ask, struct mr_err *err)
{
    const char *to = mr_cmd_value(args, "to");
    bool all = mr_cmd_value(args, "all") != NULL;

    ask->yes = mr_cmd_value(args, "yes") != NULL;
    ask->rule.reset = ask->what == ASK_RESET;
    if (ask->what == ASK_LIST)
        return to == NULL && !all && !ask->yes ? 0 : refuse(err, "list takes no option");
    if (all == (ask->n_picks > 0))
        return refuse(err, "name topics, or write --all for each position that is stored");
    if (to == NULL && ask->what == ASK_SET)
        return refuse(err, "set needs --to earliest, latest, an offset or a time");
    return mr_place_rule_parse(to != NULL ? to : "earliest", &ask->rule, err);
}

static int ask_read(const struct mr_cmd_args *args, struct ask *ask, struct mr_err *err)
{
    static const char *const words[] = {"list", "set", "reset"};
    const char *word = args->argc > 0 ? args->argv[0] : "";

    for (ask->what = ASK_LIST; ask->what <= ASK_RESET; ask->what++)
        if (strcmp(words[ask->what], word) == 0)
            break;
    if (ask->what > ASK_RESET)
        return refuse(err, "write positions list, positions set or positions reset");
    if (args->argc - 1 > MAX_PICKS)
        return refuse(err, "too many topics at once");
    for (int i = 1; i < args->argc; i++) {
        int rc = mr_pick_parse(args->argv[i], &ask->picks[ask->n_picks], err);
        if (rc < 0)
            return rc;
        ask->n_picks++;
    }
    ask->json = args->json;
    return rule_read(args, ask, err);
}

/* ---- list ---- */

static void list_print(const struct mr_position *positions, size_t n, struct mr_buf *out)
{
    mr_buf_fmt(out, "%-40s %9s %4s %12s %8s %7s  %s\n", "TOPIC", "PARTITION", "SLOT", "POSITION",
               "EPOCH", "LEADER", "OWNER");
    for (size_t i = 0; i < n; i++) {
        const struct mr_position *p = &positions[i];
        mr_buf_fmt(out, "%-40s %9d %4d %12lld %8lld %7d  %s\n", p->stream, p->partition, p->slot,
                   (long long)p->next_offset, (long long)p->epoch, p->leader_epoch, p->owner);
    }
    mr_buf_fmt(out, "%zu positions\n", n);
}

static int list_run(struct mr_ends *ends, const struct ask *ask, struct mr_buf *out,
                    struct mr_err *err)
{
    struct mr_position *positions = NULL;
    size_t n = 0;
    size_t n_kept = 0;
    int rc = ends->sink->ops->positions_read(ends->sink, &positions, &n, err);

    for (size_t i = 0; rc == 0 && i < n; i++)
        if (mr_pick_meets(ask->picks, ask->n_picks, &positions[i]))
            positions[n_kept++] = positions[i];
    if (rc == 0 && ask->json && mr_report_positions(positions, n_kept, out) < 0)
        rc = mr_err_set(err, MR_NO_MEMORY, "no memory for the positions");
    else if (rc == 0 && !ask->json)
        list_print(positions, n_kept, out);
    free(positions);
    return rc;
}

/* ---- set, reset ---- */

static void placing_print(const struct mr_placing *placing, bool applied, struct mr_buf *out)
{
    for (size_t i = 0; i < placing->n; i++) {
        const struct mr_placement *item = &placing->items[i];
        mr_buf_fmt(out, "%s/%d: ", item->to.stream, item->to.partition);
        if (item->found)
            mr_buf_fmt(out, "%lld", (long long)item->from.next_offset);
        else
            mr_buf_str(out, "no position");
        mr_buf_fmt(out, " -> %lld (the log has %lld to %lld)", (long long)item->to.next_offset,
                   (long long)item->low, (long long)item->high);
        if (item->found && strcmp(item->from.cluster_id, item->to.cluster_id) != 0)
            mr_buf_fmt(out, ", cluster %s -> %s", item->from.cluster_id, item->to.cluster_id);
        if (item->found && strcmp(item->from.stream_id, item->to.stream_id) != 0)
            mr_buf_fmt(out, ", topic id %s -> %s", item->from.stream_id, item->to.stream_id);
        mr_buf_str(out, "\n");
    }
    if (applied)
        mr_buf_fmt(out,
                   "%zu positions put. An instance that runs notices within seconds, or at its "
                   "next batch, and goes on from there one session time-out later.\n",
                   placing->n);
    else
        mr_buf_fmt(out, "%zu positions; nothing was altered: add --yes\n", placing->n);
}

static int placing_run(struct mr_ends *ends, const struct ask *ask, struct mr_buf *out,
                       struct mr_err *err)
{
    struct mr_placing placing = {NULL, 0, 0};
    struct mr_place_wish wish = {ask->picks, ask->n_picks, ask->rule};
    int rc = mr_placing_plan(ends, &wish, &placing, err);

    if (rc == 0 && ask->yes)
        rc = mr_placing_apply(ends, &placing, err);
    if (rc == 0 && ask->json && mr_report_placing(&placing, ask->yes, out) < 0)
        rc = mr_err_set(err, MR_NO_MEMORY, "no memory for the positions");
    else if (rc == 0 && !ask->json)
        placing_print(&placing, ask->yes, out);
    mr_placing_release(&placing);
    return rc;
}

static int ends_run(const struct mr_config *config, const struct ask *ask, struct mr_buf *out,
                    struct mr_err *err)
{
    struct mr_ends ends;
    char target_id[MR_TARGET_ID_BYTES];
    int rc = mr_ends_open(&ends, config, err);

    if (rc == 0 && (ends.sink->ops->caps & MR_SINK_POSITIONS) == 0)
        rc = mr_err_set(err, MR_CONFIG_USAGE,
                        "this target keeps no positions: those of the group at the brokers count, "
                        "and Kafka's own tools set them");
    if (rc == 0)
        rc = ends.sink->ops->setup(ends.sink, target_id, err);
    if (rc == 0 && ask->what != ASK_LIST)
        rc = mr_ends_open_source(&ends, err);
    if (rc == 0)
        rc = ask->what == ASK_LIST ? list_run(&ends, ask, out, err)
                                   : placing_run(&ends, ask, out, err);
    mr_ends_close(&ends);
    return rc;
}

int mr_cmd_positions(const struct mr_cmd_args *args)
{
    struct mr_config *config = NULL;
    struct mr_err err = MR_ERR_INIT;
    struct mr_buf out = MR_BUF_INIT;
    struct ask *ask = calloc(1, sizeof *ask);
    int code = EX_OK;
    int rc = ask != NULL ? ask_read(args, ask, &err)
                         : mr_err_set(&err, MR_NO_MEMORY, "no memory for the command");

    if (rc == 0)
        code = mr_cmd_load(args, &config);
    if (rc == 0 && code == EX_OK) {
        mr_log_setup(MR_ERROR, config->log_format, STDERR_FILENO);
        rc = ends_run(config, ask, &out, &err);
    }
    if (rc < 0)
        code = mr_cmd_fail(&err);
    else if (code == EX_OK)
        code = mr_cmd_write(&out);
    mr_buf_release(&out);
    mr_config_free(config);
    free(ask);
    return code;
}
