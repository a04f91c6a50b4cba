"""The single path method (§5.1): run π_old from the start states and keep what it did."""

from collections.abc import Callable
from typing import Literal

import numpy as np

from trpo.moments import Filter
from trpo.samplers.runner import Acting, Keep, Runner, Until, row, seed_of
from trpo.samplers.tape import Carried, Sampled, nothing, taped
from trpo.types import Tensor

Boundary = Literal["complete", "truncate", "bootstrap"]
"""What happens to paths at the end of a batch, of which each row has an equal share.

complete: every path runs until the task or its time limit ends it, so a batch holds at least
    `steps` steps. No path begins in a row that has taken its share, and none that began is dropped.
truncate: a row's path is cut after its share, and nothing is added for what would follow.
bootstrap: the same, and the baseline's value of the state where each was cut is added.
"""

Sampler = Callable[[np.random.Generator, Tensor, Filter, Carried | None], Sampled]


def single_path(
    runner: Runner,
    *,
    rows: int,
    steps: int,
    boundary: Boundary,
    fresh: bool,
    keep: Keep | None = None,
) -> Sampler:
    """Run the policy in so many rows until each has taken its share of `steps` steps.

    Args:
        runner: of the task and the policy, whose theta (P,) each call is given.
        rows: N, the paths under way at any time.
        steps: of a batch; at least these for "complete", else the next multiple of the rows.
        boundary: what happens to paths at the batch's end.
        fresh: begin every batch with new episodes, instead of where the last one stopped.
        keep: told of every state that is visited.
    """
    share = -(-steps // rows)
    until = Until(share, None if boundary == "complete" else share)

    def sample(
        rng: np.random.Generator, theta: Tensor, see: Filter, carried: Carried | None
    ) -> Sampled:
        before = nothing(rows) if carried is None else carried
        begins = zip(seed_of(rng).spawn(rows), before.snapshots, before.lengths, strict=True)
        each = [row(seed, snapshot, int(age)) for seed, snapshot, age in begins]
        tracks = runner.run(each, Acting(theta, see), until, keep=keep, save=not fresh)
        return taped(tracks, before, go_on=not fresh)

    return sample
