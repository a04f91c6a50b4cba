"""Random MDPs with two policies each, of every awkward kind."""

import numpy as np
from hypothesis import strategies as st

from trpo.tabular.examples import garnet, random_policies
from trpo.tabular.mdp import MDP, checked, checked_policy
from trpo.types import Array

Case = tuple[MDP, Array, Array]


def policies(rng: np.random.Generator, mdp: MDP, concentration: float, zeros: bool) -> Array:
    """Random policies; where `zeros`, each action but a random one is left out now and then."""
    pi = random_policies(rng, mdp, concentration=concentration)
    kept = rng.random(pi.shape) < (0.5 if zeros else 1.0)
    np.put_along_axis(kept, rng.integers(pi.shape[2], size=(*pi.shape[:2], 1)), True, axis=2)
    pi = np.maximum(pi, 1e-12) * kept
    return pi / pi.sum(axis=2, keepdims=True)


@st.composite
def cases(draw: st.DrawFn, *, count: int = 3, gammas: tuple[float, ...] = (0.0, 0.5, 0.9)) -> Case:
    """`count` MDPs of up to 6 states and 4 actions with an old and a new policy."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    states, actions = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    mdp = garnet(
        *(rng, count),
        states=states,
        actions=actions,
        branching=draw(st.integers(1, states)),
        gamma=draw(st.sampled_from(gammas)),
    )
    if draw(st.booleans()):  # the last state absorbs
        mdp.transitions[:, -1] = np.eye(states)[-1]
    old, other = (
        policies(rng, mdp, draw(st.sampled_from([0.01, 1.0])), draw(st.booleans()))
        for _ in range(2)
    )
    alpha = draw(st.sampled_from([0.0, 1e-6, 0.01, 0.3, 1.0]))
    new = (1 - alpha) * old + alpha * other
    return checked(mdp), checked_policy(old, mdp), checked_policy(new, mdp)
