"""Programs and shared libraries: strips them, and finds the libraries that Lambda does not have.

Source: ELF-64 Object File Format, version 1.5; Tool Interface Standard, ELF specification 1.2, "Dynamic
Section"; Linux Standard Base 5.0, "Symbol Versioning".
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: The start of a 64-bit little-endian file.
_MAGIC = b"\x7fELF\x02\x01"
_PROGRAM_HEADERS_AT, _SECTION_HEADERS_AT = 32, 40
_PROGRAM_HEADER_SIZE_AT, _SECTION_HEADER_COUNT_AT = 54, 60
_PROGRAM_HEADER = "<IIQQQQQQ"
_LOADED, _DYNAMIC = 1, 2
_NEEDED, _TEXTS, _VERSIONS, _VERSION_COUNT = 1, 5, 0x6FFFFFFE, 0x6FFFFFFF
_LIBRARY, _LIBRARY_VERSION = "<HHIII", "<IHHII"

#: The GNU C library's own. Source: glibc 2.34, shlib-versions.
GLIBC = frozenset(
    {
        "ld-linux-aarch64.so.1",
        "ld-linux-x86-64.so.2",
        "libc.so.6",
        "libdl.so.2",
        "libm.so.6",
        "libpthread.so.0",
        "librt.so.1",
        "libutil.so.1",
    }
)
#: GCC's own. Lambda's runtime client for Python, awslambdaric, is linked to both, so no function of a Python
#: runtime starts without them. Source: wheels of awslambdaric; a test compares.
GCC = frozenset({"libgcc_s.so.1", "libstdc++.so.6"})

#: The newest symbol versions that the libraries of Amazon Linux 2023 have, by family: glibc 2.34, GCC 11.
#: Source: Amazon Linux 2023 user guide, "Comparing AL2 and AL2023"; GCC's libstdc++ manual, "ABI Policy and
#: Guidelines"; AWS Lambda developer guide, "Lambda runtimes": python3.12 and later run on Amazon Linux 2023.
_NEWEST = {"GLIBC": (2, 34), "GLIBCXX": (3, 4, 29), "CXXABI": (1, 3, 13), "GCC": (11,)}
_VERSION = re.compile(r"([A-Z]+)_([0-9.]+)")


def stripped(program: bytes) -> bytes:
    """Returns a program without debug information and symbols, as strip does, for any processor.

    Program headers name the bytes that are loaded. Symbols, debug sections and section headers follow them,
    so the file is cut after the last loaded byte.

    Raises:
        ValueError: Not a 64-bit little-endian ELF file.
    """
    if not program.startswith(_MAGIC):
        raise ValueError("not a 64-bit little-endian ELF file")
    (headers_at,) = struct.unpack_from("<Q", program, _PROGRAM_HEADERS_AT)
    header_size, header_count = struct.unpack_from("<HH", program, _PROGRAM_HEADER_SIZE_AT)
    end = headers_at + header_size * header_count
    for number in range(header_count):
        fields = struct.unpack_from(_PROGRAM_HEADER, program, headers_at + number * header_size)
        _, _, offset, _, _, size, _, _ = fields
        end = max(end, offset + size)
    cut = bytearray(program[:end])
    struct.pack_into("<Q", cut, _SECTION_HEADERS_AT, 0)
    struct.pack_into("<HH", cut, _SECTION_HEADER_COUNT_AT, 0, 0)
    return bytes(cut)


@dataclass(frozen=True)
class Needs:
    """What the dynamic loader needs before a program starts.

    Attributes:
        libraries: File names, such as ``libc.so.6``.
        versions: Versions of symbols, such as ``GLIBC_2.28``.
    """

    libraries: frozenset[str]
    versions: frozenset[str]


def needs(program: bytes) -> Needs:
    """Returns the libraries and symbol versions that a program or a library needs.

    Raises:
        ValueError: Not a 64-bit little-endian ELF file.
    """
    if not program.startswith(_MAGIC):
        raise ValueError("not a 64-bit little-endian ELF file")
    image = _Image(program)
    return Needs(frozenset(image.libraries()), frozenset(image.versions()))


def missing(folder: Path) -> list[str]:
    """Returns what programs and libraries in a folder need and Lambda does not have, each with its file.

    A library in the folder counts as found: wheels bring their libraries with a path to them.
    """
    brought = {path.name for path in folder.rglob("*.so*")}
    return sorted(
        f"{path.relative_to(folder)} needs {what}"
        for path in folder.rglob("*")
        if path.is_file() and _is_program(path)
        for what in absent(needs(path.read_bytes()), brought)
    )


def absent(needed: Needs, brought: set[str]) -> Iterator[str]:
    """Yields the needs of a program that Lambda does not meet.

    Args:
        needed: The program's needs.
        brought: The names of libraries that come with it.
    """
    yield from needed.libraries - GLIBC - GCC - brought
    for version in needed.versions:
        known = _VERSION.fullmatch(version)
        if known is not None and known[1] in _NEWEST:
            numbers = tuple(int(number) for number in known[2].split("."))
            if numbers > _NEWEST[known[1]]:
                yield version


def _is_program(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


class _Image:
    """A program as it is loaded into memory."""

    def __init__(self, program: bytes) -> None:
        self._program = program
        (at,) = struct.unpack_from("<Q", program, _PROGRAM_HEADERS_AT)
        size, count = struct.unpack_from("<HH", program, _PROGRAM_HEADER_SIZE_AT)
        headers = [
            struct.unpack_from(_PROGRAM_HEADER, program, at + size * number) for number in range(count)
        ]
        # Of a header: kind, flags, place in the file, address, physical address, size in the file, ...
        self._loaded = [(header[3], header[2], header[5]) for header in headers if header[0] == _LOADED]
        self._entries = [
            entry
            for header in headers
            if header[0] == _DYNAMIC
            for entry in struct.iter_unpack("<QQ", program[header[2] : header[2] + header[5]])
        ]

    def libraries(self) -> Iterator[str]:
        for kind, value in self._entries:
            if kind == _NEEDED:
                yield self._text(value)

    def versions(self) -> Iterator[str]:
        if self._entry(_VERSIONS) is None:
            return
        library_at = self._place(self._entry(_VERSIONS) or 0)
        for _ in range(self._entry(_VERSION_COUNT) or 0):
            _, count, _, first, following = struct.unpack_from(_LIBRARY, self._program, library_at)
            version_at = library_at + first
            for _ in range(count):
                _, _, _, name, next_version = struct.unpack_from(_LIBRARY_VERSION, self._program, version_at)
                yield self._text(name)
                version_at += next_version
            library_at += following

    def _entry(self, kind: int) -> int | None:
        return next((value for found, value in self._entries if found == kind), None)

    def _text(self, offset: int) -> str:
        begin = self._place(self._entry(_TEXTS) or 0) + offset
        return self._program[begin : self._program.index(b"\0", begin)].decode()

    def _place(self, address: int) -> int:
        """Returns the position of an address in the file."""
        for begin, offset, size in self._loaded:
            if begin <= address < begin + size:
                return int(offset + address - begin)
        raise ValueError(f"address {address:#x} is not loaded from the file")
