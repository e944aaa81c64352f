"""Any picture comes out upright, RGB and of the right colours; anything else is refused with one
clear sentence.
"""

import errno
import io
import os
import socket
import struct
import subprocess
import sys
import threading
import zipfile
import zlib
from contextlib import suppress

import numpy as np
import pillow_heif
import pytest
import torch
from PIL import Image

from ndcb.core.tensors import quantise, to_pictures, to_tensor
from ndcb.core.terms import BadPicture, UserError
from ndcb.faces import decoding, opening
from ndcb.faces.images import read_photo, read_picture
from ndcb.faces.opening import MAX_BYTES
from tests.conftest import ROOT

pillow_heif.register_heif_opener()

QUARTERS = np.zeros((32, 48, 3), np.uint8)
"""Upright: red, green above; blue, pale yellow below."""
QUARTERS[:16, :24], QUARTERS[:16, 24:] = (200, 30, 30), (30, 160, 40)
QUARTERS[16:, :24], QUARTERS[16:, 24:] = (20, 40, 210), (240, 230, 160)
GREY = np.linspace(0, 255, 32 * 48).round().astype(np.uint8).reshape(32, 48)
NOISE = np.random.RandomState(0).randint(0, 256, (64, 64, 3), dtype=np.uint8)
STEM = "holiday of Müller"
EXIF_STORED = {  # EXIF orientation -> how a camera that writes it has stored the upright picture
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a, -1),
}


def rgb(grey):
    return np.repeat(np.asarray(grey)[..., None], 3, axis=2)


def encoded(picture, format, **options) -> bytes:
    file = io.BytesIO()
    picture = (
        picture
        if isinstance(picture, Image.Image)
        else Image.fromarray(np.ascontiguousarray(picture))
    )
    picture.save(file, format, **options)
    return file.getvalue()


def png(width, height, depth, colour, *data) -> bytes:
    """A PNG built by hand: header, then one IDAT for each of `data`."""

    def chunk(kind, content):
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + header
        + b"".join(chunk(b"IDAT", part) for part in data)
        + chunk(b"IEND", b"")
    )


def exif(orientation) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


def stored(orientation, format, **options) -> bytes:
    return encoded(EXIF_STORED[orientation](QUARTERS), format, exif=exif(orientation), **options)


def half_transparent() -> np.ndarray:
    """RGBA: left third of the columns clear red, middle 128 of 255 opaque, right opaque."""
    alpha = np.repeat([0, 128, 255], 16)[None].repeat(32, 0).astype(np.uint8)
    return np.dstack(
        [
            np.full((32, 48), 200, np.uint8),
            np.full((32, 48), 40, np.uint8),
            np.full((32, 48), 90, np.uint8),
            alpha,
        ]
    )


def on_neutral_grey(colour) -> np.ndarray:
    columns = [np.full(3, 128), 128 + (np.array(colour) - 128) * 128 / 255, np.array(colour)]
    return np.repeat(np.stack(columns), 16, axis=0)[None].repeat(32, 0)


def clear_palette() -> Image.Image:
    picture = Image.fromarray(
        np.repeat([0, 1, 1], 16)[None].repeat(32, 0).astype(np.uint8), "L"
    ).convert("P")
    picture.putpalette([255, 0, 0, 0, 0, 255])
    return picture


def deep_rgb() -> bytes:
    rows = (QUARTERS.astype(">u2") * 257).reshape(32, -1)
    return png(48, 32, 16, 2, zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows)))


def film(format, **options) -> bytes:
    other = Image.fromarray(255 - QUARTERS)
    return encoded(
        Image.fromarray(QUARTERS).quantize(16),
        format,
        save_all=True,
        append_images=[other, other],
        **options,
    )


def ramp16() -> np.ndarray:
    return np.linspace(0, 65535, 32 * 48).astype(np.uint16).reshape(32, 48)


