"""Command ``optiwidgets forget``: wipes students of a class, their names, answers and votes."""

from __future__ import annotations

import argparse
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optiwidgets.hosting.classes.class_store import ClassStore

KINDS = ("students", "answers", "ballots", "votes")  # tables that are counted


def add_forget(forget: argparse.ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    which = forget.add_mutually_exclusive_group(required=True)
    which.add_argument("--student", metavar="NAME_OR_NUMBER", help="one student of the class")
    which.add_argument("--all", action="store_true", help="the whole class, logins and votes too")
    forget.add_argument(
        "--state", type=Path, metavar="DIR", help="folder of the class, as given to `serve`"
    )
    forget.set_defaults(run=forget_students)


def forget_students(arguments: argparse.Namespace) -> None:
    """Wipe a student, or the whole class, and print the numbers of wiped entries.

    Raises
    ------
    ValueError
        There is no such class or student, or several have this name.
    ClassStateError
        The class is served now.
    """
    from optiwidgets.hosting.classes.answer_store import AnswerStore  # locks of POSIX, on use
    from optiwidgets.hosting.classes.class_store import DATABASE, ClassStore, state_folder
    from optiwidgets.hosting.classes.name_store import NameStore

    folder = arguments.state or state_folder()
    if not (folder / DATABASE).is_file():
        raise ValueError(f"{folder} has no class: name its folder with --state DIR")
    store = ClassStore(folder)
    try:
        AnswerStore(store), NameStore(store)  # their tables, where an older class has none
        before = _counts(store.connection)
        if arguments.all:
            _wipe_all(store)
        else:
            wipe_student(store, arguments.student)
        after = _counts(store.connection)
        _rewrite(store.connection)
    finally:
        store.close()
    wiped = ", ".join(f"{before[kind] - after[kind]:,} {kind}" for kind in KINDS)
    sys.stdout.write(f"{folder}: wiped {wiped}\n")


def wipe_student(store: ClassStore, named: str) -> None:
    """Delete a student by number, or by name, with all that belongs to them.

    Raises
    ------
    ValueError
        There is no such student, or several have this name.
    """
    query = "SELECT id, number FROM students WHERE name = ? OR CAST(number AS TEXT) = ?"
    found = store.connection.execute(query, (named, named)).fetchall()
    if not found:
        raise ValueError(f"no student has the name or number {named!r}")
    if len(found) > 1:
        numbers = ", ".join(str(number) for _, number in sorted(found, key=lambda pair: pair[1]))
        raise ValueError(f"{named!r} are the students {numbers}: name one by number")
    with store.transaction() as connection:  # all that belongs to a student goes with the row
        connection.execute("DELETE FROM students WHERE id = ?", (found[0][0],))


def _wipe_all(store: ClassStore) -> None:
    """Delete the rows of every table, the key of cookies too: all browsers log in anew."""
    tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    with store.transaction() as connection:
        connection.execute("DELETE FROM students")
        for (table,) in connection.execute(tables).fetchall():
            connection.execute(f"DELETE FROM {table}")  # a name of the schema


def _counts(connection: sqlite3.Connection) -> dict[str, Any]:
    return {
        kind: connection.execute(f"SELECT count(*) FROM {kind}").fetchone()[0] for kind in KINDS
    }


def _rewrite(connection: sqlite3.Connection) -> None:
    """Write the file anew without the deleted rows, and empty the log beside it."""
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
