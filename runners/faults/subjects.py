"""Small runs with many quick iterations, and what may happen to each."""

from collections.abc import Sequence
from typing import NamedTuple

from runners.faults.kinds import COMMON, OWN, TWICE, WORKER, Fault
from runners.faults.misbehaving import ID


class Subject(NamedTuple):
    """A command to disturb."""

    name: str
    settings: Sequence[str]
    faults: Sequence[Fault]
    runs: int = 1


LAUNCHER = "hydra/launcher=joblib"
TRAINED = ("total_steps=null", "checkpoint_every=3")
MODERN = ("protocol=modern", "steps_per_iteration=500", *TRAINED)

SUBJECTS = (
    Subject("hopper", ("env=hopper", "iterations=40", *MODERN), (*COMMON, TWICE)),
    Subject(
        "a task of one's own",
        ("env=gymnasium", f"env.id={ID}", "env.horizon=100", "iterations=20", *MODERN),
        (*COMMON, *OWN),
    ),
    Subject(
        "pendulum in two processes",
        ("env=gymnasium", "env.id=Pendulum-v1", "workers=2", "iterations=20", *MODERN),
        (*COMMON, TWICE, WORKER),
    ),
    Subject(
        "sweep of four seeds",
        ("-m", "env=hopper", "seed=0,1,2,3", "iterations=20", *MODERN, LAUNCHER),
        (*COMMON, TWICE, WORKER),
        runs=4,
    ),
    Subject(
        "vine",
        ("env=hopper", "protocol=paper", "sampler=vine", "scale=smoke", "iterations=30", *TRAINED),
        (*COMMON, TWICE),
    ),
    Subject(
        "cma_es",
        ("algo=cma_es", "env=hopper", "scale=smoke", "iterations=40", "protocol=modern", *TRAINED),
        (*COMMON, TWICE),
    ),
    Subject(
        "cem",
        ("algo=cem", "env=cartpole", "scale=smoke", "iterations=40", "protocol=paper", *TRAINED),
        (*COMMON, TWICE),
    ),
    Subject("theory", ("study=theory", "iterations=60", "checkpoint_every=3"), (*COMMON, TWICE)),
)
