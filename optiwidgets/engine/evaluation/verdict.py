"""Verdict: a grade from the leading metric, size and speed under a policy, with its reasons."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from optiwidgets.engine.evaluation.policy import Policy, is_number
from optiwidgets.engine.types.measurements import IMAGES, Drop
from optiwidgets.engine.types.report import Report
from optiwidgets.texts import mark, plural, text

BAD_POINTS = 5.0  # a drop beyond this is bad for any use
SMALLEST_CUT = 0.5  # share of the bytes that a good model must save
P_LIMIT = 0.05  # significance level of a drop
GRADES = (mark("good"), mark("borderline"), mark("bad"), mark("cannot tell"))


@dataclass(frozen=True)
class Verdict:
    """Grade, one of ``GRADES``, and its reasons; the first is the short reason that decided.

    Reasons are in the language of the page; the grade is a code, shown as ``text(grade)``.

    Examples
    --------
    >>> verdict = grade(drop=10, size_cut=0.6, speedup=3, policy=Policy.MOBILE)
    >>> verdict.grade, len(verdict.reasons) > 0
    ('bad', True)
    """

    grade: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Evidence:
    """Numbers from which a verdict is decided.

    ``speed`` is the speed ratio with its 95 % interval, (ratio, low, high), or None before it is
    measured. ``recall_drop`` is in points, of the class ``recall_of``; nan if no image shows it.
    ``images`` is the number of images the drop was measured on, None if all numbers are exact.
    ``flips`` are the share of predictions that flip under an invisible change, and its limit;
    ``flipped`` names these predictions, such as "objects".
    ``not_finite`` counts images with scores that are not finite.
    """

    drop: Drop
    size_cut: float
    speed: tuple[float, float, float] | None
    recall_drop: float
    recall_of: str
    stable: bool
    images: int | None = None
    flips: tuple[float, float] | None = None
    not_finite: int = 0
    flipped: str = IMAGES.flipped


def judge(base: Report, rep: Report, policy: Policy) -> Verdict:
    """Compute the verdict on an optimized model against its baseline, under a policy.

    Parameters
    ----------
    base, rep
        Reports on the same images; speed and flips are read from ``rep`` only.
    policy
        ``Policy.MOBILE``, ``Policy.MEDICAL`` or another policy.

    Raises
    ------
    ValueError
        The reports are on different images, or an argument has the wrong type.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> exp = Experiment.load("digits")
    >>> judge(exp.run(Recipe()), exp.run(Recipe(bits=8)), Policy.MOBILE).reasons[0]
    'speed not measured yet'
    """
    for name, report in (("base", base), ("rep", rep)):
        if not isinstance(report, Report):
            raise ValueError(f"{name} is a Report, from run(), not {type(report).__name__}")
    _check_policy(policy)
    if getattr(base, base.outcome.metric) == 0:
        reason = mark("the untouched model has {metric} 0: there is nothing to lose")
        return Verdict("cannot tell", (text(reason, metric=text(base.outcome.names[1])),))
    index, fall = _fallen_recall(base, rep, policy)
    timed = rep.latency
    speed = (timed.ratio, timed.low, timed.high) if timed else None
    return decide(
        Evidence(
            drop=rep.drop_from(base),
            size_cut=1 - rep.size.total_bytes / base.size.total_bytes,
            speed=speed,
            recall_drop=fall,
            recall_of=rep.class_names[index],
            stable=is_stable(rep),
            images=rep.count,
            flips=_flips(rep),
            not_finite=rep.not_finite,
            flipped=rep.counted.flipped,
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
    """Compute the verdict on numbers that are taken as exact, by the rules of ``judge``.

    Parameters
    ----------
    drop
        Accuracy lost, in points, -100 to 100.
    size_cut
        Share of the bytes saved, at most 1; negative if the file is larger.
    speedup
        Baseline's time over the optimized model's, above 0; above 1 is faster.
    policy
        Limits of the use.
    recall_drop
        Recall lost, in points, -100 to 100.
    stable
        Whether predictions are stable under an invisible change.

    Raises
    ------
    ValueError
        A number is out of its range.

    Examples
    --------
    A model 60 % smaller and three times as fast, with an accuracy of 85 % instead of 95 %:

    >>> grade(drop=10, size_cut=0.6, speedup=3, policy=Policy.MOBILE).grade
    'bad'
    >>> grade(drop=1.5, size_cut=0.6, speedup=3, policy=Policy.MOBILE).grade
    'good'
    """
    _check_policy(policy)
    _check_points("drop", drop)
    _check_points("recall_drop", recall_drop)
    if not is_number(size_cut) or size_cut > 1:
        percent = is_number(size_cut) and size_cut <= 100
        hint = f"; {size_cut:g} % is {size_cut / 100:g}" if percent else ""
        raise ValueError(f"size_cut is a share of the bytes, 1 at most, not {size_cut!r}{hint}")
    if not is_number(speedup) or speedup <= 0:
        raise ValueError(f"speedup is a number above 0, 1 is as fast as before, not {speedup!r}")
    exact = Drop(points=drop, low=drop, high=drop, lost=0, gained=0, p=0.0)
    speed = (speedup, speedup, speedup)
    return decide(Evidence(exact, size_cut, speed, recall_drop, text("the class"), stable), policy)


def _check_points(name: str, value: object) -> None:
    if not is_number(value) or not -100 <= value <= 100:  # type: ignore[operator]
        raise ValueError(f"{name} is -100 to 100 points, not {value!r}")


def _check_policy(policy: object) -> None:
    if not isinstance(policy, Policy):
        raise ValueError(f"policy is a Policy, Policy.MOBILE say, not {policy!r}")


def is_stable(rep: Report) -> bool:
    """Return whether all scores are finite and flips under an invisible change within the limit.

    Flips that are not measured yet count as within the limit.
    """
    if rep.not_finite:
        return False
    flips = _flips(rep)
    return flips is None or flips[0] <= flips[1]


def _flips(rep: Report) -> tuple[float, float] | None:
    """Return the share of predictions that flip, and its limit; None until measured."""
    if rep.flip_rate is None or rep.baseline_flip_rate is None:
        return None
    return rep.flip_rate, max(3 * rep.baseline_flip_rate, rep.baseline_flip_rate + 0.02)


def _fallen_recall(base: Report, rep: Report, policy: Policy) -> tuple[int, float]:
    """Return the class whose recall is limited (positive, else worst) and its fall in points.

    The fall is nan where the images have none of the positive class.
    """
    falls = 100 * (base.recall - rep.recall)
    if rep.positive is not None:
        return rep.positive, float(falls[rep.positive])
    if np.isnan(falls).all():
        return 0, 0.0
    worst = int(np.nanargmax(falls))
    return worst, float(falls[worst])


def decide(e: Evidence, policy: Policy) -> Verdict:
    """Decide the grade: the first rule that applies decides."""
    remarks = _remarks(e, policy)
    if bad := _bad(e):
        return Verdict("bad", (*bad, *remarks))
    if math.isnan(e.drop.points) or math.isnan(e.drop.high):
        unknown = text("drop not known: the metric is not defined on these images")
        return Verdict("cannot tell", (unknown, *remarks))
    lacking = _lacking(e, policy)
    accurate = e.drop.high < policy.limit_points
    undecided = e.drop.points < policy.limit_points <= e.drop.high
    if accurate and not lacking and e.speed:
        return Verdict("good", (_good(e, policy), *remarks))
    if accurate and not lacking:
        return Verdict("cannot tell", (text("speed not measured yet"), *remarks))
    if undecided and not lacking and e.speed:
        return Verdict("cannot tell", (*_unsettled(e, policy.limit_points), *remarks))
    if e.drop.points > BAD_POINTS and e.drop.p >= P_LIMIT:
        return Verdict("cannot tell", (*_unsettled(e, BAD_POINTS), *remarks))
    reasons = [] if accurate else [_too_much(e, policy)]
    if not e.speed:
        lacking = [*lacking, text("speed not measured yet")]
    return Verdict("borderline", (*reasons, *lacking, *remarks))


def _bad(e: Evidence) -> list[str]:
    """List the reasons for the grade *bad*, under any policy; empty if there are none."""
    reasons = []
    if e.drop.low > BAD_POINTS or (e.drop.points > BAD_POINTS and e.drop.p < P_LIMIT):
        points = _format(e.drop.points, BAD_POINTS)
        reason = mark("drop {points} points; {limit:g} is the limit for any use")
        reasons.append(text(reason, points=points, limit=BAD_POINTS))
    return reasons if e.stable else [*reasons, *_unstable(e)]


def _unstable(e: Evidence) -> list[str]:
    if e.not_finite:
        return [
            plural(
                "unstable: {n:,} image gets no finite score",
                "unstable: {n:,} images get no finite score",
                e.not_finite,
            )
        ]
    if not e.flips:
        return [text("unstable: an invisible change flips too much")]
    limit, rate = 100 * e.flips[1], _format(100 * e.flips[0], 100 * e.flips[1])
    return [
        text("unstable: {rate} % flip, {limit:.1f} % is the limit", rate=rate, limit=limit),
        text(
            "{rate} % of the {predictions} flip under an invisible change of the images, "
            "{limit:.1f} % is the limit",
            predictions=text(e.flipped),
            rate=rate,
            limit=limit,
        ),
    ]


def _lacking(e: Evidence, policy: Policy) -> list[str]:
    """List the measured reasons against the grade *good*, other than the drop."""
    lacking = []
    floor = policy.recall_floor_points
    if floor is not None and math.isnan(e.recall_drop):
        reason = mark("recall of {name} is not measured: the images show no {name}")
        lacking.append(text(reason, name=e.recall_of))
    if floor is not None and e.recall_drop > floor + 1e-9:
        fell = _format(e.recall_drop, floor)
        reason = mark("recall of {name} fell {fell} points; {floor:g} is the limit")
        lacking.append(text(reason, name=e.recall_of, fell=fell, floor=floor))
    if e.size_cut < SMALLEST_CUT:
        lacking.append(_too_large(e.size_cut))
    if e.speed and e.speed[1] <= 1:
        smaller = e.size_cut >= SMALLEST_CUT
        reason = mark("smaller, not faster: {speed}") if smaller else mark("not faster: {speed}")
        lacking.append(text(reason, speed=_format_speed(e)))
    return lacking


def _too_large(size_cut: float) -> str:
    """Describe a size cut that is too small: a smaller, equal or larger file.

    Examples
    --------
    >>> _too_large(0.3), _too_large(-0.001), _too_large(-23.26)
    ('size cut by 30 %; half is the least that pays',
     'not smaller; a cut by half is the least',
     '24 times larger; a cut by half is the least')
    """
    percent, times = 100 * size_cut, 1 - size_cut
    if percent >= 0.5:
        least = 100 * SMALLEST_CUT
        cut = _format(percent, least, digits=0)
        return text("size cut by {cut} %; half is the least that pays", cut=cut)
    if times >= 1.5:
        number = f"{times:,.{0 if times >= 10 else 1}f}"
        return text("{times} times larger; a cut by half is the least", times=number)
    if percent <= -0.5:
        return text("{percent:.0f} % larger; a cut by half is the least", percent=-percent)
    return text("not smaller; a cut by half is the least")


def _good(e: Evidence, policy: Policy) -> str:
    drop = _format(e.drop.points, policy.limit_points)
    cut = _format(100 * e.size_cut, 100 * SMALLEST_CUT, digits=0)
    speed = _format_speed(e, with_interval=False)
    return text("drop {drop} points, {cut} % smaller, {speed}", drop=drop, cut=cut, speed=speed)


def _format_speed(e: Evidence, with_interval: bool = True) -> str:
    assert e.speed is not None
    ratio, low, high = e.speed
    shown = _format(ratio, 1, digits=2)
    if with_interval and e.images:
        return text("speed x {ratio} ({low:.2f}-{high:.2f})", ratio=shown, low=low, high=high)
    return text("speed x {ratio}", ratio=shown)


def _too_much(e: Evidence, policy: Policy) -> str:
    limit, points = policy.limit_points, _format(e.drop.points, policy.limit_points)
    if e.drop.points >= limit:
        return text("drop {points} points; {limit:g} is the limit", points=points, limit=limit)
    reason = mark("drop {points} points, may be {high}; {limit:g} is the limit")
    return text(reason, points=points, high=_format(e.drop.high, limit), limit=limit)


def images_to_settle(drop: Drop, images: int, limit: float) -> int:
    """Estimate the number of images that would separate a drop from a limit.

    The drop is assumed to stay the same, and its interval to shrink with the square root of the
    number of images. The result has two digits and is larger than the current number.

    Parameters
    ----------
    drop
        The measured drop.
    images
        Number of images it was measured on.
    limit
        Limit in points: a policy's, or 0 to test for any drop.

    Examples
    --------
    >>> drop = Drop(points=1.0, low=-1.0, high=3.0, lost=30, gained=20, p=0.2)
    >>> images_to_settle(drop, 1000, limit=2.0), images_to_settle(drop, 1000, limit=-3.0)
    (4000, 1100)
    """
    half = (drop.high - drop.low) / 2
    wanted = images * (half / max(abs(limit - drop.points), 0.01)) ** 2
    step = 10.0 ** (math.floor(math.log10(max(wanted, images))) - 1)
    return round(step * max(math.ceil(wanted / step), images // step + 1))


def _unsettled(e: Evidence, limit: float) -> list[str]:
    """Describe an undecided drop and the number of images that would decide it."""
    assert e.images is not None
    enough = images_to_settle(e.drop, e.images, limit)
    points, low, high = (_format(x, limit) for x in (e.drop.points, e.drop.low, e.drop.high))
    values = {"points": points, "low": low, "high": high, "limit": limit, "enough": enough}
    return [
        text("drop {low} to {high}; {enough:,} images would settle {limit:g}", **values),
        text(
            "drop {points} points, 95 % between {low} and {high}: {images:,} images cannot "
            "settle {limit:g}, about {enough:,} would",
            images=e.images,
            **values,
        ),
    ]


def _remarks(e: Evidence, policy: Policy) -> tuple[str, ...]:
    """List the drop's interval, the policy's limit, and the worst class if it has no limit."""
    limit = policy.limit_points
    values: dict[str, object] = {"limit": limit, "use": text(policy.name)}
    values |= {"low": _format(e.drop.low, limit), "high": _format(e.drop.high, limit)}
    measured = mark(
        "drop 95 % between {low} and {high} points; below {limit:g} is good for a {use}"
    )
    exact = mark("below {limit:g} is good for a {use}")
    remarks = [text(measured if e.images else exact, **values)]
    if math.isnan(e.drop.high):
        remarks = []
    if e.speed and e.speed[1] > 1 and e.images:
        remarks.append(_format_speed(e))
    if policy.recall_floor_points is None and e.recall_drop > 0:
        remark = mark("worst class: {name}, recall {change:+.1f} points")
        remarks.append(text(remark, name=e.recall_of, change=-e.recall_drop))
    return tuple(remarks)


def _format(number: float, limit: float, digits: int = 1) -> str:
    """Format a number with the fewest decimals, at least ``digits``, that separate it from a limit.

    Examples
    --------
    >>> _format(1.94, 2), _format(1.996, 2), _format(2, 2), _format(-0.01, 2)
    ('1.9', '1.996', '2.0', '0.0')
    """
    for decimals in range(digits, 7):
        rounded = round(number, decimals) + 0.0  # no -0.0
        if (rounded < limit, rounded > limit) == (number < limit, number > limit):
            break
    return f"{rounded:.{decimals}f}"