SOFT = dict(quality=95)
NO_SUBSAMPLING = dict(quality=95, subsampling=0)
CLEAR = [[[128] * 3] * 16 + [[0, 0, 255]] * 32] * 32
GOOD = {
    # name: (file's ending, its bytes, the upright picture, tolerance)
    # tolerance None: compare the quarters' colours only, within 16
    "jpeg": ("jpg", lambda: encoded(QUARTERS, "JPEG", **SOFT), QUARTERS, None),
    "jpeg of a 3-D camera": (
        "jpg",
        lambda: encoded(QUARTERS, "MPO", save_all=True, append_images=[Image.fromarray(NOISE)]),
        QUARTERS,
        None,
    ),
    "progressive jpeg": (
        "jpeg",
        lambda: encoded(QUARTERS, "JPEG", progressive=True, **SOFT),
        QUARTERS,
        None,
    ),
    "grey jpeg": ("jpg", lambda: encoded(GREY, "JPEG", quality=100), rgb(GREY), 6),
    "cmyk jpeg": (
        "jpg",
        lambda: encoded(Image.fromarray(QUARTERS).convert("CMYK"), "JPEG", **NO_SUBSAMPLING),
        QUARTERS,
        None,
    ),
    "jpeg renamed to png": ("png", lambda: encoded(QUARTERS, "JPEG", **SOFT), QUARTERS, None),
    "png": ("png", lambda: encoded(QUARTERS, "PNG"), QUARTERS, 0),
    "png without an ending": ("", lambda: encoded(QUARTERS, "PNG"), QUARTERS, 0),
    "palette png": (
        "png",
        lambda: encoded(Image.fromarray(QUARTERS).quantize(16), "PNG"),
        QUARTERS,
        0,
    ),
    "palette png, one colour clear": (
        "png",
        lambda: encoded(clear_palette(), "PNG", transparency=0),
        CLEAR,
        0,
    ),
    "rgb png, one colour clear": (
        "png",
        lambda: encoded(clear_palette().convert("RGB"), "PNG", transparency=(255, 0, 0)),
        CLEAR,
        0,
    ),
    "1-bit png": (
        "png",
        lambda: encoded(Image.fromarray(GREY > 99), "PNG"),
        rgb((GREY > 99) * 255),
        0,
    ),
    "grey png": ("png", lambda: encoded(GREY, "PNG"), rgb(GREY), 0),
    "rgba png": (
        "png",
        lambda: encoded(half_transparent(), "PNG"),
        on_neutral_grey((200, 40, 90)),
        1,
    ),
    "grey png with alpha": (
        "png",
        lambda: encoded(Image.fromarray(half_transparent()[..., [0, 3]], "LA"), "PNG"),
        on_neutral_grey((200,) * 3),
        1,
    ),
    "16-bit grey png": ("png", lambda: encoded(ramp16(), "PNG"), rgb(ramp16() / 257), 1),
    "16-bit grey png, dark": (
        "png",
        lambda: encoded(ramp16() // 16, "PNG"),
        rgb(ramp16() / 16 / 257),
        1,
    ),
    "16-bit rgb png": ("png", deep_rgb, QUARTERS, 1),
    "16-bit grey tiff": ("tif", lambda: encoded(ramp16(), "TIFF"), rgb(ramp16() / 257), 1),
    "32-bit float tiff": (
        "tif",
        lambda: encoded((ramp16() / 65535).astype(np.float32), "TIFF"),
        rgb(ramp16() / 257),
        1,
    ),
    "32-bit float tiff to 255": (
        "tif",
        lambda: encoded((ramp16() / 257).astype(np.float32), "TIFF"),
        rgb(ramp16() / 257),
        1,
    ),
    "tiff": ("tif", lambda: encoded(QUARTERS, "TIFF", compression="tiff_lzw"), QUARTERS, 0),
    "cmyk tiff": (
        "tif",
        lambda: encoded(Image.fromarray(QUARTERS).convert("CMYK"), "TIFF"),
        QUARTERS,
        1,
    ),
    "bmp": ("bmp", lambda: encoded(QUARTERS, "BMP"), QUARTERS, 0),
    "gif": ("gif", lambda: encoded(Image.fromarray(QUARTERS).quantize(16), "GIF"), QUARTERS, 0),
    "gif film, first frame": ("gif", lambda: film("GIF"), QUARTERS, 0),
    "webp": ("webp", lambda: encoded(QUARTERS, "WEBP", lossless=True), QUARTERS, 0),
    "webp film, first frame": ("webp", lambda: film("WEBP", lossless=True), QUARTERS, 0),
    "webp with alpha": (
        "webp",
        lambda: encoded(half_transparent(), "WEBP", lossless=True, exact=True),
        on_neutral_grey((200, 40, 90)),
        1,
    ),
    "avif": ("avif", lambda: encoded(QUARTERS, "AVIF", quality=95), QUARTERS, None),
    "heic": ("heic", lambda: encoded(QUARTERS, "HEIF", quality=95), QUARTERS, None),
    **{
        f"jpeg, exif {n}": ("jpg", lambda n=n: stored(n, "JPEG", **SOFT), QUARTERS, None)
        for n in EXIF_STORED
    },
    "jpeg, exif 99": (
        "jpg",
        lambda: encoded(QUARTERS, "JPEG", exif=exif(99), **SOFT),
        QUARTERS,
        None,
    ),
    **{
        f"{form.lower()}, exif 6": (form.lower(), lambda form=form: stored(6, form), QUARTERS, None)
        for form in ("PNG", "WEBP", "TIFF", "AVIF", "HEIF")
    },
    "20 px side": ("png", lambda: encoded(QUARTERS[:20, :20], "PNG"), QUARTERS[:20, :20], 0),
}


def assert_looks_like(picture: Image.Image, expected, tolerance) -> None:
    assert isinstance(picture, Image.Image) and picture.mode == "RGB"
    found, expected = np.asarray(picture).astype(float), np.asarray(expected, float)
    assert found.shape == expected.shape
    if tolerance is None:
        found, expected = (a[[8, 8, 24, 24], [12, 36, 12, 36]] for a in (found, expected))
    np.testing.assert_allclose(found, expected, atol=16 if tolerance is None else tolerance, rtol=0)


@pytest.mark.parametrize("name", GOOD)
def test_files_that_are_pictures(name, tmp_path):
    ending, content, expected, tolerance = GOOD[name]
    path = tmp_path / f"{STEM}.{ending}"
    path.write_bytes(content())
    assert_looks_like(read_picture(path), expected, tolerance)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda p: str(p),
        lambda p: p.read_bytes(),
        lambda p: bytearray(p.read_bytes()),
        lambda p: memoryview(p.read_bytes()),
        Image.open,
        lambda p: np.asarray(Image.open(p)),
    ],
    ids=["str", "bytes", "bytearray", "memoryview", "PIL", "array"],
)
def test_every_kind_of_source(wrap, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encoded(QUARTERS, "PNG"))
    assert_looks_like(read_picture(wrap(path)), QUARTERS, 0)


