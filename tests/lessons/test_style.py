"""Form of a lesson: small cells, few words, and all steps of the method."""

from __future__ import annotations

import ast
import copy
import re
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

import optiwidgets as ow
from optiwidgets.grading.questions import QUESTIONS, TEXTS

LESSONS = Path(__file__).parents[2] / "lessons"
BOOKS = {path.stem: path for path in sorted(LESSONS.glob("*.ipynb"))}
MENU, EXPLORER, TALK, LAST = "00_start", "explorer", "87_present", "90_self_check"
TAUGHT = [name for name in BOOKS if name not in (MENU, EXPLORER, TALK)]
PREDICTED = [name for name in TAUGHT if name < "81"]  # later lessons decide or compete instead
NAMES = re.compile(r"explorer|[0-9]{2}_[a-z]+(_[a-z]+)*")
CELLS, CODE_LINES, CELL_LINES, WORDS, LIVE_WORDS, IMPORT_LINES = (15, 20), 60, 12, 600, 150, 4
LIBRARIES = {"optiwidgets", "numpy", "torch", "matplotlib", *sys.stdlib_module_names}
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
LINK = re.compile(r"\[([^]]+)\]\(([^)]+)\)")
MARKUP = re.compile(r"\]\([^)]*\)|<[^>]+>|\{\w+\}")
MINUTES = re.compile(r"\*(\d+) minutes, on the core path\.\*")


def sources(book, kind):
    return [cell.source for cell in book.cells if cell.cell_type == kind]


def prose(book):
    return "\n\n".join(sources(book, "markdown"))


def lines(text):
    return [line for line in text.splitlines() if line.strip()]


def words(text):
    return len(re.findall(r"[^\W_][\w'-]*", MARKUP.sub(" ", text)))


def nodes(book):
    return [node for source in sources(book, "code") for node in ast.walk(ast.parse(source))]


def calls(book, name):
    """List the calls of ``ow.<name>``."""
    found = (node for node in nodes(book) if isinstance(node, ast.Call))
    return [call for call in found if ast.unparse(call.func) == f"ow.{name}"]


def first_text(call):
    argument = call.args[0] if call.args else None
    return str(argument.value) if isinstance(argument, ast.Constant) else ""


def modules(book):
    for node in nodes(book):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."


def keys(book):
    return [key for call in calls(book, "ask") if (key := first_text(call))]


def explanations(book):
    """List the live texts: those of the bank, and those that a cell has itself."""
    bank = [TEXTS.get(first_text(call), "") for call in calls(book, "live")]
    return bank + [first_text(call) for call in calls(book, "Live")]


def stored(name, book):
    """Check that a notebook has no output, as nbstripout leaves it, and a title for the tab."""
    if any(cell.get("outputs") or cell.get("execution_count") for cell in book.cells):
        yield "a cell keeps its output"
    if [cell.id for cell in book.cells] != [str(place) for place in range(len(book.cells))]:
        yield "ids are not 0, 1, 2 .."
    if not book.metadata.get("title"):
        yield "no title in the metadata"
    if not NAMES.fullmatch(name):
        yield f"{name} is not NN_plain_words"


def sizes(name, book):
    code = sources(book, "code")
    folded = name in (MENU, EXPLORER)  # long tables and help are closed when the page opens
    longest = [*code, *([] if folded else sources(book, "markdown"))]
    live = explanations(book)
    least = 0 if name in (MENU, EXPLORER) else CELLS[0]
    if not least <= len(book.cells) <= CELLS[1]:
        yield f"{len(book.cells)} cells"
    if (total := sum(len(lines(source)) for source in code)) > CODE_LINES:
        yield f"{total} lines of code"
    if any(len(lines(source)) > CELL_LINES for source in longest):
        yield f"a cell of more than {CELL_LINES} lines"
    if (total := words(prose(book)) + sum(map(words, live))) > WORDS:
        yield f"{total} words"
    if any(words(text) > LIVE_WORDS for text in live):
        yield f"an explanation of more than {LIVE_WORDS} words"


def code(name, book):
    """Check the code: one short cell imports, nothing is defined, all names are public."""
    imports = [s for s in sources(book, "code") if re.search(r"^(import|from) ", s, re.MULTILINE)]
    if len(imports) != 1 or (name != EXPLORER and len(lines(imports[0])) > IMPORT_LINES):
        yield "not one import cell of 4 lines"
    for module in modules(book):
        if module.split(".")[0] not in LIBRARIES or module.startswith("optiwidgets."):
            yield f"imports {module}"
    for node in nodes(book):
        if isinstance(node, DEFINITIONS):
            yield f"defines a {type(node).__name__}"
        public = not isinstance(node, ast.Attribute) or node.attr in ow.__all__
        if not public and ast.unparse(node.value) == "ow":
            yield f"ow.{node.attr} is not public"
    for key in keys(book):
        if key not in QUESTIONS:
            yield f"no question {key}"
    for key in map(first_text, calls(book, "live")):
        if key not in TEXTS:
            yield f"no live text {key}"


