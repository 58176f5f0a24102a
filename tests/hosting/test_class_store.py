"""Store of a class: a killed server loses nothing, and a folder is private and held once."""

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from optiwidgets.hosting.classes.class_store import ClassStateError, ClassStore
from optiwidgets.hosting.classes.vote_forms import VoteForm

FORM = VoteForm("choice", "Ship it?", ("yes", "no"), truth=1)
VOTERS = """
import sys
from pathlib import Path
from optiwidgets.hosting.classes.class_store import ClassStore
from optiwidgets.hosting.classes.vote_forms import VoteForm

store = ClassStore(Path(sys.argv[1]))
vote = store.add_vote(VoteForm("choice", "Ship it?", ("yes", "no"), truth=1))
for number in range(10**6):
    student = f"student {number}"
    store.number_of(student)
    store.add_ballot(vote, student, number % 2)
    print(number, flush=True)  # acknowledged
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "class"


def test_every_ballot_acknowledged_before_a_kill_is_there_afterwards(folder: Path) -> None:
    voters = subprocess.Popen(
        [sys.executable, "-c", VOTERS, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert voters.stdout
    for line in voters.stdout:
        if int(line) == 50:
            break
    voters.send_signal(signal.SIGKILL)
    said = [int(line) for line in voters.stdout.read().splitlines()]
    voters.stdout.close()
    assert voters.wait() == -signal.SIGKILL
    acknowledged = max([50, *said])
    store = ClassStore(folder)
    vote = store.current_vote()
    assert vote is not None
    assert (vote.form, vote.round, vote.state) == (FORM, 1, "open")
    first, second = store.ballots(vote)
    assert {f"student {i}": i % 2 for i in range(acknowledged + 1)}.items() <= first.items()
    assert second == {}
    assert store.number_of("student 7") == 8  # the same student
    store.close()


def test_a_ballot_of_an_open_vote_is_replaced_and_rounds_are_apart(folder: Path) -> None:
    store = ClassStore(folder)
    store.number_of("ada")
    vote = store.add_vote(FORM)
    for position in (0, 1):
        store.add_ballot(vote, "ada", position)
    second = vote.again()
    store.set_vote(second)
    store.add_ballot(second, "ada", 0)
    assert store.ballots(vote) == [{"ada": 1}, {"ada": 0}]
    assert store.current_vote() == second
    store.add_vote(FORM)
    assert store.connection.execute("SELECT state FROM votes").fetchall() == [("ended",), ("open",)]
    store.close()


def test_a_transaction_that_breaks_leaves_nothing(folder: Path) -> None:
    store = ClassStore(folder)

    def half() -> None:
        with store.transaction() as connection:
            connection.execute("INSERT INTO teachers VALUES ('ada')")
            connection.execute("INSERT INTO teachers VALUES (NULL, NULL)")

    with pytest.raises(sqlite3.OperationalError):
        half()
    assert store.teachers() == set()
    store.close()


def test_cookies_stay_valid_until_a_password_changes(folder: Path) -> None:
    store = ClassStore(folder)
    key = store.cookie_key("token", "password")
    store.add_teacher("ada")
    store.close()
    again = ClassStore(folder)
    assert again.cookie_key("token", "password") == key
    assert again.cookie_key("token", "another") != key
    assert again.cookie_key("tokenpass", "word") != again.cookie_key("token", "password")
    assert again.teachers() == {"ada"}
    again.close()


def test_a_folder_is_private_and_held_by_one_server(folder: Path) -> None:
    store = ClassStore(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    with pytest.raises(ClassStateError, match=r"served already.*--state DIR"):
        ClassStore(folder)
    store.close()
    folder.chmod(0o755)
    with pytest.raises(ClassStateError, match=r"others may enter it \(rights 755\)"):
        ClassStore(folder)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ClassStateError, match="file/class cannot keep the class's state"):
        ClassStore(tmp_path / "file" / "class")