def test_a_film_that_was_wound_on_is_read_from_its_start():
    picture = Image.open(io.BytesIO(film("GIF")))
    picture.seek(1)
    assert_looks_like(read_picture(picture), QUARTERS, 0)


@pytest.mark.parametrize("primary", [0, 1, 2])
def test_of_a_heic_the_primary_picture_is_read(primary):
    pictures = [Image.fromarray(NOISE), Image.fromarray(255 - QUARTERS), Image.fromarray(GREY)]
    pictures[primary] = Image.fromarray(QUARTERS)
    data = encoded(
        pictures[0],
        "HEIF",
        save_all=True,
        append_images=pictures[1:],
        primary_index=primary,
        quality=95,
    )
    assert_looks_like(read_picture(data), QUARTERS, None)
    opened = Image.open(io.BytesIO(data))
    opened.seek((primary + 1) % 3)
    assert_looks_like(read_picture(opened), QUARTERS, None)


# Large pictures


def large(width: int, height: int) -> Image.Image:
    return Image.fromarray(QUARTERS).resize((width, height), Image.NEAREST)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP", "array", "PIL"])
@pytest.mark.parametrize(
    "size, expected",
    [
        ((4096, 300), (4096, 300)),
        ((4097, 300), (4096, 300)),
        ((8000, 480), (4000, 240)),
        ((8100, 480), (4050, 240)),
        ((480, 9000), (218, 4096)),
        ((14000, 40), (4096, 12)),
    ],
)
def test_a_larger_picture_is_shrunk(format, size, expected):
    """A JPEG by its decoder, to 4000 px at least; any other to 4096."""
    if format not in ("JPEG",) and size[0] in (8000, 8100):
        expected = (4096, round(4096 / size[0] * size[1]))
    picture = large(*size)
    source = (
        picture
        if format == "PIL"
        else np.asarray(picture)
        if format == "array"
        else encoded(picture, format)
    )
    photo = read_photo(source)
    assert photo.size == size and photo.picture.size == expected
    assert photo.scale == (size[0] / expected[0], size[1] / expected[1])
    found, wanted = (
        np.asarray(one.resize((48, 32), Image.BOX)).astype(int) for one in (photo.picture, picture)
    )
    assert np.abs(found - wanted).mean() < 3
    if format == "PIL":
        assert picture.size == size  # the caller's own


