"""What a user is told of settings that no run can have."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from trpo.parameters import ParameterError


class ConfigError(ValueError):
    """A setting that no run can have; the message is one line that names it."""


LISTED = 30  # options that are listed at most


def nearest(word: str, options: Iterable[str]) -> str:
    """' (did you mean x? options: …)' for a word that is none of the options.

    Of very many options those are listed that are most like it.
    """
    every = sorted(options)
    found = difflib.get_close_matches(word, every, 1, 0.5)
    hint = f"did you mean {found[0]}? " if found else ""
    if len(every) <= LISTED:
        return f" ({hint}options: {', '.join(every)})"
    close = difflib.get_close_matches(word, every, 8, 0.0)
    return f" ({hint}the nearest of {len(every)} options: {', '.join(close)})"


@contextmanager
def as_settings(group: str, others: Mapping[str, str] | None = None) -> Iterator[None]:
    """Within, a parameter that makes no sense is told by the setting of `group` that it is.

    Args:
        group: the node whose settings the parameters are; "" for the root.
        others: parameters that are settings elsewhere, each with its full name.

    Raises:
        ConfigError: in place of a ParameterError or any other ValueError.
    """
    try:
        yield
    except ConfigError:
        raise
    except ParameterError as error:
        own = f"{group}.{error.name}" if group else error.name
        name = (others or {}).get(error.name, own)
        raise ConfigError(f"{name} must be {error.what}, not {error.value}") from error
    except ValueError as error:
        raise ConfigError(f"{group}: {error}" if group else str(error)) from error
