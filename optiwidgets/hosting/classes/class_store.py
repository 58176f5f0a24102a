"""Store of a class: students, votes and ballots in SQLite, committed before acknowledged.

The write-ahead log belongs to the operating system as soon as a transaction is committed, so a
server that is killed loses nothing. A power cut may lose the last second.
"""

from __future__ import annotations

import fcntl
import hmac
import json
import os
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from platformdirs import user_state_path

from optiwidgets.hosting.classes.vote_forms import ROUNDS, Vote, VoteForm

DATABASE, LOCK = "class.sqlite", "lock"  # files of a state folder
SECRET_BYTES = 32
PRIVATE, OTHERS = 0o700, 0o077  # rights of the folder, and rights that nobody else may have
TABLES = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS teachers (id TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS logged_out (id TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS students (
  id TEXT PRIMARY KEY, number INTEGER NOT NULL UNIQUE, name TEXT NOT NULL DEFAULT '',
  joined REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS votes (
  id INTEGER PRIMARY KEY AUTOINCREMENT, form TEXT NOT NULL, round INTEGER NOT NULL,
  state TEXT NOT NULL, revealed INTEGER NOT NULL DEFAULT 0, opened REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS ballots (
  vote INTEGER NOT NULL REFERENCES votes(id) ON DELETE CASCADE, round INTEGER NOT NULL,
  student TEXT NOT NULL REFERENCES students(id) ON DELETE CASCADE,
  position INTEGER NOT NULL, at REAL NOT NULL, PRIMARY KEY (vote, round, student)
);
"""


class ClassStateError(OSError):
    """Error: the folder of a class cannot be used; the message gives the reason and the remedy."""


def state_folder() -> Path:
    """Return the default folder of a class's state, in the user's own folder for such data."""
    return user_state_path("optiwidgets") / "class"


class ClassStore:
    """Tables of one class in a private folder, held by one process at a time.

    ``connection`` is in autocommit mode and belongs to the thread that made the store; further
    tables of a class use it too, and ``transaction()`` where several statements are one write.

    Parameters
    ----------
    folder
        Folder of the class; created with rights for this user alone.

    Raises
    ------
    ClassStateError
        Other users may enter the folder, another process holds it, or it cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> store = ClassStore(Path(tempfile.mkdtemp()) / "class")
    >>> store.number_of("a browser"), store.number_of("another"), store.number_of("a browser")
    (1, 2, 1)
    >>> store.close()
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self._held = _hold(folder)
            self.connection = sqlite3.connect(folder / DATABASE, isolation_level=None)
            for pragma in ("journal_mode=WAL", "foreign_keys=ON", "secure_delete=ON"):
                self.connection.execute(f"PRAGMA {pragma}")
            self.connection.executescript(TABLES)
        except (OSError, sqlite3.Error) as error:
            if isinstance(error, ClassStateError):
                raise
            raise ClassStateError(f"{folder} cannot keep the class's state ({error})") from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit several statements together, or none of them."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def close(self) -> None:
        """Close the tables and free the folder."""
        self.connection.close()
        os.close(self._held)

    def cookie_key(self, *passwords: str) -> bytes:
        """Return the key (32 bytes) that signs cookies; it depends on the passwords."""
        fresh = (secrets.token_bytes(SECRET_BYTES),)
        add = "INSERT INTO settings VALUES ('secret', ?) ON CONFLICT DO NOTHING"
        self.connection.execute(add, fresh)
        (key,) = self._row("SELECT value FROM settings WHERE name = 'secret'")
        return hmac.digest(key, json.dumps(passwords).encode(), "sha256")

    def teachers(self) -> set[str]:
        """Return the ids of browsers that logged in with the token."""
        return {name for (name,) in self.connection.execute("SELECT id FROM teachers")}

    def add_teacher(self, name: str) -> None:
        """Remember a browser that logged in with the token."""
        self.connection.execute("INSERT INTO teachers VALUES (?) ON CONFLICT DO NOTHING", (name,))

    def logged_out(self) -> set[str]:
        """Return the ids whose sessions were ended: their cookies are worth nothing."""
        return {name for (name,) in self.connection.execute("SELECT id FROM logged_out")}

    def log_out(self, name: str) -> None:
        """Remember an id whose sessions were ended."""
        self.connection.execute("INSERT INTO logged_out VALUES (?) ON CONFLICT DO NOTHING", (name,))

    def number_of(self, student: str) -> int:
        """Return a student's number, 1 for the first; a new id gets the next one."""
        known = self._row("SELECT number FROM students WHERE id = ?", student)
        if known is None:
            add = (
                "INSERT INTO students (id, number, joined) "
                "SELECT ?, coalesce(max(number), 0) + 1, ? FROM students"
            )
            self.connection.execute(add, (student, time.time()))
            known = self._row("SELECT number FROM students WHERE id = ?", student)
        return int(known[0])

    def add_vote(self, form: VoteForm) -> Vote:
        """Open a vote; the one before ends."""
        with self.transaction() as connection:
            connection.execute("UPDATE votes SET state = 'ended' WHERE state != 'ended'")
            add = "INSERT INTO votes (form, round, state, opened) VALUES (?, 1, 'open', ?)"
            added = connection.execute(add, (json.dumps(asdict(form)), time.time()))
        return Vote(int(added.lastrowid or 0), form)

    def set_vote(self, vote: Vote) -> None:
        """Write a vote's round, state, and whether its answer is shown."""
        change = "UPDATE votes SET round = ?, state = ?, revealed = ? WHERE id = ?"
        self.connection.execute(change, (vote.round, vote.state, vote.revealed, vote.id))

    def current_vote(self) -> Vote | None:
        """Return the vote that pages show, if there is one."""
        found = self._row(
            "SELECT id, form, round, state, revealed FROM votes "
            "WHERE state != 'ended' ORDER BY id DESC"
        )
        if found is None:
            return None
        name, form, turn, state, revealed = found
        told = json.loads(form)
        return Vote(
            name,
            VoteForm(**told | {"options": tuple(told["options"])}),
            turn,
            state,
            bool(revealed),
        )

    def add_ballot(self, vote: Vote, student: str, position: int) -> None:
        """Write a student's ballot of the current round, in place of an earlier one."""
        put = (
            "INSERT INTO ballots VALUES (?, ?, ?, ?, ?) ON CONFLICT (vote, round, student) "
            "DO UPDATE SET position = excluded.position, at = excluded.at"
        )
        self.connection.execute(put, (vote.id, vote.round, student, position, time.time()))

    def ballots(self, vote: Vote) -> list[dict[str, int]]:
        """Return the positions by student, for each round."""
        found: list[dict[str, int]] = [{} for _ in range(ROUNDS)]
        rows = "SELECT round, student, position FROM ballots WHERE vote = ?"
        for turn, student, position in self.connection.execute(rows, (vote.id,)):
            found[turn - 1][student] = position
        return found

    def _row(self, query: str, *values: Any) -> Any:
        return self.connection.execute(query, values).fetchone()


def _hold(folder: Path) -> int:
    """Create a private folder and lock it for this process; return the lock's descriptor."""
    folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    rights = folder.stat().st_mode & 0o777
    if rights & OTHERS:
        raise ClassStateError(
            f"{folder} is for the class's answers, and others may enter it (rights {rights:o}); "
            f"make it private (chmod 700 {folder}), or name another folder: --state DIR"
        )
    held = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(held)
        raise ClassStateError(
            f"{folder} is the state of a class that is served already; stop that server, or name "
            "another folder: --state DIR"
        ) from error
    return held
