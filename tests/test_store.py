"""The run store: names, claims, locks, atomic files, tables, checkpoints."""

import errno
import hashlib
import io
import json
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from runners.store import checkpoint
from runners.store.checkpoint import Checkpoint, DamagedError, Position
from runners.store.directory import RunDirectory, differences, run_id, words
from runners.store.files import RunError, write_atomically
from runners.store.table import Table, checksum, last_row
from trpo.evolution import Evolution
from trpo.moments import Moments

IDENTITY = {
    "env": {"name": "hopper"},
    "algo": {"name": "trpo", "delta": 0.01},
    "sampler": {"name": "single_path"},
    "protocol": {"name": "paper"},
    "seed": 3,
}
CONFIG = {**IDENTITY, "threads": 1}


def full_disk(*arguments: object) -> int:
    """Stand in for a system call on a full disk."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_run_id_is_readable_and_hashes_the_whole_identity() -> None:
    names = ("Ant-v5", "trpo", "", "paper")
    name = run_id(names, 3, IDENTITY)
    prefix, digest = name.rsplit("-", 1)
    assert prefix == "Ant_v5-trpo-paper-s3"
    assert len(digest) == 8
    assert run_id(names, 3, dict(reversed(IDENTITY.items()))) == name
    assert run_id(names, 3, {**IDENTITY, "algo": {"name": "trpo", "delta": 0.02}}) != name


def test_names_become_words_of_a_file_name() -> None:
    assert words(["20 states, γ = 0.9", "", "ALE/Pong-v5"]) == ["20_states_0_9", "ALE_Pong_v5"]


def test_directory_is_claimed_once_and_again_with_other_threads(tmp_path: Path) -> None:
    with RunDirectory(tmp_path / "run") as directory:
        directory.claim(CONFIG, IDENTITY, {"scale": "demo"})
        directory.claim({**CONFIG, "threads": 2}, IDENTITY, {"scale": "demo"})
        assert "delta: 0.01" in directory.config.read_text()
        assert json.loads(directory.description.read_text()) == {"scale": "demo"}


def finished(directory: RunDirectory, iterations: int) -> None:
    """Write what a run leaves at its end."""
    with Table(directory.metrics) as table:
        for iteration in range(1, iterations + 1):
            table.append({"iteration": iteration, "env_steps": 100 * iteration})
    directory.finish(Position(iterations, 100 * iterations))


def test_done_says_how_far_a_run_went_until_it_is_to_go_on(tmp_path: Path) -> None:
    with RunDirectory(tmp_path / "run") as directory:
        directory.claim(CONFIG, IDENTITY, {"scale": "demo"})
        assert directory.reached() is None
        finished(directory, 3)
        assert directory.reached() == Position(3, 300)
        directory.claim(CONFIG, IDENTITY, {"scale": "desk"})
        assert directory.reached() is None
        assert json.loads(directory.description.read_text()) == {"scale": "desk"}


def test_a_finished_run_that_lost_rows_is_not_done(tmp_path: Path) -> None:
    with RunDirectory(tmp_path / "run") as directory:
        finished(directory, 3)
        directory.metrics.write_bytes(directory.metrics.read_bytes()[:-6])
        assert directory.reached() is None


def test_a_finished_run_whose_rows_were_changed_is_not_done(tmp_path: Path) -> None:
    with RunDirectory(tmp_path / "run") as directory:
        with Table(directory.metrics) as table:
            table.append({"iteration": 1, "env_steps": 100})
        directory.finish(Position(1, 100, metrics_sum=table.checksum))
        assert directory.reached() == Position(1, 100)
        directory.metrics.write_bytes(directory.metrics.read_bytes().replace(b"100", b"200"))
        assert directory.reached() is None


def test_a_table_knows_the_checksum_of_all_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    for size in (0, 7):
        with Table(path, size) as table:
            table.append({"a": 1, "b": 2.5})
        assert table.checksum == zlib.crc32(path.read_bytes()) == checksum(path)


def test_a_damaged_done_is_named(tmp_path: Path) -> None:
    with RunDirectory(tmp_path / "run") as directory:
        finished(directory, 3)
        (tmp_path / "run" / "DONE").write_text("")
        with pytest.raises(RunError, match="DONE is damaged"):
            directory.reached()


def test_directory_of_another_run_is_refused_naming_the_setting(tmp_path: Path) -> None:
    other = {**IDENTITY, "algo": {"name": "trpo", "delta": 0.5}}
    with RunDirectory(tmp_path) as directory:
        directory.claim(CONFIG, IDENTITY, {})
        with pytest.raises(RunError, match=r"algo\.delta \(0\.01 there, 0\.5 here\)"):
            directory.claim({**CONFIG, **other}, other, {})


def test_differences_include_settings_that_no_longer_exist() -> None:
    assert list(differences({**CONFIG, "old": 1}, CONFIG, IDENTITY)) == [
        "old (1 there, missing here)"
    ]
    assert not list(differences({**CONFIG, "threads": 8}, CONFIG, IDENTITY))


def test_unreadable_config_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("a: [1, 2")
    with RunDirectory(tmp_path) as directory, pytest.raises(RunError, match="cannot be read"):
        directory.claim(CONFIG, IDENTITY, {})


def test_directory_in_use_is_refused(tmp_path: Path) -> None:
    with (
        RunDirectory(tmp_path),
        pytest.raises(RunError, match="being run by another process"),
        RunDirectory(tmp_path),
    ):
        pass
    with RunDirectory(tmp_path):
        pass


def test_atomic_write_on_a_full_disk_leaves_the_old_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new", reserve=tmp_path / "reserve")
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"old"


def test_table_writes_floats_exactly_and_nan_as_nothing(tmp_path: Path) -> None:
    with Table(tmp_path / "t.csv") as table:
        table.append({"a": 1, "b": 0.1 + 0.2, "c": float("nan"), "d": None})
    assert (tmp_path / "t.csv").read_text() == "a,b,c,d\n1,0.30000000000000004,,\n"


def test_table_is_cut_back_to_where_a_checkpoint_left_it(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    with Table(path) as table:
        table.append({"a": 1})
        size = table.size
        table.append({"a": 2})
    with Table(path, size) as table:
        table.append({"a": 3})
        with pytest.raises(RunError, match=f"{path} has columns .*: delete it"):
            table.append({"b": 3})
    assert path.read_text() == "a\n1\n3\n"


def test_table_on_a_full_disk_keeps_whole_rows_only(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    with Table(path) as table:
        table.append({"a": 1})
        raw = table._file

        class Disk:
            """Room for two more bytes."""

            room = 2
            truncate = staticmethod(raw.truncate)

            def write(self, data: memoryview) -> int:
                if not self.room:
                    full_disk()
                written, self.room = raw.write(data[: self.room]), 0
                return written

        table._file = Disk()  # type: ignore[assignment]
        with pytest.raises(OSError, match="No space left"):
            table.append({"a": 22222})
        table._file = raw
        assert path.read_text() == "a\n1\n"
        table.append({"a": 3})
    assert path.read_text() == "a\n1\n3\n"


def test_last_row_ignores_a_row_that_is_being_written(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    assert last_row(path) == {}
    path.write_text("a,b\n")
    assert last_row(path) == {}
    path.write_text("a,b\n" + "1,2\n" * 5000 + "3,\n4,5")
    assert last_row(path) == {"a": "3", "b": ""}


@pytest.mark.parametrize(
    "damaged", [b"a,b\n1,2\n3,4p\n", b"a,b\n1,2\n3.4\n", b"a,b\n1,2*3,4\n", b"a,b\n1,\xb2\n"]
)
def test_last_row_is_none_where_it_was_damaged(tmp_path: Path, damaged: bytes) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(damaged)
    assert last_row(path) == {}


def test_a_header_that_was_damaged_is_refused_by_the_file_s_name(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,\xe2\n1,2\n")
    with Table(path, 8) as table, pytest.raises(RunError, match=f"{path} has columns"):
        table.append({"a": 3, "b": 4})


def saved(path: Path, iteration: int) -> Checkpoint:
    """Write a checkpoint with all kinds of content."""
    state = (torch.arange(3.0), np.arange(2), [b"snapshot", {"x": 1}])
    found = Checkpoint(Position(iteration, 10, 2, 0, 0), state)
    checkpoint.save(path, found)
    return found


def test_checkpoint_comes_back_and_the_one_before_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    for iteration in (1, 2, 3):
        written = saved(path, iteration)
    position, state = checkpoint.load(path)
    assert position == written.position
    assert torch.equal(state[0], written.state[0])
    assert state[2] == [b"snapshot", {"x": 1}]
    assert checkpoint.load(checkpoint.reserve(path)).position.iteration == 2
    assert {file.name for file in tmp_path.iterdir()} == {"checkpoint.pt", "checkpoint.prev.pt"}


@pytest.mark.parametrize("share", [0.0, 0.01, 0.05, 0.5, 0.99])
def test_truncated_checkpoint_is_noticed(tmp_path: Path, share: float) -> None:
    path = tmp_path / "checkpoint.pt"
    saved(path, 1)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DamagedError, match=r"checkpoint\.pt is damaged"):
        checkpoint.load(path)


@pytest.mark.parametrize("place", [0, 20, 80, 200, 1000, -1])
def test_flipped_bit_in_a_checkpoint_is_noticed(tmp_path: Path, place: int) -> None:
    path = tmp_path / "checkpoint.pt"
    saved(path, 1)
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedError, match=r"checkpoint\.pt is damaged"):
        checkpoint.load(path)


class Hostile:
    """Calls what it likes when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.mark),)


