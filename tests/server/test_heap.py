from __future__ import annotations

import platform
import subprocess
import sys

import pytest

ARENAS = """
import ctypes, threading
from endcap.server import heap
if {shared}:
    heap.share_one_arena()
blocks = []
threads = [threading.Thread(target=lambda: blocks.append([bytearray(10_000) for _ in range(100)])) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc = ctypes.CDLL(None)
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""


FREED = """
from pathlib import Path
from endcap.server import heap
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4
blocks = [bytearray(5_000) for _ in range(10_000)]
last = bytearray(5_000)  # at the top, where glibc gives back by itself
del blocks
print(resident())
heap.give_back()
print(resident())
"""
glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has arenas, and keeps what is free")


@glibc
@pytest.mark.parametrize("shared", [True, False])
def test_threads_share_one_arena_where_they_are_told_to(shared: bool) -> None:
    command = [sys.executable, "-c", ARENAS.format(shared=shared)]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    assert (told.count("<heap nr=") == 1) == shared


@glibc
def test_what_is_free_is_given_back() -> None:
    told = subprocess.run([sys.executable, "-c", FREED], check=True, capture_output=True, text=True, timeout=60).stdout
    before, after = map(int, told.split())
    assert before - after > 20_000
