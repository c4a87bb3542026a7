"""Shapes as what they are: from looks at a run to numbers of users. Time and Rancher are the test's."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scale_agent.errors import InputError
from scale_agent.load.ledger import Ledger
from scale_agent.load.shapes.catalogue import plan
from scale_agent.load.shapes.course import Aim, Course, Driver, Look, Pace
from scale_agent.load.shapes.gauges import Gauges, Imports, gauges, imports_since
from scale_agent.load.shapes.planned import PlannedShape
from scale_agent.load.shapes.search import Found, Objectives, SearchOptions, search
from scale_agent.load.shapes.settings import ShapeOptions, read_shape
from scale_agent.records import Record
from tests.load.harness import parse

_ENDLESS = 100_000


@dataclass
class World:
    """Rancher as a rule: a cluster that is the ``n``-th of those standing needs ``active_s(n)``; ``None``: it fails.

    Told the number of users once a second; deletes in ``delete_s``. Facts go through a real ledger.
    """

    active_s: Callable[[int], float | None] = lambda n: 2.0
    delete_s: float = 2.0
    fails_after_s: float = 30.0
    now_s: float = 0.0
    ledger: Ledger = field(default_factory=Ledger)
    standing: list[str] = field(default_factory=list)
    due: list[tuple[float, Record]] = field(default_factory=list)
    number: int = 0

    def become(self, users: int) -> None:
        while len(self.standing) < users:
            self._begin()
        while len(self.standing) > users:
            name = self.standing.pop()
            self.due = [one for one in self.due if one[1].cluster != name]
            self._tell(Record("life", "left", self.now_s, name))
            self.due.append((self.now_s + self.delete_s, Record("phase", "deleted", 0, name, 1)))

    def _begin(self) -> None:
        self.number += 1
        name = f"c{self.number}"
        self.standing.append(name)
        self._tell(Record("life", "begun", self.now_s, name, detail={"worker": "w0"}))
        time_s = self.active_s(len(self.standing))
        if time_s is None:
            self.due.append((self.now_s + self.fails_after_s, Record("life", "failed", 0, name, error="deadline")))
        else:
            self.due.append((self.now_s + time_s, Record("phase", "active", 0, name, time_s * 1000)))

    def _tell(self, record: Record) -> None:
        self.ledger.apply(record)

    def look(self) -> Look:
        for at_s, record in [one for one in self.due if one[0] <= self.now_s]:
            self._tell(record)
            self.due.remove((at_s, record))
        return Look(self.now_s, gauges(self.ledger), lambda mark: imports_since(self.ledger, mark))


def drive(shape: Callable[[Course], Iterator[Aim]], world: World, most_s: int = _ENDLESS) -> list[Aim]:
    """What the course aimed at, second by second, until it ended or ``most_s`` were over."""
    driver, aims = Driver(shape), []  # type: ignore[arg-type]
    for _ in range(most_s):
        aim = driver.next(world.look())
        if aim is None:
            break
        aims.append(aim)
        world.become(aim.users)
        world.now_s += 1.0
    return aims


def options(*arguments: str) -> ShapeOptions:
    found = read_shape(vars(parse(*arguments)))
    assert found is not None
    return found


def run(*arguments: str, world: World | None = None, most_s: int = _ENDLESS) -> tuple[list[Aim], list[str]]:
    problems: list[str] = []
    aims = drive(plan(options(*arguments), Found(), problems.append), world or World(), most_s)
    return aims, problems


def users(aims: list[Aim]) -> list[int]:
    return [aim.users for aim in aims]


def never_sinks(numbers: list[int]) -> bool:
    return numbers == sorted(numbers)


# -- pace ------------------------------------------------------------------------------------------------------------


@given(st.floats(0.05, 50), st.lists(st.floats(0.5, 2.5), min_size=1, max_size=60), st.integers(1, 500))
def test_a_pace_is_never_faster_than_its_rate_and_arrives(rate: float, ticks_s: list[float], to: int) -> None:
    pace, at, now_s = Pace(rate, 0.0), 0, 0.0
    for tick_s in [0.0, *ticks_s]:
        now_s += tick_s
        before, at = at, pace.move(at, to, now_s)
        assert before <= at <= to
        assert at <= max(1.0, rate) + rate * now_s + 1e-6
    for _ in range(int(to / rate) + 60):
        now_s += 1.0
        at = pace.move(at, to, now_s)
    assert at == to


def test_a_pace_does_not_make_up_for_a_generator_that_stood_still() -> None:
    pace = Pace(5, 0.0)
    assert pace.move(0, 1000, 0.0) == 5
    assert pace.move(5, 1000, 100.0) == 5 + 3 * 5


# -- the catalogue ---------------------------------------------------------------------------------------------------


def test_a_ramp_is_linear_holds_and_goes_down_to_nothing() -> None:
    world = World()
    aims, problems = run(
        *("--shape", "ramp", "-u", "20", "-r", "2", "--hold", "10", "--shape-stable-for", "5"),
        *("--shape-down-rate", "5"),
        world=world,
    )
    numbers = users(aims)
    assert numbers[:10] == [2 * n for n in range(1, 11)]
    top = [index for index, number in enumerate(numbers) if number == 20]
    assert top == list(range(top[0], top[-1] + 1)), "one plateau"
    assert len(top) >= 15
    assert numbers[top[-1] + 1 : top[-1] + 5] == [15, 10, 5, 0]
    assert problems == []
    assert gauges(world.ledger).deleted == 20, "it waited until all were gone"


def test_without_a_hold_a_ramp_stays_until_it_is_stopped() -> None:
    aims, _ = run("--shape", "ramp", "-u", "4", "-r", "2", most_s=5000)
    assert len(aims) == 5000
    assert aims[-1] == Aim(4, 2.0, "hold")


def test_a_slow_ramp_starts_one_every_so_many_seconds() -> None:
    aims, _ = run("--shape", "ramp", "-u", "4", "-r", "0.25", most_s=14)
    assert users(aims) == [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4]


def test_a_step_waits_until_the_one_before_is_stable() -> None:
    """Stable by the gauges: the last import of each step needs 40 s, so nothing goes on before that."""
    world = World(active_s=lambda n: 40.0 if n % 10 == 0 else 1.0)
    aims, problems = run(
        *("--shape", "steps", "--shape-levels", "10,20,40", "-r", "10", "--shape-stable-for", "7", "--hold", "0"),
        world=world,
    )
    numbers = users(aims)
    assert never_sinks(numbers)
    assert [numbers.count(level) for level in (10, 20)] == [47, 47]  # 40 s, and 7 s without a change
    assert numbers[-1] == 40
    assert (problems, gauges(world.ledger).active) == ([], 40)


def test_a_step_that_never_becomes_stable_ends_the_shape_and_is_a_problem() -> None:
    world = World(active_s=lambda n: 10_000.0)
    aims, problems = run(
        *("--shape", "steps", "-u", "6", "--shape-step", "3", "--shape-step-timeout", "60", "--shape-down-rate", "3"),
        *("--hold", "900", "-r", "3"),
        world=world,
    )
    assert problems == ["step 1 of 2, 3 clusters was not stable within 60 s"]
    assert max(users(aims)) == 3
    assert users(aims)[-1] == 0
    assert len(aims) < 90, "nothing is held that was given up"


def test_waves_pause_whatever_rancher_does() -> None:
    world = World(active_s=lambda n: 500.0)
    aims, _ = run(
        *("--shape", "waves", "-u", "25", "--shape-step", "10", "--shape-pause", "30", "-r", "5", "--hold", "0"),
        world=world,
    )
    numbers = users(aims)
    assert sorted(set(numbers)) == [5, 10, 15, 20, 25]
    assert [numbers.count(level) for level in (5, 10, 15, 20)] == [1, 31, 1, 31]


def test_a_burst_is_one_jump() -> None:
    aims, _ = run("--shape", "burst", "-u", "250", "--hold", "0")
    assert set(users(aims)) == {250}
    assert aims[0].rate == 250


def test_a_day_has_a_low_a_top_and_the_low_again() -> None:
    world = World()
    aims, _ = run(
        *("--shape", "diurnal", "-u", "100", "--shape-low", "20", "--shape-period", "3600", "-r", "5"),
        *("--shape-periods", "2"),
        world=world,
    )
    numbers = users(aims)[4:]
    day, night = numbers[:3600], numbers[3600:7200]
    assert [day[0], day[900], day[1800], day[2700]] == pytest.approx([20, 60, 100, 60], abs=2)
    assert day == pytest.approx(night, abs=2)
    assert len(numbers) == pytest.approx(7200, abs=5)
    assert all(abs(after - before) <= 5 for before, after in itertools.pairwise(numbers))
    assert gauges(world.ledger).deleted >= 79


_SHAPES = {
    "ramp": (),
    "steps": ("--shape-step", "7"),
    "waves": ("--shape-step", "7", "--shape-pause", "5"),
    "burst": (),
    "diurnal": ("--shape-period", "300", "--shape-low", "2"),
    "search": ("--shape-step", "6"),
}


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(_SHAPES)),
    top=st.integers(3, 60),
    rate=st.floats(0.2, 20),
    times=st.lists(st.one_of(st.none(), st.floats(0.5, 90)), min_size=1, max_size=8),
    down=st.booleans(),
)
def test_no_shape_ever_goes_above_its_top_whatever_rancher_does(
    name: str, top: int, rate: float, times: list[float | None], down: bool
) -> None:
    lower = ("--shape-down-rate", "4") if down else ()
    world = World(active_s=lambda n: times[n % len(times)])
    aims, _ = run(
        *("--shape", name, "-u", str(top), "-r", str(rate), "--hold", "3", *_SHAPES[name], *lower),
        *("--shape-stable-for", "3", "--shape-step-timeout", "120"),
        world=world,
        most_s=20_000,
    )
    numbers = users(aims)
    assert len(aims) < 20_000, "it ends"
    assert 0 <= min(numbers) <= max(numbers) <= top
    assert all(aim.rate > 0 and aim.stage for aim in aims), "Locust refuses a rate of 0"
    if name in ("ramp", "steps", "waves", "burst") and not down:
        assert never_sinks(numbers)


# -- search ----------------------------------------------------------------------------------------------------------


def _search(knee: int, cap: int = 400, **changes: object) -> SearchOptions:
    chosen = SearchOptions(
        objectives=Objectives(active_p95_s=10.0, error_share=0.01),
        cap=cap,
        step=50,
        resolution=6,
        failures=9,
        rate=20.0,
        down_rate=50.0,
        stable_s=3.0,
        timeout_s=200.0,
    )
    return replace(chosen, **changes)  # type: ignore[arg-type]


def searched(world: World, chosen: SearchOptions) -> tuple[Found, list[int]]:
    found = Found()
    return found, users(drive(lambda course: search(course, chosen, found), world))


@settings(max_examples=40, deadline=None)
@given(knee=st.integers(1, 420), fails=st.booleans())
def test_a_search_finds_a_planted_knee_within_its_resolution_and_confirms_it(knee: int, fails: bool) -> None:
    """All clusters of a step that ends above the knee are slow (or fail): Rancher bends at once."""
    world = World()

    def bends(n: int) -> float | None:
        return 2.0 if aimed[0] <= knee else (None if fails else 25.0)

    aimed = [0]
    world.active_s = bends
    chosen, found = _search(knee), Found()

    driver = Driver(lambda course: search(course, chosen, found))
    numbers: list[int] = []
    while (aim := driver.next(world.look())) is not None:
        words = aim.stage.split()
        aimed[0] = int(next((word for word in words if word.isdigit()), "0"))
        numbers.append(aim.users)
        world.become(aim.users)
        world.now_s += 1
    assert max(numbers) <= chosen.cap
    assert found.largest <= knee
    if knee >= chosen.cap:
        assert (found.largest, found.bad, found.why) == (400, None, "the cap was reached")
    else:
        assert found.bad is not None
        assert found.largest <= knee < found.bad
        assert found.bad - found.largest <= chosen.resolution
    assert found.confirmed == (found.largest > 0)
    if found.largest:
        assert found.trials[-1].confirmation
        assert found.trials[-1].imported == min(chosen.step, found.largest)


def test_a_search_gives_up_after_the_second_failure_and_confirms_what_it_has() -> None:
    world = World(active_s=lambda n: 2.0 if n <= 110 else 60.0)
    found, numbers = searched(world, _search(110, failures=2))
    assert [trial.clusters for trial in found.trials] == [50, 100, 150, 125, 100]
    assert (found.largest, found.bad, found.confirmed) == (100, 125, True)
    assert found.why.startswith("2 levels failed, the last by: ")
    assert numbers[-1] == 100
    assert found.line.startswith("Search: 100 clusters held the objectives, confirmed, 125 did not (2 levels failed")


def test_a_search_leaves_a_level_as_soon_as_it_cannot_hold() -> None:
    """Six slow ones of a hundred decide it: the other 94, and the deadline of those that hang, are not waited for."""
    world = World(active_s=lambda n: None if n > 20 else 2.0, fails_after_s=600)
    found, numbers = searched(world, _search(20, step=20, failures=1, cap=100))
    assert [trial.clusters for trial in found.trials] == [20, 40, 20]
    assert "not active in 10 s" in found.trials[1].broken[0]
    assert len(numbers) < 60
    assert found.confirmed


def test_a_search_in_which_nothing_holds_ends_and_says_so() -> None:
    found, numbers = searched(World(active_s=lambda n: None, fails_after_s=4), _search(0, failures=2))
    assert (found.largest, found.confirmed) == (0, False)
    assert [trial.clusters for trial in found.trials] == [50, 25]
    assert found.line.startswith("Search: no number of clusters held the objectives (2 levels failed")
    assert numbers[-1] == 0


def test_what_does_not_hold_twice_is_not_the_answer() -> None:
    """100 held when it was first tried, and not again: the answer is what held below, if that holds again."""
    lives = [0]

    def worse_later(n: int) -> float:
        lives[0] += 1
        return 2.0 if lives[0] <= 100 or n <= 50 else 50.0

    found, _ = searched(World(active_s=worse_later), _search(100, failures=1))
    assert [(trial.clusters, not trial.broken) for trial in found.trials] == [
        (50, True),
        (100, True),
        (150, False),
        (100, False),
        (50, True),
    ]
    assert (found.largest, found.bad, found.confirmed) == (50, 100, True)


def test_clusters_that_do_not_go_end_a_search() -> None:
    world = World(active_s=lambda n: 2.0 if n <= 60 else 60.0, delete_s=10_000)
    found, numbers = searched(world, _search(60))
    assert found.why == "clusters that were taken away did not go"
    assert (found.largest, found.confirmed) == (50, False)
    assert len(numbers) < 400


@given(
    st.lists(st.one_of(st.none(), st.floats(0.1, 30)), min_size=1, max_size=80),
    st.floats(0, 0.5),
    st.integers(0, 80),
)
def test_hopeless_is_never_said_of_a_step_that_holds_in_the_end(
    outcome: list[float | None], share: float, seen: int
) -> None:
    objectives = Objectives(10.0, share)
    times = sorted(time_s for time_s in outcome if time_s is not None)
    end = Imports(len(outcome), len(outcome) - len(times), 0, times)
    if objectives.broken(end, 0.0):
        return
    part = outcome[:seen]
    quick = sorted(time_s for time_s in part if time_s is not None)
    now = Imports(len(outcome), len(part) - len(quick), len(outcome) - len(part), quick)
    late_ones = [time_s for time_s in outcome[seen:] if time_s is None or time_s > 10.0]
    waited = Imports(len(outcome), now.failed, len(late_ones), quick)
    assert not objectives.hopeless(now, len(outcome), 5.0)
    assert not objectives.hopeless(waited, len(outcome), 11.0)


def test_lost_tunnels_break_an_objective() -> None:
    assert Objectives(10, 0.1).broken(Imports(10, 0, 0, [1.0] * 10), 0.2) == ("20.0% of all tunnels were lost > 10.0%",)


# -- gauges ----------------------------------------------------------------------------------------------------------


def test_gauges_of_lives_left_deleted_and_begun_again() -> None:
    ledger = Ledger()

    def tell(kind: str, name: str, cluster: str, ms: float = 1.0, error: str = "") -> None:
        ledger.apply(Record(kind, name, 5.0, cluster, ms, error))

    tell("wait", "import-slot", "never-begun")
    for cluster in "abcd":
        tell("life", "begun", cluster)
    tell("phase", "active", "a", 4000)
    tell("phase", "active", "b", 9000)
    tell("life", "failed", "c", error="deadline")
    tell("lost", "main", "a")
    assert gauges(ledger) == Gauges(registering=1, active=2, failed=1, lives=4, lost=1)
    mark = ledger.lives
    tell("life", "left", "b")
    tell("lost", "main", "b")
    assert gauges(ledger) == Gauges(registering=1, active=1, failed=1, leaving=1, lives=4, lost=1)
    tell("phase", "deleted", "b")
    assert gauges(ledger).deleted == 1
    tell("life", "begun", "b")
    tell("phase", "active", "b", 7000)
    assert gauges(ledger) == Gauges(registering=1, active=2, failed=1, lives=5, lost=1)
    assert imports_since(ledger, mark) == Imports(1, 0, 0, [7.0])
    assert imports_since(ledger, 0) == Imports(4, 1, 1, [4.0, 7.0])


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=200))
def test_p95_is_the_smallest_that_95_in_100_do_not_exceed(times: list[float]) -> None:
    imports = Imports(len(times), 0, 0, sorted(times))
    assert sum(time_s <= imports.p95_s for time_s in times) >= 0.95 * len(times)
    assert imports.slower(imports.p95_s) <= 0.05 * len(times)
    below = [time_s for time_s in times if time_s < imports.p95_s]
    assert len(below) < 0.95 * len(times)


# -- options ---------------------------------------------------------------------------------------------------------


def test_without_the_option_there_is_no_shape() -> None:
    assert read_shape(vars(parse("-u", "5"))) is None


def test_levels_are_told_or_made_of_a_step() -> None:
    assert options("--shape", "steps", "--shape-levels", "5, 7,20").levels == (5, 7, 20)
    assert options("--shape", "waves", "--shape-step", "500", "-u", "1200").levels == (500, 1000, 1200)
    assert options("--shape", "steps", "--shape-step", "9", "-u", "4").levels == (4,)
    assert options("--shape", "search", "--shape-step", "80", "-u", "400").search.resolution == 10  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("ramp",), "--users"),
        (("steps", "-u", "10"), "--shape-step"),
        (("steps", "--shape-levels", "1,x"), "no numbers"),
        (("steps", "--shape-levels", "10,10"), "does not rise"),
        (("steps", "--shape-levels", "0,10"), "does not rise"),
        (("steps", "--shape-levels", ","), "no numbers"),
        (("steps", "--shape-levels", "10,20", "-u", "15"), "more than the 15 of --users"),
        (("waves", "-u", "10", "--shape-step", "5", "--shape-pause", "-1"), "--shape-pause"),
        (("ramp", "-u", "10", "--shape-stable-for", "nan"), "--shape-stable-for"),
        (("ramp", "-u", "10", "--shape-step-timeout", "0"), "--shape-step-timeout"),
        (("ramp", "-u", "10", "--shape-down-rate", "1"), "--hold"),
        (("ramp", "-u", "10", "--shape-down-rate", "1", "--hold", "1", "--keep-clusters"), "--keep-clusters"),
        (("diurnal", "-u", "10", "--keep-clusters"), "--keep-clusters"),
        (("diurnal", "-u", "10", "--shape-low", "11"), "--shape-low"),
        (("diurnal", "-u", "10", "--shape-period", "0"), "--shape-period"),
        (("diurnal", "-u", "10", "--shape-periods", "0"), "--shape-periods"),
        (("search", "-u", "10"), "--shape-step"),
        (("search", "-u", "10", "--shape-step", "5", "--search-active-p95", "0"), "--search-active-p95"),
        (("search", "-u", "10", "--shape-step", "5", "--search-error-share", "1"), "--search-error-share"),
        (("search", "-u", "10", "--shape-step", "5", "--search-failures", "0"), "--search-failures"),
        (("search", "-u", "10", "--shape-step", "5", "--search-resolution", "-1"), "--search-resolution"),
    ],
)
def test_a_mistake_is_one_line_that_names_its_option(arguments: tuple[str, ...], text: str) -> None:
    with pytest.raises(InputError) as caught:
        options("--shape", *arguments)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


# -- what Locust sees ------------------------------------------------------------------------------------------------


def test_until_the_run_is_open_locust_gets_the_same_answer() -> None:
    """A changed one would make it kill the greenlet that opens the run."""
    opened, now_s, told = [False], [0.0], []
    shape = PlannedShape(
        options("--shape", "ramp", "-u", "9", "-r", "3"),
        Ledger,
        lambda: opened[0],
        lambda name, detail: told.append((name, detail["stage"])),
        clock=lambda: now_s[0],
    )
    assert [shape.tick() for _ in range(3)] == [(3, 3.0)] * 3
    now_s[0], opened[0] = 1.0, True
    assert shape.tick() == (6, 3.0)
    assert told == [("stage", "ramp to 9")]


def test_the_first_stage_is_told_although_the_run_was_not_open_yet() -> None:
    opened, told = [False], []
    shape = PlannedShape(
        options("--shape", "burst", "-u", "9"),
        Ledger,
        lambda: opened[0],
        lambda name, detail: told.append((detail["stage"], detail["users"])),
    )
    shape.tick()
    opened[0] = True
    shape.tick()
    assert told == [("burst of 9", 9), ("burst of 9: until stable", 9)]


def test_run_time_ends_a_shape() -> None:
    now_s = [0.0]
    shape = PlannedShape(
        options("--shape", "ramp", "-u", "9"),
        Ledger,
        lambda: True,
        lambda name, detail: None,
        lambda: 5.0,
        lambda: now_s[0],
    )
    assert shape.tick() is not None
    now_s[0] = 4.9
    assert shape.tick() is not None
    now_s[0] = 5.0
    assert shape.tick() is None
