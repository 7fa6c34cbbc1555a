/* `millrace dlq` on a SQLite file, with letters of JSON records, so that neither broker nor
 * registry is asked (design.md section 6). With both: tests/integration/test_dead_letters.py. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <sqlite3.h>

#include "schemas/json.h"
#include "tests/support/cmd_call.h"
#include "tests/support/conf_files.h"
#include "tests/support/mr_test.h"

#include "base/ban.h"

enum { MAX_WORDS = 12 };

static struct conf_files conf;
static struct cmd_call call;
static char text[1024];

static int dlq_words(const char *const *words)
{
    const char *all[MAX_WORDS + 4] = {"dlq", "-c", NULL};

    all[2] = conf_files_write(&conf, "dlq.conf", text);
    for (int i = 0; i < MAX_WORDS && words[i] != NULL; i++)
        all[3 + i] = words[i];
    cmd_call_run(&call, all);
    return call.code;
}
#define dlq(...) dlq_words((const char *const[]){__VA_ARGS__, NULL})

static sqlite3 *db_open(void)
{
    sqlite3 *db = NULL;

    MR_CHECK_INT(sqlite3_open(conf_files_db(&conf), &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    return db;
}

static void db_exec(const char *sql)
{
    sqlite3 *db = db_open();
    char *why = NULL;

    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        MR_FAIL("%s: %s", sql, why);
    sqlite3_close(db);
}

/* Rows as "1|a\n". */
static const char *db_rows(const char *sql)
{
    static char rows[4096];
    sqlite3 *db = db_open();
    sqlite3_stmt *stmt = NULL;
    size_t at = 0;

    rows[0] = '\0';
    MR_CHECK_INT(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW)
        for (int i = 0; i < sqlite3_column_count(stmt); i++) {
            const char *value = (const char *)sqlite3_column_text(stmt, i);
            at += (size_t)snprintf(rows + at, sizeof rows - at, "%s%c", value ? value : "~",
                                   i + 1 < sqlite3_column_count(stmt) ? '|' : '\n');
        }
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return rows;
}

static void conf_make(const char *route)
{
    snprintf(text, sizeof text,
             "pipeline = \"p\"; kafka: { bootstrap_servers = \"127.0.0.1:1\"; };\n"
             "target: { url = \"sqlite:%s\"; };\n"
             "tables = ( { topic = \"s.public.t\"; table = \"t\"; value_format = \"json\"; "
             "key_format = \"json\"; %s } );\n",
             conf_files_db(&conf), route);
}

MR_SETUP
{
    conf_files_init(&conf);
    conf_make("");
}

MR_TEARDOWN
{
    conf_files_release(&conf);
}

static void letter(int offset, const char *id, const char *a, const char *code)
{
    char sql[1024];

    snprintf(sql, sizeof sql,
             "INSERT INTO millrace_dead_letters(pipeline, topic, \"partition\", \"offset\", key, "
             "value, headers, code, sqlstate, detail, target_table, attempts, state, created_at, "
             "updated_at) VALUES ('p', 's.public.t', 0, %d, CAST('{\"id\": %s}' AS BLOB), "
             "CAST('{\"id\": %s, \"a\": %s}' AS BLOB), '[]', '%s', '', 'why', 't', 1, 'new', "
             "'2026-01-01 00:00:0%d+00', '2026-01-01 00:00:00+00')",
             offset, id, id, a, code, offset);
    db_exec(sql);
}

/* Tables made, and letters at 1, 2 and 3. */
static void three(void)
{
    MR_CHECK_INT(dlq("list"), EX_OK);
    letter(1, "1", "\"one\"", "db.23505");
    letter(2, "2", "\"two\"", "db.23505");
    letter(3, "\"x\"", "7", "value.invalid");
}

#define STATES                                                                                     \
    "SELECT \"offset\", state, attempts, code FROM millrace_dead_letters ORDER BY \"offset\""

