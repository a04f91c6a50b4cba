"""What a user is told when something goes wrong: one line each."""

import errno

from rich.console import Console

from runners.settings.errors import ConfigError
from runners.store.files import RunError

FULL_ERROR = "TRPO_FULL_ERROR"  # environment variable: "1" shows tracebacks
UNWRITABLE = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG}
    | {errno.ENOTDIR, errno.EEXIST}
)


def complain(message: str) -> None:
    """Write one line to stderr, unwrapped."""
    Console(stderr=True, markup=False, highlight=False, soft_wrap=True).print(message)


def explain(error: Exception, results_dir: str) -> str:
    """One line about what went wrong, naming the setting if it is the disk."""
    if isinstance(error, OSError) and error.errno in UNWRITABLE:
        where = f" ({error.filename})" if error.filename else ""
        return f"cannot write to results_dir={results_dir}: {error.strerror}{where}"
    kind = "" if isinstance(error, RunError | ConfigError) else f"{type(error).__name__}: "
    return " ".join(f"{kind}{error}".split())
