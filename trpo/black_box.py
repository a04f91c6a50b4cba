"""Search over parameters that sees returns alone: the paper's gradient-free comparisons (§8.1).

A search proposes candidates and is told what each was worth; the returns come from whole episodes,
candidate i in row i of the simulator. The policy is the same as TRPO's, so that its number of
parameters, and with it what a full covariance costs, is too.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from trpo.moments import Filter, Moments, empty, merge, observation_filter
from trpo.observations import reals
from trpo.reports import RECENT, Episodes, check_finite, episode_report
from trpo.samplers.runner import Acting, Runner, Seed, Track, Until, fresh, seed_of
from trpo.searches import Search
from trpo.types import Algorithm, Array


class Evaluated(NamedTuple):
    """Whole episodes of n candidates, as many (R) of each."""

    returns: Array  # (R, n) raw and undiscounted
    lengths: Array  # (R, n) in steps
    obs: Array  # (steps, *O) float32, all that was seen, raw; nothing of frames
    steps: int  # simulator steps taken
    unstable: int  # of these, the ones that failed in the engine


def evaluate(
    seed: Seed,
    runner: Runner,
    propose: Callable[[], Array],
    see: Filter,
    *,
    steps: int,
    deterministic: bool,
) -> Evaluated:
    """Run candidate i in row i, an episode each, round after round until there are `steps` steps.

    Args:
        seed: of start states and of the actions' noise; may spawn.
        runner: of the task, and of the policy whose parameters the candidates are.
        propose: gives each round its candidates (n, P), one a row.
        see: the observation filter.
        steps: at least these are taken in all.
        deterministic: take a Gaussian's mean or the likeliest choice instead of sampling.
    """
    rounds: list[list[Track]] = []
    taken = 0
    while taken < steps:
        candidates = propose()
        rows = fresh(seed, len(candidates))
        acting = Acting(candidates, see, deterministic)
        rounds.append(list(runner.run(rows, acting, Until(1))))
        taken += sum(len(track.rewards) for track in rounds[-1])
    returns = np.array([[track.rewards.sum() for track in each] for each in rounds])
    lengths = np.array([[len(track.rewards) for track in each] for each in rounds])
    obs = np.concatenate([reals(track.obs) for each in rounds for track in each])
    check_finite("observations", obs)
    check_finite("rewards", returns)
    unstable = sum(int(track.failed.sum()) for each in rounds for track in each)
    return Evaluated(returns, lengths, obs, taken, unstable)


class Searching(NamedTuple):
    """What one iteration hands to the next."""

    search: Any  # the search's own state
    seen: Moments  # of observations, for the filter
    recent: Array  # (≤ 100,) returns of the last episodes


def acting_by_mean(
    search: Search, filter_clip: float, deterministic: bool
) -> Callable[[Searching], Acting]:
    """What says of a state how its distribution's mean acts: as the next candidates would."""

    def acting(state: Searching) -> Acting:
        theta = search.mean(state.search).astype(np.float32)
        return Acting(theta, observation_filter(state.seen, filter_clip), deterministic)

    return acting


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
    runner: Runner,
    search: Search,
    *,
    steps: int,
    filter_clip: float,
    deterministic: bool,
) -> Algorithm[Searching, SearchInfo]:
    """Search the policy's parameters for a high mean return.

    An iteration runs whole episodes, n side by side, until its steps are used; see `Rounds`. The
    returns reported are those of all candidates' episodes, not of the distribution's mean.

    Args:
        runner: of the task, and of the policy whose parameters are searched, from its usual
            initialisation on.
        search: proposes candidates.
        steps: simulator steps of an iteration, at least.
        filter_clip: clip of the observation filter in standard deviations; 0 for no filter.
        deterministic: evaluate candidates without the action's noise.
    """
    space = runner.simulator.space
    obs, horizon = space.obs, space.horizon

    def init(rng: np.random.Generator) -> Searching:
        theta = runner.policy.network.init(rng).numpy().astype(np.float64)
        return Searching(search.init(theta), empty(obs), np.zeros(0))

    def step(rng: np.random.Generator, state: Searching) -> tuple[Searching, SearchInfo]:
        ask_rng, run_rng = rng.spawn(2)
        rounds = Rounds(search, state.search, ask_rng)
        see = observation_filter(state.seen, filter_clip)
        found = evaluate(
            seed_of(run_rng), runner, rounds, see, steps=steps, deterministic=deterministic
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
