"""What a command that plays a finished policy is asked for, and how it ends."""

import os
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import TypeVar

import torch
from omegaconf import OmegaConf

from runners.run.words import complain
from runners.settings.errors import ConfigError, as_settings, nearest
from runners.settings.mistakes import explain
from trpo.parameters import check

A = TypeVar("A")


def asked_for(kind: type[A], what: str, settings: Sequence[str]) -> A:
    """Settings of this kind, from those of the command line; `what` they are of, in words.

    Raises:
        ConfigError: there is no such setting, or no such value.
        OmegaConfBaseException: a value is of another type.
    """
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    for item in settings:
        key, equals, _ = item.partition("=")
        if key not in known:
            raise ConfigError(f"{key} is no setting of {what}{nearest(key, known)}")
        if not equals:
            raise ConfigError(f"{key} must be set: {key}=...")
    given = OmegaConf.from_dotlist(list(settings))
    found: A = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(kind), given))  # type: ignore[assignment]
    with as_settings(""):
        check(kind, vars(found))
    return found


def ended(work: Callable[[], None]) -> int:
    """Do the work of a command; its exit status.

    What goes wrong becomes one line on stderr.
    """
    torch.set_num_threads(1)
    try:
        work()
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        complain(f"error: {explain(error)}")
        return 1
    return 0
