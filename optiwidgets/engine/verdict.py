"""Accuracy, size and speed together, judged for a stated use."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from optiwidgets.engine.report import Drop, Report

BAD_POINTS = 5.0  # a drop beyond this is bad for any use
SMALLEST_CUT = 0.5  # half the bytes, or it was not worth it
P_LIMIT = 0.05
GRADES = ("good", "borderline", "bad", "cannot tell")


@dataclass(frozen=True)
class Policy:
    """What a use can bear.

    Parameters
    ----------
    name
        The use, in a word or two.
    limit_points
        The accuracy drop, in points, must surely be below this.
    recall_floor_points
        How far recall of the positive class (where there is none, of the class whose recall fell
        most) may fall, in points; None where any may.

    Examples
    --------
    >>> Policy.MOBILE.limit_points, Policy.MEDICAL.recall_floor_points
    (2.0, 1.0)
    """

    name: str
    limit_points: float
    recall_floor_points: float | None = None

    MOBILE: ClassVar[Policy]
    MEDICAL: ClassVar[Policy]


Policy.MOBILE = Policy("mobile app", 2.0)
Policy.MEDICAL = Policy("medical image", 1.0, recall_floor_points=1.0)


@dataclass(frozen=True)
class Verdict:
    """A grade, one of ``GRADES``, and why: the first reason is the binding one."""

    grade: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Evidence:
    """The numbers a verdict rests on.

    ``speed`` is the speed ratio with its 95 % interval, (ratio, low, high), or None where it was
    not measured; ``recall_drop`` is in points, of the class ``recall_of``; ``images`` is how many
    the drop was measured on, None where that is not known.
    """

    drop: Drop
    size_cut: float
    speed: tuple[float, float, float] | None
    recall_drop: float
    recall_of: str
    stable: bool
    images: int | None = None


def judge(base: Report, rep: Report, policy: Policy) -> Verdict:
    """Judge an optimized model against its baseline, for a policy.

    Parameters
    ----------
    base, rep
        Reports on the same images; only ``rep`` need be measured.
    policy
        ``Policy.MOBILE``, ``Policy.MEDICAL`` or one of your own.

    Raises
    ------
    ValueError
        The reports are not about the same images.

    Examples
    --------
    >>> from optiwidgets import Experiment, Recipe
    >>> exp = Experiment.load("digits")
    >>> judge(exp.run(Recipe()), exp.run(Recipe(bits=8)), Policy.MOBILE).reasons[0]
    'speed not measured yet'
    """
    index, fall = _fallen_recall(base, rep, policy)
    timed = rep.latency
    speed = (timed.ratio, timed.low, timed.high) if timed else None
    return _decide(
        Evidence(
            drop=rep.drop_from(base),
            size_cut=1 - rep.size.total_bytes / base.size.total_bytes,
            speed=speed,
            recall_drop=fall,
            recall_of=rep.class_names[index],
            stable=is_stable(rep),
            images=len(rep.labels),
        ),
        policy,
    )


def grade(
    drop: float,
    size_cut: float,
    speedup: float,
    policy: Policy,
    recall_drop: float = 0.0,
    stable: bool = True,
) -> Verdict:
    """Apply the same rule to bare numbers, as if they were known exactly.

    Parameters
    ----------
    drop
        Accuracy lost, in points, -100 to 100.
    size_cut
        Share of the bytes saved: at most 1, below 0 where the file grew.
    speedup
        Baseline's time over the optimized model's, above 0; above 1 is faster.
    policy
        The use.
    recall_drop
        Recall lost, in points, -100 to 100.
    stable
        Whether predictions hold under an invisible change.

    Raises
    ------
    ValueError
        A number out of its range.

    Examples
    --------
    The self-check: 60 % smaller, three times as fast, but 95 % became 85 %.

    >>> grade(drop=10, size_cut=0.6, speedup=3, policy=Policy.MOBILE).grade
    'bad'
    >>> grade(drop=1.5, size_cut=0.6, speedup=3, policy=Policy.MOBILE).grade
    'good'
    """
    for name, value, low, high, unit in (
        ("drop", drop, -100, 100, "points"),
        ("size_cut", size_cut, -math.inf, 1, "as a share of the bytes"),
        ("speedup", speedup, 0, math.inf, "times as fast"),
        ("recall_drop", recall_drop, -100, 100, "points"),
    ):
        if not low <= value <= high:
            raise ValueError(f"{name} is {low} to {high} {unit}, not {value!r}")
    exact = Drop(points=drop, low=drop, high=drop, lost=0, gained=0, p=0.0)
    speed = (speedup, speedup, speedup)
    return _decide(Evidence(exact, size_cut, speed, recall_drop, "the class", stable), policy)


def is_stable(rep: Report) -> bool:
    """False for a non-finite score, or far more flips under an invisible change than the baseline.

    While flips are not measured, they count as held.
    """
    if not np.isfinite(rep.scores).all():
        return False
    if rep.flip_rate is None or rep.baseline_flip_rate is None:
        return True
    return rep.flip_rate <= max(3 * rep.baseline_flip_rate, rep.baseline_flip_rate + 0.02)


def _fallen_recall(base: Report, rep: Report, policy: Policy) -> tuple[int, float]:
    """Class to look at, and the points its recall fell: the positive one, else the worst."""
    falls = 100 * (base.confusion.recall - rep.confusion.recall)
    if rep.positive is not None:
        return rep.positive, float(np.nan_to_num(falls[rep.positive]))
    if np.isnan(falls).all():
        return 0, 0.0
    worst = int(np.nanargmax(falls))
    return worst, float(falls[worst])


def _decide(e: Evidence, policy: Policy) -> Verdict:
    """The rule, in the order in which its parts bind."""
    if bad := _bad(e):
        return Verdict("bad", (*bad, *_remarks(e, policy)))
    lacking = _lacking(e, policy)
    accurate = e.drop.high < policy.limit_points
    undecided = e.drop.points < policy.limit_points <= e.drop.high
    if accurate and not lacking and e.speed:
        return Verdict("good", (_good(e, policy), *_remarks(e, policy)))
    if accurate and not lacking:
        return Verdict("cannot tell", ("speed not measured yet", *_remarks(e, policy)))
    if undecided and not lacking and e.speed:
        return Verdict("cannot tell", (_unsettled(e, policy.limit_points), *_remarks(e, policy)))
    if e.drop.points > BAD_POINTS and e.drop.p >= P_LIMIT:
        return Verdict("cannot tell", (_unsettled(e, BAD_POINTS), *_remarks(e, policy)))
    reasons = [] if accurate else [_too_much(e, policy)]
    if not e.speed:
        lacking = [*lacking, "speed not measured yet"]
    return Verdict("borderline", (*reasons, *lacking, *_remarks(e, policy)))


def _bad(e: Evidence) -> list[str]:
    """Why this is bad for any use; empty if it is not."""
    reasons = []
    if not e.stable:
        reasons.append("unstable: an invisible change of the images flips too many predictions")
    if e.drop.low > BAD_POINTS or (e.drop.points > BAD_POINTS and e.drop.p < P_LIMIT):
        reasons.append(
            f"drop {e.drop.points:.1f} points; {BAD_POINTS:.0f} is the limit for any use"
        )
    return reasons


def _lacking(e: Evidence, policy: Policy) -> list[str]:
    """What is missing for *good* beside the drop, as far as it was measured."""
    lacking = []
    floor = policy.recall_floor_points
    if floor is not None and e.recall_drop > floor + 1e-9:
        lacking.append(
            f"recall of {e.recall_of} fell {e.recall_drop:.1f} points; "
            f"{floor:.0f} is the limit for a {policy.name}"
        )
    if e.size_cut < SMALLEST_CUT:
        lacking.append(f"size cut by {100 * e.size_cut:.0f} %; half is the least that pays")
    if e.speed and e.speed[1] <= 1:
        ratio, low, high = e.speed
        lead = "smaller, not faster" if e.size_cut >= SMALLEST_CUT else "not faster"
        lacking.append(f"{lead}: speed x {ratio:.2f} ({low:.2f} to {high:.2f})")
    return lacking


def _good(e: Evidence, policy: Policy) -> str:
    assert e.speed is not None
    return (
        f"drop {e.drop.points:.1f} points, surely below {policy.limit_points:.0f}; "
        f"{100 * e.size_cut:.0f} % smaller; speed x {e.speed[0]:.2f}"
    )


def _too_much(e: Evidence, policy: Policy) -> str:
    return (
        f"drop {e.drop.points:.1f} points, may be {e.drop.high:.1f}; "
        f"{policy.limit_points:.0f} is the limit for a {policy.name}"
    )


def _unsettled(e: Evidence, limit: float) -> str:
    """Say how many images would do: an interval shrinks with the square root of their number."""
    assert e.images is not None
    half = (e.drop.high - e.drop.low) / 2
    wanted = e.images * (half / max(abs(limit - e.drop.points), 0.01)) ** 2
    rounded = f"{float(f'{max(wanted, e.images):.2g}'):,.0f}"
    return (
        f"drop {e.drop.points:.1f} points, 95 % between {e.drop.low:.1f} and {e.drop.high:.1f}: "
        f"{e.images:,} images cannot settle {limit:.0f}, about {rounded} would"
    )


def _remarks(e: Evidence, policy: Policy) -> tuple[str, ...]:
    """The worst class, where the policy does not watch it."""
    if policy.recall_floor_points is not None or e.recall_drop <= 0:
        return ()
    return (f"worst class: {e.recall_of}, recall {-e.recall_drop:+.1f} points",)
