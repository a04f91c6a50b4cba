"""One name, one colour and one order per method and task, shared by all figures and tables."""

from collections.abc import Iterable
from typing import NamedTuple


class Look(NamedTuple):
    """How a method appears everywhere: the label in words and a colour-blind-safe colour."""

    label: str
    colour: str
    line: str = "-"


DONE, FAILED = "done", "failed"
"""How a run ended, as the store says it; whatever else it says, the run has not finished."""
SAMPLERS = {
    "single_path": Look("single path", "#0072B2"),
    "vine": Look("vine", "#56B4E9"),
    "vine_independent": Look("vine without common random numbers", "#56B4E9", "--"),
}
VINES = {"vine": 2, "vine_independent": 4}
"""Samplers that a method carries in its name, and how many times lighter they draw it."""
TRPO, TRPO_VINE, NATURAL = "trpo_single_path", "trpo_vine", "natural_gradient"
_TRPO = {
    TRPO: Look("TRPO, single path", "#0072B2"),
    TRPO_VINE: Look("TRPO, vine", "#56B4E9"),
    "trpo_vine_independent": Look("TRPO, vine without common random numbers", "#AAD9F4"),
}
_OTHERS = {
    NATURAL: Look("natural gradient", "#D55E00"),
    "tnpg": Look("truncated natural gradient", "#009E73"),
    "vanilla_pg": Look("vanilla policy gradient", "#CC79A7"),
    "max_kl": Look("max KL", "#E69F00"),
    "empirical_fim": Look("empirical FIM", "#000000"),
    "adaptive": Look("adaptive trust region", "#332288"),
    "theory_penalty": Look("theory penalty", "#882255"),
    "cem": Look("CEM", "#AA3377"),
    "cma_es": Look("CMA-ES", "#8C564B"),
    "rwr": Look("RWR", "#A9A9A9"),
    "gradient_variance": Look("gradient variance", "#6699CC"),
}


def _with_vines(method: str, own: Look) -> dict[str, Look]:
    """A method and its forms with a vine, in lighter shades."""
    vines = {
        f"{method}_{sampler}": Look(
            f"{own.label}, {SAMPLERS[sampler].label}", _lighter(own.colour, times)
        )
        for sampler, times in VINES.items()
    }
    return {method: own, **vines}


def _lighter(colour: str, times: int) -> str:
    """A colour whose distance to white is a fraction of this one's."""
    channels = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{255 - (255 - channel) // times:02X}" for channel in channels)


EXACT = {
    "policy_iteration": Look("policy iteration (greedy)", "#4D4D4D"),
    "conservative_policy_iteration": Look("conservative policy iteration", "#44AA99"),
    "minorise_maximise": Look("Algorithm 1, theory's C", "#AA4499"),
    "trust_region_mean": Look("trust region, mean KL", "#0077BB"),
    "trust_region_max": Look("trust region, max KL", "#DDAA33"),
    "vanilla_gradient": Look("vanilla gradient", "#EE6677"),
}
"""Methods of the theory, exact on finite MDPs; the natural gradient has its own look already."""
_MORE = {name: look for own in _OTHERS.items() for name, look in _with_vines(*own).items()}
METHODS = _TRPO | _MORE | EXACT
RANDOM, HUMAN = "random", "human"
PLAYERS = {
    RANDOM: "random play",
    HUMAN: "human (Mnih et al. 2013)",
    "dqn_2013": "deep Q learning (Mnih et al. 2013)",
    "ucc_i": "UCC-I (Guo et al. 2014)",
    **{method: look.label for method, look in METHODS.items()},
}
"""Who plays the games of Table 1, in its order."""
GAMES = {
    "beam_rider": "Beam Rider",
    "breakout": "Breakout",
    "enduro": "Enduro",
    "pong": "Pong",
    "qbert": "Q*bert",
    "seaquest": "Seaquest",
    "space_invaders": "Space Invaders",
}
"""The Atari games of §8.2; a run's task is called by its game."""
TASKS = {
    "cartpole": "Cart-pole",
    "swimmer": "Swimmer",
    "hopper": "Hopper",
    "walker2d": "Walker2d",
    "half_cheetah": "HalfCheetah",
    "inverted_pendulum": "InvertedPendulum",
    "ant": "Ant",
    "humanoid": "Humanoid",
    **GAMES,
}
_PENALISED = (NATURAL, "theory_penalty")
SCALES = ["paper", "desk", "demo", "smoke"]
COMMITTED = SCALES[:2]
"""The scales whose data, figures and tables are kept in the repository."""


def method(algo: str, sampler: str) -> str:
    """The name of an algorithm together with the way it samples."""
    both = f"{algo}_{sampler}"
    return both if sampler in VINES or both in METHODS else algo


def penalised(method: str) -> bool:
    """Whether the step size is a penalty λ, which shortens the step; elsewhere it is a δ."""
    return method.startswith(_PENALISED)


def look(method: str) -> Look:
    """The look of a method; an unknown one is grey and keeps its own name."""
    return METHODS.get(method, Look(method.replace("_", " "), "#666666"))


def task(env: str) -> str:
    """A task in words."""
    return TASKS.get(env, env)


def sampling(method: str) -> str:
    """How a form of TRPO samples, in words."""
    return look(method).label.removeprefix("TRPO, ")


def rank(name: str, among: Iterable[str]) -> int:
    """Position of a method, sampler or task in legends and tables; unknown ones come last."""
    places = {other: place for place, other in enumerate(among)}
    return places.get(name, len(places))


def named(method: str) -> str:
    """A method in a sentence: short names stand alone, others with their article."""
    label = look(method).label
    return label if label.isupper() else f"the {label}"