def test_the_largest_side_counts_after_turning():
    sideways = encoded(large(5000, 400), "JPEG", exif=exif(6))
    photo = read_photo(sideways)
    assert photo.size == (400, 5000) and photo.picture.size == (328, 4096)
    assert photo.picture.getpixel((300, 100)) == pytest.approx(
        (200, 30, 30), abs=16
    )  # red, which was at the left, is above


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I", "F", "I;16"]
)
def test_strip_by_strip_gives_what_the_whole_gives(mode, monkeypatch):
    """A white that is sought, too: it is that of the whole picture, not of a strip."""
    picture = Image.fromarray(QUARTERS)
    if mode in ("I", "F", "I;16"):
        picture = Image.fromarray(
            (ramp16() // 7).astype({"I": np.int32, "F": np.float32, "I;16": np.uint16}[mode])
        )
    elif mode == "PA":
        picture = picture.quantize(16).convert("PA")
    else:
        picture = picture.convert(mode)
    whole = np.asarray(read_picture(picture))
    monkeypatch.setattr(decoding, "STRIP", 5 * 48)
    np.testing.assert_array_equal(np.asarray(read_picture(picture)), whole)


def vector() -> bytes:
    return (
        b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="99"'
        b' height="99"><circle r="40"/></svg>'
    )


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("photo.jpg", encoded(QUARTERS, "JPEG"))
    return file.getvalue()


def cut(format, **options) -> bytes:
    content = encoded(NOISE, format, **options)
    return content[: len(content) // 2]


BAD = {  # name: (file's ending, its bytes, a word that must be in the refusal)
    "text": ("jpg", lambda: b"Dear Anna, here is the photo you asked for.\n" * 40, "not a picture"),
    "empty": ("jpg", lambda: b"", "empty"),
    "one byte": ("jpg", lambda: b"\xff", "not a picture"),
    "random bytes": ("jpg", lambda: NOISE.tobytes(), "not a picture"),
    "jpeg signature, then nothing": ("jpg", lambda: b"\xff\xd8\xff\xe0", "not a picture|damaged"),
    "jpeg cut off": ("jpg", lambda: cut("JPEG"), "damaged"),
    "png cut off": ("png", lambda: cut("PNG"), "damaged"),
    "gif cut off": ("gif", lambda: cut("GIF"), "damaged"),
    "webp cut off": ("webp", lambda: cut("WEBP"), "not a picture|damaged"),
    "tiff cut off": ("tif", lambda: cut("TIFF"), "not a picture|damaged"),
    "heic cut off": ("heic", lambda: cut("HEIF"), "not a picture|damaged"),
    "avif cut off": ("avif", lambda: cut("AVIF"), "not a picture|damaged"),
    "png with broken data": ("png", lambda: png(48, 32, 8, 2, b"no zlib stream"), "damaged"),
    "png without data": ("png", lambda: png(48, 32, 8, 2), "not a picture|damaged"),
    "1 px": ("png", lambda: encoded(QUARTERS[:1, :1], "PNG"), "1x1"),
    "19 px side": ("png", lambda: encoded(QUARTERS[:19], "PNG"), "48x19.*20"),
    "gif of 0 px": ("gif", lambda: b"GIF89a" + bytes(7) + b";", "not a picture|damaged|0x0"),
    "100 megapixels": (
        "png",
        lambda: png(10000, 10000, 8, 2, zlib.compress(b"\0")),
        "100 megapixels.*64",
    ),
    "100 megapixels, header only": (
        "png",
        lambda: png(10000, 10000, 8, 2),
        "megapixels|not a picture|damaged",
    ),
    "400 megapixels": ("png", lambda: png(20000, 20000, 8, 2, zlib.compress(b"\0")), "megapixels"),
    "4 billion px wide": (
        "png",
        lambda: png(2**31 - 1, 2**31 - 1, 8, 2, zlib.compress(b"\0")),
        "megapixels",
    ),
    "over 40 MB": ("png", lambda: encoded(QUARTERS, "PNG") + bytes(MAX_BYTES), "over 40 MB"),
    "svg": ("svg", vector, "not a picture"),
    "svg renamed": ("png", vector, "not a picture"),
    "pdf renamed": ("jpg", lambda: encoded(QUARTERS, "PDF"), "not a picture"),
    "eps renamed": ("jpg", lambda: encoded(QUARTERS, "EPS"), "not a picture"),
    "icon": ("ico", lambda: encoded(QUARTERS, "ICO"), "not a picture"),
    "zip": ("jpg", archive, "not a picture"),
}


def assert_refused(source, word: str, *secrets: str) -> None:
    """Exactly one BadPicture: one or two sentences with the word in them, and nothing of where the
    file lies.
    """
    with pytest.raises(UserError, match=word) as caught:
        read_picture(source)
    text = str(caught.value)
    assert type(caught.value) is BadPicture
    assert "\n" not in text and text.endswith(".") and 15 < len(text) < 160
    for secret in secrets:
        assert secret not in text


@pytest.mark.parametrize("name", BAD)
def test_files_that_are_refused(name, tmp_path):
    ending, content, word = BAD[name]
    path = tmp_path / f"{STEM}.{ending}"
    path.write_bytes(content())
    assert_refused(path, word, STEM, str(tmp_path), tmp_path.name)
    assert_refused(path.read_bytes(), word)


def test_folders_and_missing_files_are_refused(tmp_path):
    (tmp_path / "folder.jpg").mkdir()
    assert_refused(tmp_path / "folder.jpg", "folder", "folder.jpg", str(tmp_path))
    assert_refused(tmp_path / f"{STEM}.jpg", "no file", STEM, str(tmp_path))
    assert_refused(str(tmp_path / "x" / "y.jpg"), "no file", "y.jpg", str(tmp_path))
    assert_refused(tmp_path / ("long" * 100), "no file", "longlong", str(tmp_path))


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/dev/tty"])
def test_devices_are_refused(path):
    assert_refused(path, "device, not a picture file|cannot be read", path)


def test_a_socket_is_refused(tmp_path):
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "s.jpg"))
    assert_refused(tmp_path / "s.jpg", "device, not a picture", "s.jpg")
    server.close()


