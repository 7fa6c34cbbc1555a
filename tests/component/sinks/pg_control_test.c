/* The PostgreSQL sink around the flush: control tables, rights, the pool, the catalogue and DDL,
 * against a real server. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/pg_fixture.h"

static struct pg_fixture f;
static struct pg_fixture other;

MR_SETUP
{
    pg_fixture_wipe();
    pg_fixture_open(&f, "one");
}

MR_TEARDOWN
{
    pg_server_hold_end();
    pg_fixture_close(&f);
    pg_fixture_close(&other);
    pg_fixture_wipe();
    pg_server_exec("DROP DATABASE IF EXISTS latin");
    pg_server_exec("DROP ROLE IF EXISTS weak");
}

MR_TEST("setup makes the control tables once and gives the target an id that stays")
{
    char first[MR_TARGET_ID_BYTES];
    char second[MR_TARGET_ID_BYTES];
    PG_OK(&f, f.sink->ops->setup(f.sink, first, &f.err));
    PG_OK(&f, f.sink->ops->setup(f.sink, second, &f.err));
    MR_CHECK_STR(second, first);
    MR_CHECK_U64(strlen(first), 36);
    MR_CHECK_STR(pg_server_query("SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class "
                                 "WHERE relnamespace = 'millrace'::regnamespace AND relkind IN "
                                 "('r', 'v')"),
                 "dead_letters freshness meta positions replayed_letters schema_changes tables "
                 "tombs");
}

// design.md section 4, control tables
MR_TEST("setup completes the control tables of an earlier program with its late tables and indexes")
{
    static const char *const late[] = {"TABLE replayed_letters", "INDEX dead_letters_key",
                                       "INDEX dead_letters_age", "INDEX dead_letters_recent",
                                       "INDEX tombs_age"};
    static const char relations[] =
        "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = "
        "'millrace'::regnamespace";
    char first[MR_TARGET_ID_BYTES];
    char second[MR_TARGET_ID_BYTES];

    PG_OK(&f, f.sink->ops->setup(f.sink, first, &f.err));
    struct mr_buf whole = MR_BUF_INIT;
    mr_buf_str(&whole, pg_server_query(relations));
    for (size_t i = 0; i < sizeof late / sizeof late[0]; i++) {
        const char *name = strchr(late[i], ' ') + 1;
        pg_server_exec("DROP %.5s millrace.%s", late[i], name);
        MR_CHECK(strstr(pg_server_query(relations), name) == NULL);
        PG_OK(&f, f.sink->ops->setup(f.sink, second, &f.err));
        MR_CHECK_STR(second, first);
        MR_CHECK_STR(pg_server_query(relations), mr_buf_cstr(&whole));
    }
    mr_buf_release(&whole);
}

/* Another sink's setup with other options. */
static int setup_as(const char *url, const char *control)
{
    char target_id[MR_TARGET_ID_BYTES];
    pg_fixture_close(&other);
    pg_fixture_opts(&other, "other");
    other.opts.url = url;
    other.opts.control_schema = control;
    PG_OK(&other, mr_sink_postgresql.open(&other.opts, &other.sink, &other.err));
    return other.sink->ops->setup(other.sink, target_id, &other.err);
}

MR_TEST("control tables of a newer program stop this one")
{
    pg_server_exec("UPDATE millrace.meta SET schema_version = 99");
    MR_CHECK_INT(setup_as(pg_server_url(), "millrace"), -MR_TARGET_CONTROL_NEWER);
    MR_CHECK_INT(other.err.class, MR_CLASS_FATAL);
}

//
MR_TEST("without the right to make the control tables the target halts")
{
    pg_server_exec("CREATE ROLE weak LOGIN");
    MR_CHECK_INT(setup_as(pg_server_url_for("weak", "postgres"), "elsewhere"),
                 -MR_TARGET_PRIVILEGE);
    MR_CHECK_INT(other.err.class, MR_CLASS_HALT);
    MR_CHECK_STR(other.err.sqlstate, "42501");
}

