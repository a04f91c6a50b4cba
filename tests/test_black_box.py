"""Searches that see returns alone: their distributions, and the episodes they are told of."""

import pickle
import time
import weakref
from typing import Any, NamedTuple

import cma
import numpy as np
import pytest
import torch
from bits import bits
from cma.sigma_adaptation import CMAAdaptSigmaCSA
from tiny_task import HORIZON, Corridor

from trpo.black_box import Evaluated, Searching, black_box, evaluate
from trpo.evolution import of
from trpo.parameters import ParameterError, UnfitError
from trpo.policies import Policy, categorical_cnn, categorical_mlp, gaussian_mlp, linear_gaussian
from trpo.reports import flatten
from trpo.samplers.lockstep import Lockstep
from trpo.samplers.runner import Acting, Seed, Until, fresh
from trpo.searches import Gaussian, Search, cem, cma_es
from trpo.simulators.atari import AtariSimulator
from trpo.simulators.cartpole import CartPole, CartPoleSimulator
from trpo.simulators.games import Game
from trpo.simulators.protocol import Simulator
from trpo.streams import stream
from trpo.types import Algorithm, Array

POPULATION = 20
TARGET = np.array([1.0, -2.0, 0.5, 3.0])
SCALES = np.array([1.0, 4.0, 0.3, 2.0])
SEARCHES = {
    "cem": cem(POPULATION, elite=0.25, extra_std=0.5, extra_iterations=20),
    "full": cma_es(POPULATION, covariance="full"),
    "separable": cma_es(POPULATION, covariance="separable"),
}
every_search = pytest.mark.parametrize("name", SEARCHES)


def worth(candidates: Array) -> Array:
    """A quadratic with its maximum, zero, at the target (repeated to any dimension)."""
    count = candidates.shape[1]
    distance = candidates - np.resize(TARGET, count)
    returns: Array = -(np.resize(SCALES, count) * distance**2).sum(1)
    return returns


def iterate(search: Search, state: Any, iterations: int, first: int = 0) -> tuple[Any, list[Array]]:
    """Some iterations on the quadratic, and the candidates of each."""
    asked = []
    for i in range(first, first + iterations):
        state, candidates = search.ask(np.random.default_rng(i), state)
        asked.append(candidates)
        state = search.tell(state, candidates, worth(candidates))
    return state, asked


@every_search
def test_search_finds_the_maximum_of_a_quadratic(name: str) -> None:
    search = SEARCHES[name]
    state, asked = iterate(search, search.init(np.zeros(4)), 100)
    assert asked[0].shape == (POPULATION, 4)
    assert search.mean(state) == pytest.approx(TARGET, abs=1e-2)
    assert search.spread(state) < 0.02


@every_search
def test_first_distribution_is_around_the_first_mean_with_the_given_spread(name: str) -> None:
    search = SEARCHES[name]
    state = search.init(TARGET)
    _, candidates = search.ask(np.random.default_rng(0), state)
    expected = np.hypot(1.0, 0.5) if name == "cem" else 0.5
    assert search.mean(state) == pytest.approx(TARGET)
    assert search.spread(state) == pytest.approx(expected, rel=1e-3)
    assert (candidates - TARGET).std() == pytest.approx(expected, rel=0.3)


@every_search
def test_asking_and_telling_leave_the_state_they_were_given_as_it_was(name: str) -> None:
    search = SEARCHES[name]
    state, _ = iterate(search, search.init(np.zeros(4)), 3)
    before = pickle.dumps(state)
    (asked, first), (also, second) = (search.ask(np.random.default_rng(7), state) for _ in range(2))
    assert np.array_equal(first, second)
    assert pickle.dumps(state) == before
    middle = pickle.dumps(asked)
    told = [search.tell(a, first, worth(first)) for a in (asked, asked, also)]
    assert pickle.dumps(asked) == middle
    ahead = [iterate(search, t, 2, first=8)[1][-1] for t in told]
    assert np.array_equal(ahead[0], ahead[1])
    assert np.array_equal(ahead[0], ahead[2])


