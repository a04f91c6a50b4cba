"""Slurm on the loopback interface: two nodes of a core each, all of it this user's processes."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from psutil import Process

from runners.sweep.progress import say
from tests.cluster.processes import environment, holding, kill, marked, wait_for
from tests.cluster.sweep import Sweep

DAEMONS = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol", "scancel", "squeue")
NODES = ("node1", "node2")
CONF = """
ClusterName=loopback
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock,cred_expire=5
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SlurmdTimeout=10
KillWait=30
ReturnToService=2
MpiDefault=none
NodeName=node1 NodeAddr=127.0.0.1 NodeHostname={host} Port={ports[1]} CPUs=1 RealMemory=4096
NodeName=node2 NodeAddr=127.0.0.1 NodeHostname={host} Port={ports[2]} CPUs=1 RealMemory=4096
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str:
    """How to install what is not there; "" where all of it is."""
    if not all(shutil.which(program, path=DAEMONS) for program in PROGRAMS):
        return "apt-get install slurmctld slurmd slurm-client munge"
    if not find_spec("submitit"):
        return ".venv/bin/pip install -c requirements.lock hydra-submitit-launcher"
    return ""


def check(folder: Path, expected: Mapping[str, bytes]) -> None:
    """Disturb a sweep in every way that Slurm can, and compare what it writes in the end."""
    with _opened(folder) as env:
        sweep = Sweep(("hydra/launcher=slurm",), folder / "runs", env)
        first = sweep.start()
        wait_for("a run on each node", 180, lambda: len(sweep.running(5)) == len(NODES))
        over, lost = sorted(sweep.running(5), key=lambda run: _node(sweep, run))
        say("  the time of one job is over: it checkpoints and is queued again")
        _call(env, "scancel", "--signal=USR2", _step(sweep, over))
        wait_for("a checkpoint", 60, lambda: sweep.provenance(over)["exit_status"])
        assert sweep.provenance(over)["error"] == "stopped by signal 12"
        say("  the other node is killed with its daemon and its job, and comes back")
        kill(partial(_of, folder, NODES[1]))
        _start(folder, env, NODES[1])
        wait_for("both runs again", 300, lambda: all(map(sweep.begun_again, (over, lost))))
        say("  the sweep is killed, its jobs are cancelled; the same command again")
        first.kill()
        first.wait()
        _call(env, "scancel", "--full", "--user", str(os.getuid()))
        wait_for("an empty queue", 60, lambda: not _call(env, "squeue", "--noheader"))
        assert sweep.metrics() != expected, "all was done before the same command again"
        sweep.finish(400)
        assert sweep.metrics() == expected, "the bytes are not those of the basic launcher"


@contextmanager
def _opened(folder: Path) -> Iterator[dict[str, str]]:
    """The environment in which Slurm's commands find it; it ends with all of its jobs."""
    env = environment(folder, SLURM_CONF=f"{folder}/slurm.conf", PATH=DAEMONS)
    for name in ("state", *(f"spool-{node}" for node in NODES)):
        (folder / name).mkdir(parents=True)
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    user, host = os.getuid(), socket.gethostname().partition(".")[0]
    conf = CONF.format(folder=folder, user=user, host=host, ports=_free_ports(3))
    (folder / "slurm.conf").write_text(conf)
    try:
        names = {"socket": "munge.sock", "pid-file": "munged.pid", "seed-file": "munge.seed"}
        options = [f"--{option}={folder / name}" for option, name in names.items()]
        _daemon(folder, env, "munged", "--foreground", "--force", f"--key-file={key}", *options)
        wait_for("munged", 20, (folder / "munge.sock").exists)
        _daemon(folder, env, "slurmctld", "-D", "-c")
        for node in NODES:
            _start(folder, env, node)
        idle = ("sinfo", "--noheader", "--Node", "--states=idle")
        wait_for("two idle nodes", 40, lambda: _call(env, *idle).count("\n") == len(NODES))
        yield env
    finally:
        for node in NODES:
            kill(partial(_of, folder, node))
        kill(partial(marked, folder))


def _start(folder: Path, env: dict[str, str], node: str) -> None:
    """Begin the daemon of a node; what it starts has the node's name in its environment."""
    _daemon(folder, env | {"SLURMD_NODENAME": node}, "slurmd", "-D", "-N", node)


def _of(folder: Path, node: str) -> Iterator[Process]:
    """A node's daemon, what watches its jobs, whose environment is not to be read, and its jobs."""
    yield from holding(folder / f"slurmd-{node}.log")
    yield from marked(folder, SLURMD_NODENAME=node)


def _daemon(folder: Path, env: dict[str, str], *command: str) -> None:
    program = shutil.which(command[0], path=DAEMONS) or command[0]
    with (folder / f"{command[0]}.out").open("a") as log:
        subprocess.Popen(
            [program, *command[1:]],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            env=env,
            start_new_session=True,  # Ctrl-C is for us, who end it
        )


def _call(env: dict[str, str], *command: str) -> str:
    """What a command of Slurm prints; "" where it fails, as it does before the daemons answer."""
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens at now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _environ(sweep: Sweep, run: str) -> dict[str, str]:
    """The environment of the process that a run is going on in."""
    content = Path(f"/proc/{sweep.provenance(run)['pid']}/environ").read_text()
    return dict(item.split("=", 1) for item in content.split("\0") if "=" in item)


def _node(sweep: Sweep, run: str) -> str:
    return _environ(sweep, run)["SLURMD_NODENAME"]


def _step(sweep: Sweep, run: str) -> str:
    """What Slurm signals when a job's time is over; by the job's name, scancel would repeat it."""
    return f"{_environ(sweep, run)['SLURM_JOB_ID']}.0"