//
MR_TEST("an unknown role and an unknown database are told apart from a server that is away")
{
    MR_CHECK_INT(setup_as(pg_server_url_for("nobody", "postgres"), "millrace"), -MR_TARGET_AUTH);
    MR_CHECK_STR(other.err.sqlstate, "28000");
    MR_CHECK_INT(setup_as(pg_server_url_for("postgres", "nowhere"), "millrace"),
                 -MR_TARGET_MISSING);
    MR_CHECK_STR(other.err.sqlstate, "3D000");
    MR_CHECK_INT(setup_as("postgresql:///x?host=/nonexistent", "millrace"), -MR_TARGET_AWAY);
    MR_CHECK_INT(other.err.class, MR_CLASS_RETRY);
}

// I-13
MR_TEST("a database of another encoding is refused")
{
    pg_server_exec("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
    MR_CHECK_INT(setup_as(pg_server_url_for("postgres", "latin"), "millrace"), -MR_TARGET_ENCODING);
    pg_fixture_close(&other);
}

//
MR_TEST("a table that the role may not write halts with target.privilege")
{
    pg_server_exec("CREATE TABLE orders (id int8 PRIMARY KEY); CREATE ROLE weak LOGIN; "
                   "GRANT USAGE ON SCHEMA millrace, public TO weak; "
                   "GRANT ALL ON ALL TABLES IN SCHEMA millrace TO weak");
    pg_fixture_opts(&other, "weak");
    other.opts.url = pg_server_url_for("weak", "postgres");
    pg_fixture_start(&other);
    pg_fixture_claim(&other, 1);
    pg_fixture_table(&other, "orders", "id", NULL);
    pg_rows_put(&other.rows, "1");
    MR_CHECK_INT(pg_fixture_flush(&other), -MR_TARGET_PRIVILEGE);
    MR_CHECK_INT(other.err.class, MR_CLASS_HALT);
}

MR_TEST("the pool opens no more than its maximum and says who waited")
{
    uint32_t idle = 0;
    uint32_t busy = 0;
    uint32_t waiting = 0;
    struct mr_session *sessions[2] = {NULL, NULL};
    pg_fixture_opts(&other, "small");
    other.opts.pool_max = 2;
    pg_fixture_start(&other);
    const struct mr_sink_ops *ops = other.sink->ops;
    for (int i = 0; i < 2; i++) {
        PG_OK(&other, ops->session_open(other.sink, &sessions[i], &other.err));
        PG_OK(&other, ops->begin(sessions[i], NULL, 0, NULL, 0, &other.err));
    }
    ops->stats(other.sink, &idle, &busy, &waiting);
    MR_CHECK_INT(busy, 2);
    MR_CHECK_INT(idle, 0);
    MR_CHECK_INT(ops->probe(other.sink, &other.err), -MR_TARGET_POOL_WAIT);
    MR_CHECK_INT(other.err.class, MR_CLASS_RETRY);
    ops->session_close(sessions[0]);
    PG_OK(&other, ops->probe(other.sink, &other.err));
    ops->session_close(sessions[1]);
    ops->stats(other.sink, &idle, &busy, &waiting);
    MR_CHECK_INT(busy, 0);
    MR_CHECK_INT(idle, 2);
}

MR_TEST("a connection that died in the pool is replaced unseen")
{
    PG_OK(&f, f.sink->ops->probe(f.sink, &f.err));
    pg_server_exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                   "WHERE application_name LIKE 'millrace/%%'");
    pg_server_await("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE "
                    "'millrace/%'",
                    "0");
    PG_OK(&f, f.sink->ops->probe(f.sink, &f.err));
}

MR_TEST("a connection beyond its age goes when its session is idle")
{
    struct mr_clock_fake clock;
    mr_clock_fake_init(&clock, 1000000);
    pg_fixture_opts(&other, "aging");
    other.opts.env.clock = &clock.base;
    pg_fixture_start(&other);
    const struct mr_sink_ops *ops = other.sink->ops;
    PG_OK(&other, ops->begin(other.session, NULL, 0, NULL, 0, &other.err));
    PG_OK(&other, ops->commit(other.session, &other.err));
    const char *count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = "
                        "'millrace/shop/aging'";
    ops->session_idle(other.session);
    MR_CHECK_STR(pg_server_query("%s", count), "1");
    clock.now_us += UINT64_C(3601) * 1000000;
    ops->session_idle(other.session);
    pg_server_await(count, "0");
}

