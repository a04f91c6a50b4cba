"""The page that the benchmark writes."""

import subprocess
import sys
import time

import pandas as pd

from runners.bench import RATIOS, WHOLE, Measured, page
from runners.speed import games


def test_page_has_a_line_for_each_case_and_each_other_number() -> None:
    cases = [("hopper", "modern", 1), ("hopper", "paper, vine", 2), ("ant", "modern", 2)]
    found = [
        Measured(name, task, protocol, threads, 9, value)
        for task, protocol, threads in cases
        for name, value in zip(WHOLE, (14990.2, 0.937, 0.86, 12891.4), strict=True)
    ]
    found.append(Measured("simulator / limit", "pong", "paper", 1, 5, 0.881))
    found.append(Measured("peak memory, MiB", "hopper", "modern", 1, 1, 312.4))
    lines = page(pd.DataFrame(found), "some processor", "2026-01-02").splitlines()
    assert lines[0].startswith("Measured by `make bench` on 2026-01-02; some processor.")
    assert lines[4] == f"| task | protocol | threads | rounds | {' | '.join(RATIOS)} |"
    assert lines[5].count("---") == 9
    assert lines[6:10] == [
        "| hopper | modern | 1 | 9 | 14,990 |  | 0.94 | 0.86 | 12,891 |",
        "| hopper | paper, vine | 2 | 9 | 14,990 |  | 0.94 | 0.86 | 12,891 |",
        "| ant | modern | 2 | 9 | 14,990 |  | 0.94 | 0.86 | 12,891 |",
        "| pong | paper | 1 | 5 |  | 0.88 |  |  |  |",
    ]
    assert lines[-1] == "| peak memory, MiB | modern | 1 | 312.4 |"


def test_memory_of_all_processes_is_watched_while_something_is_done() -> None:
    ready = "import time; kept = bytes(200 * 2**20) + b'.'; print(flush=True); time.sleep(60)"

    def work() -> None:
        with subprocess.Popen([sys.executable, "-c", ready], stdout=subprocess.PIPE) as process:
            assert process.stdout and process.stdout.readline()
            time.sleep(3 * games.PAUSE)
            process.kill()

    before = games.held()
    assert before + 190 < games.peak(work) < before + 500
    assert games.held() < before + 50
