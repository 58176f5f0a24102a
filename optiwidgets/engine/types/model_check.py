"""Result of a model check: counted layers, repaired modules, and modules left out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from optiwidgets.texts import text

STATUSES = ("counted", "repaired", "left out", "limited")


@dataclass(frozen=True)
class CheckRow:
    """One finding about a model: module, status, reason, number of weights.

    Parameters
    ----------
    module
        Name as in ``model.named_modules()``; empty for the whole model.
    status
        "counted" (pruned and quantized), "repaired" (replaced by an equivalent module), "left
        out" (stored unchanged, not counted) or "limited" (some methods are refused).
    reason
        One sentence.
    weights
        Number of weights concerned, 0 where none are.

    Examples
    --------
    >>> row = CheckRow("norm", "left out", "BatchNorm that no layer precedes", 8)
    >>> print(ModelCheck((row,)).left_out)
    8 weights of 'norm' are stored and not counted: BatchNorm that no layer precedes
    """

    module: str
    status: str
    reason: str
    weights: int = 0


@dataclass(frozen=True)
class ModelCheck:
    """Findings of a model check on a few images.

    Examples
    --------
    >>> check = ModelCheck((CheckRow("head", "counted", "Linear", 40),))
    >>> print(check)
    1 layer with 40 weights is pruned and quantized; nothing was left out or changed.
    counted   head  40  Linear
    """

    rows: tuple[CheckRow, ...]

    def having(self, *statuses: str) -> tuple[CheckRow, ...]:
        """Select the rows with one of the given statuses."""
        return tuple(row for row in self.rows if row.status in statuses)

    @property
    def summary(self) -> str:
        """Summary of all rows in one or two sentences."""
        counted, out = self.having("counted"), self.having("left out")
        total, layers = _weights(counted), f"{len(counted)} layer{'s' * (len(counted) != 1)}"
        does = f"{layers} with {total:,} weights {'is' if len(counted) == 1 else 'are'} pruned"
        does += " and quantized"
        notes = [row for row in self.rows if row.status in ("repaired", "limited")]
        if not out and not notes:
            return f"{does}; nothing was left out or changed."
        return ". ".join([does, *([self.left_out] if out else []), *_said(notes)]) + "."

    @property
    def left_out(self) -> str:
        """Sentence about the weights that are not counted; empty if all are counted."""
        out = self.having("left out")
        if not out:
            return ""
        names = ", ".join(repr(row.module) for row in out[:3]) + (", ..." if len(out) > 3 else "")
        return text(
            "{weights:,} weights of {names} are stored and not counted: {reason}",
            weights=_weights(out),
            names=names,
            reason=out[0].reason,
        )

    def __str__(self) -> str:
        """Return the summary and a line for every row."""
        widest = max((len(row.module) for row in self.rows), default=0)
        digits = max((len(f"{row.weights:,}") for row in self.rows), default=0)
        lines = (
            f"{r.status:<8}  {r.module:<{widest}}  {r.weights or '':>{digits},}  {r.reason}"
            if r.weights
            else f"{r.status:<8}  {r.module:<{widest}}  {'':>{digits}}  {r.reason}"
            for r in self.rows
        )
        return "\n".join([self.summary, *lines])

    def _repr_html_(self) -> str:
        """Return an HTML table for notebooks."""
        head = "".join(f"<th scope='col'>{name}</th>" for name in ("", "module", "weights", "why"))
        body = "".join(
            f"<tr><td>{r.status}</td><td><code>{escape(r.module) or 'model'}</code></td>"
            f"<td style='text-align:right'>{f'{r.weights:,}' if r.weights else ''}</td>"
            f"<td style='text-align:left'>{escape(r.reason)}</td></tr>"
            for r in self.rows
        )
        return (
            f"<p>{escape(self.summary)}</p><table><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table>"
        )


def _weights(rows: Iterable[CheckRow]) -> int:
    return sum(row.weights for row in rows)


def _said(rows: Iterable[CheckRow]) -> list[str]:
    return list(dict.fromkeys(row.reason for row in rows))
