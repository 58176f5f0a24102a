"""Command ``forget``: nothing of a wiped student is left in any file of the class."""

from pathlib import Path

import pytest

from optiwidgets.cli import main
from optiwidgets.hosting.classes.answer_store import AnswerStore, Work
from optiwidgets.hosting.classes.class_store import ClassStore
from optiwidgets.hosting.classes.name_store import NameStore
from optiwidgets.hosting.classes.vote_forms import read_form

ADA, BOB, TWIN = "browser-of-ada", "browser-of-bob", "browser-of-twin"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Folder of a class of three, two with the same name."""
    folder = tmp_path / "class"
    store = ClassStore(folder)
    answers, names = AnswerStore(store), NameStore(store)
    names.ask(True)
    form = {"kind": "choice", "title": "Ship it?", "options": ["yes", "no"]}
    vote = store.add_vote(read_form(form))
    for student, name in ((ADA, "Ada Lovelace"), (BOB, "Bob"), (TWIN, "Bob")):
        names.set(student, name)
        answers.add(student, Work("map.ill", "10_which_metric", "correct", 1, f'"of {student}"'))
        answers.visit(student, "10_which_metric")
        store.add_ballot(vote, student, 0)
    store.close()
    return folder


def found_in(folder: Path, text: str) -> list[str]:
    """Files of a folder that contain a text anywhere."""
    return [path.name for path in folder.iterdir() if text.encode() in path.read_bytes()]


def test_a_student_is_wiped_from_every_file(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert found_in(state, "Ada Lovelace")
    assert main(["forget", "--student", "Ada Lovelace", "--state", str(state)]) == 0
    assert "wiped 1 students, 1 answers, 1 ballots, 0 votes" in capsys.readouterr().out
    assert found_in(state, "Ada") == found_in(state, ADA) == []
    assert found_in(state, BOB)


def test_a_name_of_two_is_refused_and_a_number_names_one(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["forget", "--student", "Bob", "--state", str(state)]) == 2
    assert "'Bob' are the students 2, 3: name one by number" in capsys.readouterr().err
    assert main(["forget", "--student", "2", "--state", str(state)]) == 0
    assert found_in(state, BOB) == []
    assert found_in(state, TWIN)


def test_all_are_wiped_with_logins_and_votes(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["forget", "--all", "--state", str(state)]) == 0
    assert "wiped 3 students, 3 answers, 3 ballots, 1 votes" in capsys.readouterr().out
    texts = ("Ada", "Bob", "browser-of", "map.ill", "Ship it?", "secret")
    assert [text for text in texts if found_in(state, text)] == []
    assert ClassStore(state).number_of("another") == 1


@pytest.mark.parametrize("named", ["Ada", "", "4", "%", "' OR 1=1 --"])
def test_an_unknown_student_is_refused_and_nobody_wiped(
    named: str, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["forget", "--student", named, "--state", str(state)]) == 2
    assert "no student has the name or number" in capsys.readouterr().err
    assert found_in(state, ADA)


def test_a_folder_without_a_class_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["forget", "--all", "--state", str(tmp_path)]) == 2
    assert "has no class" in capsys.readouterr().err
    assert [*tmp_path.iterdir()] == []


def test_a_class_that_is_served_is_left_alone(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ClassStore(state)
    assert main(["forget", "--all", "--state", str(state)]) == 2
    assert "is served already" in capsys.readouterr().err
    store.close()
