"""Formulas that a learner writes, evaluated without Python's ``eval``."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from optiwidgets.texts import mark, text

LONGEST = 200  # characters
FUNCTIONS: Mapping[str, Callable[..., float]] = {
    "exp": math.exp, "log": math.log, "sqrt": math.sqrt, "abs": abs, "min": min, "max": max
}  # fmt: skip
BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
UNARY: Mapping[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}
COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
NUMBER = r"(?:\d++\.?+\d*+|\.\d++)(?:e[-+]?\d++)?+"  # 1e-3 is one number, not 1 * e - 3
OMITTED_TIMES = re.compile(rf"(?<![\w.])({NUMBER})(?=[sb(]|e\b|exp|log|abs|min|max)")
BARE_EXPONENT = re.compile(rf"(?:\^|\*\*)\s*([-+]?{NUMBER}[a-z]+)")  # e^2s: e^(2s) or e^2 * s?
SIGNS = str.maketrans({"\u00b7": "*", "\u00d7": "*", "\u00f7": "/", "\u2212": "-"})


class Formula:
    """Formula of one variable, from text; calling it evaluates it.

    Numbers, + - * / ** (or ^), comparisons, ``a if condition else b``, the constant ``e`` and the
    functions exp, log, sqrt, abs, min and max. A number may stand directly before a name: "2s",
    but in an exponent only in parentheses.

    Parameters
    ----------
    text
        The formula.
    variable
        Name of the variable.

    Raises
    ------
    ValueError
        The text is no formula of this variable; the message has the reason.

    Examples
    --------
    >>> rule = Formula("0.1 if s <= 0.5 else e^(2s)", "s")
    >>> rule(0.5), round(rule(0.9), 2)
    (0.1, 6.05)
    >>> Formula("open('x')", "s")
    Traceback (most recent call last):
    ...
    ValueError: a formula has no 'open', only s, e, exp, log, sqrt, abs, min, max
    """

    def __init__(self, written: str, variable: str) -> None:
        self.text, self.variable = written, variable
        if len(written) > LONGEST:
            long = mark("a formula has {most} characters at most, not {count}")
            raise ValueError(text(long, most=LONGEST, count=len(written)))
        signed = written.strip().translate(SIGNS)
        if bare := BARE_EXPONENT.search(signed):
            raise ValueError(text("after ^ {bare} needs parentheses: ^({bare})", bare=bare[1]))
        code = OMITTED_TIMES.sub(r"\1*", signed.replace("^", "**"))
        try:
            self._tree = ast.parse(code, mode="eval").body
        except (SyntaxError, MemoryError, RecursionError) as error:
            none = mark("{written!r} is no formula, such as 100 * {variable}")
            raise ValueError(text(none, written=written, variable=variable)) from error
        nodes = list(ast.walk(self._tree))
        for node in (*(n for n in nodes if isinstance(n, ast.Name)), *nodes):
            self._check(node)

    def __call__(self, value: float) -> float:
        """Evaluate the formula at a value of the variable."""
        result: float = self._evaluate(self._tree, {self.variable: value, "e": math.e})
        return result

    def _check(self, node: ast.AST) -> None:
        names = [self.variable, "e", *FUNCTIONS]
        if isinstance(node, ast.Name) and node.id not in names:
            known_names = ", ".join(names)
            raise ValueError(
                text("a formula has no {name!r}, only {known}", name=node.id, known=known_names)
            )
        if isinstance(node, ast.Constant) and type(node.value) not in (int, float):
            raise ValueError(text("a formula has numbers, not {value!r}", value=node.value))
        if isinstance(node, ast.Call) and (
            node.keywords or getattr(node.func, "id", "") not in FUNCTIONS
        ):
            raise ValueError(text("functions are {names}", names=", ".join(FUNCTIONS)))
        if isinstance(node, ast.Tuple):
            comma = mark(
                "a formula has no comma outside of min and max: "
                "a decimal point is written as in 0.5"
            )
            raise ValueError(text(comma))
        known = (ast.Expression, ast.expr_context, ast.Name, ast.Constant, ast.Call, ast.IfExp)
        kinds = (ast.BinOp, ast.UnaryOp, ast.Compare, *BINARY, *UNARY, *COMPARISONS)
        if not isinstance(node, (*known, *kinds)):
            raise ValueError(text("a formula has no {kind}", kind=type(node).__name__))

    def _evaluate(self, node: ast.AST, names: Mapping[str, float]) -> Any:
        def value(inner: ast.AST) -> Any:
            return self._evaluate(inner, names)

        match node:
            case ast.Constant():
                return float(node.value)  # type: ignore[arg-type]  # checked
            case ast.Name():
                if node.id not in names:
                    raise ValueError(text("{name} is a function: write {name}(...)", name=node.id))
                return names[node.id]
            case ast.Call():
                return FUNCTIONS[node.func.id](*map(value, node.args))  # type: ignore[attr-defined]
            case ast.IfExp():
                return value(node.body) if value(node.test) else value(node.orelse)
            case ast.BinOp():
                return BINARY[type(node.op)](value(node.left), value(node.right))
            case ast.UnaryOp():
                return UNARY[type(node.op)](value(node.operand))
            case ast.Compare():
                sides = [value(side) for side in (node.left, *node.comparators)]
                steps = zip(node.ops, sides, sides[1:], strict=False)
                return all(COMPARISONS[type(op)](one, other) for op, one, other in steps)
        raise ValueError(f"a formula has no {type(node).__name__}")  # pragma: no cover
