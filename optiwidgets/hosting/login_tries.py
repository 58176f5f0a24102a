"""Limits of wrong passwords and tokens, by address and browser."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from ipaddress import IPv6Address, ip_address
from time import monotonic

WINDOW_S = 60.0
MOST = 5  # wrong tries in a window, of a browser, and of an address
MOST_CREDIT = 60  # more wrong tries of an address in which a class is coming in
MOST_ANYWHERE = 300  # wrong tries in a window, of all addresses
TRICKLE_S = 12.0  # between two wrong tries of an address that has used up its own
EVERYWHERE = "everywhere"


class LoginTries:
    """Wrong tries of the last minute, and the wait before the next.

    A browser has 5 wrong tries a minute. Browsers that were never in share those of their address,
    which has one more for each that came in during that minute. When they are used up, an address
    has one every 12 seconds, for browsers that did not fail in that minute: a right password is not
    counted, so others of the same school come in one after the other. Browsers that were in before
    do not share.

    Parameters
    ----------
    clock
        Seconds of a clock that never goes back.

    Examples
    --------
    >>> tries = LoginTries(clock=lambda: 0.0)
    >>> for _ in range(5):
    ...     tries.failed("192.0.2.1", "ada")
    >>> tries.wait_s("192.0.2.1", "ada"), tries.wait_s("192.0.2.1", "bob")
    (60, 12)
    >>> tries.wait_s("192.0.2.1", "eve", was_in=True), tries.wait_s("192.0.2.9", "ada")
    (0, 0)
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._wrong: defaultdict[tuple[str, ...], deque[float]] = defaultdict(deque)
        self._entered: defaultdict[str, deque[float]] = defaultdict(deque)

    def wait_s(self, address: str, browser: str, *, was_in: bool = False) -> int:
        """Compute the seconds until a browser may try again, 0 if it may now.

        Parameters
        ----------
        address
            IP address.
        browser
            Name of a browser that it cannot choose, "" if it has none: all such are one.
        was_in
            Whether this browser logged in before.
        """
        self._forget()
        network = network_of(address)
        own = self._wrong.get((network, browser), ())
        waits = [self._until_fewer(own, MOST)]
        if not was_in:
            most = MOST + min(len(self._entered.get(network, ())), MOST_CREDIT)
            for place, allowed in ((network, most), (EVERYWHERE, MOST_ANYWHERE)):
                waits.append(self._until_turn(self._wrong.get((place,), ()), allowed, bool(own)))
        return math.ceil(max(waits))

    def failed(self, address: str, browser: str, *, was_in: bool = False) -> None:
        """Count a wrong try."""
        network, now = network_of(address), self._clock()
        shared = () if was_in else ((network,), (EVERYWHERE,))
        for place in ((network, browser), *shared):
            self._wrong[place].append(now)

    def came_in(self, address: str) -> None:
        """Count a browser that came in for the first time."""
        self._entered[network_of(address)].append(self._clock())

    def _until_fewer(self, times: Sequence[float], most: int) -> float:
        """Compute the seconds until fewer than so many tries are left in the window."""
        return times[-most] + WINDOW_S - self._clock() if len(times) >= most else 0.0

    def _until_turn(self, times: Sequence[float], most: int, has_failed: bool) -> float:
        """Compute the seconds until the next turn of those who share a number of tries."""
        until_fewer = self._until_fewer(times, most)
        if has_failed or not until_fewer:
            return until_fewer
        return min(until_fewer, max(0.0, times[-1] + TRICKLE_S - self._clock()))

    def _forget(self) -> None:
        """Drop all tries before the window."""
        since = self._clock() - WINDOW_S
        for counts in (self._wrong, self._entered):
            for place, times in [*counts.items()]:
                while times and times[0] <= since:
                    times.popleft()
                if not times:
                    del counts[place]


def network_of(address: str) -> str:
    """Name the part of an address that its owner cannot vary: IPv4 whole, 64 bits of IPv6.

    Examples
    --------
    >>> network_of("192.0.2.1"), network_of("2001:db8::1:2:3:4"), network_of("::ffff:192.0.2.1")
    ('192.0.2.1', '2001:db8::', '192.0.2.1')
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:  # a unix socket's
        return address
    if isinstance(found, IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped or IPv6Address(int(found) >> 64 << 64))
    return str(found)
