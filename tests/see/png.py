# SPDX-License-Identifier: MIT
"""Makes a screenshot's PNG (8 bits, RGB or RGBA, not interlaced; https://www.w3.org/TR/png-3/)
smaller: one byte for each pixel, of a palette. For pictures of few colours."""
import collections
import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunks(png):
    """(type, data) of each."""
    at = len(SIGNATURE)
    while at < len(png):
        size, kind = struct.unpack_from(">I4s", png, at)
        yield kind, png[at + 8:at + 8 + size]
        at += 12 + size


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def paeth(a, b, c):
    pa, pb, pc = abs(b - c), abs(a - c), abs(a + b - 2 * c)
    return a if pa <= pb and pa <= pc else b if pb <= pc else c


def rows(data, width, height, step):
    """The bytes of each row, its filter undone (section 9.2)."""
    before, at = bytearray(width * step), 0
    for _ in range(height):
        how, row = data[at], bytearray(data[at + 1:at + 1 + width * step])
        at += 1 + width * step
        for i in range(width * step if how else 0):
            left, corner = (row[i - step], before[i - step]) if i >= step else (0, 0)
            up = before[i]
            row[i] = row[i] + (0, left, up, left + up >> 1, paeth(left, up, corner))[how] & 255
        yield row
        before = row


def nearest(colour, palette):
    """The place of the palette's colour that differs least."""
    red, green, blue = colour.to_bytes(3, "big")
    return min(range(len(palette)), key=lambda i: ((palette[i] >> 16) - red) ** 2 + (
        (palette[i] >> 8 & 255) - green) ** 2 + ((palette[i] & 255) - blue) ** 2)


def smaller(png):
    """The picture with a palette: its 256 most frequent colours, or the nearest of them."""
    parts = list(chunks(png))
    width, height, depth, colours, _, _, interlaced = struct.unpack(">IIBBBBB", parts[0][1])
    assert depth == 8 and colours in (2, 6) and not interlaced
    step = 4 if colours == 6 else 3
    data = zlib.decompress(b"".join(data for kind, data in parts if kind == b"IDAT"))
    pixels = [[row[i] << 16 | row[i + 1] << 8 | row[i + 2] for i in range(0, len(row), step)]
              for row in rows(data, width, height, step)]
    seen = collections.Counter(pixel for row in pixels for pixel in row)
    palette = [colour for colour, _ in seen.most_common(256)]
    index = {colour: nearest(colour, palette) for colour in seen}
    packed = b"".join(b"\0" + bytes(index[colour] for colour in row) for row in pixels)
    colours = b"".join(colour.to_bytes(3, "big") for colour in palette)
    return SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)) + \
        chunk(b"PLTE", colours) + chunk(b"IDAT", zlib.compress(packed, 9)) + chunk(b"IEND", b"")