//
MR_TEST("a probe of a read-only server asks to try again")
{
    pg_server_exec("ALTER DATABASE postgres SET default_transaction_read_only = on");
    int rc =
        f.sink->ops->probe(f.sink, &f.err); /* the pooled connection is older than the setting */
    MR_CHECK_OK(rc);
    pg_fixture_opts(&other, "reader");
    PG_OK(&other, mr_sink_postgresql.open(&other.opts, &other.sink, &other.err));
    rc = other.sink->ops->probe(other.sink, &other.err);
    pg_server_exec("SET default_transaction_read_only = off; "
                   "ALTER DATABASE postgres RESET default_transaction_read_only");
    MR_CHECK_INT(rc, -MR_TARGET_AWAY);
    MR_CHECK_INT(other.err.class, MR_CLASS_RETRY);
}

MR_TEST("a session sets what design.md asks for")
{
    const struct mr_sink_ops *ops = f.session->ops;
    PG_OK(&f, ops->begin(f.session, NULL, 0, NULL, 0, &f.err));
    pg_server_exec("CREATE TABLE seen (name text PRIMARY KEY, v text); "
                   "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                   "NEW.v := current_setting(NEW.name); RETURN NEW; END $$; "
                   "CREATE TRIGGER t BEFORE INSERT ON seen FOR EACH ROW EXECUTE FUNCTION note()");
    ops->rollback(f.session);
    pg_fixture_claim(&f, 1);
    pg_fixture_table(&f, "seen", "name", "name");
    static const char *const names[] = {"lock_timeout",
                                        "statement_timeout",
                                        "idle_in_transaction_session_timeout",
                                        "client_connection_check_interval",
                                        "search_path",
                                        "TimeZone",
                                        "client_encoding",
                                        "application_name",
                                        "enable_hashjoin",
                                        "synchronous_commit"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        pg_rows_put(&f.rows, names[i]);
    PG_OK(&f, pg_fixture_flush(&f));
    MR_CHECK_STR(
        pg_server_query("SELECT string_agg(name || '=' || v, ' ' ORDER BY name) FROM seen"),
        "TimeZone=UTC application_name=millrace/shop/one "
        "client_connection_check_interval=2s client_encoding=UTF8 enable_hashjoin=off "
        "idle_in_transaction_session_timeout=45s lock_timeout=500ms search_path=\"$user\", public "
        "statement_timeout=30s synchronous_commit=on");
}

/* ---- the catalogue ---- */

static const struct mr_column *column(const char *name)
{
    int at = mr_table_column(f.table, name);
    MR_CHECK(at >= 0);
    return &f.table->columns[at];
}

MR_TEST("the catalogue gives each column its type, length, precision and defaults")
{
    pg_server_exec(
        "CREATE DOMAIN plain AS varchar(9); CREATE DOMAIN picky AS int4 CHECK (VALUE > 0);"
        "CREATE DOMAIN list AS int4[]; CREATE DOMAIN fine AS int4; CREATE DOMAIN over AS plain; "
        "CREATE DOMAIN above AS over CHECK (VALUE <> ''); CREATE TYPE pair AS (a int4, b text); "
        "CREATE TYPE mood AS ENUM "
        "('sad', 'ok'); CREATE TABLE c (id int8 PRIMARY KEY, "
        "s varchar(5) NOT NULL, c char(3), n numeric(10,2), m numeric, z numeric(5,-2), "
        "ts timestamptz(3), tt timestamp, b bit(8), vb varbit, a int4[], na numeric(4,1)[], "
        "e mood, ea mood[], p plain, q picky, i inet, d int4 DEFAULT 5, "
        "ia inet[], la list, fa fine[], ov over, ab above, oa over[], co pair, "
        "g int4 GENERATED ALWAYS AS (d + 1) STORED, "
        "x int4 GENERATED BY DEFAULT AS IDENTITY, iv int2vector, ch \"char\", na2 name, mo money)");
    pg_fixture_table(&f, "c", "id", NULL);
    MR_CHECK_INT(f.table->n_columns, 31);
    MR_CHECK_INT(column("id")->type.type, MR_T_INT8);
    MR_CHECK(column("id")->not_null);
    MR_CHECK_INT(column("s")->type.length, 5);
    MR_CHECK(column("s")->not_null);
    MR_CHECK_INT(column("c")->type.type, MR_T_BPCHAR);
    MR_CHECK_INT(column("n")->type.precision, 10);
    MR_CHECK_INT(column("n")->type.scale, 2);
    MR_CHECK_INT(column("m")->type.precision, -1);
    MR_CHECK_INT(column("z")->type.scale, -2);
    MR_CHECK_INT(column("ts")->type.type, MR_T_TIMESTAMPTZ);
    MR_CHECK_INT(column("ts")->type.precision, 3);
    MR_CHECK_INT(column("tt")->type.precision, -1);
    MR_CHECK_INT(column("b")->type.length, 8);
    MR_CHECK_INT(column("vb")->type.length, -1);
    MR_CHECK_INT(column("a")->type.type, MR_T_ARRAY);
    MR_CHECK_INT(column("a")->type.elem, MR_T_INT4);
    MR_CHECK_INT(column("a")->type.elem_oid, 23);
    MR_CHECK_INT(column("na")->type.scale, 1);
    MR_CHECK_INT(column("e")->type.type, MR_T_ENUM);
    MR_CHECK_STR(column("e")->type.sql, "public.mood");
    MR_CHECK_INT(column("ea")->type.elem, MR_T_ENUM);
    MR_CHECK_INT(column("p")->type.type, MR_T_VARCHAR);
    MR_CHECK_INT(column("p")->type.length, 9);
    MR_CHECK(column("p")->type.base_sql == NULL);
    MR_CHECK_INT(column("ov")->type.type, MR_T_VARCHAR); /* through both domains */
    MR_CHECK_INT(column("ov")->type.length, 9);
    MR_CHECK(column("ov")->type.base_sql == NULL);
    MR_CHECK_INT(column("ab")->type.length, 9);
    MR_CHECK_STR(column("ab")->type.base_sql, "character varying(9)");
    MR_CHECK_INT(column("oa")->type.elem, MR_T_VARCHAR);
    MR_CHECK_INT(column("oa")->type.length, 9);
    MR_CHECK_INT(column("co")->type.type, MR_T_CAST);
    MR_CHECK(column("co")->type.composite && !column("i")->type.composite);
    MR_CHECK_INT(column("q")->type.type, MR_T_INT4);
    MR_CHECK_STR(column("q")->type.sql, "public.picky");
    MR_CHECK_STR(column("q")->type.base_sql, "integer");
    MR_CHECK_INT(column("i")->type.type, MR_T_CAST);
    MR_CHECK_INT(column("i")->type.length, -1);
    MR_CHECK_INT(column("i")->type.elem, MR_T_NONE);
    for (const char *const *name = (const char *const[]){"ia", "la", "iv", NULL}; *name != NULL;
         name++) {
        MR_CHECK_INT(column(*name)->type.type, MR_T_CAST);
        MR_CHECK_INT(column(*name)->type.elem, MR_T_CAST); /* array literals alone */
    }
    MR_CHECK_INT(column("fa")->type.type, MR_T_ARRAY);
    MR_CHECK_INT(column("fa")->type.elem, MR_T_INT4);
    MR_CHECK(column("fa")->type.elem_oid > 16384); /* the domain's own */
    MR_CHECK_INT(column("ch")->type.length, 1);
    MR_CHECK_INT(column("na2")->type.length, 63);
    MR_CHECK_INT(column("mo")->type.scale, 2);
    MR_CHECK_STR(column("mo")->type.sql, "money");
    MR_CHECK(column("d")->has_default && !column("d")->generated);
    MR_CHECK(column("g")->generated && !column("g")->has_default);
    MR_CHECK(column("x")->has_default && !column("x")->identity_always);
    MR_CHECK_INT(column("iv")->type.type, MR_T_CAST);
    MR_CHECK(!f.table->made_by_us);
}

// V-17
MR_TEST("only indexes that can carry a key count as unique")
{
    pg_server_exec("CREATE TABLE u (gone int4, a int4, b text, c int4 UNIQUE DEFERRABLE, d int4, "
                   "PRIMARY KEY (b, a)); ALTER TABLE u DROP COLUMN gone;"
                   "CREATE UNIQUE INDEX ON u (d) WHERE d > 0; CREATE UNIQUE INDEX ON u (lower(b));"
                   "CREATE UNIQUE INDEX ON u (d) INCLUDE (a); CREATE INDEX ON u (c)");
    pg_fixture_table(&f, "u", "b,a", NULL);
    MR_CHECK_INT(f.table->n_uniques, 2);
    MR_CHECK(f.table->uniques[0].primary);
    MR_CHECK_INT(f.table->uniques[0].n_cols, 2);
    MR_CHECK_INT(f.table->uniques[0].cols[0], 1);
    MR_CHECK_INT(f.table->uniques[0].cols[1], 0);
    MR_CHECK_STR(f.table->uniques[0].eq_ops[0], "OPERATOR(pg_catalog.=)");
    MR_CHECK_INT(f.table->uniques[1].n_cols, 1);
    MR_CHECK_INT(f.table->uniques[1].cols[0], 3);
}

// F-33
MR_TEST("a key that the server compares more loosely than by bytes is noted")
{
    pg_server_exec("CREATE COLLATION public.ci (provider = icu, locale = 'und-u-ks-level2', "
                   "deterministic = false); CREATE TABLE loose (a int4, b text COLLATE public.ci, "
                   "c text, PRIMARY KEY (a, b), UNIQUE (c))");
    pg_fixture_table(&f, "loose", "a,b", NULL);
    MR_CHECK_INT(f.table->n_uniques, 2);
    MR_CHECK_STR(f.table->uniques[0].loose, "b");
    MR_CHECK(f.table->uniques[1].loose == NULL);
}

static int open_rc(const char *name)
{
    mr_table_unref(f.table);
    f.table = NULL;
    return f.sink->ops->table_open(f.sink, "public", name, true, &f.table, &f.err);
}

// I-12, V-18
MR_TEST("views, rules and row security that hide rows are refused when the table is opened")
{
    pg_server_exec("CREATE TABLE t (id int4 PRIMARY KEY); CREATE VIEW v AS SELECT * FROM t; "
                   "CREATE MATERIALIZED VIEW mv AS SELECT * FROM t; "
                   "CREATE TABLE r (id int4); CREATE RULE no AS ON DELETE TO r DO INSTEAD NOTHING; "
                   "CREATE TABLE s (id int4); ALTER TABLE s ENABLE ROW LEVEL SECURITY; "
                   "CREATE ROLE weak LOGIN; GRANT ALL ON s TO weak; "
                   "GRANT USAGE ON SCHEMA millrace TO weak; GRANT SELECT ON millrace.tables, "
                   "millrace.meta TO weak");
    MR_CHECK_INT(open_rc("nothing"), -MR_TARGET_MISSING);
    MR_CHECK_INT(open_rc("v"), -MR_TARGET_VIEW);
    MR_CHECK_INT(open_rc("mv"), -MR_TARGET_VIEW);
    MR_CHECK_INT(open_rc("r"), -MR_TARGET_RLS);
    MR_CHECK_OK(open_rc("s")); /* a superuser sees all rows */
    pg_fixture_opts(&other, "weak");
    other.opts.url = pg_server_url_for("weak", "postgres");
    PG_OK(&other, mr_sink_postgresql.open(&other.opts, &other.sink, &other.err));
    MR_CHECK_INT(other.sink->ops->table_open(other.sink, NULL, "s", true, &other.table, &other.err),
                 -MR_TARGET_RLS);
}

MR_TEST("a table is read once, and again when asked for fresh")
{
    struct mr_table *cached = NULL;
    pg_server_exec("CREATE TABLE t (id int4 PRIMARY KEY)");
    MR_CHECK_OK(open_rc("t"));
    PG_OK(&f, f.sink->ops->table_open(f.sink, NULL, "t", true, &cached, &f.err));
    MR_CHECK(cached != f.table);
    MR_CHECK(mr_table_same(cached, f.table)); /* nothing of it changed */
    mr_table_unref(cached);
    pg_server_exec("ALTER TABLE t ADD COLUMN n int4");
    PG_OK(&f, f.sink->ops->table_open(f.sink, NULL, "t", false, &cached, &f.err));
    MR_CHECK(mr_table_same(cached, f.table)); /* the cache does not look */
    mr_table_unref(cached);
    PG_OK(&f, f.sink->ops->table_open(f.sink, NULL, "t", true, &cached, &f.err));
    MR_CHECK_INT(cached->n_columns, 2);
    MR_CHECK(!mr_table_same(cached, f.table));
    mr_table_unref(cached);
}

// V-13, F-33: rows of two keys must not stand in one batch
MR_TEST("a table whose key was made anew in another order is not the same")
{
    struct mr_table *fresh = NULL;
    pg_server_exec("CREATE TABLE t (a int4, b int4, PRIMARY KEY (a, b))");
    MR_CHECK_OK(open_rc("t"));
    pg_server_exec("ALTER TABLE t DROP CONSTRAINT t_pkey; CREATE UNIQUE INDEX ON t (b, a)");
    MR_CHECK_OK(open_rc("t"));
    pg_server_exec("DROP INDEX t_b_a_idx; CREATE UNIQUE INDEX ON t (a, b)");
    PG_OK(&f, f.sink->ops->table_open(f.sink, NULL, "t", true, &fresh, &f.err));
    MR_CHECK(memcmp(&fresh->version, &f.table->version, sizeof fresh->version) == 0);
    MR_CHECK(!mr_table_same(fresh, f.table));
    mr_table_unref(fresh);
}

/* ---- DDL ---- */

static struct mr_coltype wanted(enum mr_type type)
{
    return (struct mr_coltype){.type = type, .length = -1, .precision = -1};
}

// V-11, section 5
MR_TEST("a table is created with the default types, its key and a note of who made it")
{
    struct mr_shape_column columns[] = {
        {.name = "b", .type = wanted(MR_T_TEXT), .key = true, .not_null = true},
        {.name = "a b", .type = wanted(MR_T_INT8), .key = true, .not_null = true},
        {.name = "n", .type = wanted(MR_T_NUMERIC)},
        {.name = "x", .type = wanted(MR_T_BIT)},
        {.name = "arr", .type = wanted(MR_T_ARRAY)},
        {.name = "ts", .type = wanted(MR_T_TIMESTAMPTZ)},
        {.name = "u", .type = wanted(MR_T_CAST)},
    };
    columns[2].type.precision = 12;
    columns[2].type.scale = 3;
    columns[3].type.length = 5;
    columns[4].type.elem = MR_T_INT4;
    columns[6].type.sql = "inet";
    const uint16_t key[] = {1, 0};
    struct mr_ddl ddl = {MR_DDL_CREATE, columns, 7, key, 2, 0, NULL};
    PG_OK(&f, f.sink->ops->table_apply(f.sink, NULL, "made", &ddl, &f.err));
    PG_OK(&f, f.sink->ops->table_apply(f.sink, NULL, "made", &ddl, &f.err));
    MR_CHECK_STR(
        pg_server_query("SELECT string_agg(attname || ' ' || format_type(atttypid, "
                        "atttypmod) || CASE WHEN attnotnull THEN '!' ELSE '' END, ', ' "
                        "ORDER BY attnum) FROM pg_attribute WHERE attrelid = "
                        "'made'::regclass AND attnum > 0"),
        "b text!, a b bigint!, n numeric(12,3), x bit(5), arr integer[], ts timestamp with "
        "time zone, u inet");
    MR_CHECK_STR(pg_server_query("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE "
                                 "conrelid = 'made'::regclass"),
                 "PRIMARY KEY (\"a b\", b)");
    MR_CHECK_STR(pg_server_query("SELECT schema, name, pipeline, route, created_by_millrace FROM "
                                 "millrace.tables"),
                 "public|made|shop||t");
    MR_CHECK_STR(pg_server_query("SELECT count(*), min(left(statement, 29)) FROM "
                                 "millrace.schema_changes"),
                 "1|CREATE TABLE \"public\".\"made\" ");
    MR_CHECK_OK(open_rc("made"));
    MR_CHECK(f.table->made_by_us);
}

// V-01, V-12
MR_TEST("columns are added, and those that another instance added first are no error")
{
    pg_server_exec("CREATE TABLE t (id int4 PRIMARY KEY, old text)");
    struct mr_shape_column columns[] = {{.name = "old", .type = wanted(MR_T_TEXT)},
                                        {.name = "new", .type = wanted(MR_T_VARCHAR)}};
    columns[1].type.length = 7;
    struct mr_ddl ddl = {.kind = MR_DDL_ADD_COLUMNS, .columns = columns, .n_columns = 2};
    PG_OK(&f, f.sink->ops->table_apply(f.sink, "public", "t", &ddl, &f.err));
    MR_CHECK_OK(open_rc("t"));
    MR_CHECK_INT(f.table->n_columns, 3);
    MR_CHECK_INT(column("new")->type.length, 7);
    MR_CHECK(!f.table->made_by_us);
}

// V-21
MR_TEST("an ALTER that waits for a lock gives up soon, and one without the right halts")
{
    struct mr_shape_column columns[] = {{.name = "new", .type = wanted(MR_T_TEXT)}};
    struct mr_ddl ddl = {.kind = MR_DDL_ADD_COLUMNS, .columns = columns, .n_columns = 1};
    pg_server_exec("CREATE TABLE t (id int4 PRIMARY KEY); CREATE ROLE weak LOGIN; "
                   "GRANT ALL ON SCHEMA millrace, public TO weak; "
                   "GRANT ALL ON ALL TABLES IN SCHEMA millrace TO weak");
    pg_server_hold("BEGIN; LOCK TABLE t IN ROW EXCLUSIVE MODE");
    MR_CHECK_INT(f.sink->ops->table_apply(f.sink, NULL, "t", &ddl, &f.err), -MR_DB);
    MR_CHECK_STR(f.err.sqlstate, "55P03");
    MR_CHECK_INT(f.err.class, MR_CLASS_RETRY);
    MR_CHECK_STR(f.err.table, "public.t");
    pg_server_hold_end();
    pg_fixture_opts(&other, "weak");
    other.opts.url = pg_server_url_for("weak", "postgres");
    pg_fixture_start(&other);
    MR_CHECK_INT(other.sink->ops->table_apply(other.sink, NULL, "t", &ddl, &other.err),
                 -MR_TARGET_PRIVILEGE);
    MR_CHECK_INT(other.sink->ops->table_apply(other.sink, "absent", "t", &ddl, &other.err),
                 -MR_TARGET_MISSING);
}

// design.md section 4, control tables
MR_TEST("a table of another pipeline is refused unless both share it")
{
    pg_server_exec("CREATE TABLE t (id int4 PRIMARY KEY)");
    MR_CHECK_OK(open_rc("t"));
    pg_fixture_opts(&other, "two");
    other.opts.pipeline = "other";
    pg_fixture_start(&other);
    const struct mr_sink_ops *ops = f.sink->ops;
    PG_OK(&f, ops->table_register(f.sink, f.table, "r1", false, &f.err));
    PG_OK(&f, ops->table_register(f.sink, f.table, "r1", true, &f.err));
    MR_CHECK_INT(ops->table_register(other.sink, f.table, "r2", false, &other.err),
                 -MR_TARGET_SHARED);
    MR_CHECK(strstr(other.err.detail, "shop") != NULL);
    PG_OK(&other, ops->table_register(other.sink, f.table, "r2", true, &other.err));
    MR_CHECK_INT(ops->table_register(f.sink, f.table, "r1", false, &f.err), -MR_TARGET_SHARED);
    MR_CHECK_STR(pg_server_query("SELECT pipeline, route, shared FROM millrace.tables ORDER BY 1"),
                 "other|r2|t\nshop|r1|t");
}
