"""
A filter of system calls for a decoder, on Linux.

- only calls that reading a pipe, computing and writing a pipe need are allowed; every other one fails with
  EPERM: no file can be opened, no program or process started, nothing sent to a network
- memory can't be made executable, so no machine code but that of loaded libraries can run
- on other systems and processors nothing is done

References
----------
https://docs.kernel.org/userspace-api/seccomp_filter.html
"""

import ctypes
import errno
import os
import struct
import sys

# Numbers of the kernel's interface; they never change. The order is x86_64, aarch64.
_MACHINES = ("x86_64", "aarch64")
_ARCHITECTURE = (0xC000003E, 0xC00000B7)
_SECCOMP = (317, 277)
_ALLOWED = {
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "fstat": (5, 80),
    "lseek": (8, 62),
    "munmap": (11, 215),
    "brk": (12, 214),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "pread64": (17, 67),
    "readv": (19, 65),
    "writev": (20, 66),
    "sched_yield": (24, 124),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "nanosleep": (35, 101),
    "setitimer": (38, 103),
    "getpid": (39, 172),
    "exit": (60, 93),
    "getrusage": (98, 165),
    "sigaltstack": (131, 132),
    "gettid": (186, 178),
    "futex": (202, 98),
    "restart_syscall": (219, 128),
    "clock_gettime": (228, 113),
    "clock_nanosleep": (230, 115),
    "exit_group": (231, 94),
    "getrandom": (318, 278),
}
_UNLESS_EXECUTABLE = {"mmap": (9, 222), "mprotect": (10, 226)}

_PR_SET_NO_NEW_PRIVS = 38
_SET_MODE_FILTER, _ALL_THREADS = 1, 1
_LOAD, _IF_EQUAL, _IF_ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _KILL, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000 | errno.EPERM
_NUMBER, _MACHINE, _PROTECTION = 0, 4, 32  # offsets of the call's data; the last is its third argument
_EXECUTABLE = 4


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def install() -> bool:
    """Filter the system calls of this process from now on.

    Returns
    -------
    bool
        False if the system or the processor isn't known, or the kernel has no filters.
    """
    if sys.platform != "linux" or os.uname().machine not in _MACHINES:
        return False
    machine = _MACHINES.index(os.uname().machine)
    code = program(machine)
    libc = ctypes.CDLL(None)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    filtered = _Program(len(code) // 8, code)
    # The call itself, not prctl: it filters the threads of libraries too.
    done = libc.syscall(_SECCOMP[machine], _SET_MODE_FILTER, _ALL_THREADS, ctypes.byref(filtered))
    return bool(done == 0)


def program(machine: int) -> bytes:
    """Return the filter as instructions for the kernel.

    Parameters
    ----------
    machine : int
        0 for x86_64, 1 for aarch64.
    """
    plain = [numbers[machine] for numbers in _ALLOWED.values()]
    checked = [numbers[machine] for numbers in _UNLESS_EXECUTABLE.values()]
    calls = [*checked, *plain]
    fail = len(calls)  # place of the verdict after the comparisons; a jump counts from the next instruction
    code = [
        (_LOAD, 0, 0, _MACHINE),
        (_IF_EQUAL, 1, 0, _ARCHITECTURE[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    for place, number in enumerate(calls):
        target = fail + (1 if number in checked else 4)
        code.append((_IF_EQUAL, target - place - 1, 0, number))
    code += [
        (_RETURN, 0, 0, _FAIL),
        (_LOAD, 0, 0, _PROTECTION),
        (_IF_ANY_BIT, 0, 1, _EXECUTABLE),
        (_RETURN, 0, 0, _FAIL),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("HBBI", *instruction) for instruction in code)
