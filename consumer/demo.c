/* Owns the order in which the demo's parts start and end, and its folder. Must not print. */
#include "consumer/demo.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "consumer/status.h"
#include "sinks/reader.h"

#include "base/ban.h"

enum { STOP_TICK_MS = 20 };
static const char default_listen[] = "127.0.0.1:9464";
static const char sqlite_prefix[] = "sqlite:";

/* ---- the folder ---- */

static int folder_make(struct mr_demo *demo, struct mr_err *err)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes the environment */
    const char *base = getenv("TMPDIR");
    char why[64] = "";

    if (base == NULL || *base == '\0')
        base = "/tmp";
    if ((size_t)snprintf(demo->folder, sizeof demo->folder, "%s/millrace-demo-XXXXXX", base) >=
        sizeof demo->folder) {
        demo->folder[0] = '\0';
        return mr_err_set(err, MR_CONFIG_INVALID, "TMPDIR is too long");
    }
    if (mkdtemp(demo->folder) == NULL) {
        (void)strerror_r(errno, why, sizeof why);
        int rc = mr_err_set(err, MR_IO, "no folder %s: %s", demo->folder, why);
        demo->folder[0] = '\0';
        return rc;
    }
    (void)snprintf(demo->config_path, sizeof demo->config_path, "%s/demo.conf", demo->folder);
    return 0;
}

/* Only what lies directly in it: nobody makes folders there. */
static void folder_remove(struct mr_demo *demo)
{
    char path[MR_DEMO_PATH_BYTES + 300];
    struct dirent *entry;
    DIR *dir = demo->folder[0] != '\0' ? opendir(demo->folder) : NULL;

    /* NOLINTNEXTLINE(concurrency-mt-unsafe): of a stream that is ours alone */
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", demo->folder, entry->d_name);
        (void)unlink(path);
    }
    if (dir != NULL)
        (void)closedir(dir);
    if (demo->folder[0] != '\0')
        (void)rmdir(demo->folder);
}

/* ---- the configuration ---- */

