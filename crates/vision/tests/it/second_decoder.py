"""Decodes pictures with Pillow: the second opinion of the tests in variants.rs.

Standard input: for each picture its length (four bytes, big-endian) and its bytes. Standard output: for each picture width and
height (four bytes each) and its RGB, transparency laid on white; zeros where Pillow refuses it.
"""

import io
import struct
import sys

from PIL import Image

Image.MAX_IMAGE_PIXELS = None


def rgb(data):
    picture = Image.open(io.BytesIO(data))
    if picture.mode.startswith("I"):
        # 16 bits, of which the high ones count; versions differ in how they hold them.
        step = 4 if picture.mode == "I" else 2
        return Image.frombytes("L", picture.size, picture.tobytes()[1::step]).convert("RGB")
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture).convert("RGB")
    return picture.convert("RGB")


data = sys.stdin.buffer.read()
at = 0
while at < len(data):
    (length,) = struct.unpack(">I", data[at : at + 4])
    at += 4 + length
    try:
        picture = rgb(data[at - length : at])
        sys.stdout.buffer.write(struct.pack(">II", *picture.size) + picture.tobytes())
    except Exception:
        sys.stdout.buffer.write(struct.pack(">II", 0, 0))
