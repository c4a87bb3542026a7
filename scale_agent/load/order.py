"""Who goes first when fewer users are wanted. Locust takes them as they come out of a set.

So a search that goes back from a level that failed would keep clusters that failed and take away healthy ones, and
call that a smaller number that held.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gevent
from gevent.pool import Group
from locust.runners import Runner


class OrderedGroup(Group):
    """Locust's group of users. While ``ordered`` it is gone through by :attr:`RancherClusterUser.worth`, least first.

    Only while Locust chooses whom to stop: to put 10,000 users in order takes 6 ms, and it often counts them.
    """

    ordered = False

    def __iter__(self) -> Iterator[gevent.Greenlet[..., Any]]:
        return iter(sorted(self.greenlets, key=_worth) if self.ordered else self.greenlets)


def _worth(greenlet: Any) -> tuple[int, int]:
    """Of the user of a greenlet; a user of another kind goes as if it were idle."""
    worth: tuple[int, int] = getattr(greenlet.args[0], "worth", (0, 0)) if greenlet.args else (0, 0)
    return worth


def stop_the_least_first(runner: Runner) -> None:
    """Let the runner stop failed clusters before those that are on their way, and active ones last, newest first.

    To be called before it has users.
    """
    group = runner.user_greenlets = OrderedGroup()
    original = runner.stop_users

    def stop_users(user_classes_stop_count: dict[str, int]) -> None:
        group.ordered = True
        try:
            original(user_classes_stop_count)
        finally:
            group.ordered = False

    runner.stop_users = stop_users  # type: ignore[method-assign]
