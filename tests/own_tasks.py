"""Small tasks as people write them, good ones and bad ones, registered when this is imported."""

import os
import signal
from pathlib import Path
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.spaces import Box

Told = tuple[Any, Any, bool, bool, dict[str, Any]]


class Good(gymnasium.Env[Any, Any]):
    """Adds up actions from a start drawn by its own generator."""

    observation_space = Box(-np.inf, np.inf, (2,), np.float64)
    action_space = Box(-1, 1, (1,), np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.place = self.np_random.uniform(-1, 1, 2)
        return self.place.copy(), {}

    def step(self, action: Any) -> Told:
        self.place = self.place + float(action[0])
        return self.place.copy(), -float(np.square(self.place).sum()), False, False, {}


class Dies(Good):
    """Is killed in a process's 150th step, as if memory had run out, unless the file `once` is."""

    taken: ClassVar[int] = 0

    def __init__(self, once: str) -> None:
        self.once = once

    def step(self, action: Any) -> Told:
        Dies.taken += 1
        if Dies.taken == 150 and not Path(self.once).exists():
            Path(self.once).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().step(action)


class Strict(Good):
    """Takes no action that its space does not contain."""

    def step(self, action: Any) -> Told:
        assert self.action_space.contains(action), action.dtype
        return super().step(action)


class View(Good):
    """Moves the first place through a view of the array."""

    def reset(self, **given: Any) -> tuple[Any, dict[str, Any]]:
        found = super().reset(**given)
        self.first = self.place[:1]
        return found

    def step(self, action: Any) -> Told:
        self.first += float(action[0])
        return self.place.copy(), float(self.place[0]), False, False, {}


class Handle(Good):
    """Keeps its place in an engine outside, and itself a number only."""

    engine: ClassVar[dict[int, float]] = {}

    def __init__(self) -> None:
        self.number = len(self.engine)

    def reset(self, **given: Any) -> tuple[Any, dict[str, Any]]:
        found = super().reset(**given)
        self.engine[self.number] = float(self.place[0])
        return found

    def step(self, action: Any) -> Told:
        self.engine[self.number] += float(action[0])
        return np.full(2, self.engine[self.number]), 0.0, False, False, {}


class Aliased(Good):
    """Knows one list by two names."""

    def reset(self, **given: Any) -> tuple[Any, dict[str, Any]]:
        self.past: list[float] = []
        self.log = self.past
        return super().reset(**given)

    def step(self, action: Any) -> Told:
        self.log.append(float(action[0]))
        return np.full(2, sum(self.past)), sum(self.past), False, False, {}


class Late(Good):
    """Comes to keep something after its eighth step."""

    def reset(self, **given: Any) -> tuple[Any, dict[str, Any]]:
        self.steps = 0
        return super().reset(**given)

    def step(self, action: Any) -> Told:
        self.steps += 1
        if self.steps == 8:
            self.bonus = 5.0
        obs, reward, *rest = super().step(action)
        return obs, float(reward) + getattr(self, "bonus", 0.0), *rest  # type: ignore[return-value]


class LateView(Late):
    """Comes to keep a view."""

    def step(self, action: Any) -> Told:
        found = super().step(action)
        if self.steps == 8:
            self.first = self.place[:1]
        return found


class Halves(Good):
    """Keeps the two halves of an array that nobody else knows."""

    def reset(self, **given: Any) -> tuple[Any, dict[str, Any]]:
        found = super().reset(**given)
        both = np.zeros(2)
        self.left, self.right = both[:1], both[1:]
        return found

    def step(self, action: Any) -> Told:
        self.left += float(action[0])
        self.right += 1
        return np.append(self.left, self.right), float(self.left[0]), False, False, {}


class Wrong(Good):
    """Does what no task may."""

    def __init__(self, how: str) -> None:
        self.how = how

    def step(self, action: Any) -> Any:
        obs, reward, *rest = super().step(action)
        if self.how == "fails":
            raise KeyError("speed")
        if self.how == "nothing":
            return None
        if self.how == "ragged":
            return [[1.0], [1.0, 2.0]], reward, *rest
        if self.how == "words":
            return np.array(["far", "near"]), reward, *rest
        return obs, "good", *rest


class Drawn(Good):
    """Draws a strength when it is made."""

    def __init__(self) -> None:
        self.strength = float(np.random.default_rng().normal())

    def step(self, action: Any) -> Told:
        obs, _, *rest = super().step(action)
        return obs, self.strength, *rest  # type: ignore[return-value]


class Reseeding(Good):
    """Seeds the generator that all share, and draws from it."""

    def reset(self, *, seed: int | None = None, **given: Any) -> tuple[Any, dict[str, Any]]:
        np.random.seed(seed)  # noqa: NPY002
        return super().reset(seed=seed, **given)

    def step(self, action: Any) -> Told:
        obs, _, *rest = super().step(action)
        return obs, float(np.random.normal()), *rest  # type: ignore[return-value]  # noqa: NPY002


class Careless(Good):
    """Draws from the generator that all share."""

    def step(self, action: Any) -> Told:
        obs, _, *rest = super().step(action)
        return obs, float(np.random.normal()), *rest  # type: ignore[return-value]  # noqa: NPY002


class ListReward(Good):
    """Rewards are arrays."""

    def step(self, action: Any) -> Told:
        obs, reward, *rest = super().step(action)
        return obs, np.array([reward]), *rest  # type: ignore[return-value]


class Longer(Good):
    """Observes more than it declares."""

    def step(self, action: Any) -> Told:
        obs, *rest = super().step(action)
        return np.append(obs, 0.0), *rest  # type: ignore[return-value]


class Short(Good):
    """Ends at its first step, and bears no other."""

    def reset(self, **given: Any) -> tuple[Any, dict[str, Any]]:
        self.over = False
        return super().reset(**given)

    def step(self, action: Any) -> Told:
        assert not self.over
        self.over = True
        obs, reward, *_ = super().step(action)
        return obs, reward, True, False, {}


class Old(Good):
    """Returns what gym's old API did."""

    def step(self, action: Any) -> Any:
        return super().step(action)[:4]


class Oldest(Good):
    """Begins as gym's old API did."""

    def reset(self, **given: Any) -> Any:
        return super().reset(**given)[0]


class Hot(Good):
    """Best at 700 of 1,000."""

    action_space = Box(0, 1000, (1,), np.float32)

    def step(self, action: Any) -> Told:
        assert self.action_space.contains(action), action
        return np.full(2, float(action[0])), -abs(float(action[0]) - 700), False, False, {}


class Tuned(Good):
    """Needs a gain."""

    def __init__(self, gain: float) -> None:
        self.gain = gain

    def step(self, action: Any) -> Told:
        obs, _, *rest = super().step(action)
        return obs, self.gain, *rest  # type: ignore[return-value]


class Leaving(Good):
    """Leaves a file in a folder when it is closed, named by the process."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def close(self) -> None:
        (Path(self.folder) / str(os.getpid())).touch()


class Lacking(Good):
    """Needs a package that is not there."""

    def __init__(self) -> None:
        import a_package_that_is_not_here  # type: ignore[import-not-found]  # noqa: F401


class Counted(Good):
    """Counts how many are open."""

    open = 0

    def __init__(self) -> None:
        Counted.open += 1

    def close(self) -> None:
        Counted.open -= 1


class Broken(Counted):
    """Fails when it is first reset."""

    def reset(self, **given: Any) -> Any:
        raise RuntimeError("no such engine")


class Doubled(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Doubles rewards, and counts steps."""

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        self.steps = 0

    def step(self, action: Any) -> Told:
        obs, reward, *rest = self.env.step(action)
        self.steps += 1
        return obs, 2 * float(reward) + self.steps, *rest  # type: ignore[return-value]


def failing(env: gymnasium.Env[Any, Any]) -> gymnasium.Env[Any, Any]:
    """A wrapper that cannot be made."""
    raise RuntimeError("no wrapper")


TASKS = (
    Good,
    Strict,
    View,
    Handle,
    Aliased,
    Careless,
    ListReward,
    Longer,
    Old,
    Oldest,
    Hot,
    Tuned,
    Short,
)
for task in (
    *TASKS,
    Late,
    Leaving,
    LateView,
    Halves,
    Wrong,
    Dies,
    Drawn,
    Reseeding,
    Lacking,
    Counted,
    Broken,
):
    gymnasium.register(f"{task.__name__}-v0", task, max_episode_steps=20)
gymnasium.register(
    "Wrapped-v0",
    Good,
    max_episode_steps=20,
    additional_wrappers=(
        gymnasium.envs.registration.WrapperSpec("Doubled", "own_tasks:Doubled", {}),
    ),
)
