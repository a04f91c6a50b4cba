"""What the commands print, as it is: no markup, nothing wrapped."""

from rich.console import Console


def say(text: str) -> None:
    """Print to stdout."""
    Console(markup=False, highlight=False, soft_wrap=True).print(text)


def complain(text: str) -> None:
    """Print to stderr."""
    Console(stderr=True, markup=False, highlight=False, soft_wrap=True).print(text)
