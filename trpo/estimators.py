"""What the actions were worth: discounted sums and advantages along paths.

All arrays are (B,), the steps of path after path. A path ends at the steps marked `ended`; `after`
holds the value of what follows each step that was cut there, and zero elsewhere.
"""

import numpy as np

from trpo.compiled import compiled
from trpo.types import Array


@compiled
def monte_carlo(rewards: Array, ended: Array, after: Array, gamma: float) -> Array:
    """Q̂_t = Σ_{u≥t} γ^(u−t) r_u, to the path's end, plus what follows a cut (§5.1)."""
    q = np.empty_like(rewards)
    for t in range(len(rewards) - 1, -1, -1):
        following = after[t] if ended[t] else q[t + 1]
        q[t] = rewards[t] + gamma * following
    return q


@compiled
def gae(
    rewards: Array, values: Array, ended: Array, after: Array, gamma: float, lam: float
) -> Array:
    """Â_t = Σ_{u≥t} (γλ)^(u−t) δ_u, δ_t = r_t + γ V(s_{t+1}) − V(s_t) (arXiv 1506.02438, Eq. 16).

    V(s_{t+1}) is values[t+1] within a path, after[t] where one was cut, zero where it terminated.
    """
    advantages = np.empty_like(rewards)
    for t in range(len(rewards) - 1, -1, -1):
        following = after[t] if ended[t] else values[t + 1]
        later = 0.0 if ended[t] else advantages[t + 1]
        delta = rewards[t] + gamma * following - values[t]
        advantages[t] = delta + gamma * lam * later
    return advantages
