"""Codes of lessons: stable, distinct, easy to read; and their pictures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiwidgets.hosting.classes.lesson_codes import CODES, LENGTH, LETTERS, lesson_codes


@given(st.sets(st.text(min_size=1), max_size=200))
def test_every_name_has_one_code_of_four_letters(names: set[str]) -> None:
    codes = lesson_codes(names)
    assert sorted(codes.values()) == sorted(names)
    assert all(len(code) == LENGTH and set(code) <= set(LETTERS) for code in codes)


def test_no_letter_makes_words_or_looks_like_another() -> None:
    assert not set(LETTERS) & set("AEIOUYBCGQLSVN018256")


def test_a_code_does_not_depend_on_the_other_lessons_unless_they_collide() -> None:
    alone = lesson_codes(["30_pruning.ipynb"])
    among = lesson_codes(["00_start.ipynb", "30_pruning.ipynb", "explorer.ipynb"])
    assert alone.items() <= among.items()


def test_more_names_than_codes_are_refused() -> None:
    with pytest.raises(ValueError, match=f"{len(CODES):,} codes are not enough"):
        lesson_codes(map(str, range(len(CODES) + 1)))
