"""Picture files that nobody here would send on purpose: name -> writer. Used against the library,
the command line and the page.
"""

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds nothing."""
    ihdr = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + chunk(b"IDAT", zlib.compress(bytes(200)))


def _save(picture: Image.Image, path: Path, **options) -> None:
    picture.save(path, **options)


def _rotated_by_exif(picture: Image.Image, path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    picture.rotate(90, expand=True).save(path, exif=exif)


def _two(picture: Image.Image, path: Path) -> None:
    canvas = Image.new("RGB", (picture.width * 2, picture.height), "white")
    canvas.paste(picture, (0, 0))
    canvas.paste(
        picture.resize((picture.width * 3 // 4, picture.height * 3 // 4)), (picture.width, 60)
    )
    canvas.save(path)


def _cut(picture: Image.Image, path: Path) -> None:
    picture.save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _film(picture: Image.Image, path: Path) -> None:
    picture.save(
        path, save_all=True, append_images=[Image.new("RGB", picture.size, "red")], duration=100
    )


def _primary_second(picture: Image.Image, path: Path) -> None:
    picture.resize((64, 64)).save(path, save_all=True, append_images=[picture], primary_index=1)


def _reduced_first(picture: Image.Image, path: Path) -> None:
    """A page of 64 px that says it is a copy (NewSubfileType 1), then the picture, which does
    not.
    """
    picture.resize((64, 64)).save(path, save_all=True, append_images=[picture], tiffinfo={254: 1})
    data = path.read_bytes()
    copy = struct.pack("<HHLL", 254, 4, 1, 1)
    first, second = data.split(copy, 1)
    path.write_bytes(first + copy + second.replace(copy, struct.pack("<HHLL", 254, 4, 1, 0)))


def odd_exif() -> bytes:
    """Orientation 6, and a resolution of -1/0."""
    orientation = struct.pack("<HHLL", 0x0112, 3, 1, 6)
    resolution = struct.pack("<HHLL", 0x011A, 10, 1, 38)
    tags = struct.pack("<H", 2) + orientation + resolution + bytes(4)
    return b"Exif\0\0II*\0\x08\0\0\0" + tags + struct.pack("<ll", -1, 0)


def _odd_exif(picture: Image.Image, path: Path) -> None:
    picture.rotate(90, expand=True).save(path, exif=odd_exif())


def _odd_chunk(picture: Image.Image, path: Path) -> None:
    """A comment whose check sum is wrong."""
    picture.save(path)
    data = path.read_bytes()
    path.write_bytes(data[:33] + struct.pack(">I", 3) + b"tEXta\0b" + bytes(4) + data[33:])


def _changed(change):
    """Save, then change the bytes."""

    def write(picture: Image.Image, path: Path) -> None:
        picture.save(path)
        path.write_bytes(change(path.read_bytes()))

    return write


WITH_FACES = {
    "plain.jpg": (_save, 1),
    "plain.png": (_save, 1),
    "plain.webp": (_save, 1),
    "plain.avif": (_save, 1),
    "plain.tiff": (_save, 1),
    "plain.bmp": (_save, 1),
    "phone.heic": (_save, 1),
    "film.gif": (_film, 1),
    "grey.png": (lambda p, path: p.convert("L").save(path), 1),
    "grey16.png": (
        lambda p, path: Image.fromarray(np.asarray(p.convert("L")).astype(np.uint16) * 257).save(
            path
        ),
        1,
    ),
    "float.tiff": (
        lambda p, path: Image.fromarray(np.asarray(p.convert("L")).astype(np.float32) / 255).save(
            path
        ),
        1,
    ),
    "cmyk.jpg": (lambda p, path: p.convert("CMYK").save(path), 1),
    "palette.png": (lambda p, path: p.quantize(64).save(path), 1),
    "alpha.png": (lambda p, path: p.convert("RGBA").save(path), 1),
    "tagged_sideways.jpg": (_rotated_by_exif, 1),
    "turned_90.jpg": (lambda p, path: p.rotate(90, expand=True).save(path), 1),
    "turned_180.jpg": (lambda p, path: p.rotate(180).save(path), 1),
    "two_faces.jpg": (_two, 2),
    "large.jpg": (lambda p, path: p.resize((4000, 4000)).save(path, quality=70), 1),
    "48_megapixels.jpg": (lambda p, path: p.resize((8064, 6048)).save(path, quality=70), 1),
    "64_megapixels.png": (
        lambda p, path: p.quantize(16).resize((9248, 6944)).save(path, compress_level=1),
        1,
    ),
    "tilted_60.jpg": (
        lambda p, path: p.rotate(60, Image.BICUBIC, expand=True, fillcolor=(120, 120, 120)).save(
            path
        ),
        1,
    ),
    "primary_second.heic": (_primary_second, 1),
    "reduced_first.tiff": (_reduced_first, 1),
    "odd_exif.jpg": (_odd_exif, 1),
    "odd_exif.png": (_odd_exif, 1),
    "odd_exif.webp": (_odd_exif, 1),
    "odd_profile.jpg": (lambda p, path: p.save(path, icc_profile=b"no profile" * 20), 1),
    "odd_chunk.png": (_odd_chunk, 1),
    "no_end.jpg": (_changed(lambda data: data[:-2]), 1),
    "no_end.png": (_changed(lambda data: data[:-12]), 1),
    "line_feed.jpg": (_changed(lambda data: b"\n" + data), 1),
    "byte_order_mark.jpg": (_changed(lambda data: b"\xef\xbb\xbf" + data), 1),
    "page_behind.jpg": (_changed(lambda data: data + b"<html></html>\n"), 1),
    "png_named.jpg": (lambda p, path: p.save(path, format="PNG"), 1),
    "naïve name; rm -rf <b>.jpg": (_save, 1),
}
"""File name -> (writer, number of faces)."""

REFUSED = {
    "text.jpg": (
        lambda p, path: path.write_text("Dear sir, find my portrait enclosed."),
        "not a picture",
    ),
    "empty.jpg": (lambda p, path: path.write_bytes(b""), "empty"),
    "cut.jpg": (_cut, "damaged"),
    "cut.png": (_cut, "damaged"),
    "one_pixel.png": (lambda p, path: p.resize((1, 1)).save(path), "1x1 pixels"),
    "narrow.png": (lambda p, path: p.resize((19, 400)).save(path), "19x400 pixels"),
    "hundred_megapixels.png": (
        lambda p, path: path.write_bytes(png_header(10_000, 10_000)),
        "100 megapixels",
    ),
    "bomb.png": (
        lambda p, path: path.write_bytes(png_header(60_000, 60_000)),
        "over 64 megapixels",
    ),
    "heavy.bmp": (lambda p, path: p.resize((3680, 3680)).save(path), "over 40 MB"),
    "seventy_megapixels.jpg": (
        lambda p, path: p.resize((8400, 8400)).save(path, quality=20),
        "71 megapixels; at most 64",
    ),
    "nine_tenths.jpg": (_changed(lambda data: data[: len(data) * 9 // 10]), "damaged"),
    "drawing.svg": (
        lambda p, path: path.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>"),
        "not a picture",
    ),
    "letter.pdf.jpg": (
        lambda p, path: path.write_bytes(b"%PDF-1.4\n" + bytes(500)),
        "not a picture",
    ),
    "noise.jpg": (
        lambda p, path: path.write_bytes(np.random.default_rng(0).bytes(5000)),
        "not a picture",
    ),
    "no_face.png": (
        lambda p, path: Image.new("RGB", (300, 300), (90, 140, 90)).save(path),
        "No face found",
    ),
    "stripes.png": (
        lambda p, path: Image.fromarray(np.uint8(np.indices((200, 300)).sum(0) % 40 * 6)).save(
            path
        ),
        "No face found",
    ),
    "thread.png": (lambda p, path: p.resize((5000, 20)).save(path), "No face found"),
}
"""File name -> (writer, a part of the one sentence that it must be refused with)."""


def write_all(portrait: Image.Image, folder: Path, files: dict) -> list[Path]:
    for name, (write, _) in files.items():
        write(portrait, folder / name)
    return [folder / name for name in files]
