/* Owns the table of metric families. */
#include "consumer/meters.h"

#include <math.h>

#include "base/ban.h"

static const double seconds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                 0.5,   1,      2.5,   5,    10,    30,   60,  INFINITY};
static const double freshness[] = {0.005, 0.01, 0.02, 0.05, 0.1,  0.25, 0.5,  1,      2.5,
                                   5,     10,   30,   60,   300,  1800, 7200, 86400,  INFINITY};
static const double rows[] = {1,    10,   50,    100,   500,    1000,    2500,
                              5000, 10000, 20000, 50000, 100000, 1000000, INFINITY};

const struct mr_metric_desc mr_meters[MR_N_METERS] = {
    [MR_M_GROUP_LAG] = {"kafka_consumergroup_group_lag",
                        "Records of a partition that are not loaded yet.",
                        MR_GAUGE, {"group", "topic", "partition"}, NULL},
    [MR_M_GROUP_LAG_SECONDS] = {"kafka_consumergroup_group_lag_seconds",
                                "Age of the last loaded record while there is lag, else 0.",
                                MR_GAUGE, {"group", "topic", "partition"}, NULL},
    [MR_M_GROUP_OFFSET] = {"kafka_consumergroup_group_offset",
                           "Next offset to load, as stored in the target.",
                           MR_GAUGE, {"group", "topic", "partition"}, NULL},
    [MR_M_LATEST_OFFSET] = {"kafka_partition_latest_offset",
                            "Next offset that will be written to the partition.",
                            MR_GAUGE, {"group", "topic", "partition"}, NULL},
    [MR_M_RECORDS] = {"millrace_records_total", "Records whose batch was committed, by what they were.",
                      MR_COUNTER, {"topic", "op"}, NULL},
    [MR_M_ROWS_WRITTEN] = {"millrace_rows_written_total", "Rows that committed flushes wrote.",
                           MR_COUNTER, {"table", "op"}, NULL},
    [MR_M_BYTES_CONSUMED] = {"millrace_bytes_consumed_total",
                             "Key and value bytes of committed records.", MR_COUNTER, {NULL}, NULL},
    [MR_M_FLUSH_DURATION] = {"millrace_flush_duration_seconds",
                             "Time from the begin of a flush to its commit.", MR_HISTOGRAM, {NULL},
                             seconds},
    [MR_M_FLUSH_ROWS] = {"millrace_flush_rows", "Records of a flush.", MR_HISTOGRAM, {NULL}, rows},
    [MR_M_FRESHNESS] = {"millrace_freshness_seconds",
                        "From a record's time stamp to its commit in the target.", MR_HISTOGRAM,
                        {NULL}, freshness},
    [MR_M_ERRORS] = {"millrace_errors_total", "Errors by what is done about them and who must act.",
                     MR_COUNTER, {"class", "owner"}, NULL},
    [MR_M_RETRIES] = {"millrace_retries_total", "Repetitions after errors that pass.", MR_COUNTER,
                      {"owner"}, NULL},
    [MR_M_DEAD_LETTERS] = {"millrace_dead_letters_total", "Records put aside.", MR_COUNTER,
                           {"topic", "reason"}, NULL},
    [MR_M_PARTITION_STATE] = {"millrace_partition_state",
                              "1 for the state that an assigned partition is in.", MR_GAUGE,
                              {"topic", "partition", "state"}, NULL},
    [MR_M_POOL_CONNECTIONS] = {"millrace_pool_connections", "Connections to the target.", MR_GAUGE,
                               {"state"}, NULL},
    [MR_M_REGISTRY_REQUESTS] = {"millrace_registry_requests_total",
                                "Requests to the schema registry.", MR_COUNTER,
                                {"registry", "result"}, NULL},
    [MR_M_SCHEMA_DISAGREEMENTS] = {"millrace_schema_disagreements_total",
                                   "Schemas that millrace accepted and avro-c refused "
                                   "(check_with_avro_c).",
                                   MR_COUNTER, {"registry"}, NULL},
    [MR_M_REBALANCES] = {"millrace_rebalances_total", "Changes of the assignment.", MR_COUNTER,
                         {"kind"}, NULL},
    [MR_M_FENCED] = {"millrace_fenced_total", "Batches given up because another owner had the position.",
                     MR_COUNTER, {NULL}, NULL},
    [MR_M_BUILD_INFO] = {"millrace_build_info", "1, with the version.", MR_GAUGE,
                         {"version", "librdkafka"}, NULL},
    [MR_M_RESIDENT_BYTES] = {"process_resident_memory_bytes", "Resident memory.", MR_GAUGE, {NULL},
                             NULL},
    [MR_M_CPU_SECONDS] = {"process_cpu_seconds_total", "User and system time.", MR_GAUGE, {NULL},
                          NULL},
    [MR_M_OPEN_FDS] = {"process_open_fds", "Open file descriptors.", MR_GAUGE, {NULL}, NULL},
    [MR_M_START_TIME] = {"process_start_time_seconds", "Start, Unix time.", MR_GAUGE, {NULL}, NULL},
};
