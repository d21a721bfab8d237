"""The filter of system calls, run by a small interpreter: what it says about calls on both processors."""

import errno
import struct

import pytest

from xraylab.imaging.decoding import seccomp

X86_64, AARCH64 = 0, 1
READ_WRITE, READ_EXECUTE = 3, 5
ALLOWED, DENIED, KILLED = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
# Numbers as the kernel's tables list them, of x86_64 and aarch64.
HARMFUL = {
    "openat": (257, 56),
    "openat2": (437, 437),
    "socket": (41, 198),
    "connect": (42, 203),
    "sendto": (44, 206),
    "clone": (56, 220),
    "clone3": (435, 435),
    "execve": (59, 221),
    "execveat": (322, 281),
    "kill": (62, 129),
    "tgkill": (234, 131),
    "ptrace": (101, 117),
    "process_vm_writev": (311, 271),
    "prlimit64": (302, 261),
    "ioctl": (16, 29),
    "ftruncate": (77, 46),
    "memfd_create": (319, 279),
    "io_uring_setup": (425, 425),
    "seccomp": (317, 277),
    "bpf": (321, 280),
}


def verdict(machine, number, *, protection=READ_WRITE, architecture=None):
    """Run the filter on one call, as the kernel does."""
    data = struct.pack(
        "<iIQ6Q",
        number,
        seccomp._ARCHITECTURE[machine] if architecture is None else architecture,
        0,
        *(0, 0, protection, 0, 0, 0),
    )
    code = list(struct.iter_unpack("HBBI", seccomp.program(machine)))
    accumulator = at = 0
    while True:
        operation, if_true, if_false, value = code[at]
        at += 1
        match operation:
            case 0x20:
                [accumulator] = struct.unpack_from("<I", data, value)
            case 0x15:
                at += if_true if accumulator == value else if_false
            case 0x45:
                at += if_true if accumulator & value else if_false
            case 0x06:
                return value


@pytest.mark.parametrize("machine", [X86_64, AARCH64])
def test_calls_that_decoding_needs_are_allowed_and_all_others_fail(machine):
    allowed = {numbers[machine] for numbers in seccomp._ALLOWED.values()}
    memory = {numbers[machine] for numbers in seccomp._UNLESS_EXECUTABLE.values()}
    for number in range(600):
        expected = ALLOWED if number in allowed | memory else DENIED
        assert verdict(machine, number) == expected, number
    assert {verdict(machine, numbers[machine]) for numbers in HARMFUL.values()} == {DENIED}


@pytest.mark.parametrize("machine", [X86_64, AARCH64])
def test_memory_cannot_be_made_executable(machine):
    for numbers in seccomp._UNLESS_EXECUTABLE.values():
        assert verdict(machine, numbers[machine], protection=READ_EXECUTE) == DENIED
    read = seccomp._ALLOWED["read"][machine]
    assert verdict(machine, read, protection=READ_EXECUTE) == ALLOWED  # its third argument is a length


def test_a_call_in_the_way_of_another_processor_ends_the_process():
    assert verdict(X86_64, 0, architecture=0x40000003) == KILLED  # a program of 32 bits
    assert verdict(X86_64, 0x40000000) == DENIED  # x32


def test_elsewhere_nothing_is_filtered(monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")
    assert not seccomp.install()