def test_a_file_that_may_not_be_read_is_refused(tmp_path, monkeypatch):
    (tmp_path / "secret.jpg").write_bytes(encoded(QUARTERS, "JPEG"))

    def refuse(*arguments, **options):
        raise PermissionError(errno.EACCES, "Permission denied", "secret.jpg")

    monkeypatch.setattr("builtins.open", refuse)
    assert_refused(tmp_path / "secret.jpg", r"cannot be read \(Permission denied\)", "secret")


def writing(path, content: bytes) -> threading.Thread:
    """A thread that writes into a pipe; who reads no further breaks it off."""

    def write():
        with suppress(BrokenPipeError), open(path, "wb") as file:
            file.write(content)

    thread = threading.Thread(target=write)
    thread.start()
    return thread


def test_a_named_pipe_is_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    thread = writing(tmp_path / "pipe", encoded(NOISE, "PNG"))
    assert_looks_like(read_picture(tmp_path / "pipe"), NOISE, 0)
    thread.join(60)


def test_a_pipe_without_end_is_left_after_what_is_allowed(tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "MAX_BYTES", 10**5)
    os.mkfifo(tmp_path / "pipe")
    thread = writing(tmp_path / "pipe", encoded(QUARTERS, "PNG") + bytes(10**7))
    assert_refused(tmp_path / "pipe", "over 40 MB")
    thread.join(60)
    assert not thread.is_alive()