static void add_string(struct mr_buf *out, const char *text)
{
    mr_buf_byte(out, '"');
    for (; *text != '\0'; text++)
        mr_buf_fmt(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    mr_buf_byte(out, '"');
}

/* Each run has its own names in a database that lives on: positions of a broker that is gone would
 * halt it, and old rows would be compared. */
static void add_target(struct mr_buf *out, const struct mr_demo *demo)
{
    mr_buf_str(out, "target: { url = ");
    if (demo->opts.target != NULL) {
        add_string(out, demo->opts.target);
    } else {
        struct mr_buf url = MR_BUF_INIT;
        mr_buf_fmt(&url, "%s%s/demo.db", sqlite_prefix, demo->folder);
        add_string(out, mr_buf_cstr(&url));
        mr_buf_release(&url);
    }
    mr_buf_byte(out, ';');
    if (demo->schema[0] != '\0')
        mr_buf_fmt(out, " schema = \"%s\"; control_schema = \"%s\";", demo->schema, demo->schema);
    mr_buf_str(out, " };\n");
}

static int config_write(const struct mr_demo *demo, struct mr_err *err)
{
    struct mr_buf text = MR_BUF_INIT;
    FILE *file = fopen(demo->config_path, "w");

    mr_buf_str(&text, "# Written by `millrace demo` for this run only.\npipeline = \"demo\";\n");
    mr_buf_str(&text, "kafka: { bootstrap_servers = ");
    add_string(&text, mr_demo_broker_bootstrap(demo->broker));
    /* the mock broker answers an empty fetch only when this time is over, also if records come */
    mr_buf_str(&text, "; fetch_wait_max_ms = 10; };\nregistry: { url = ");
    add_string(&text, mr_demo_registry_url(demo->registry));
    mr_buf_str(&text, "; };\n");
    add_target(&text, demo);
    mr_buf_fmt(&text,
               "lanes = 2;\n"
               "tables = ( { topic_regex = \"^shop\\\\.public\\\\.(.*)$\"; table = \"$1\"; } );\n"
               "http: { listen = \"%s\"; };\n"
               "log: { level = \"error\"; };\n",
               default_listen);
    bool ok = file != NULL && mr_buf_ok(&text) && fwrite(text.data, 1, text.len, file) == text.len;
    ok = (file == NULL || fclose(file) == 0) && ok;
    mr_buf_release(&text);
    return ok ? 0 : mr_err_set(err, MR_IO, "%s cannot be written", demo->config_path);
}

/* A file that is there may hold another run's rows, and is not ours to empty. */
static int target_check(struct mr_demo *demo, struct mr_err *err)
{
    const char *target = demo->opts.target;
    struct stat stat_buf;

    if (target == NULL)
        return 0;
    const struct mr_sink_ops *kind = mr_sink_for_url(target, err);
    if (kind == NULL)
        return -(int)MR_CONFIG_INVALID;
    if (kind == &mr_sink_stdout)
        return mr_err_set(err, MR_CONFIG_INVALID,
                          "--target stdout: cannot be compared; name a sqlite: file or a "
                          "postgresql:// database");
    if (kind == &mr_sink_postgresql)
        (void)snprintf(demo->schema, sizeof demo->schema, "millrace_demo_%06llx",
                       (unsigned long long)mr_rng_below(&demo->opts.env.rng, 1 << 24));
    else if (stat(target + sizeof sqlite_prefix - 1, &stat_buf) == 0)
        return mr_err_set(err, MR_CONFIG_INVALID, "%s exists; name a file that does not",
                          target + sizeof sqlite_prefix - 1);
    return 0;
}

/* ---- open ---- */

static int broker_open(struct mr_demo *demo, struct mr_err *err)
{
    const struct mr_demo_broker_opts opts = {.n_brokers = 1, .rebalance_delay_ms = 0};
    int rc = mr_demo_broker_open(&opts, &demo->broker, err);

    for (size_t t = 0; rc == 0 && t < MR_DEMO_N_TABLES; t++)
        rc = mr_demo_broker_topic(demo->broker, mr_demo_tables[t].topic,
                                  mr_demo_tables[t].n_partitions, err);
    return rc;
}

int mr_demo_open(struct mr_demo *demo, const struct mr_demo_opts *opts, struct mr_err *err)
{
    memset(demo, 0, sizeof *demo);
    demo->opts = *opts;
    int rc = target_check(demo, err);
    if (rc == 0)
        rc = folder_make(demo, err);
    if (rc == 0)
        rc = broker_open(demo, err);
    if (rc == 0)
        rc = mr_demo_registry_open(&demo->registry, err);
    if (rc == 0)
        rc = config_write(demo, err);
    return rc;
}

/* The usual port may serve another instance: then any other. */
static int admin_open(struct mr_demo *demo, struct mr_err *err)
{
    const struct mr_http_conf *http = &demo->config->http;

    if (http->listen[0] == '\0')
        return 0;
    int rc = mr_admin_start(&demo->service, http->listen, http->bearer_token, &demo->admin, err);
    if (rc == -MR_IO && strcmp(http->listen, default_listen) == 0)
        rc = mr_admin_start(&demo->service, "127.0.0.1:0", http->bearer_token, &demo->admin, err);
    return rc;
}

int mr_demo_start(struct mr_demo *demo, const struct mr_config *config, struct mr_err *err)
{
    const struct mr_demo_feed_opts feed = {.bootstrap = mr_demo_broker_bootstrap(demo->broker),
                                           .n_records = demo->opts.n_records,
                                           .seed = demo->opts.seed};
    struct mr_service_opts service = {.config = config, .env = demo->opts.env};

    demo->config = config;
    demo->service_made = true;
    service.env.rng = mr_rng_split(&demo->opts.env.rng);
    int rc = mr_demo_feed_open(&feed, &demo->feed, err);
    if (rc == 0)
        rc = mr_service_open(&demo->service, &service, err);
    else
        demo->service_made = false;
    if (rc == 0)
        rc = admin_open(demo, err);
    demo->started_ms = demo->moved_ms = mr_mono_ms(&demo->opts.env);
    if (rc == 0)
        rc = mr_demo_feed_start(demo->feed, &demo->service.partitions, err);
    return rc;
}

/* ---- the load ---- */

static int service_failed(struct mr_demo *demo, struct mr_err *err)
{
    if (mr_service_end(&demo->service) != MR_END_FAILED)
        return mr_err_set(err, MR_BUG, "the service ended before the demo");
    *err = demo->service.poller.failure;
    return -(int)err->code;
}

int mr_demo_poll(struct mr_demo *demo, struct mr_err *err)
{
    struct mr_status status;
    uint64_t now_ms = mr_mono_ms(&demo->opts.env);

    if (mr_service_end(&demo->service) != MR_END_RUNNING)
        return service_failed(demo, err);
    if (mr_demo_feed_failed(demo->feed, err))
        return -(int)err->code;
    if (mr_demo_feed_is_loaded(demo->feed))
        return 1;
    mr_status_read(&demo->service, &status);
    if (status.n_records != demo->seen_records) {
        demo->seen_records = status.n_records;
        demo->moved_ms = now_ms;
    }
    bool stalled = now_ms - demo->moved_ms > MR_DEMO_STALL_MS;
    if (status.n_halted == 0 && !stalled)
        return 0;
    if (status.last_err.code == MR_OK)
        return mr_err_set(err, MR_TARGET_AWAY, "nothing was loaded for %d s",
                          MR_DEMO_STALL_MS / 1000);
    *err = status.last_err;
    return -(int)err->code;
}

/* ---- the verdict ---- */

static int letters_read(struct mr_demo *demo, struct mr_reader *reader,
                        struct mr_demo_letter *letter, uint64_t *n_letters, struct mr_err *err)
{
    static const struct mr_reader_column columns[] = {
        {"topic", false}, {"partition", false}, {"offset", false}, {"code", false}};
    const char *control = demo->config->target.control_schema;
    struct mr_buf table = MR_BUF_INIT;
    const char *const *values = NULL;

    if (demo->schema[0] == '\0')
        mr_buf_fmt(&table, "%s_", control);
    mr_buf_str(&table, "dead_letters");
    const struct mr_reader_query query = {.schema = control,
                                          .table = mr_buf_cstr(&table),
                                          .columns = columns,
                                          .n_columns = sizeof columns / sizeof columns[0],
                                          .n_key = 3};
    *n_letters = 0;
    int rc = mr_reader_begin(reader, &query, err);
    while (rc >= 0 && (rc = mr_reader_next(reader, &values, err)) == 1) {
        if ((*n_letters)++ > 0)
            continue;
        (void)snprintf(letter->place, sizeof letter->place, "%s/%s@%s", values[0], values[1],
                       values[2]);
        (void)snprintf(letter->code, sizeof letter->code, "%s", values[3]);
    }
    mr_buf_release(&table);
    return rc;
}

int mr_demo_judge(struct mr_demo *demo, struct mr_demo_verdict *verdict,
                  struct mr_demo_letter *letter, uint64_t *n_letters, struct mr_err *err)
{
    struct mr_reader *reader = NULL;

    memset(letter, 0, sizeof *letter);
    int rc = mr_reader_open(demo->config->target.url, &demo->opts.env, &reader, err);
    if (rc == 0)
        rc = mr_demo_verify(reader, demo->config->target.schema, mr_demo_feed_model(demo->feed),
                            verdict, err);
    if (rc == 0)
        rc = letters_read(demo, reader, letter, n_letters, err);
    mr_reader_close(reader);
    return rc;
}

/* ---- close ---- */

static void service_stop(struct mr_demo *demo)
{
    struct mr_lock lock;
    struct mr_cond never;

    mr_service_stop(&demo->service);
    mr_lock_init(&lock, 1);
    mr_cond_init(&never);
    mr_lock_take(&lock);
    while (mr_service_end(&demo->service) == MR_END_RUNNING)
        (void)mr_cond_wait(&never, &lock, STOP_TICK_MS);
    mr_lock_drop(&lock);
    mr_cond_release(&never);
    mr_lock_release(&lock);
}

void mr_demo_close(struct mr_demo *demo)
{
    mr_admin_stop(demo->admin);
    mr_demo_feed_close(demo->feed);
    if (demo->service_made) {
        if (demo->service.poller_started)
            service_stop(demo);
        mr_service_close(&demo->service);
    }
    mr_demo_registry_close(demo->registry);
    mr_demo_broker_close(demo->broker);
    folder_remove(demo);
    memset(demo, 0, sizeof *demo);
}