def test_a_checkpoint_never_runs_code_that_lies_in_it(tmp_path: Path) -> None:
    path, mark = tmp_path / "checkpoint.pt", tmp_path / "mark"
    payload = io.BytesIO()
    torch.save((tuple(Position()), [Hostile(mark)]), payload)
    digest = hashlib.sha256(payload.getvalue()).hexdigest().encode()
    path.write_bytes(checkpoint.MAGIC + digest + b"\n" + payload.getvalue())
    with pytest.raises(RunError, match=r"holds posix\.mkdir, and could run code"):
        checkpoint.load(path)
    assert not mark.exists()


def test_a_state_of_a_class_that_is_gone_is_told_apart_from_a_hostile_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "checkpoint.pt"
    checkpoint.save(path, Checkpoint(Position(1), Moments(1.0, np.zeros(1), np.zeros(1))))
    monkeypatch.delattr("trpo.moments.Moments")
    with pytest.raises(RunError, match=r"written by other code and cannot be read: .*Moments"):
        checkpoint.load(path)


def test_what_could_not_be_read_back_is_refused_when_it_is_saved(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    saved(path, 1)
    for state, name in ((Hostile(tmp_path / "mark"), "mkdir"), (Path("x"), "pathlib")):
        with pytest.raises(RunError, match=rf"holds \S*{name}.*sampler\.fresh=true"):
            checkpoint.save(path, Checkpoint(Position(2), state))
    assert checkpoint.load(path).position.iteration == 1


PLAIN = [
    (1, 2.5, None, True, "x", b"y\xff", b"", 2**100, 1 + 2j, {1, 2}, frozenset({3}), float("inf")),
    np.random.default_rng(0).bit_generator.state,
    [np.float32(2), np.int64(3), np.bool_(1), np.zeros((2, 0)), np.array(["a", "bc"])],
    [np.arange(2, dtype=code) for code in "bBhHiIlLefd?FD"],
    Moments(2.0, np.arange(2.0), np.ones(2)),
    Evolution.begun(np.zeros(3), 0.5, 4, True),
]


@pytest.mark.parametrize("state", PLAIN, ids=range(len(PLAIN)))
def test_plain_data_come_back_as_they_were(state: Any, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    checkpoint.save(path, Checkpoint(Position(1), state))
    found = checkpoint.load(path).state
    assert type(found) is type(state)
    assert repr(found) == repr(state)
