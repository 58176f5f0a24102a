"""Check of the wording of docstrings and pages: no riddles in place of the field's terms.

Prints one line for each finding, ``path:line: text: advice``, and exits with 1 if there is any.
"""

import argparse
import ast
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

CODE = ("optiwidgets", "tests", "benchmarks", "tools", ".ci")  # folders of Python files
PAGES = (".", "lessons")  # folders whose own *.md files are read

SUBJECTS = ("what", "who", "whose", "whether", "those", "where", "which", "how")
FIRST_WORD = "begin with a verb and a noun of the field, or name the thing"

# phrase -> advice; words are separated by single spaces and may be split by the end of a line
PHRASES = {
    "what is asked": 'name it: "requested recipe", "request", "question"',
    "what is known": 'name it: "newest report"',
    "what is shown": 'name it: "displayed report", "current image"',
    "what is kept": 'name it: "remaining weights", "exported files", "cached results"',
    "what came of it": 'name the result: "accuracy", "report", "grade"',
    "what comes of it": 'name the result: "accuracy", "report", "grade"',
    "what comes out of it": 'name the result: "accuracy", "report", "grade"',
    "what it comes to": 'name the number: "loss", "cost in bytes"',
    "what there is": "name it",
    "is told so": 'say how: "sees a message", "gets an error"',
    "are told so": 'say how: "see a message", "get an error"',
    "is told of": 'say how: "receives", "is notified of"',
    "under the hand": '"while a slider is dragged"',
    "under a hand": '"while a slider is dragged"',
    "under a moving hand": '"while a slider is dragged"',
    "the moving hand": '"a dragged slider"',
    "follow the hand": '"update while a slider is dragged"',
    "follows the hand": '"updates while a slider is dragged"',
    "the hand moves": '"a slider is dragged"',
    "the hand rests": '"the slider is released", "controls are idle"',
    "a hand can": '"a user can enter"',
    "a hand could": '"a user could enter"',
    "no hand": '"no user input", "a value that no user can enter"',
    "the hand": '"the user", "the slider", "the control"',
    "the eye": '"the panels", "the display"',
    "bears": '"tolerates", "allows", "contains"',
    "can bear": '"tolerates", "allows"',
    "a hand rests": '"the slider is released", "controls are idle"',
    "hangs on": '"depends on"',
    "hang on": '"depend on"',
    "stands at the door": '"waits for the lock"',
    "in company": '"together with other layers"',
}


class Finding(NamedTuple):
    """Place of an unclear wording, the wording itself, and advice."""

    path: Path
    line: int
    text: str
    advice: str

    def __str__(self) -> str:
        """Format it as one line, ``path:line: text: advice``."""
        return f"{self.path}:{self.line}: {self.text!r}: {self.advice}"


def docstrings(source: str) -> Iterator[tuple[int, str]]:
    r"""Yield the docstrings of a module, its classes and functions, with their line numbers.

    Examples
    --------
    >>> list(docstrings('class A:\n    "Holds a value."'))
    [(2, 'Holds a value.')]
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node, clean=False)
            if text is not None:
                yield node.body[0].lineno, text


def compile_phrases(phrases: Iterable[str]) -> re.Pattern[str]:
    r"""Compile phrases to one pattern: whole words, in any case, the longest phrase first.

    Examples
    --------
    >>> compile_phrases(["a layer", "a layer is"]).findall("A\nlayer is no part of a layers.")
    ['A\nlayer is']
    """
    longest_first = sorted(phrases, key=len, reverse=True)
    words = "|".join(r"\s+".join(map(re.escape, phrase.split())) for phrase in longest_first)
    return re.compile(rf"\b(?:{words})\b", re.IGNORECASE)


PATTERN = compile_phrases(PHRASES)


def check_phrases(path: Path, line: int, text: str) -> Iterator[Finding]:
    """Yield the listed phrases in a text whose first line has this number."""
    for match in PATTERN.finditer(text):
        words = " ".join(match[0].split())
        start = line + text.count("\n", 0, match.start())
        yield Finding(path, start, words, PHRASES[words.lower()])


def check_docstring(path: Path, line: int, text: str) -> Iterator[Finding]:
    """Yield an unclear first word of a docstring, and the listed phrases in it."""
    first = re.match(r"\s*(\w+)", text)
    if first and first[1].lower() in SUBJECTS:
        yield Finding(path, line, text.strip().splitlines()[0], FIRST_WORD)
    yield from check_phrases(path, line, text)


def check_tree(root: Path) -> Iterator[Finding]:
    """Yield the findings in a repository: docstrings below ``CODE``, pages in ``PAGES``."""
    for folder in CODE:
        for path in sorted((root / folder).rglob("*.py")):
            for line, text in sorted(docstrings(path.read_text(encoding="utf-8"))):
                yield from check_docstring(path.relative_to(root), line, text)
    for folder in PAGES:
        for path in sorted((root / folder).glob("*.md")):
            text = path.read_text(encoding="utf-8")
            yield from check_phrases(path.relative_to(root), 1, text)


def main(arguments: list[str] | None = None) -> int:
    """Print all findings of a repository; return 1 if there are any, else 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", nargs="?", type=Path, default=Path(__file__).parents[1])
    findings = list(check_tree(parser.parse_args(arguments).root))
    sys.stdout.writelines(f"{finding}\n" for finding in findings)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
