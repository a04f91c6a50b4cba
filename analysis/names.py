"""One name, one colour and one order per method and task, shared by all figures and tables."""

from typing import NamedTuple


class Look(NamedTuple):
    """How a method appears everywhere: the label in words and a colour-blind-safe colour."""

    label: str
    colour: str


METHODS = {
    "trpo_single_path": Look("TRPO, single path", "#0072B2"),
    "trpo_vine": Look("TRPO, vine", "#56B4E9"),
    "natural_gradient": Look("natural gradient", "#D55E00"),
    "tnpg": Look("truncated natural gradient", "#009E73"),
    "vanilla_pg": Look("vanilla policy gradient", "#CC79A7"),
    "max_kl": Look("max KL", "#E69F00"),
    "empirical_fim": Look("empirical FIM", "#000000"),
    "adaptive": Look("adaptive trust region", "#332288"),
    "theory_penalty": Look("theory penalty", "#882255"),
    "cem": Look("CEM", "#999933"),
    "cma_es": Look("CMA-ES", "#44AA99"),
    "rwr": Look("RWR", "#999999"),
}
TASKS = {
    "cartpole": "Cart-pole",
    "swimmer": "Swimmer",
    "hopper": "Hopper",
    "walker": "Walker",
    "walker2d": "Walker2d",
    "half_cheetah": "HalfCheetah",
    "inverted_pendulum": "InvertedPendulum",
    "ant": "Ant",
    "humanoid": "Humanoid",
}
PENALISED = ["natural_gradient", "theory_penalty"]
"""Methods whose step size is a penalty λ, which shortens the step; elsewhere it is a δ."""
SCALES = ["paper", "desk", "demo", "smoke"]


def look(method: str) -> Look:
    """The look of a method; an unknown one is grey and keeps its own name."""
    return METHODS.get(method, Look(method.replace("_", " "), "#666666"))


def task(env: str) -> str:
    """A task in words."""
    return TASKS.get(env, env)


def method_rank(method: str) -> int:
    """Position of a method in legends and tables."""
    return list(METHODS).index(method) if method in METHODS else len(METHODS)


def task_rank(env: str) -> int:
    """Position of a task in panels and tables."""
    return list(TASKS).index(env) if env in TASKS else len(TASKS)


def number(value: float) -> str:
    """A number in three to four digits, and a dash where there is none."""
    if value != value:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def step_size(method: str, value: float) -> str:
    """A method's step size with its symbol, and a dash where it has none."""
    if value != value:
        return "–"
    return f"{'λ' if method in PENALISED else 'δ'} = {number(value)}"
