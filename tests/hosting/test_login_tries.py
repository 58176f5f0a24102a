"""Limits of wrong passwords: how many, how long the wait is, and who does not have to wait."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from optiwidgets.hosting.login_tries import (
    MOST,
    MOST_ANYWHERE,
    MOST_CREDIT,
    TRICKLE_S,
    WINDOW_S,
    LoginTries,
    network_of,
)

SCHOOL, ELSEWHERE = "192.0.2.1", "198.51.100.7"


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tries(clock: Clock) -> LoginTries:
    return LoginTries(clock)


def fail(tries: LoginTries, browser: str, address: str = SCHOOL, *, was_in: bool = False) -> bool:
    """Try a wrong password; return whether it was looked at."""
    if tries.wait_s(address, browser, was_in=was_in):
        return False
    tries.failed(address, browser, was_in=was_in)
    return True


def test_a_browser_has_five_tries_in_any_minute(tries: LoginTries, clock: Clock) -> None:
    looked_at = []
    for _ in range(600):  # one a second
        if fail(tries, "ada"):
            looked_at.append(clock.now)
        clock.now += 1
    assert len(looked_at) == 50
    for at in looked_at:
        assert sum(at <= other < at + WINDOW_S for other in looked_at) <= MOST


def test_the_wait_that_is_told_is_enough(tries: LoginTries, clock: Clock) -> None:
    for _ in range(MOST):
        assert fail(tries, "ada")
        clock.now += 7.3
    wait = tries.wait_s(SCHOOL, "ada")
    assert wait == 24  # 60 - 5 * 7.3 = 23.5
    clock.now += wait
    assert tries.wait_s(SCHOOL, "ada") == 0


@pytest.mark.parametrize("names", [[""] * 100, [f"made up {i}" for i in range(100)]])
def test_new_names_give_an_address_no_more_than_its_trickle(
    tries: LoginTries, clock: Clock, names: list[str]
) -> None:
    assert sum(fail(tries, name) for name in names) == MOST
    assert fail(tries, "elsewhere", ELSEWHERE)
    begun, looked_at = clock.now, 0
    while clock.now < begun + 10 * WINDOW_S:
        looked_at += fail(tries, f"another {clock.now}")
        clock.now += 0.5
    assert looked_at <= 10 * WINDOW_S / TRICKLE_S


def test_others_of_the_school_come_in_while_one_browser_guesses_all_day(
    tries: LoginTries, clock: Clock
) -> None:
    for pupil in range(30):
        for _ in range(50):
            fail(tries, "guesser")
        assert tries.wait_s(SCHOOL, f"pupil {pupil}") <= TRICKLE_S
        clock.now += tries.wait_s(SCHOOL, f"pupil {pupil}")
        assert tries.wait_s(SCHOOL, f"pupil {pupil}") == 0
        clock.now += 1  # the password was right: nothing is counted


def test_who_was_in_before_does_not_wait_for_others(tries: LoginTries) -> None:
    for name in range(100):
        fail(tries, f"made up {name}")
    for _ in range(MOST):
        assert fail(tries, "ada", was_in=True)
    assert tries.wait_s(SCHOOL, "ada", was_in=True) == WINDOW_S
    assert tries.wait_s(SCHOOL, "bob", was_in=True) == 0


def test_a_class_that_comes_in_may_mistype(tries: LoginTries, clock: Clock) -> None:
    for pupil in range(300):  # five a second, each tenth mistypes once
        if not pupil % 10:
            assert fail(tries, f"pupil {pupil}")
        assert tries.wait_s(SCHOOL, f"pupil {pupil}") == 0
        tries.came_in(SCHOOL)
        clock.now += 0.2


def test_coming_in_again_and_again_buys_a_bounded_number_of_tries(tries: LoginTries) -> None:
    for _ in range(1000):
        tries.came_in(SCHOOL)
    assert sum(fail(tries, f"made up {name}") for name in range(1000)) == MOST + MOST_CREDIT


def test_all_addresses_together_have_a_bound(tries: LoginTries) -> None:
    looked_at = sum(fail(tries, "", f"10.0.{i // 250}.{i % 250}") for i in range(2000))
    assert looked_at == MOST_ANYWHERE
    assert tries.wait_s(SCHOOL, "ada") == TRICKLE_S
    assert tries.wait_s(SCHOOL, "ada", was_in=True) == 0


def test_addresses_of_one_ipv6_network_are_one(tries: LoginTries) -> None:
    assert sum(fail(tries, "", f"2001:db8::{i:x}") for i in range(100)) == MOST
    assert network_of("fe80::1%eth0") == "fe80::"
    assert network_of("") == ""


def test_nothing_is_kept_after_the_minute(tries: LoginTries, clock: Clock) -> None:
    for i in range(200):
        fail(tries, f"made up {i}", f"10.0.0.{i}")
    tries.came_in(SCHOOL)
    clock.now += WINDOW_S
    assert tries.wait_s(SCHOOL, "ada") == 0
    assert not tries._wrong
    assert not tries._entered
