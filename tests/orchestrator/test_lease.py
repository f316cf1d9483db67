"""The lease on what a process works on."""

import math

from orchestrator.lease import Lease


def test_it_is_held_from_each_sign_of_life_for_as_long_as_others_wait() -> None:
    time = 100.0
    lease = Lease(15, monotonic=lambda: time)
    assert lease.holds()
    time = 110.0
    since = lease.now()
    time = 114.0  # the sign of life took so long
    lease.renew(since)
    time = 124.9
    assert lease.holds()
    time = 125.0
    assert not lease.holds()
    lease.renew(lease.now())
    assert lease.holds()


def test_it_is_held_for_ever_where_there_are_no_others() -> None:
    time = 100.0
    lease = Lease(math.inf, monotonic=lambda: time)
    time = 1e9
    assert lease.holds()
