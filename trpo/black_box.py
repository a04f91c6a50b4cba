"""Search over parameters that sees returns alone: the paper's gradient-free comparisons (§8.1).

A search proposes candidates and is told what each was worth; the returns come from whole episodes,
candidate i in row i of the simulator. The policy is the same as TRPO's, so that its number of
parameters, and with it what a full covariance costs, is too.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from trpo.moments import Filter, Moments, empty, merge, observation_filter
from trpo.policies import Policy
from trpo.reports import RECENT, Episodes, check_finite, episode_report
from trpo.searches import Search
from trpo.simulators.protocol import Simulator
from trpo.types import Algorithm, Array


class Evaluated(NamedTuple):
    """Whole episodes of n candidates, as many (R) of each."""

    returns: Array  # (R, n) raw and undiscounted
    lengths: Array  # (R, n) in steps
    obs: Array  # (steps, *O) float32, all that was seen, raw
    steps: int  # simulator steps taken
    unstable: int  # of these, the ones that failed in the engine


class Round(NamedTuple):
    """An episode of each of n candidates, side by side."""

    returns: Array  # (n,)
    lengths: Array  # (n,)
    seen: list[Array]  # observations (running, *O), step by step
    unstable: int


Act = Callable[[Array, Array], Array]
"""Raw observations (n, *O) float32 and their rows (n,) -> actions (n, A)."""


def evaluate(
    rng: np.random.Generator,
    simulator: Simulator,
    policy: Policy,
    propose: Callable[[], Array],
    see: Filter,
    *,
    steps: int,
    deterministic: bool,
) -> Evaluated:
    """Run candidate i in row i, an episode each, round after round until there are `steps` steps.

    Args:
        rng: of start states and of the actions' noise.
        simulator: of n rows.
        policy: whose parameters the candidates are.
        propose: gives each round its candidates (n, P), one a row.
        see: the observation filter.
        steps: at least these are taken in all.
        deterministic: take a Gaussian's mean or the likeliest choice instead of sampling.
    """
    noise_rng, reset_rng = rng.spawn(2)
    rounds: list[Round] = []
    taken = 0
    while taken < steps:
        act = acting(noise_rng, policy, propose(), see, deterministic)
        simulator.reset(reset_rng, np.arange(simulator.count))
        rounds.append(episodes(simulator, act))
        taken += int(rounds[-1].lengths.sum())
    returns, lengths, seen, unstable = zip(*rounds, strict=True)
    obs = np.concatenate([x for xs in seen for x in xs])
    check_finite("observations", obs)
    check_finite("rewards", np.stack(returns))
    return Evaluated(np.stack(returns), np.stack(lengths), obs, taken, sum(unstable))


def acting(
    rng: np.random.Generator, policy: Policy, candidates: Array, see: Filter, deterministic: bool
) -> Act:
    """Each row by its own candidate; its noise does not depend on which other rows still run."""
    answer, family = policy.network.act_each(candidates), policy.distribution
    count = len(candidates)
    still = 0 * family.noise(rng, count)

    def act(obs: Array, rows: Array) -> Array:
        noise = still if deterministic else family.noise(rng, count)
        return family.sample(answer(see(obs), rows), noise[rows])

    return act


@np.errstate(invalid="ignore", over="ignore")  # what is not finite is found at the end
def episodes(simulator: Simulator, act: Act) -> Round:
    """One episode of every row."""
    space, rows = simulator.space, np.arange(simulator.count)
    returns, lengths = np.zeros(len(rows)), np.zeros(len(rows), int)
    seen, unstable = list[Array](), 0
    while len(rows):
        obs = simulator.observe(rows).astype(np.float32)
        actions = act(obs, rows)
        reward, terminal, truncated, failed = simulator.step(space.actions.clip(actions), rows)
        seen.append(obs)
        returns[rows] += reward
        lengths[rows] += 1
        unstable += int(np.count_nonzero(failed))
        rows = rows[~(terminal | truncated)]
    return Round(returns, lengths, seen, unstable)


class Searching(NamedTuple):
    """What one iteration hands to the next."""

    search: Any  # the search's own state
    seen: Moments  # of observations, for the filter
    recent: Array  # (≤ 100,) returns of the last episodes


class SearchInfo(NamedTuple):
    """What one iteration did."""

    steps: int  # simulator steps
    episodes: Episodes  # of all candidates
    step_norm: float  # ‖Δ mean of the search's distribution‖₂
    search_std: float  # the search's spread
    candidates: int
    unstable_steps: int  # steps that failed in the engine


class Rounds:
    """The candidates of an iteration, asked of a search round after round.

    A search that renews has other candidates in every round and learns from them all; one that does
    not runs the same again and learns from their mean returns.
    """

    def __init__(self, search: Search, state: Any, rng: np.random.Generator) -> None:
        """Begin with this state of the search; `rng` draws candidates."""
        self._search, self._state, self._rng = search, state, rng
        self._proposed: list[Array] = []

    def __call__(self) -> Array:
        """The candidates (n, P) of the next round."""
        if self._search.renews or not self._proposed:
            self._state, fresh = self._search.ask(self._rng, self._state)
            self._proposed.append(fresh)
        return self._proposed[-1]

    @property
    def candidates(self) -> Array:
        """All candidates so far (n R, P), R being 1 unless the search renews."""
        return np.concatenate(self._proposed)

    def told(self, returns: Array) -> Any:
        """The search's state once it knows the returns (R, n) of the rounds."""
        candidates = self.candidates
        worth = returns.reshape(-1, len(candidates)).mean(0)
        return self._search.tell(self._state, candidates, worth)


