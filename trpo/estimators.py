"""What the actions were worth: discounted sums and advantages along paths.

All arrays are time-major (T, N), steps t in [0, T). A path ends at the steps marked `ended`;
`after` holds the value of what follows each step that was cut there, and zero elsewhere.
"""

import numpy as np

from trpo.types import Array


def discounted_sums(x: Array, ended: Array, decay: float) -> Array:
    """y_t = x_t + decay · y_{t+1} within each path, for x (T, N)."""
    y = np.empty_like(x)
    follows = np.where(ended, 0.0, decay)
    last = np.zeros(x.shape[1])
    for t in reversed(range(len(x))):
        last = x[t] + follows[t] * last
        y[t] = last
    return y


def monte_carlo(rewards: Array, ended: Array, after: Array, gamma: float) -> Array:
    """Q̂_t = Σ_{u≥t} γ^(u−t) r_u, to the path's end, plus what follows a cut (§5.1)."""
    return discounted_sums(rewards + gamma * after, ended, gamma)


def gae(
    rewards: Array, values: Array, ended: Array, after: Array, *, gamma: float, lam: float
) -> Array:
    """Â_t = Σ_{u≥t} (γλ)^(u−t) δ_u, δ_t = r_t + γ V(s_{t+1}) − V(s_t) (arXiv 1506.02438, Eq. 16).

    V(s_{t+1}) is values[t+1] within a path, after[t] where one was cut, zero where it terminated.
    """
    following = np.concatenate([values[1:], np.zeros((1, values.shape[1]))])
    delta = rewards + gamma * np.where(ended, after, following) - values
    return discounted_sums(delta, ended, gamma * lam)
