"""What each option of a configuration group is made by; each has its YAML in conf/.

Update rules, searches and policies are found in their modules of trpo; the rest is one line here.
A function's keyword parameters are its settings (see runners.settings.schema).
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from inspect import isfunction
from types import MappingProxyType, ModuleType
from typing import Any, NamedTuple, get_type_hints

from runners.settings.errors import as_settings
from runners.settings.samplers import Paths, Vines
from runners.settings.schema import arguments, schema
from trpo import baselines, policies, searches, updates
from trpo.parameters import Count, UnfitError, check
from trpo.policies import Policy
from trpo.samplers.lockstep import Lockstep
from trpo.samplers.runner import Runner
from trpo.simulators import cartpole, control, games, humanoids, locomotion, pictures
from trpo.simulators.named import Registered
from trpo.simulators.protocol import Simulator
from trpo.simulators.task import Task
from trpo.types import Map

Open = Callable[[Any, int], Simulator]
"""(task, rows) -> the simulator of these rows"""
Draw = Callable[[Any, Any, int], AbstractContextManager[pictures.Scene]]
"""(simulator, task, pixels) -> what draws its first row"""
Run = Callable[[Any, Policy, Map], Runner]
"""(simulator, policy, pmap) -> what runs the policy there"""


def lockstep(simulator: Simulator, policy: Policy, pmap: Map) -> Runner:
    """Rows side by side on the calling thread, which any simulator can."""
    return Lockstep(simulator, policy)


def compiled(simulator: Any, policy: Policy, pmap: Map) -> Runner:
    """Compiled code where it can run the policy, else rows side by side."""
    from trpo.samplers.compiled import Compiled

    return Compiled(simulator, policy, pmap) if policy.dense else Lockstep(simulator, policy)


def cart_poles(task: cartpole.CartPole, rows: int) -> Simulator:
    """Cart-poles, stepped as one array."""
    return cartpole.CartPoleSimulator(task, rows)


def mujoco(task: Task, rows: int) -> Simulator:
    """A MuJoCo task, stepped by compiled code."""
    from trpo.simulators.mujoco import MujocoSimulator

    return MujocoSimulator(task, rows)


def gymnasium(task: Registered, rows: int) -> Simulator:
    """Gymnasium's own environments, one a row."""
    from trpo.simulators.gymnasium import GymnasiumSimulator

    return GymnasiumSimulator(task.id, rows, *task[1:])


NOTHING: Mapping[str, Any] = MappingProxyType({})


def registered(
    *,
    id: str,
    horizon: Count | None = None,
    kwargs: Mapping[str, Any] = NOTHING,
    wrappers: Sequence[str] = (),
    scale_actions: bool = False,
) -> Registered:
    """Any registered Gymnasium task, see `Registered`.

    Raises:
        UnfitError: it is one of Atari's.
    """
    if id.startswith("ALE/"):
        raise UnfitError(f"id={id}: Atari is played from pixels: set env=atari env.game=...")
    return Registered(id, horizon, kwargs, wrappers, scale_actions)


def atari(game: games.Game, rows: int) -> Simulator:
    """Atari's emulators, one a row."""
    from trpo.simulators.atari import AtariSimulator

    return AtariSimulator(game, rows)


class Option(NamedTuple):
    """A configurable function, and what the option is beside its settings."""

    function: Callable[..., Any]
    more: Mapping[str, tuple[Any, Any]] = {}  # further settings, as name=(type, default)
    unread: tuple[str, ...] = ()  # settings elsewhere that it does not read
    open: Open = gymnasium  # of a task: how its rows are simulated
    run: Run = lockstep  # of a task: how a policy is run in it
    draw: Draw = pictures.of_nothing  # of a task: how a row of it is drawn
    objects: bool = False  # of a task: whether each row is an object, which a process can hold
    label: str | None = None  # of a family of tasks: the setting that says which of them it is

    def schema(self, name: str) -> type:
        """The typed node of this option."""
        return schema(name, self.function, **self.more)

    def made(self, group: str, node: Mapping[str, Any], **supplied: Any) -> Any:
        """What the function makes of a node of `group`, and of what the program supplies.

        Raises:
            ConfigError: a value makes no sense, or does not fit the task.
        """
        with as_settings(group, {name: SUPPLIED.get(name, name) for name in supplied}):
            check(self.function, node)
            return self.function(**arguments(self.function, {**node, **supplied}))


SUPPLIED = {"population": "sampler.rows"}
"""The setting that a supplied parameter is, where it has another name."""


def makers(module: ModuleType, kind: type) -> list[Callable[..., Any]]:
    """The public functions of a module that return a `kind`, in the order of the page."""
    own = [x for x in vars(module).values() if getattr(x, "__module__", "") == module.__name__]
    made = [x for x in own if isfunction(x) and get_type_hints(x).get("return") is kind]
    return [function for function in made if not function.__name__.startswith("_")]


ACTS: dict[str, tuple[Any, Any]] = {"deterministic": (bool, True)}
"""Whether a search's candidates act by their most likely action instead of a sampled one."""
BLIND = ("gamma", "estimator", "baseline", "step_scale", "sampler.boundary", "sampler.fresh")
"""What a search over parameters does not read: it sees the returns of whole episodes alone."""
MUJOCO: dict[str, Any] = {"open": mujoco, "run": compiled, "draw": pictures.of_mujoco}

GROUPS: dict[str, dict[str, Option]] = {
    "algo": {rule.__name__: Option(rule) for rule in makers(updates, updates.Rule)}
    | {
        search.__name__: Option(search, ACTS, BLIND) for search in makers(searches, searches.Search)
    },
    "env": {
        "cartpole": Option(cartpole.CartPole, open=cart_poles, draw=pictures.of_cartpole),
        **{
            task.__name__: Option(task, **MUJOCO)
            for module in (locomotion, humanoids, control)
            for task in makers(module, Task)
        },
        "atari": Option(games.Game, open=atari, draw=pictures.of_atari, objects=True, label="game"),
        "gymnasium": Option(registered, draw=pictures.of_gymnasium, objects=True, label="id"),
    },
    "policy": {policy.__name__: Option(policy) for policy in makers(policies, policies.Policy)},
    "baseline": {
        "none": Option(baselines.no_baseline),
        "linear_features": Option(baselines.linear_features),
        "mlp_value": Option(baselines.mlp_value),
        "cnn_value": Option(baselines.cnn_value),
    },
    "sampler": {
        "single_path": Option(Paths),
        "vine": Option(Vines, unread=("steps_per_iteration",)),
        "vine_independent": Option(Vines, unread=("steps_per_iteration",)),
    },
}


ESTIMATORS: dict[str, tuple[str, ...]] = {"monte_carlo": ("estimator.lam",), "gae": ()}
"""What each estimator of an action's worth does not read."""


def chosen(group: str, node: Mapping[str, Any]) -> Option:
    """The option of a group that a run's settings name."""
    return GROUPS[group][node[group]["name"]]


def made(group: str, node: Mapping[str, Any], **supplied: Any) -> Any:
    """What the option chosen of a group makes of its own settings, see `Option.made`."""
    return chosen(group, node).made(group, node[group], **supplied)