def links(name, book):
    """Check the links: relative names of existing files; the next lesson, and the menu."""
    found = LINK.findall(prose(book))
    for _, target in found:
        if not re.fullmatch(r"\w+\.ipynb", target) or not (LESSONS / target).is_file():
            yield f"{target} does not resolve"
    if name == EXPLORER:
        return
    if len([text for text, _ in found if text.startswith("Next: ")]) != 1:
        yield "not one link to the next"
    if name != MENU and f"{MENU}.ipynb" not in {target for _, target in found}:
        yield "no link back to the menu"


def form(name, book):
    """Check the steps: purpose, predict, see, explain, turn, check, summary."""
    text = prose(book)
    if not text.startswith("# ") and name != EXPLORER:
        yield "no title"
    if name != MENU and re.search(r"^\|", text, re.MULTILINE):
        yield "a table: let the run show it"
    if name not in TAUGHT:
        return
    promised = re.search(r"\*\*After this lesson you can say\*\*\n\n((?:- .+\n)+)", text)
    if not promised or not 1 <= promised[1].count("\n") <= 3:
        yield "not 1 to 3 sentences of what one can say afterwards"
    headings = [line.lstrip("# ") for line in text.splitlines() if line.startswith("## ")]
    wanted = (
        ["In short"] if name not in PREDICTED else ["Predict", "A surprise", "Check", "In short"]
    )
    for start in wanted:
        if not any(heading.startswith(start) for heading in headings):
            yield f"no heading {start}"
    if len(re.findall(r"^\d\. ", text[text.rfind("## In short") :], re.MULTILINE)) != 3:
        yield "not 3 sentences in short"
    if name in PREDICTED and [key.endswith(".predict") for key in keys(book)].count(True) != 1:
        yield "not one prediction"
    if len(keys(book)) - (name in PREDICTED) < 2:
        yield "fewer than 2 checks"
    if not explanations(book):
        yield "no explanation with the learner's own number"


def complaints(name, book):
    rules = (stored, sizes, code, links, form)
    return [said for rule in rules for said in rule(name, book)]


def read(name):
    return nbformat.read(BOOKS[name], as_version=4)


@pytest.mark.parametrize("name", BOOKS)
def test_a_lesson_keeps_to_the_form(name):
    assert complaints(name, read(name)) == []


def edit(place, kind, old, new):
    """Replace text in the nth cell of a type."""

    def plant(book):
        cell = [cell for cell in book.cells if cell.cell_type == kind][place]
        assert old in cell.source
        cell.source = cell.source.replace(old, new)

    return plant


def add(kind, text):
    def plant(book):
        book.cells[-2].source += text
        book.cells[-2].cell_type = kind

    return plant


def set_cell(name, value):
    return lambda book: book.cells[1].update({name: value})


OUTPUT = nbformat.v4.new_output("stream", text="42")
VIOLATIONS = {
    "a cell keeps its output": set_cell("outputs", [OUTPUT]),
    "keeps its output": set_cell("execution_count", 3),
    "ids are not": set_cell("id", "x7f"),
    "no title in the metadata": lambda book: book.metadata.pop("title"),
    "14 cells": lambda book: book.cells.__delitem__(slice(1, len(book.cells) - 13)),
    "21 cells": lambda book: book.cells.extend(book.cells[:1] * (21 - len(book.cells))),
    "lines of code": add("code", "\nsee" * 60),
    "a cell of more than 12 lines": add("code", "\nsee" * 13),
    "words": add("markdown", " word" * 600),
    "an explanation of more than 150 words": add("code", f'\now.Live("{"word " * 151}", see)'),
    "not one import cell": add("code", "\nimport numpy"),
    "imports pandas": edit(0, "code", "import ", "import pandas, "),
    "imports optiwidgets.engine": edit(0, "code", "import ", "import optiwidgets.engine, "),
    "imports .": edit(0, "code", "import optiwidgets", "from . import optiwidgets"),
    "defines a FunctionDef": add("code", "\ndef twice(x): return 2 * x"),
    "defines a Lambda": add("code", "\ntwice = lambda x: 2 * x"),
    "defines a ClassDef": add("code", "\nclass Twice: pass"),
    "ow.hidden is not public": add("code", "\now.hidden"),
    "no question pruning.nothing": add("code", '\now.ask("pruning.nothing")'),
    "no live text pruning.nothing": add("code", '\now.live("pruning.nothing", see)'),
    "99_gone.ipynb does not resolve": add("markdown", "\n[gone](99_gone.ipynb)"),
    "https://example.org does not resolve": add("markdown", "\n[far](https://example.org)"),
    "not one link to the next": edit(-1, "markdown", "Next: ", "Then: "),
    "no link back": edit(-1, "markdown", "(00_start.ipynb)", "(explorer.ipynb)"),
    "no title": edit(0, "markdown", "# ", ""),
    "a table": add("markdown", "\n\n| sparsity | accuracy |\n|---|---|\n| 50 % | 98 % |"),
    "not 1 to 3 sentences": edit(0, "markdown", "- I ", "I "),
    "no heading Predict": edit(1, "markdown", "## Predict", "## Before"),
    "no heading A surprise": edit(2, "markdown", "## A surprise", "## Then"),
    "not 3 sentences in short": edit(-1, "markdown", "3. ", "And: "),
    "not one prediction": edit(2, "code", "pruning.predict", "pruning.cliff"),
    "fewer than 2 checks": lambda book: [c.update(source="see") for c in book.cells if asks(c)],
    "no explanation": lambda book: [c.update(source="see") for c in book.cells if explains(c)],
}


