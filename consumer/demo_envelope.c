/* Owns the form of an envelope. Must not decide what changes. */
#include "consumer/demo_envelope.h"

#include "base/ban.h"

enum { US_PER_MS = 1000 };

static void add_member(struct mr_buf *out, const struct mr_demo_column *column, bool first)
{
    mr_buf_fmt(out, "%s\"%s\":", first ? "" : ",", column->name);
}

static void add_unavailable(struct mr_buf *out, const struct mr_demo_column *column)
{
    if (column->nullable)
        mr_buf_str(out, "{\"string\":\"" MR_DEMO_UNAVAILABLE "\"}");
    else
        mr_buf_str(out, "\"" MR_DEMO_UNAVAILABLE "\"");
}

void mr_demo_key_json(const struct mr_demo_table *table, const struct mr_demo_value *values,
                      struct mr_buf *out)
{
    for (uint16_t i = 0; i < table->n_key; i++) {
        mr_buf_str(out, i == 0 ? "{" : "");
        add_member(out, &table->columns[i], i == 0);
        mr_demo_value_json(&table->columns[i], &values[i], out);
    }
    mr_buf_byte(out, '}');
}

static void add_before(struct mr_buf *out, const struct mr_demo_change *change)
{
    const struct mr_demo_table *table = change->table;
    bool first = true;

    mr_buf_str(out, "{\"Value\":{");
    for (uint16_t i = 0; i < table->n_columns; i++) {
        const struct mr_demo_column *column = &table->columns[i];
        struct mr_demo_value filler;
        if (column->since > change->version)
            continue;
        add_member(out, column, first);
        mr_demo_value_filler(column, &filler);
        mr_demo_value_json(
            column, i < table->n_key || table->identity_full ? &change->before[i] : &filler, out);
        first = false;
    }
    mr_buf_str(out, "}}");
}

static void add_after(struct mr_buf *out, const struct mr_demo_change *change)
{
    const struct mr_demo_table *table = change->table;
    bool first = true;

    mr_buf_str(out, "{\"Value\":{");
    for (uint16_t i = 0; i < table->n_columns; i++) {
        const struct mr_demo_column *column = &table->columns[i];
        if (column->since > change->version)
            continue;
        add_member(out, column, first);
        if (change->unavailable != NULL && change->unavailable[i])
            add_unavailable(out, column);
        else
            mr_demo_value_json(column, &change->after[i], out);
        first = false;
    }
    mr_buf_str(out, "}}");
}

void mr_demo_envelope_json(const struct mr_demo_change *change, struct mr_buf *out)
{
    long long ts_ms = (long long)(change->ts_us / US_PER_MS);

    mr_buf_str(out, "{\"before\":");
    if (change->before != NULL)
        add_before(out, change);
    else
        mr_buf_str(out, "null");
    mr_buf_str(out, ",\"after\":");
    if (change->after != NULL)
        add_after(out, change);
    else
        mr_buf_str(out, "null");
    mr_buf_fmt(out,
               ",\"source\":{\"version\":\"3.3.1.Final\",\"connector\":\"postgresql\","
               "\"name\":\"shop\",\"ts_ms\":%lld,\"snapshot\":{\"string\":\"%s\"},"
               "\"db\":\"shop\",\"sequence\":{\"string\":\"[\\\"%llu\\\",\\\"%llu\\\"]\"},"
               "\"schema\":\"public\",\"table\":\"%s\",\"txId\":{\"long\":%llu},"
               "\"lsn\":{\"long\":%llu}},\"op\":\"%c\",\"ts_ms\":{\"long\":%lld}}",
               ts_ms, change->op == 'r' ? "true" : "false", (unsigned long long)change->lsn - 8,
               (unsigned long long)change->lsn, change->table->name,
               (unsigned long long)change->transaction, (unsigned long long)change->lsn, change->op,
               ts_ms + 3);
}
