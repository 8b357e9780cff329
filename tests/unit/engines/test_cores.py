"""Threads for every size of box, and what the box says of itself."""

import os
import threading

import pytest

from ari_app.engines import cores

BIG = 1_000_000_000


@pytest.mark.parametrize(
    ("count", "llm", "stt", "tts"),
    [
        (1, 1, 1, 1),
        (2, 2, 1, 2),
        (3, 2, 1, 2),
        (4, 3, 1, 2),
        (6, 5, 1, 2),
        (8, 6, 2, 2),
        (16, 12, 4, 4),
        (64, 32, 16, 4),
        (256, 32, 16, 4),
    ],
)
def test_the_budget_of_a_box(count, llm, stt, tts):
    assert (cores.llm_threads(count, BIG), cores.stt_workers(count), cores.tts_threads(count)) == (llm, stt, tts)


def test_a_tiny_model_computes_on_one_core():
    assert cores.llm_threads(16, cores.SMALL_PARAMETERS - 1) == 1


@pytest.fixture
def box(tmp_path, monkeypatch):
    """A machine with four cores of two hardware threads each, all of them ours."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    for cpu in range(8):
        topology = tmp_path / f"sys/devices/system/cpu/cpu{cpu}/topology"
        topology.mkdir(parents=True)
        (topology / "thread_siblings_list").write_text(f"{cpu % 4},{cpu % 4 + 4}\n")
    return tmp_path


def in_group(box, path, limits):
    (box / "proc/self").mkdir(parents=True)
    (box / "proc/self/cgroup").write_text(f"1:name=systemd:/old\n0::{path}\n")
    for folder, limit in limits.items():
        group = box / f"sys/fs/cgroup{folder}"
        group.mkdir(parents=True, exist_ok=True)
        (group / "cpu.max").write_text(limit)


def test_a_second_hardware_thread_is_no_core(box):
    assert cores.available_cores(box) == 4


def test_only_the_cores_that_we_may_run_on_count(box, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {1, 2, 5})
    assert cores.available_cores(box) == 2


@pytest.mark.parametrize(
    ("path", "limits", "expected"),
    [
        ("/system.slice/offhook.service", {"/system.slice/offhook.service": "250000 100000\n"}, 2),
        ("/system.slice/offhook.service", {"/system.slice": "150000 50000\n"}, 3),
        ("/system.slice/offhook.service", {"/system.slice/offhook.service": "max 100000\n", "/": "100000 100000"}, 1),
        ("/", {"/": "50000 100000\n"}, 1),
        ("/", {"/": "max 100000\n"}, 4),
        ("/", {"/": "6400000 100000\n"}, 4),
        ("/", {"/": "garbage\n"}, 4),
        ("/", {}, 4),
    ],
)
def test_the_quota_of_the_group_or_of_one_around_it(box, path, limits, expected):
    in_group(box, path, limits)
    assert cores.available_cores(box) == expected


def test_a_thread_that_yields_passes_it_on():
    def niceness():
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before, seen = niceness(), []

    def engine():
        cores.yield_to_media()
        cores.yield_to_media()
        helper = threading.Thread(target=lambda: seen.append(niceness()))
        helper.start()
        helper.join()

    thread = threading.Thread(target=engine)
    thread.start()
    thread.join()
    assert seen == [min(before + cores.NICENESS, 19)]
    assert niceness() == before