def asks(cell):
    return "ow.ask" in cell.source and ".predict" not in cell.source


def explains(cell):
    return "ow.live" in cell.source


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("said", VIOLATIONS)
def test_a_planted_violation_is_noticed(said):
    book = copy.deepcopy(read("30_pruning"))
    VIOLATIONS[said](book)
    assert any(said in complaint for complaint in complaints("30_pruning", book))


def test_a_name_that_does_not_say_where_it_stands_is_noticed():
    assert "Pruning2 is not NN_plain_words" in complaints("Pruning2", read("30_pruning"))


def gated(book):
    """Tell whether the first explanation is in a part that opens after a prediction."""
    cells = sources(book, "code")
    predicts = next(place for place, cell in enumerate(cells) if '.predict"' in cell)
    explains = [place for place, cell in enumerate(cells) if "ow.live(" in cell]
    opens = "children += (told,)" in cells[predicts] and ", then=" in cells[predicts]
    return min(explains) == predicts and opens


@pytest.mark.parametrize("name", [name for name in PREDICTED if name != "20_confusion_matrix"])
def test_nothing_is_shown_or_explained_before_the_learner_has_committed(name):
    book = read(name)
    assert gated(book)
    cell = next(cell for cell in book.cells if '.predict"' in cell.source)
    cell.source = cell.source.replace("children += (told,)", "session")
    assert not gated(book)


def test_the_core_path_takes_an_hour_and_the_menu_says_so():
    minutes = {name: int(m[1]) for name in TAUGHT if (m := MINUTES.search(prose(read(name))))}
    assert len(minutes) == 8
    assert 50 <= sum(minutes.values()) <= 58  # the start page takes the other two
    rows = re.findall(r"^\| \d \| \[.*\]\((\w+)\.ipynb\) \| (\d+) \|$", prose(read(MENU)), re.M)
    assert {name: int(said) for name, said in rows} == minutes


def test_the_menu_leads_everywhere_and_offers_nine_ways_in():
    text = prose(read(MENU))
    targets = {target.removesuffix(".ipynb") for _, target in LINK.findall(text)}
    assert targets == set(BOOKS) - {MENU}
    ways = re.findall(r"^\| \*\*(\w+)", text, re.MULTILINE)
    assert ways == [
        *("read", "predict", "explore", "inspect", "compare", "break", "decide", "take", "present")
    ]


def test_next_leads_from_the_menu_through_the_core_path_to_the_explorer():
    way, here = [MENU], MENU
    while here != EXPLORER and len(way) < 20:
        here = next(t for said, t in LINK.findall(prose(read(here))) if said.startswith("Next: "))
        way.append(here := here.removesuffix(".ipynb"))
    assert way == [MENU, *sorted(n for n in TAUGHT if MINUTES.search(prose(read(n)))), EXPLORER]
    assert all(before < after for before, after in pairwise(way[:-1]))


def test_a_question_is_asked_once_on_a_page():
    for name in BOOKS:
        assert set(Counter(keys(read(name))).values()) <= {1}


def test_every_lesson_of_the_bank_has_its_page():
    asked = {key.split(".")[0] for name in BOOKS for key in keys(read(name))}
    assert asked == {key.split(".")[0] for key in QUESTIONS}


def test_titles_differ():
    titles = Counter(read(name).metadata.title for name in BOOKS)
    assert set(titles.values()) == {1}