def test_a_shells_pipe_and_the_standard_input_are_read(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(QUARTERS, "PNG"))
    code = (
        "import sys; from ndcb.faces.images import read_picture; "
        "print(*[read_picture(path).getpixel((2, 2)) for path in sys.argv[1:]])"
    )
    for source, paths in (
        ("cat a.png |", "<(cat a.png) /dev/stdin"),
        ("", "/dev/stdin /dev/fd/0 < a.png"),
    ):
        command = f'{source} "$0" -c "$1" {paths}'
        done = subprocess.run(
            ["bash", "-c", command, sys.executable, code],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.stdout == "(200, 30, 30) (200, 30, 30)\n", done.stderr


def test_a_path_with_a_zero_byte_is_refused():
    assert_refused("pho\0to.jpg", ".", "pho")


@pytest.mark.parametrize("source", [None, 7, ["a.jpg"], {}], ids=["None", "number", "list", "dict"])
def test_other_objects_are_refused(source):
    assert_refused(source, "not a picture")


def test_tiny_pil_pictures_are_refused():
    assert_refused(Image.new("RGB", (0, 0)), "0x0")
    assert_refused(Image.new("RGB", (19, 400)), "19x400")


ARRAYS = {  # name: (array, expected upright picture)
    "uint8 rgb": (QUARTERS, QUARTERS),
    "uint8 grey": (GREY, rgb(GREY)),
    "uint8, one channel": (GREY[..., None], rgb(GREY)),
    "uint8 rgba": (half_transparent(), on_neutral_grey((200, 40, 90))),
    "uint8, mirrored view": (QUARTERS[:, ::-1], QUARTERS[:, ::-1]),
    "uint8, column order": (np.asfortranarray(QUARTERS), QUARTERS),
    "uint16": (ramp16(), rgb(ramp16() / 257)),
    "float32": (QUARTERS.astype(np.float32) / 255, QUARTERS),
    "float64": (rgb(GREY) / 255, rgb(GREY)),
    "bool": (GREY > 99, rgb((GREY > 99) * 255)),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays(name):
    array, expected = ARRAYS[name]
    before = array.copy()
    assert_looks_like(
        read_picture(array), expected, 0 if array.dtype == np.uint8 and "rgba" not in name else 1
    )
    np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize("name", ["float32", "float64", "bool"])
def test_arrays_of_8_bit_levels_keep_them(name):
    array, expected = ARRAYS[name]
    assert_looks_like(read_picture(array), expected, 0)


def test_16_bits_as_array_and_as_file_are_one_picture():
    file, array = (
        np.asarray(read_picture(source)).astype(int)
        for source in (encoded(ramp16(), "PNG"), ramp16())
    )
    np.testing.assert_array_equal(array, file)


FLOATS = rgb(GREY) / 255
BAD_ARRAYS = {  # name: (array, a word that must be in the refusal)
    "float over 1": (FLOATS * 255, r"\[0, 1\]"),
    "float under 0": (FLOATS - 0.01, r"\[0, 1\]"),
    "float with NaN": (np.where(FLOATS > 0.5, np.nan, FLOATS), r"\[0, 1\]"),
    "float with infinity": (np.where(FLOATS > 0.5, np.inf, FLOATS), r"\[0, 1\]"),
    "int64": (QUARTERS.astype(np.int64), "int64"),
    "complex": (FLOATS.astype(complex), "complex"),
    "object": (QUARTERS.astype(object), "object"),
    "text": (np.full((32, 32), "a"), "dtype|<U1|str"),
    "two channels": (QUARTERS[..., :2], "shape"),
    "five channels": (np.zeros((32, 32, 5), np.uint8), "shape"),
    "channels first": (QUARTERS.transpose(2, 0, 1), "shape"),
    "one axis": (np.zeros(400, np.uint8), "shape"),
    "four axes": (QUARTERS[None], "shape"),
    "scalar": (np.array(7, np.uint8), "shape"),
    "empty": (np.zeros((0, 32, 3), np.uint8), "empty"),
    "19 px": (QUARTERS[:19], "48x19"),
    "68 megapixels": (np.broadcast_to(np.uint8(0), (8246, 8246)), "68 megapixels; at most 64"),
}


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_arrays_that_are_refused(name):
    assert_refused(*BAD_ARRAYS[name])


def test_a_template_survives_its_png():
    batch = torch.rand(1, 3, 160, 160, generator=torch.Generator().manual_seed(0))
    again = to_tensor([read_picture(encoded(to_pictures(batch)[0], "PNG"))])
    torch.testing.assert_close(again, quantise(batch), atol=0, rtol=0)