MR_TEST("an empty list has a head and a count, and is an empty array in JSON")
{
    MR_CHECK_INT(dlq("list"), EX_OK);
    MR_CHECK(strncmp(call.out, "ID ", 3) == 0);
    MR_CHECK(strstr(call.out, "\n0 letters\n") != NULL);
    MR_CHECK_INT(dlq("list", "--json"), EX_OK);
    MR_CHECK_STR(call.out, "[]\n");
}

MR_TEST("the list is filtered by topic, reason, state and time, the newest first")
{
    static const struct {
        const char *option, *value, *ids;
    } rows[] = {
        {"--topic", "s.public.t", "321"},
        {"--topic", "s.public.u", ""},
        {"--reason", "db.23505", "21"},
        {"--state", "new", "321"},
        {"--state", "replayed", ""},
        {"--state", "all", "321"},
        {"--limit", "2", "32"},
        {"--since", "2026-01-01T00:00:02Z", "32"},
        {"--until", "2026-01-01T00:00:02Z", "1"},
        {"--since", "1s", ""},
    };

    three();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char ids[16] = "";
        MR_CHECK_INT(dlq("list", rows[i].option, rows[i].value), EX_OK);
        for (const char *line = strchr(call.out, '\n') + 1; *line >= '0' && *line <= '9';
             line = strchr(line, '\n') + 1)
            if (strstr(line, "s.public.t/0@") != NULL && line[1] == ' ')
                strncat(ids, line, line[2] == ' ' ? 1 : 0);
        if (strcmp(ids, rows[i].ids) != 0)
            MR_FAIL("%s %s: %s\n%s", rows[i].option, rows[i].value, ids, call.out);
    }
}

MR_TEST("a letter is shown decoded, or with what is wrong, and one that is not there is missed")
{
    three();
    db_exec("UPDATE millrace_dead_letters SET value = x'7b00' WHERE id = 2");
    MR_CHECK_INT(dlq("show", "1"), EX_OK);
    MR_CHECK(strstr(call.out, "value    {\"id\": 1, \"a\": \"one\"}\n") != NULL);
    MR_CHECK_INT(dlq("show", "2"), EX_OK);
    MR_CHECK(strstr(call.out, "cannot be read: framing.bad_json") != NULL);
    MR_CHECK(strstr(call.out, "0x7b00\n") != NULL);
    MR_CHECK_INT(dlq("show", "9"), EX_DATAERR);
    MR_CHECK_INT(dlq("show"), EX_USAGE);
    MR_CHECK_INT(dlq("show", "1x"), EX_USAGE);
}

MR_TEST("a letter whose headers somebody broke is shown without them, and waits in a replay")
{
    three();
    db_exec("UPDATE millrace_dead_letters SET headers = '{' WHERE id = 1");
    MR_CHECK_INT(dlq("show", "1"), EX_OK);
    MR_CHECK(strstr(call.out, "headers") == NULL);
    MR_CHECK(dlq("replay", "1", "--force") != EX_OK);
    MR_CHECK(strstr(call.out, "0 of 1 letters replayed, 1 wait") != NULL);
}

MR_TEST("letters are exported as lines of JSON")
{
    three();
    MR_CHECK_INT(dlq("export", "--reason", "db.23505"), EX_OK);
    size_t n = 0;
    for (const char *line = call.out; *line != '\0'; line = strchr(line, '\n') + 1) {
        static const struct mr_json_limits limits = {1 << 16, 16, 1000};
        struct mr_json *root = NULL;
        struct mr_err err = MR_ERR_INIT;
        MR_CHECK_OK(mr_json_parse(line, (size_t)(strchr(line, '\n') - line), &limits, &root, &err));
        MR_CHECK(mr_json_find(mr_json_find(root, "value"), "decoded") != NULL);
        mr_json_free(root);
        n++;
    }
    MR_CHECK_U64(n, 2);
}

