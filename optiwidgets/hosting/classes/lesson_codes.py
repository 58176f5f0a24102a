"""Codes of lessons: four letters that lead to a page, to say aloud and to type on a phone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from itertools import permutations
from types import MappingProxyType

LETTERS = "DHJKMPRTWXZ"  # no vowel, so no words; none looks like another one, or like a digit
LENGTH = 4
CODES = tuple(map("".join, permutations(LETTERS, LENGTH)))  # no letter twice: easy to read out


def lesson_codes(names: Iterable[str]) -> Mapping[str, str]:
    """Give every notebook a code of four letters, the same at each start of the server.

    A code depends on the notebook's name; of two names with one code, the later in the alphabet
    gets the next free one.

    Raises
    ------
    ValueError
        There are more notebooks than codes.

    Examples
    --------
    >>> codes = lesson_codes(["explorer.ipynb", "30_pruning.ipynb"])
    >>> sorted(codes.values())
    ['30_pruning.ipynb', 'explorer.ipynb']
    >>> codes == lesson_codes(["30_pruning.ipynb", "explorer.ipynb"])
    True
    """
    ordered = sorted(set(names))
    if len(ordered) > len(CODES):
        raise ValueError(f"{len(CODES):,} codes are not enough for {len(ordered):,} notebooks")
    taken: dict[str, str] = {}
    for name in ordered:
        place = int.from_bytes(sha256(name.encode()).digest()[:8]) % len(CODES)
        while CODES[place] in taken:
            place = (place + 1) % len(CODES)
        taken[CODES[place]] = name
    return MappingProxyType(taken)