@every_search
@pytest.mark.parametrize("size", [4, 310])  # from 300 on, the package would adapt otherwise
def test_numpys_global_generator_is_neither_read_nor_changed(name: str, size: int) -> None:
    search, found = SEARCHES[name], []
    for seed in (1, 2):
        np.random.seed(seed)  # noqa: NPY002 (it is what this is about)
        before = repr(np.random.get_state())  # noqa: NPY002
        state, asked = iterate(search, search.init(np.zeros(size)), 7)
        assert repr(np.random.get_state()) == before  # noqa: NPY002
        found.append(np.stack([*asked[-1], search.mean(state)]))
    assert np.array_equal(*found)


@every_search
def test_no_state_depends_on_the_time_of_day(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(start: float) -> bytes:
        clock = iter(start * 1.7**k for k in range(10**6))
        monkeypatch.setattr(time, "time", lambda: next(clock))
        search = SEARCHES[name]
        return pickle.dumps(iterate(search, search.init(np.zeros(4)), 4)[0])

    assert run(1.0) == run(1e-3)


def test_elite_gives_mean_and_variance() -> None:
    candidates = np.array([[0.0, 0.0], [1.0, 2.0], [3.0, 6.0], [99.0, 99.0], [-50.0, 7.0]])
    returns = np.array([1.0, 5.0, 4.0, 0.0, -1.0])

    def told(elite: float) -> Gaussian:
        search = cem(5, elite=elite)
        state: Gaussian = search.tell(search.init(np.zeros(2)), candidates, returns)
        return state

    for elite in (0.4, 0.01):  # at least two
        assert told(elite).mean.tolist() == [2.0, 4.0]
        assert told(elite).variance.tolist() == [1.0, 4.0]
    assert told(0.6).mean == pytest.approx([4 / 3, 8 / 3])
    assert told(0.6).variance == pytest.approx([14 / 9, 56 / 9])


@pytest.mark.parametrize(("told", "extra"), [(0, 4.0), (1, 3.0), (3, 1.0), (4, 0.0), (9, 0.0)])
def test_extra_noise_decreases_linearly_to_nothing(told: int, extra: float) -> None:
    search = cem(3, extra_std=2.0, extra_iterations=4)
    state = Gaussian(TARGET, SCALES, told)
    noise = np.random.default_rng(5).standard_normal((3, 4))
    _, candidates = search.ask(np.random.default_rng(5), state)
    assert candidates == pytest.approx(TARGET + np.sqrt(SCALES + extra) * noise)
    assert search.spread(state) == pytest.approx(np.sqrt(SCALES.mean() + extra))


@pytest.mark.parametrize("covariance", ["full", "separable"])
@pytest.mark.parametrize("size", [4, 310])
def test_cma_es_is_the_packages_own_given_the_same_noise(covariance: Any, size: int) -> None:
    search = cma_es(POPULATION, std=0.7, covariance=covariance)
    drawn_from = [np.random.default_rng(0)]
    options = {
        "popsize": POPULATION,
        "CMA_diagonal": covariance == "separable",
        "AdaptSigma": CMAAdaptSigmaCSA,
        "randn": lambda *shape: drawn_from[0].standard_normal(shape),
        "seed": np.nan,
        "verbose": -9,
    }
    package = cma.CMAEvolutionStrategy(np.zeros(size), 0.7, options)
    state = search.init(np.zeros(size))
    for i in range(12):
        drawn_from[0] = np.random.default_rng(i)
        theirs = package.ask()
        state, ours = search.ask(np.random.default_rng(i), state)
        assert np.array_equal(ours, theirs)
        package.tell(theirs, [-x for x in worth(np.stack(theirs))])
        state = search.tell(state, ours, worth(ours))
        assert np.array_equal(search.mean(state), package.mean)
    assert search.spread(state) == pytest.approx(np.sqrt(np.mean(package.stds**2)))


def test_package_neither_prints_nor_warns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    search = SEARCHES["full"]
    state, candidates = search.ask(np.random.default_rng(0), search.init(np.zeros(4)))
    strategy = state.strategy()
    monkeypatch.setattr(cma.utilities.utils, "global_verbosity", 9)  # as in a resumed process
    returns = [-np.inf, *worth(candidates)[1:]]
    with pytest.warns(UserWarning, match="not finite"):
        strategy.tell([*candidates], [-r for r in returns])
    capsys.readouterr()
    search.tell(state, candidates, np.array(returns))  # warnings are errors
    assert capsys.readouterr() == ("", "")


def test_the_smallest_population_needs_no_further_noise() -> None:
    search = cma_es(4)
    state, _ = iterate(search, search.init(np.zeros(4)), 200)
    assert search.mean(state) == pytest.approx(TARGET, abs=1e-2)


def test_parameters_stay_what_they_are_however_narrow_the_search_becomes() -> None:
    search = SEARCHES["full"]
    begun = search.init(TARGET)
    strategy = begun.strategy()
    axes = np.linalg.qr(np.random.default_rng(0).standard_normal((4, 4)))[0]
    strategy.sm.C = axes @ np.diag([1.0, 1.0, 1.0, 1e-13]) @ axes.T
    strategy.sm.update_now(-1)
    state = begun._replace(reached=of(strategy))
    asked, candidates = search.ask(np.random.default_rng(0), state)
    assert search.mean(asked) == pytest.approx(TARGET)
    assert (candidates - TARGET) @ axes[:, 3] == pytest.approx(np.zeros(POPULATION), abs=1e-5)
    told = search.tell(asked, candidates, worth(candidates))
    assert worth(search.mean(told)[None]) > worth(TARGET[None] + candidates - TARGET).mean()


def test_the_packages_objects_leave_memory_at_once() -> None:
    search = SEARCHES["full"]
    state, _ = search.ask(np.random.default_rng(0), search.init(np.zeros(4)))
    seen = weakref.ref(state.strategy())
    assert seen() is None  # not only once the garbage collector comes by


def test_covariance_is_full_as_far_as_memory_allows() -> None:
    def searched(size: int, **settings: Any) -> str:
        search = cma_es(8, **settings)
        full = search.init(np.zeros(size)).strategy().sm.covariance_matrix is not None
        assert search.note(size).startswith(f"CMA-ES with {'full' if full else 'separable'}")
        return search.note(size)

    assert searched(114, memory_mib=1) == "CMA-ES with full covariance, 114 parameters"
    assert searched(115, memory_mib=1) == "CMA-ES with separable covariance, 115 parameters"
    assert searched(115, memory_mib=2, covariance="full").startswith("CMA-ES with full")
    assert searched(4, covariance="separable").startswith("CMA-ES with separable")


def test_full_covariance_that_does_not_fit_is_refused_with_the_way_out() -> None:
    search = cma_es(8, covariance="full")
    message = (
        r"full covariance needs 85,621 MiB for 33,500 parameters: "
        r"take covariance=separable \(or auto\), or raise memory_mib"
    )
    with pytest.raises(UnfitError, match=message):
        search.note(33_500)
    with pytest.raises(UnfitError, match=message):
        search.init(np.zeros(33_500))


def test_cem_notes_what_it_is() -> None:
    expected = "cross-entropy method with diagonal covariance, 5,123 parameters"
    assert SEARCHES["cem"].note(5123) == expected


@pytest.mark.parametrize(
    ("build", "settings", "message"),
    [
        (cem, {"population": 1}, "population must be at least 2, not 1"),
        (cma_es, {"population": 3}, "population must be at least 4, not 3"),
        (cem, {"elite": 0.0}, "elite must be within"),
        (cem, {"elite": 1.1}, "elite must be within"),
        (cem, {"std": 0.0}, "std must be positive"),
        (cma_es, {"std": -1.0}, "std must be positive"),
        (cem, {"extra_std": -0.1}, "extra_std must be at least 0"),
        (cma_es, {"covariance": "ful"}, "covariance must be one of auto, full, separable, not ful"),
        (cma_es, {"memory_mib": 0}, "memory_mib must be at least 1, not 0"),
        (cem, {"extra_iterations": 0}, "extra_iterations must be at least 1"),
    ],
)
def test_settings_that_mean_nothing_are_refused(
    build: Any, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ParameterError, match=message):
        build(**{"population": 8, **settings})


class Starts(Corridor):
    """A corridor that remembers how every episode began."""

    def __init__(self, rows: int, discrete: bool = False) -> None:
        super().__init__(rows, discrete)
        self.starts: list[Any] = []

    def reset(self, rng: np.random.Generator, rows: Array) -> None:
        super().reset(rng, rows)
        self.starts += self.save(rows)


def see(obs: Array) -> Array:
    """Observations of about one."""
    return (obs / 10).astype(np.float32)


def run(
    simulator: Simulator,
    policy: Policy,
    candidates: Array,
    *,
    steps: int = 60,
    deterministic: bool = True,
    through: Any = see,
) -> Evaluated:
    """Evaluate from a fixed seed."""
    runner = Lockstep(simulator, policy)
    return evaluate(
        *(Seed(3), runner, lambda: candidates, through), steps=steps, deterministic=deterministic
    )


def some(policy: Policy, count: int) -> Array:
    """Candidates (count, P), standard normal."""
    return np.random.default_rng(1).standard_normal((count, policy.network.size))


@pytest.mark.parametrize("discrete", [False, True])
def test_each_candidate_is_run_by_its_own_parameters(discrete: bool) -> None:
    simulator = Starts(5, discrete)
    build: Any = categorical_mlp if discrete else gaussian_mlp
    policy = build(simulator.space, hidden=(3,))
    candidates = some(policy, 5)
    found = run(simulator, policy, candidates)
    rounds = [simulator.starts[n : n + 5] for n in range(0, len(simulator.starts), 5)]
    assert len(found.returns) == len(rounds) > 1
    alone = Corridor(1, discrete)
    row = np.arange(1)
    for i, theta in enumerate(torch.from_numpy(candidates.astype(np.float32))):
        act = policy.network.act(theta)
        for start, total, length in zip(
            rounds, found.returns[:, i], found.lengths[:, i], strict=True
        ):
            alone.load(row, [start[i]])
            rewards, over = [], False
            while not over:
                d = act(see(alone.observe(row).astype(np.float32)))
                action = d.argmax(1)[:, None] if discrete else np.clip(d[:, :1], -1, 1)
                step = alone.step(action, row)
                rewards.append(step.reward[0])
                over = bool(step.terminal[0] or step.truncated[0])
            assert total == pytest.approx(sum(rewards), abs=1e-4)
            assert length == len(rewards)


@pytest.mark.parametrize("steps", [1, 40, 200])
def test_every_candidate_has_as_many_episodes_and_none_runs_on_after_its_end(steps: int) -> None:
    simulator = Corridor(6)
    policy = linear_gaussian(simulator.space)
    found = run(simulator, policy, some(policy, 6), steps=steps)
    assert found.returns.shape == found.lengths.shape == (len(simulator.begun) // 6, 6)
    assert found.lengths.ravel().tolist() == simulator.begun
    assert found.steps == simulator.steps == found.lengths.sum() == len(found.obs) >= steps
    assert found.lengths[:-1].sum() < steps  # no round began once there were enough
    assert found.obs.dtype == np.float32
    assert len(np.unique(found.lengths)) > 1


def test_deterministic_actions_are_the_mean_and_others_are_not() -> None:
    simulator = Corridor(4)
    policy = linear_gaussian(simulator.space)
    candidates = np.tile([0.0, 0.0, 0.5, -1.0], (4, 1))  # always 0.5, and some noise
    still, noisy = (run(Corridor(4), policy, candidates, deterministic=d) for d in (True, False))
    walked = 5.0 * still.lengths * (still.lengths + 1)  # 10 a position
    assert still.returns == pytest.approx(walked + 0.5 * still.lengths)
    assert np.array_equal(still.lengths, noisy.lengths)  # the same start states
    assert abs(noisy.returns - still.returns).min() > 1e-3


@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("discrete", [False, True])
def test_a_candidate_does_the_same_whichever_others_run(
    deterministic: bool, discrete: bool
) -> None:
    build: Any = categorical_mlp if discrete else gaussian_mlp
    policy = build(Corridor(1, discrete).space, hidden=(3,))
    rows, candidates = fresh(Seed(0), 5), some(policy, 5)

    def tracks(which: list[int], count: int) -> list[bytes]:
        acting = Acting(candidates[which], see, deterministic)
        runner = Lockstep(Corridor(count, discrete), policy)
        return [bits(track) for track in runner.run([rows[i] for i in which], acting, Until(70))]

    every = tracks([0, 1, 2, 3, 4], 5)
    assert len({*every}) == 5
    for which, count in (([1, 4], 2), ([4, 1], 5), ([2], 1), ([0, 1, 2, 3, 4], 2)):
        assert tracks(which, count) == [every[i] for i in which]


def test_noise_is_drawn_anew_in_every_step_unless_actions_are_deterministic() -> None:
    simulator = Corridor(1)
    policy = linear_gaussian(simulator.space)
    constant, still = np.array([[0.0, 0.0, 0.5, -1.0]]), []
    for deterministic in (False, True):
        acting = Acting(constant, see, deterministic)
        (track,) = Lockstep(simulator, policy).run(fresh(Seed(0), 1), acting, Until(100))
        still.append(len(np.unique(track.actions)))
    assert still == [len(track.actions), 1]


@pytest.mark.parametrize("rows", [1, 4, 50])
def test_any_number_of_candidates_runs_in_any_number_of_rows(rows: int) -> None:
    policy = linear_gaussian(Corridor(1).space)
    alone, other = (
        run(Corridor(count), policy, some(policy, 7), deterministic=False) for count in (7, rows)
    )
    assert alone.returns.shape[1] == 7
    assert bits(other) == bits(alone)


def test_candidates_see_through_the_filter() -> None:
    policy = linear_gaussian(Corridor(1).space)
    candidates = np.tile([1.0, 0.0, 0.0, 0.0], (3, 1))
    found = run(Corridor(3), policy, candidates, through=lambda obs: np.full_like(obs, 0.25))
    n = found.lengths
    assert found.returns == pytest.approx(5.0 * n * (n + 1) + 0.25 * n)
    assert np.array_equal(np.unique(found.obs[:, 0]), np.arange(n.max()))  # kept raw


def test_actions_are_clipped_to_the_tasks_bounds() -> None:
    policy = linear_gaussian(Corridor(1).space)
    found = run(Corridor(3), policy, np.tile([0.0, 0.0, 7.0, 0.0], (3, 1)))
    n = found.lengths
    assert found.returns == pytest.approx(5.0 * n * (n + 1) + n)


def balancing(search: Search, *, filter_clip: float = 0.0) -> Algorithm:
    """A search on cart-poles, with the paper's six parameters."""
    simulator = CartPoleSimulator(CartPole(horizon=100), POPULATION)
    policy = linear_gaussian(simulator.space)
    runner = Lockstep(simulator, policy)
    return black_box(runner, search, steps=200, filter_clip=filter_clip, deterministic=False)


def learn(
    algorithm: Algorithm, iterations: int, state: Searching | None = None, first: int = 0
) -> tuple[Searching, list[dict[str, Any]]]:
    """Some iterations, from the beginning unless told otherwise."""
    state = state or algorithm.init(stream(0, "init"))
    infos = []
    for i in range(first, first + iterations):
        state, info = algorithm.step(stream(0, "step", i), state)
        infos.append(flatten(info))
    assert state is not None
    return state, infos


@pytest.mark.parametrize(
    "search",
    [
        cem(POPULATION, std=10.0, extra_std=3.0, extra_iterations=10),
        cma_es(POPULATION, std=10.0, covariance="full"),
        cma_es(POPULATION, std=10.0, covariance="separable"),
    ],
    ids=SEARCHES,
)
def test_black_box_learns_to_balance_a_pole(search: Search) -> None:
    _, infos = learn(balancing(search), 20)
    assert infos[-1]["return_mean"] > 3 * infos[0]["return_mean"]


def test_search_begins_at_the_policys_own_initialisation() -> None:
    algorithm = balancing(SEARCHES["full"])
    state = algorithm.init(stream(0, "init"))
    policy = linear_gaussian(CartPoleSimulator(CartPole(), 1).space)
    theta = policy.network.init(stream(0, "init")).numpy()
    assert np.array_equal(SEARCHES["full"].mean(state.search), theta)


class Overheard(NamedTuple):
    """A search, and what it was told."""

    search: Search
    told: list[tuple[Array, Array]]


def overheard(search: Search) -> Overheard:
    """The same search, noting the candidates and returns that it learns from."""
    told: list[tuple[Array, Array]] = []

    def tell(state: Any, candidates: Array, returns: Array) -> Any:
        told.append((candidates, returns))
        return search.tell(state, candidates, returns)

    return Overheard(search._replace(tell=tell), told)


def test_iteration_reports_all_candidates_episodes() -> None:
    simulator, search = Corridor(POPULATION), SEARCHES["full"]
    heard = overheard(search)
    policy = linear_gaussian(simulator.space)
    runner = Lockstep(simulator, policy)
    algorithm = black_box(runner, heard.search, steps=300, filter_clip=5.0, deterministic=True)
    start = algorithm.init(stream(0, "init"))
    state, (info,) = learn(algorithm, 1, start)
    rounds = len(simulator.begun) // POPULATION
    assert rounds > 1
    assert info["steps"] == simulator.steps == state.seen.count
    assert info["episodes"] == rounds * POPULATION
    ((_, returns),) = heard.told
    assert returns.shape == (POPULATION,)  # of each candidate, the mean over its rounds
    assert info["return_mean"] == pytest.approx(returns.mean())
    assert info["reward_per_step"] == pytest.approx(returns.mean() / HORIZON)
    assert info["return_100"] == pytest.approx(state.recent.mean())
    assert info["length_mean"] == pytest.approx(np.mean(simulator.begun))
    shift = search.mean(state.search) - search.mean(start.search)
    assert info["step_norm"] == pytest.approx(np.sqrt((shift**2).sum()))
    assert info["search_std"] == search.spread(state.search)
    assert info["unstable_steps"] == 0
    state, _ = learn(algorithm, 4, state, first=1)
    assert len(state.recent) == 100


def test_without_a_filter_nothing_is_counted() -> None:
    state, _ = learn(balancing(SEARCHES["cem"]), 1)
    assert state.seen.count == 0


def test_parameters_that_are_not_finite_are_an_error_that_names_them() -> None:
    search = SEARCHES["cem"]._replace(mean=lambda state: np.array([np.nan]))
    with pytest.raises(FloatingPointError, match="policy parameters are not finite"):
        learn(balancing(search), 1)


@pytest.mark.parametrize(("build", "rounds"), [(cem, 5), (cma_es, 1)])
def test_only_a_search_that_renews_has_new_candidates_in_every_round(
    build: Any, rounds: int
) -> None:
    simulator = CartPoleSimulator(CartPole(max_position=1e9, max_angle=1e9, horizon=10), 4)
    heard = overheard(build(4))
    settings = {"steps": 200, "filter_clip": 0.0, "deterministic": True}
    runner = Lockstep(simulator, linear_gaussian(simulator.space))
    run = black_box(runner, heard.search, **settings)
    _, found = run.step(np.random.default_rng(1), run.init(np.random.default_rng(0)))
    info = flatten(found)
    ((candidates, returns),) = heard.told
    assert candidates.shape == (4 * rounds, 6)
    assert len({tuple(row) for row in candidates}) == 4 * rounds == len(returns)
    assert (info["steps"], info["episodes"], info["candidates"]) == (200, 20, 4 * rounds)
    assert returns.mean() == pytest.approx(info["return_mean"])


def test_a_search_plays_from_pixels() -> None:
    simulator = AtariSimulator(Game(game="pong", horizon=5), 2)
    runner = Lockstep(simulator, categorical_cnn(simulator.space))
    algorithm = black_box(runner, cem(2), steps=15, filter_clip=0.0, deterministic=False)
    state, info = algorithm.step(stream(0, "step", 1), algorithm.init(stream(0, "init")))
    assert (info.steps, info.episodes.episodes, info.candidates) == (20, 4, 4)
    assert len(state.search.mean) == 33_500
