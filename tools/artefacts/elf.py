"""Takes debug information and symbols off a program, as strip does, for any processor."""

import struct

#: The header of a 64-bit little-endian file. Source: ELF-64 Object File Format, version 1.5.
_MAGIC = b"\x7fELF\x02\x01"
_PROGRAM_HEADERS_AT, _SECTION_HEADERS_AT = 32, 40
_PROGRAM_HEADER_SIZE_AT, _SECTION_HEADER_COUNT_AT = 54, 60
_PROGRAM_HEADER = "<IIQQQQQQ"


def stripped(program: bytes) -> bytes:
    """Returns a program without what is only there for debuggers and linkers.

    What is loaded is named by program headers; symbols, debug sections and the section headers that name
    them follow it. So the file is cut where the last loaded byte ends.

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
