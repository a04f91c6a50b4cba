"""The configurations of a sweep's runs, composed by Hydra, each choice of options once."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

import omegaconf._utils
import omegaconf.base
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, open_dict

from runners.settings.checks import key_of

READERS = (omegaconf.base, omegaconf._utils)
"""The modules that parse references such as ${protocol.delta}."""


class Composer:
    """Makes the configuration of each run of a sweep."""

    def __init__(self, loader: ConfigLoader, config: DictConfig) -> None:
        """Nothing is composed yet.

        Args:
            loader: Hydra's, which knows where options are.
            config: of the sweep, with Hydra's own node.
        """
        self._loader, self._config = loader, config
        self._parser = OverridesParser.create(config_loader=loader)
        self._chosen: dict[tuple[str, ...], DictConfig] = {}
        self._groups: dict[str, bool] = {}

    def composed(self, overrides: Sequence[str]) -> DictConfig:
        """What Hydra's `load_sweep_config` gives, without Hydra's node.

        Raises:
            Exception: Hydra's or OmegaConf's; it cannot be composed.
        """
        options = tuple(item for item in overrides if self._chooses(key_of(item)))
        if options not in self._chosen:
            self._chosen[options] = self._loader.load_sweep_config(self._config, list(options))
            with open_dict(self._chosen[options]):
                del self._chosen[options]["hydra"]
        cfg = copy.deepcopy(self._chosen[options])
        values = [item for item in overrides if item not in options]
        ConfigLoaderImpl._apply_overrides_to_config(self._parser.parse_overrides(values), cfg)
        return cfg

    def _chooses(self, key: str) -> bool:
        """Whether a key is a group of options; what is set otherwise moves no option."""
        if key not in self._groups:
            self._groups[key] = bool(self._loader.get_group_options(key))
        return self._groups[key]


@contextmanager
def remembered_references() -> Iterator[None]:
    """Within, OmegaConf parses each reference once; it parses one anew at each use.

    A sweep's configurations hold the same references, and to parse them took half of a plan's time.
    """
    usual = vars(omegaconf.base)["parse"]
    remembered = cache(usual)
    try:
        for module in READERS:
            vars(module)["parse"] = remembered
        yield
    finally:
        for module in READERS:
            vars(module)["parse"] = usual
