"""Both targets with what the proof lays into them beforehand: a CHECK that some entries break, a table that gathers
rows that step back, and the sums of entries that were put away."""

import sqlite3

import psycopg

from harness.target import PgTarget, SqliteTarget

MOST_AMOUNT = 1_000_000
ROLE = "loader"
MOST_DEADLOCKS = 20
TABLES = {
    "entries": "id bigint NOT NULL, account bigint NOT NULL, "
               f"amount bigint NOT NULL CHECK (abs(amount) < {MOST_AMOUNT})",
    "accounts": "id bigint PRIMARY KEY, version bigint NOT NULL, balance bigint NOT NULL",
    "items": "id bigint PRIMARY KEY, version bigint NOT NULL, note text",
    "entries_past": "account bigint NOT NULL, n bigint NOT NULL, amount bigint NOT NULL",
    "stepped_back": "what text, id bigint, older bigint, newer bigint",
}
PUT_AWAY = ("INSERT INTO entries_past SELECT account, count(*), sum(amount) FROM entries GROUP BY account",
            "CREATE TABLE past_now AS "
            "SELECT account, sum(n) AS n, sum(amount) AS amount FROM entries_past GROUP BY account",
            "DELETE FROM entries_past", "INSERT INTO entries_past SELECT account, n, amount FROM past_now",
            "DROP TABLE past_now")


class Postgres(PgTarget):
    """The scheduler asks directly and as superuser; the program comes as a role of its own, through the links."""

    def prepare(self, tablespace: str | None) -> None:
        self.run(f"DO $$BEGIN CREATE ROLE {ROLE} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END$$")
        database = self.url.rsplit("/", 1)[1]
        self.run(f'GRANT CREATE, TEMPORARY ON DATABASE "{database}" TO {ROLE}')
        self.run(f"GRANT ALL ON SCHEMA public TO {ROLE}")
        for name, columns in TABLES.items():
            place = f"TABLESPACE {tablespace}" if tablespace and name == "entries" else ""
            self.run(f"CREATE TABLE {name} ({columns}) {place}")
            self.run(f"ALTER TABLE {name} OWNER TO {ROLE}")
        self.run("CREATE FUNCTION note_step() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN "
                 "INSERT INTO stepped_back VALUES (TG_TABLE_NAME, NEW.id, NEW.version, OLD.version); RETURN NEW; END$$")
        self._make_dozing()
        for name in ("accounts", "items"):
            self.run(f"CREATE TRIGGER stepped BEFORE UPDATE ON {name} FOR EACH ROW "
                     "WHEN (NEW.version < OLD.version) EXECUTE FUNCTION note_step()")

    def _make_dozing(self) -> None:
        """Statements on a table that stands in `dozing` take longer than `statement_timeout`."""
        self.run("CREATE TABLE dozing (name text)")
        self.run(f"GRANT SELECT ON dozing TO {ROLE}")
        self.run("CREATE FUNCTION doze() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN "
                 "IF EXISTS (SELECT 1 FROM public.dozing WHERE name = TG_TABLE_NAME) THEN PERFORM pg_sleep(20); "
                 "END IF; RETURN NULL; END$$")
        for name in ("entries", "accounts", "items"):
            self.run(f"CREATE TRIGGER dozes AFTER INSERT ON {name} FOR EACH STATEMENT EXECUTE FUNCTION doze()")

    def all_letters(self) -> list[tuple]:
        return self.query('SELECT topic, partition, "offset", code FROM millrace.dead_letters')

    def put_away(self) -> None:
        with self.link.transaction():
            for statement in (*PUT_AWAY, "TRUNCATE entries"):
                self.link.execute(statement)

    def trial(self, statements: list[str], ask):
        """What `ask` gives after the statements, which are then taken back."""
        with self.link.transaction(force_rollback=True):
            for statement in statements:
                self.link.execute(statement)
            return ask()

    def run(self, statement: str, *args) -> None:
        """Again where the scheduler's statement is the one that a deadlock with the program costs."""
        for _ in range(MOST_DEADLOCKS):
            try:
                super().run(statement, *args)
                return
            except psycopg.errors.DeadlockDetected:
                pass
        super().run(statement, *args)


class Sqlite(SqliteTarget):
    """One file; the scheduler writes to it only while no process has it open."""

    def prepare(self) -> None:
        def steps(link: sqlite3.Connection) -> None:
            for name, columns in TABLES.items():
                link.execute(f"CREATE TABLE {name} ({columns})")
            for name in ("accounts", "items"):
                link.execute(f"CREATE TRIGGER stepped_{name} BEFORE UPDATE ON {name} "
                             "WHEN NEW.version < OLD.version BEGIN "
                             f"INSERT INTO stepped_back VALUES ('{name}', NEW.id, NEW.version, OLD.version); END")
        self._write(steps)

    def _write(self, steps) -> None:
        link = sqlite3.connect(self.path, timeout=30)
        try:
            steps(link)
            link.commit()
        finally:
            link.close()

    def query(self, statement: str, *args) -> list[tuple]:
        try:
            return super().query(statement, *args)
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                return []
            raise

    def value(self, statement: str):
        rows = self.query(statement)
        return rows[0][0] if rows else None

    def all_letters(self) -> list[tuple]:
        return self.query('SELECT topic, partition, "offset", code FROM millrace_dead_letters')

    def put_away(self) -> None:
        def steps(link: sqlite3.Connection) -> None:
            for statement in (*PUT_AWAY, "DELETE FROM entries"):
                link.execute(statement)
        self._write(steps)

    def is_sound(self) -> str:
        """SQLite's own opinion of the file: `ok`."""
        return self.value("PRAGMA integrity_check")

    def close(self) -> None:
        """Each question opens the file anew."""
