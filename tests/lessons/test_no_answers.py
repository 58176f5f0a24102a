"""Code cells, which JupyterLab shows, hold no explanation and no answer to the page's questions."""

from __future__ import annotations

import ast
import copy
import io
import re
import tokenize
from pathlib import Path

import nbformat
import pytest

from optiwidgets.grading.checks import Decision, FindRecipe, MultipleChoice, Number, Prediction
from optiwidgets.grading.questions import QUESTIONS, TEXTS, bank_file

LESSONS = Path(__file__).parents[2] / "lessons"
BOOKS = {path.stem: path for path in sorted(LESSONS.glob("*.ipynb"))}
TALK = "87_present"  # its strings are the slides; they are searched for answers all the same
LONGEST = 12  # words of a text in a cell
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:,\d{3})*(?:\.\d+)?(?![\w.]*\d)")
RECIPE_NUMBERS = {"sparsity", "bits", "activation_bits"}


def cells(book):
    return [cell.source for cell in book.cells if cell.cell_type == "code"]


def said(source):
    """Strings and comments of a cell, but keys of questions and texts."""
    tree = ast.parse(source)
    strings = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)]
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = [token.string for token in tokens if token.type == tokenize.COMMENT]
    texts = [each for each in strings if isinstance(each, str)] + comments
    return [text for text in texts if text not in QUESTIONS and text not in TEXTS]


def numbers(source):
    """Numbers of a cell, in its code, its strings and its comments; each as a share too."""
    found = [
        float(n.value)
        for n in ast.walk(ast.parse(source))
        if isinstance(n, ast.Constant) and isinstance(n.value, int | float)
    ]
    return found + [each for text in said(source) for each in numbers_in(text)]


def numbers_in(text):
    return [float(each.replace(",", "")) for each in NUMBER.findall(re.sub("<[^>]+>", " ", text))]


def asked(book):
    """Questions of a page with the place of their cell."""
    for place, source in enumerate(cells(book)):
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "ow.ask":
                key = node.args[0].value
                yield place, QUESTIONS[key]


def recipes(source):
    """Numbers of each recipe in a cell, sparsity in percent."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "ow.Recipe":
            given = {k.arg: k.value.value for k in node.keywords if k.arg in RECIPE_NUMBERS}
            yield {round(100 * v if name == "sparsity" else v, 6) for name, v in given.items()}


def answers(question):
    """Texts that give an answer away."""
    yield question.solution
    if isinstance(question, MultipleChoice):
        yield from (question.options[question.right], question.feedback[question.right])
    if isinstance(question, Decision):
        yield from (question.right, *question.good_reasons)
    if isinstance(question, Prediction):
        yield from (*question.options, question.reveal)


def plain(text):
    return " ".join(re.findall(r"[\w%]+", text.lower()))


def holds(text, answer):
    """Tell whether a text contains an answer; an answer of one word has to be all of it."""
    text, answer = plain(text), plain(answer)
    return text == answer or (" " in answer and f" {answer} " in f" {text} ")


def complaints(name, book):
    sources = cells(book)
    texts = [text for source in sources for text in said(source)]
    for text in texts:
        if len(text.split()) > LONGEST and name != TALK:
            yield f"a text of {len(text.split())} words: {text[:40]}"
    for place, question in asked(book):
        for text in texts:
            for answer in answers(question):
                if holds(text, answer):
                    yield f"{question.key}: the text {text[:40]!r}"
        if isinstance(question, Number) and not callable(question.value):
            given = set(numbers_in(question.prompt))
            for number in (n for source in sources for n in numbers(source)):
                near = min(abs(number - question.value), abs(number / 100 - question.value))
                if near <= question.tolerance and number not in given:
                    yield f"{question.key}: the number {number:g}"
        if isinstance(question, FindRecipe):
            right = set(numbers_in(question.solution))
            for found in (r for source in sources[: place + 1] for r in recipes(source)):
                if found and found == right:
                    yield f"{question.key}: a recipe of {sorted(found)}"


def read(name):
    return nbformat.read(BOOKS[name], as_version=4)


@pytest.mark.parametrize("name", BOOKS)
def test_no_cell_holds_an_answer(name):
    assert list(complaints(name, read(name))) == []


PLANTED = [
    ("30_pruning", f'ow.Live("{"word " * 13}", see)', "a text of 13 words"),
    (
        "30_pruning",
        'title = "less than 2 points"',
        "pruning.predict: the text 'less than",
    ),
    ("30_pruning", "see  # It is less than 2 points!", "pruning.predict: the text '# It is less"),
    ("30_pruning", 'note = "Those closest to zero."', "pruning.magnitude: the text"),
    ("20_confusion_matrix", "print(0.85)", "confusion.precision_after: the number 0.85"),
    ("20_confusion_matrix", 'x = "recall: 89.5 %"', "confusion.recall_after: the number 89.5"),
    ("57_fragile_layers", "print(60)", "fragile.share: the number 60"),
    ("55_win_it_back", "ow.Recipe(sparsity=0.85, bits=4)", "winback.find: a recipe of [4, 85"),
    ("87_present", 'x = "<p>Usually no.</p>"', "selfcheck.production: the text"),
]


@pytest.mark.parametrize(("name", "source", "complaint"), PLANTED)
def test_a_planted_answer_is_found(name, source, complaint):
    book = copy.deepcopy(read(name))
    [cell for cell in book.cells if cell.cell_type == "code"][-1].source += f"\n{source}"
    assert any(each.startswith(complaint) for each in complaints(name, book))


def test_every_live_text_of_the_bank_is_shown_on_the_page_of_its_file_once():
    shown = [
        (name, node.args[0].value)
        for name in BOOKS
        for source in cells(read(name))
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "ow.live"
    ]
    assert sorted(key for _, key in shown) == sorted(TEXTS)
    assert all(bank_file(key.partition(".")[0]).lesson == name for name, key in shown)
