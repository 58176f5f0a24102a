"""Queries of share links, right and wrong, for tests of the page's reader beside Python's."""

from __future__ import annotations

import json
from itertools import combinations, permutations
from urllib.parse import quote, urlencode

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.types.recipe import CHOICES
from optiwidgets.widgets.explorer import share_link

POLICIES = (Policy.MOBILE, Policy.MEDICAL)
NUMBERS = (
    "0",
    "-0",
    "1",
    "2",
    "4",
    "007",
    "8",
    "9",
    "16",
    "32",
    "33",
    "-1",
    "4.0",
    "1e1",
    "",
    " 4",
    "4 ",
)
NUMBERS += (
    "four",
    "0x4",
    "1_0",
    "+4",
    "٤",
    "nan",
    "NaN",
    "inf",
    "1e400",
    "9" * 25,
    "9" * 26,
    "x" * 90,
)
FRACTIONS = (
    "0.5",
    "0.99",
    "0.990",
    "0.9901",
    "1",
    "1.5",
    "50",
    "80",
    "99",
    "99.5",
    "100",
    "101",
    "-0.0",
)
FRACTIONS += (
    "-0.5",
    "5e-1",
    "5e-324",
    "1e-5",
    "1e9999",
    ".5",
    "5.",
    "1E1",
    "123456.789e-4",
    "12345678",
)
LAYERS = (
    "[]",
    "[ ]",
    "null",
    "true",
    "{}",
    "head",
    '"head"',
    "",
    "12",
    "1.5",
    "-0.0",
    "NaN",
    "-Infinity",
    '["head",null,8]',
    '[["head",null,8]]',
    '[["head",0.5,null]]',
    '[["head",0,16]]',
    '[["head",1,8]]',
    '[["head",1.0,8]]',
    '[["head",null,8.0]]',
    '[["head",null,9]]',
    '[["head",null,"8"]]',
    "[[1,2,3]]",
    '[["head",true,8]]',
    '[["head",null,false]]',
    '[["head","0.5",8]]',
    '[["head",-0.1,8]]',
    "[[[],{},true]]",
    '[["head",50,8]]',
    '[["head",99.5,8]]',
    '[["head",NaN,4]]',
    '[["head",1e400,4]]',
    '[["head",null]]',
    '[["tail",null,4]]',
    '[["",null,4]]',
    '[["he\\u0061d",null,4]]',
    '[["\\ud800",null,4]]',
    '[["é",0.5,4]]',
    '[["head",null,8],["head",0.5,null]]',
    '[["head",null,8],["hidden",0.25,null]]',
    '[["head",null,1]]',
    '[{"a":1,"b":[null,2.50],"a":"it\'s"}]',
    '{"a":{"b":"\\"\'"}}',
    "[1,]",
    '["a" "b"]',
    '{"a",1}',
    "01",
    "1.",
    "[" * 3000,
    "9" * 3900,
    '{"a":' * 700,
    "[" * 200 + "]" * 200,
    '["\t"]',
    " [ ] ",
    '["\\x41"]',
    "-",
    "1e5",
    '[["head",0.5,4],["hidden",null,3],["features.0",0,null]]',
    '[["' + "h" * 70 + '",null,4]]',
)
SEEDS = (
    "0",
    "7",
    "007",
    "999999",
    "1000000",
    "-1",
    "",
    "x",
    "1.5",
    "1e5",
    "9" * 25,
    "9" * 40,
    "it's " * 9,
)
WORDS = (
    "",
    "bogus",
    "Global",
    "it's",
    'say "x"',
    "a\nb",
    "x" * 61,
    "😀" * 61,
    "\u202e",
    "constructor",
    "none",
)
ODD = (
    "",
    "&",
    "&&=",
    "=",
    "=1",
    "bits",
    "bits=",
    "bits&bits",
    "banana=1",
    "__proto__=1",
    "constructor=1",
    "toString",
    "Bits=4",
    "bits=4&bits=5",
    "bits=4&theme=dark&bits=4",
    "theme=dark",
    "token=x&template=y",
    "?bits=4",
    "bits=4;bits=5",
    "bits=4#x",
    "bits=%34",
    "b%69ts=4",
    "bits=%",
    "bits=%zz",
    "%=%&%zz=1",
    "bits=%ff%fe",
    "bits=%D9%A4",
    "model=%00",
    "case=sm%61ll",
    "policy=mobile+app",
    "policy=mobile%2Bapp",
    "x" * 4000,
    "x" * 4001,
    "bits=4&" * 5000,
    "é" * 4001,
    "bits=" + "9" * 3000,
    "bits=99&case=mice",
    "bits=1&scheme=affine",
    "case=digits&model=small&policy=mobile+app&sparsity=0.8&bits=4",
    "bits=4&",
    "surprise=7&bits=4",
    "surprise=7&surprise=8",
    "surprise=x&banana=1",
    "banana=1&surprise=x",
    "&".join(f"a{i}=1" for i in range(500)),
    "&".join(["theme=dark"] * 300) + "&bits=99",
    "seed=9007199254740991&bits=4",
)


def values():
    """Right and wrong values of each key."""
    found = {name: (*known, *WORDS) for name, known in CHOICES.items()}
    found |= {
        "case": ("digits", "mice", "", "x" * 90),
        "model": ("small", "huge", "", "it's"),
        "policy": (*(policy.name for policy in POLICIES), "none", ""),
        "sparsity": (*NUMBERS, *FRACTIONS),
        "bits": NUMBERS,
        "activation_bits": NUMBERS,
        "seed": NUMBERS[:-2],
        "layers": LAYERS,
        "surprise": SEEDS,
    }
    assert {*found} == {*share_link.PARSERS}
    return found


def pairs_of_fields():
    """Pairs of words, widths and shares that may exclude each other."""
    shown = {name: known for name, known in CHOICES.items() if name not in ("granularity", "clip")}
    shown |= {"bits": ("1", "2", "3", "16"), "sparsity": ("0", "0.5", "0.75", "0.7")}
    shown |= {
        "layers": (
            '[["head",0.5,null]]',
            '[["head",null,1]]',
            '[["head",null,4],["hidden",null,8]]',
        )
    }
    for one, other in combinations(shown, 2):
        for pair in ((a, b) for a in shown[one] for b in shown[other]):
            yield {one: pair[0], other: pair[1]}
    for score in CHOICES["score"]:
        for pruning in CHOICES["pruning"]:
            yield {"score": score, "pruning": pruning, "sparsity": "0.5"}
    for widths in permutations((1, 3, 8, 16), 3):
        layers = json.dumps(
            [[name, None, bits] for name, bits in zip(("head", "hidden"), widths[1:], strict=True)]
        )
        for scheme in CHOICES["scheme"]:
            yield {"bits": widths[0], "layers": layers, "scheme": scheme, "rounding": "gptq"}


def table():
    """Queries, right and wrong, each once."""
    rows = [*ODD]
    for key, known in values().items():
        rows += [urlencode({key: value}) for value in known]
        rows += [f"{key}={quote(known[0])}&{key}={quote(known[1])}", f"{key}", f"{key.title()}=1"]
        rows += [urlencode({"bits": "99", key: known[0]}), urlencode({key: known[-1], "banana": 1})]
    rows += [urlencode(fields) for fields in pairs_of_fields()]
    return [*dict.fromkeys(rows)]
