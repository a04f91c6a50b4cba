"""The launchers that ship: what they ask a cluster for, and what a sweep says of them."""

from collections.abc import Iterator
from importlib.util import find_spec

import joblib
import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from runners.settings.errors import ConfigError
from runners.settings.mistakes import explain
from runners.settings.tree import CONF, register
from runners.sweep import launchers
from runners.sweep.launched import find_plugins

pytestmark = pytest.mark.process
NO_RAY = find_spec("ray") is None


@pytest.fixture(autouse=True, scope="module")
def composer() -> Iterator[None]:
    """Hydra knows our schema and directory."""
    register()
    find_plugins()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield


def launcher(*overrides: str) -> DictConfig:
    """Hydra's node of a launcher, as a sweep with these settings gets it."""
    hydra = GlobalHydra.instance().hydra
    assert hydra
    config = hydra.compose_config("config", list(overrides), RunMode.MULTIRUN)
    assert isinstance(config.hydra.launcher, DictConfig)
    return config.hydra.launcher


def test_a_job_of_slurm_has_a_core_for_each_thread_and_goes_on_in_another() -> None:
    found = launcher("hydra/launcher=slurm", "hydra.launcher.partition=cpu")
    assert (found.cpus_per_task, found.nodes, found.tasks_per_node) == (1, 1, 1)
    assert found.partition == "cpu"
    assert found.max_num_timeout > 0
    assert found.additional_parameters.requeue is True
    assert found.signal_delay_s < 60 * found.timeout_min
    assert launcher("hydra/launcher=slurm", "threads=3").cpus_per_task == 3


def test_every_setting_of_slurm_is_one_of_the_plugin() -> None:
    ours = OmegaConf.load(CONF / "hydra" / "launcher" / "slurm.yaml")
    assert set(ours) - {"defaults"} <= set(launcher("hydra/launcher=submitit_slurm"))


@pytest.mark.skipif(not NO_RAY, reason="Ray is installed")
def test_launcher_whose_plugin_is_not_installed_is_told_in_a_line() -> None:
    with pytest.raises(Exception, match="Could not load") as caught:
        launcher("hydra/launcher=ray_cluster")
    told = "hydra/launcher=ray_cluster needs a package: see runners/CLUSTER.md"
    assert explain(caught.value) == told


@pytest.mark.parametrize(
    ("settings", "runs", "expected", "here"),
    [
        ([], 8, 1, True),
        (["hydra/launcher=joblib", "hydra.launcher.n_jobs=3"], 8, 3, True),
        (["hydra/launcher=joblib", "hydra.launcher.n_jobs=3"], 2, 2, True),
        (["hydra/launcher=joblib"], 1000, joblib.cpu_count(), True),
        (["hydra/launcher=slurm"], 8, 8, False),
        (["hydra/launcher=slurm", "hydra.launcher.array_parallelism=4"], 8, 4, False),
    ],
)
def test_sweep_knows_how_many_runs_go_on_at_once_at_most(
    settings: list[str], runs: int, expected: int, here: bool
) -> None:
    found = launcher(*settings)
    assert launchers.at_once(found, runs) == expected
    assert launchers.kind(found).here is here


@pytest.mark.parametrize("count", ["0", "x", "1.5"])
def test_a_count_of_processes_that_makes_no_sense_is_told(count: str) -> None:
    found = launcher("hydra/launcher=joblib", f"hydra.launcher.n_jobs={count}")
    with pytest.raises(ConfigError, match=rf"hydra.launcher.n_jobs must be .*, not {count}"):
        launchers.at_once(found, 8)


@pytest.mark.parametrize(
    ("init", "remote", "expected"),
    [
        ({"num_cpus": 8}, {"num_cpus": 2}, 4),
        ({"num_cpus": 1}, {"num_cpus": 2}, 1),
        ({"address": None}, {}, joblib.cpu_count()),
        ({"address": "auto"}, {"num_cpus": 2}, 100),  # nobody here knows: all that there are
    ],
)
def test_a_ray_takes_as_many_tasks_as_it_has_cores(
    init: dict[str, object], remote: dict[str, object], expected: int
) -> None:
    found = OmegaConf.create({"ray": {"init": init, "remote": remote}})
    assert launchers.at_once(found, 100) == expected
    assert not launchers.kind(found).here