/* G-01 */
MR_TEST("a replay loads what it can in one go, and keeps the rest with one attempt more")
{
    three();
    db_exec("CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT CHECK (a <> 'two'))");
    MR_CHECK_INT(dlq("replay", "--all", "--force"), EX_DATAERR);
    MR_CHECK(strstr(call.out, "1 of 3 letters replayed, 2 failed again\n") != NULL);
    MR_CHECK_STR(db_rows("SELECT * FROM t"), "1|one\n");
    const char *states = db_rows(STATES);
    MR_CHECK(strncmp(states, "1|replayed|1|db.23505\n2|new|2|db.23514\n3|new|2|", 44) == 0);
    MR_CHECK_STR(db_rows("SELECT count(*) FROM millrace_positions"), "0\n");
    MR_CHECK_INT(dlq("replay", "1", "--force"), EX_OK); /* it is closed */
    MR_CHECK(strstr(call.out, "0 of 0 letters replayed\n") != NULL);
}

MR_TEST("letters of one place are all replayed, the one after the other")
{
    three();
    letter(1, "1", "\"again\"", "db.23505");
    MR_CHECK_INT(dlq("replay", "--reason", "db.23505", "--force", "--json"), EX_OK);
    MR_CHECK(strstr(call.out, "\"found\": 3, \"replayed\": 3, \"failed\": 0") != NULL);
    MR_CHECK_STR(db_rows("SELECT id, a FROM t"), "1|again\n2|two\n");
}

MR_TEST("a replay without a guard is refused unless forced, and one with a guard is not")
{
    three();
    MR_CHECK_INT(dlq("replay", "1"), EX_USAGE);
    MR_CHECK(strstr(call.err, "the route of s.public.t has no guard") != NULL);
    MR_CHECK_STR(db_rows("SELECT count(*) FROM millrace_dead_letters WHERE state = 'new'"), "3\n");
    conf_make("guard = [ \"id\" ];");
    MR_CHECK_INT(dlq("replay", "1"), EX_OK);
    conf_make("strategy = \"append\"; table = \"t2\";");
    MR_CHECK(dlq("replay", "2") != EX_USAGE);
}

MR_TEST("letters of a topic that no route takes wait, and the others go on")
{
    three();
    db_exec("UPDATE millrace_dead_letters SET topic = 'gone' WHERE id = 1");
    MR_CHECK(dlq("replay", "1", "2", "--force") != EX_OK);
    MR_CHECK(strstr(call.out, "1 of 2 letters replayed, 1 wait") != NULL);
    MR_CHECK(strstr(call.out, "no route takes the topic gone") != NULL);
    MR_CHECK_STR(db_rows("SELECT id, a FROM t"), "2|two\n");
}

MR_TEST("a discard closes letters once, of many only with --yes")
{
    three();
    MR_CHECK_INT(dlq("discard"), EX_USAGE);
    MR_CHECK_INT(dlq("discard", "--all"), EX_USAGE);
    MR_CHECK(strstr(call.err, "this discards 3 letters; add --yes") != NULL);
    MR_CHECK_INT(dlq("discard", "1", "2"), EX_OK);
    MR_CHECK(strstr(call.out, "2 of 2 letters discarded\n") != NULL);
    MR_CHECK_INT(dlq("discard", "1"), EX_DATAERR);
    MR_CHECK_INT(dlq("discard", "--all", "--json"), EX_OK); /* one is left */
    MR_CHECK_STR(call.out, "{\"found\": 1, \"discarded\": 1}\n");
    MR_CHECK_STR(db_rows("SELECT count(*) FROM millrace_dead_letters WHERE state = 'discarded' "
                         "AND changed_by LIKE '%@%'"),
                 "3\n");
}

