"""Running means and variances: the observation filter and the scale of value targets."""

from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np

from trpo.types import Array, Observations, Stacks

X = TypeVar("X", Array, Observations)


@dataclass(frozen=True)
class Moments:
    """Count, mean and sum of squared deviations of all that was seen, entry by entry."""

    count: float
    mean: Array  # (*O)
    squares: Array  # (*O) Σ (x − mean)²

    @property
    def std(self) -> Array:
        """Population standard deviation (*O); one where nothing or a constant was seen."""
        std = np.sqrt(self.squares / max(self.count, 1.0))
        return np.where(std > 1e-8, std, 1.0)


def empty(shape: tuple[int, ...]) -> Moments:
    """Return the moments of nothing."""
    return Moments(0.0, np.zeros(shape), np.zeros(shape))


def merge(seen: Moments, batch: Array) -> Moments:
    """Moments after a further batch (B, *O) (Chan, Golub and LeVeque 1983)."""
    count = len(batch)
    mean = batch.mean(0, dtype=np.float64)
    squares = np.square(batch - mean).sum(0)
    all_count = seen.count + count
    shift = mean - seen.mean
    return Moments(
        all_count,
        seen.mean + shift * (count / all_count),
        seen.squares + squares + shift**2 * (seen.count * count / all_count),
    )


class Filter(NamedTuple):
    """(x − mean) / std, clipped: raw observations (B, *O) -> what the policy sees."""

    mean: Array  # (*O) float32
    scale: Array  # (*O) float32, 1 / std
    clip: float  # in standard deviations; 0 leaves observations as they are

    def __call__(self, obs: X) -> X:
        """What the policy sees of observations (B, *O); frames are as they are."""
        if not self.clip or isinstance(obs, Stacks):
            return obs
        x: Array = (obs - self.mean) * self.scale
        np.minimum(np.maximum(x, -self.clip, out=x), self.clip, out=x)
        return x


def observation_filter(seen: Moments, clip: float) -> Filter:
    """Of the moments of earlier batches, so that the filter is frozen within one."""
    return Filter(seen.mean.astype(np.float32), (1 / seen.std).astype(np.float32), clip)