def black_box(
    policy: Policy,
    search: Search,
    simulator: Simulator,
    *,
    steps: int,
    filter_clip: float,
    deterministic: bool,
) -> Algorithm[Searching, SearchInfo]:
    """Search the policy's parameters for a high mean return.

    An iteration runs whole episodes, n side by side, until its steps are used; see `Rounds`. The
    returns reported are those of all candidates' episodes, not of the distribution's mean.

    Args:
        policy: whose parameters are searched, from its usual initialisation on.
        search: proposes as many candidates as the simulator has rows.
        simulator: runs them side by side.
        steps: simulator steps of an iteration, at least.
        filter_clip: clip of the observation filter in standard deviations; 0 for no filter.
        deterministic: evaluate candidates without the action's noise.
    """
    obs, horizon = simulator.space.obs, simulator.space.horizon
    if search.population != simulator.count:
        raise ValueError(f"{search.population} candidates do not fit {simulator.count} rows")

    def init(rng: np.random.Generator) -> Searching:
        theta = policy.network.init(rng).numpy().astype(np.float64)
        return Searching(search.init(theta), empty(obs), np.zeros(0))

    def step(rng: np.random.Generator, state: Searching) -> tuple[Searching, SearchInfo]:
        ask_rng, run_rng = rng.spawn(2)
        rounds = Rounds(search, state.search, ask_rng)
        see = observation_filter(state.seen, filter_clip)
        found = evaluate(
            run_rng, simulator, policy, rounds, see, steps=steps, deterministic=deterministic
        )
        told = rounds.told(found.returns)
        check_finite("policy parameters", search.mean(told))
        ended = found.returns.ravel(), found.lengths.ravel()
        recent = np.concatenate([state.recent, ended[0]])[-RECENT:]
        seen = merge(state.seen, found.obs) if filter_clip else state.seen
        episodes = episode_report(*ended, recent, horizon)
        step_norm = float(np.linalg.norm(search.mean(told) - search.mean(state.search)))
        counts = len(rounds.candidates), found.unstable
        info = SearchInfo(found.steps, episodes, step_norm, search.spread(told), *counts)
        return Searching(told, seen, recent), info

    return Algorithm(init, step)