MR_TEST("a purge removes what was closed long ago, and letters that wait only with --yes")
{
    three();
    db_exec("UPDATE millrace_dead_letters SET state = 'replayed' WHERE id = 1");
    MR_CHECK_INT(dlq("purge"), EX_USAGE);
    MR_CHECK_INT(dlq("purge", "--older", "1h", "--state", "all"), EX_USAGE);
    MR_CHECK_INT(dlq("purge", "--older", "1h"), EX_OK);
    MR_CHECK(strstr(call.out, "1 of 1 letters removed\n") != NULL);
    MR_CHECK_INT(dlq("purge", "--older", "36500d", "--state", "all", "--yes"), EX_OK);
    MR_CHECK_STR(db_rows("SELECT count(*) FROM millrace_dead_letters"), "2\n");
    MR_CHECK_INT(dlq("purge", "--older", "1h", "--state", "new", "--yes"), EX_OK);
    MR_CHECK_STR(db_rows("SELECT count(*) FROM millrace_dead_letters"), "0\n");
}

static size_t file_read(const char *name, char *out, size_t cap)
{
    FILE *file = fopen(name, "rb");
    size_t n = 0;

    if (file == NULL)
        return 0;
    n = fread(out, 1, cap, file);
    fclose(file);
    return n;
}

MR_TEST("an export into a file has its name once it is whole")
{
    static char bytes[16384];
    char name[200];
    char part[220];

    snprintf(name, sizeof name, "%s.out", conf_files_db(&conf));
    snprintf(part, sizeof part, "%s.part", name);
    three();
    MR_CHECK_INT(dlq("export", "--format", "avro", "--output", name), EX_OK);
    MR_CHECK_STR(call.out, "");
    size_t n = file_read(name, bytes, sizeof bytes);
    MR_CHECK(n > 1000 && memcmp(bytes, "Obj\1", 4) == 0);
    MR_CHECK_INT(access(part, F_OK), -1);
    MR_CHECK_INT(dlq("export", "--output", name, "--limit", "1"), EX_OK);
    n = file_read(name, bytes, sizeof bytes);
    MR_CHECK(n > 0 && bytes[0] == '{' && bytes[n - 1] == '\n');
    unlink(name);
    MR_CHECK_INT(dlq("export", "--output", "/nowhere/at/all"), EX_IOERR);
    MR_CHECK(strstr(call.err, "/nowhere/at/all.part: ") != NULL);
    MR_CHECK_INT(dlq("export", "--format", "avro", "--output", "/dev/shm"), EX_IOERR);
    MR_CHECK_INT(access("/dev/shm.part", F_OK), -1);
}

MR_TEST("an action that is not there, or an option that it does not take, is told")
{
    MR_CHECK_INT(dlq("lst"), EX_USAGE);
    MR_CHECK(strstr(call.err, "did you mean list?") != NULL);
    MR_CHECK_INT(dlq("list", "--force"), EX_USAGE);
    MR_CHECK(strstr(call.err, "dlq list does not take --force") != NULL);
    MR_CHECK_INT(dlq("list", "--since", "yesterday"), EX_USAGE);
    MR_CHECK_INT(dlq("list", "--state", "old"), EX_USAGE);
    MR_CHECK_INT(dlq("list", "--limit", "0"), EX_USAGE);
    MR_CHECK_INT(dlq("list", "--format", "json"), EX_USAGE);
    MR_CHECK_INT(dlq("export", "--format", "xml"), EX_USAGE);
    MR_CHECK_INT(dlq_words((const char *const[]){NULL}), EX_USAGE);
}

MR_TEST("standard output keeps no letters that could be read")
{
    snprintf(text, sizeof text,
             "pipeline = \"p\"; kafka: { bootstrap_servers = \"127.0.0.1:1\"; };\n"
             "target: { url = \"stdout:\"; };\ntables = ( { topic = \"t\"; } );\n");
    MR_CHECK_INT(dlq("list"), EX_USAGE);
    MR_CHECK(strstr(call.err, "keeps none") != NULL);
}

/* Those of the topic: tests/integration/test_dead_letter_topic_commands.py */
MR_TEST("letters of the table are listed on demand where letters go to a topic")
{
    size_t n = strlen(text);
    snprintf(text + n, sizeof text - n, "dlq: { to = \"topic\"; topic = \"bad\"; };\n");
    MR_CHECK_INT(dlq("list", "-o", "dlq.to=table"), EX_OK);
}
