"""Names of a class's students: nicknames that a teacher may ask for; else numbers alone."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from optiwidgets.hosting.classes.class_store import ClassStore
from optiwidgets.hosting.classes.vote_forms import RefusedError

LONGEST_NAME = 40  # characters
CONTROL = "Cc", "Cs", "Cn", "Zl", "Zp"  # kinds of characters that no name has
TABLES = """
CREATE TABLE IF NOT EXISTS nameless (
  student TEXT PRIMARY KEY REFERENCES students(id) ON DELETE CASCADE
)
"""


def read_name(told: object) -> str:
    """Read a nickname; the empty text declines to give one.

    Raises
    ------
    RefusedError
        It is no text, too long, or has control characters.

    Examples
    --------
    >>> read_name("  Ada "), read_name("")
    ('Ada', '')
    """
    if not isinstance(told, str):
        raise RefusedError("a name is a text")
    name = told.strip()
    if len(name) > LONGEST_NAME:
        raise RefusedError(f"a name has at most {LONGEST_NAME} characters")
    if any(unicodedata.category(each) in CONTROL for each in name):
        raise RefusedError("a name has no control characters")
    return name


class NameStore:
    """Names of students, and the teacher's choice to ask for them.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> store = ClassStore(Path(tempfile.mkdtemp()) / "class")
    >>> names = NameStore(store)
    >>> names.ask(True)
    >>> names.set("a browser", "Ada")
    >>> names.all(), names.is_due("a browser"), names.is_due("another")
    ({'a browser': 'Ada'}, False, True)
    >>> store.close()
    """

    def __init__(self, store: ClassStore) -> None:
        self._store = store
        store.connection.execute(TABLES)

    @property
    def are_asked(self) -> bool:
        """True if the teacher switched names on."""
        query = "SELECT value FROM settings WHERE name = 'names'"
        found = self._store.connection.execute(query).fetchone()
        return bool(found and found[0])

    def ask(self, on: bool) -> None:
        """Switch names on or off; names that were given are kept, and not shown while off."""
        put = "REPLACE INTO settings (name, value) VALUES ('names', ?)"
        self._store.connection.execute(put, (int(on),))

    def is_due(self, student: str) -> bool:
        """Tell whether a student is to be asked: names are on, and none was given or declined."""
        query = (
            "SELECT 1 FROM students WHERE id = ? AND name != '' "
            "UNION SELECT 1 FROM nameless WHERE student = ?"
        )
        answered = self._store.connection.execute(query, (student, student)).fetchone()
        return self.are_asked and answered is None

    def set(self, student: str, name: str) -> None:
        """Write a student's name; the empty one declines."""
        self._store.number_of(student)
        with self._store.transaction() as connection:
            connection.execute("UPDATE students SET name = ? WHERE id = ?", (name, student))
            connection.execute("DELETE FROM nameless WHERE student = ?", (student,))
            if not name:
                connection.execute("INSERT INTO nameless VALUES (?)", (student,))

    def all(self) -> Mapping[str, str]:
        """Return the names by student; none while names are off."""
        rows = self._store.connection.execute("SELECT id, name FROM students WHERE name != ''")
        return dict(rows.fetchall()) if self.are_asked else {}

    def numbers(self) -> Mapping[str, int]:
        """Return the numbers by student."""
        return dict(self._store.connection.execute("SELECT id, number FROM students").fetchall())
