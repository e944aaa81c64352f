"""Whatever is wrong with a file's metadata, its pixels come out as they are, upright, and in
bounded memory."""

import io
import random
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ndcb.core.terms import BadPicture
from ndcb.faces.images import read_photo, read_picture
from ndcb.faces.picture_files import unwrap
from ndcb.faces.picture_files.picture_file import MOST_PARTS, Unreadable, orientation_of
from tests.conftest import ROOT

PORTRAIT_SIZE = 96, 80
EXIF_HEAD = b"Exif\0\0II*\0\x08\0\0\0"


@pytest.fixture(scope="module")
def picture(astronaut):
    return astronaut.resize(PORTRAIT_SIZE)


def encoded(picture, format, **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


def same(a, b) -> bool:
    return np.array_equal(np.asarray(read_picture(a)), np.asarray(read_picture(b)))


def entry(tag: int, kind: int, count: int, value: bytes) -> bytes:
    return struct.pack("<HHL", tag, kind, count) + value.ljust(4, b"\0")


def exif(*entries: bytes, count: int | None = None) -> bytes:
    return (
        EXIF_HEAD + struct.pack("<H", len(entries) if count is None else count) + b"".join(entries)
    )


SIDEWAYS = entry(0x0112, 3, 1, b"\6\0")
ODD_RATIONAL = entry(0x011A, 10, 1, struct.pack("<L", 46))
EXIF = {  # name: (the block, the orientation)
    "sound": (exif(SIDEWAYS), 6),
    "big end first": (b"Exif\0\0MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0", 6),
    "a rational of -1/0": (exif(SIDEWAYS, ODD_RATIONAL) + struct.pack("<ll", -1, 0), 6),
    "a rational beyond the end": (exif(SIDEWAYS, entry(0x011A, 5, 1, b"\xff\xff\xff\x7f")), 6),
    "an unknown type": (exif(SIDEWAYS, entry(0x0131, 99, 7, b"abcd")), 6),
    "a type that is none, before": (exif(entry(0x010F, 0, 2**32 - 1, b"abcd"), SIDEWAYS), 6),
    "a count beyond the end": (exif(SIDEWAYS, count=65535), 6),
    "cut off after the orientation": (exif(SIDEWAYS, entry(0x0131, 2, 4, b"abcd"))[:-7], 6),
    "cut off before it": (exif(SIDEWAYS)[:-6], 1),
    "0": (exif(entry(0x0112, 3, 1, b"\0\0")), 1),
    "9": (exif(entry(0x0112, 3, 1, b"\x09\0")), 1),
    "65535": (exif(entry(0x0112, 3, 1, b"\xff\xff")), 1),
    "a string": (exif(entry(0x0112, 2, 2, b"6\0")), 1),
    "a rational": (exif(entry(0x0112, 5, 1, b"\6\0")), 1),
    "no block": (b"Exif\0\0this is no Exif at all", 1),
    "a place beyond the end": (b"Exif\0\0II*\0\xff\xff\xff\x7f", 1),
    "nothing": (b"Exif\0\0", 1),
}


@pytest.mark.parametrize("block, orientation", EXIF.values(), ids=EXIF)
def test_the_orientation_is_read_whatever_else_is_wrong(block, orientation):
    assert orientation_of(block) == orientation


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("block, orientation", EXIF.values(), ids=EXIF)
def test_a_picture_with_odd_exif_is_read_upright(picture, format, block, orientation):
    plain, odd = encoded(picture, format), encoded(picture, format, exif=block)
    upright = read_picture(plain)
    if orientation == 6:
        upright = upright.transpose(Image.Transpose.ROTATE_270)
    np.testing.assert_array_equal(np.asarray(read_picture(odd)), np.asarray(upright))


@pytest.mark.parametrize("format", ["HEIF", "AVIF"])
@pytest.mark.parametrize("block", [block for block, _ in EXIF.values()], ids=EXIF)
def test_exif_is_passed_over_where_the_box_tells_the_rotation(picture, format, block):
    """The block is put into the file afterwards, so that nothing else says the same."""
    marked = exif(entry(0x0131, 2, 4, b"abcd")) + bytes(200)
    data = encoded(picture, format, exif=marked)
    assert marked[6:] in data
    assert same(data, data.replace(marked[6:], block[6:].ljust(len(marked) - 6, b"\0")))


# --- JPEG


def segment(marker: int, content: bytes) -> bytes:
    return bytes([255, marker]) + struct.pack(">H", len(content) + 2) + content


SEGMENTS = {
    "ICC without a number": segment(0xE2, b"ICC_PROFILE\0"),
    "ICC of nine parts, of which one is there": segment(0xE2, b"ICC_PROFILE\0\x01\x09abc"),
    "ICC that is none": segment(0xE2, b"ICC_PROFILE\0\x01\x01" + bytes(300)),
    "a second view that is none": segment(0xE2, b"MPF\0II*\0\x08\0\0\0\x05\0"),
    "JFIF cut off": segment(0xE0, b"JFIF\0"),
    "Adobe cut off": segment(0xEE, b"Adobe"),
    "Photoshop cut off": segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0"),
    "XMP that is none": segment(
        0xE1, b"http://ns.adobe.com/xap/1.0/\0\xff\xfe tiff:Orientation='x"
    ),
    "an empty comment": segment(0xFE, b""),
    "an empty segment": segment(0xE1, b""),
    "Exif twice, the second is none": segment(0xE1, exif()) + segment(0xE1, b"Exif\0\0zz"),
    "thousands of comments": segment(0xFE, b"hello") * 5000,
}


@pytest.mark.parametrize("added", SEGMENTS.values(), ids=SEGMENTS)
def test_a_jpeg_with_odd_segments(picture, added):
    plain = encoded(picture, "JPEG")
    assert same(plain, plain[:2] + added + plain[2:])


@pytest.mark.parametrize("seed", range(20))
def test_random_metadata_changes_no_pixel(picture, seed):
    chance = random.Random(seed)
    jpeg, png = encoded(picture, "JPEG"), encoded(picture, "PNG")
    markers = [0xFE, *(marker for marker in range(0xE0, 0xF0) if marker not in (0xE0, 0xEE))]
    added = b"".join(
        segment(
            chance.choice(markers),
            chance.choice([b"Exif\0\0II*\0", b"MPF\0", b"ICC_PROFILE\0", b""])
            + chance.randbytes(chance.randrange(90)),
        )
        for _ in range(5)
    )
    found = read_photo(jpeg[:2] + added + jpeg[2:])
    assert sorted(found.size) == sorted(PORTRAIT_SIZE)
    kinds = [
        b"tEXt",
        b"zTXt",
        b"iTXt",
        b"iCCP",
        b"gAMA",
        b"cHRM",
        b"pHYs",
        b"sRGB",
        b"acTL",
        b"fcTL",
        b"fdAT",
        b"tIME",
        b"bKGD",
        b"prIv",
    ]
    added = b"".join(
        chunk(chance.choice(kinds), chance.randbytes(chance.randrange(40)), chance.random() < 0.5)
        for _ in range(5)
    )
    assert same(png, png[:33] + added + png[33:])


PROGRESSIVE = {
    "baseline": {},
    "progressive": {"progressive": True},
    "with restarts": {"restart_marker_rows": 2},
}


@pytest.mark.parametrize("options", PROGRESSIVE.values(), ids=PROGRESSIVE)
def test_a_jpeg_without_its_end_is_read(astronaut, options):
    whole = encoded(astronaut, "JPEG", **options)
    assert unwrap(whole).is_cut_short is False
    for missing in (1, 2):
        assert unwrap(whole[:-missing]).is_cut_short and same(whole, whole[:-missing])
    few = np.abs(np.asarray(read_picture(whole[:-60]), int) - np.asarray(read_picture(whole), int))
    assert few[:480].max() < 60 and np.median(few[480:]) < 10  # the last blocks alone


@pytest.mark.parametrize("options", PROGRESSIVE.values(), ids=PROGRESSIVE)
@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.5, 0.9])
def test_a_jpeg_that_was_cut_is_damaged(astronaut, options, share):
    whole = encoded(astronaut, "JPEG", **options)
    with pytest.raises(BadPicture, match="damaged|not a picture"):
        read_picture(whole[: round(len(whole) * share)])


def test_what_is_put_before_or_after_a_file_by_mistake(picture):
    for format in ("JPEG", "PNG", "GIF", "WEBP"):
        plain = encoded(picture, format)
        for before in (b"\n", b"\r\n \t", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n"):
            assert same(plain, before + plain)
        assert same(plain, plain + b"\n<!-- 0.02 s -->")


def test_a_film_behind_a_photo_is_no_part_of_it(picture):
    plain = encoded(picture, "JPEG")
    film = random.Random(0).randbytes(3 * 10**6)
    assert (
        film.count(b"\xff\xda") > 10
        and same(plain, plain + film)
        and unwrap(plain + film).data == unwrap(plain).data
    )


def test_scans_without_end_are_refused(picture):
    """Each one would be a pass over all pixels."""
    plain = encoded(picture, "JPEG", progressive=True)
    start = plain.rindex(b"\xff\xda")
    with pytest.raises(Unreadable, match="scans"):
        unwrap(plain[:start] + plain[start:-2] * 200 + plain[-2:])
    with pytest.raises(Unreadable, match="segments"):
        unwrap(plain[:2] + segment(0xFE, b"") * (MOST_PARTS + 1) + plain[2:])


# --- PNG


def chunk(kind: bytes, content: bytes, damaged: bool = False) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content) ^ damaged)
    )


CHUNKS = {
    "a text with a wrong sum": chunk(b"tEXt", b"a\0b", damaged=True),
    "a profile that is none": chunk(b"iCCP", b"x\0\0no zlib"),
    "a profile of 50 MB": chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(50 * 2**20))),
    "a text of 50 MB": chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(50 * 2**20))),
    "gamma cut off": chunk(b"gAMA", b"\0"),
    "resolution cut off": chunk(b"pHYs", b"\0"),
    "sRGB cut off": chunk(b"sRGB", b""),
    "a film of no frames": chunk(b"acTL", bytes(8)),
    "a frame cut off": chunk(b"fcTL", b"\0\0\0"),
    "transparency of another kind": chunk(b"tRNS", b"\0"),
    "transparency with a wrong sum": chunk(b"tRNS", bytes(6), damaged=True),
    "Exif that is none": chunk(b"eXIf", b"zzzz"),
    "Exif with a wrong sum": chunk(b"eXIf", exif(SIDEWAYS)[6:], damaged=True),
    "a private chunk with a wrong sum": chunk(b"prIv", b"zz", damaged=True),
}


@pytest.mark.parametrize("added", CHUNKS.values(), ids=CHUNKS)
def test_a_png_with_odd_chunks(picture, added):
    plain = encoded(picture, "PNG")
    assert same(plain, plain[:33] + added + plain[33:])


def test_a_png_without_its_end_is_read_and_one_without_pixels_is_not(picture):
    plain = encoded(picture, "PNG")
    assert same(plain, plain[:-12]) and same(plain, plain[:-5])
    damaged = bytearray(plain)
    damaged[len(plain) // 2] ^= 255
    with pytest.raises(BadPicture, match="damaged"):
        read_picture(bytes(damaged))
    with pytest.raises(Unreadable, match="chunks"):
        unwrap(plain[:33] + chunk(b"tEXt", b"") * (MOST_PARTS + 1) + plain[33:])


@pytest.mark.parametrize("rest", [b"", chunk(b"tRNS", b"ab"), chunk(b"eXIf", b""), b"\0\0\0\0"])
def test_a_png_that_is_hardly_begun_is_refused(rest):
    with pytest.raises(BadPicture, match="not a picture|damaged"):
        read_picture(b"\x89PNG\r\n\x1a\n" + rest)


# --- TIFF


def tiff(pages: list[tuple[Image.Image, dict[int, int]]], **options) -> bytes:
    """Pages, each with whole-number tags of its own."""
    frames = []
    for picture, tags in pages:
        frame = picture.copy()
        frame.encoderinfo = {"tiffinfo": tags, **options}
        frames.append(frame)
    file = io.BytesIO()
    frames[0].save(
        file, "TIFF", save_all=True, append_images=frames[1:], tiffinfo=pages[0][1], **options
    )
    return file.getvalue()


REDUCED, MASK, OLD_REDUCED, OLD_FULL = {254: 1}, {254: 4}, {255: 2}, {255: 1}


def test_the_pages_have_their_tags(picture):
    opened = Image.open(io.BytesIO(tiff([(picture, REDUCED), (picture, OLD_FULL)])))
    kinds = []
    for page in range(opened.n_frames):
        opened.seek(page)
        kinds.append((opened.tag_v2.get(254), opened.tag_v2.get(255)))
    assert kinds == [(1, None), (None, 1)]


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "jpeg"])
@pytest.mark.parametrize(
    "kinds, expected",
    [
        ([REDUCED, {}], 1),
        ([MASK, REDUCED, {}], 2),
        ([{}, REDUCED], 0),
        ([{}, {}], 0),
        ([{254: 2}, {}], 0),
        ([REDUCED, REDUCED], 1),
        ([REDUCED], 0),
    ],
)
def test_of_a_tiff_the_first_page_that_is_no_copy(picture, compression, kinds, expected):
    pages = [
        Image.new("RGB", (30 + 10 * number, 40), (60 * number, 90, 200))
        for number in range(len(kinds))
    ]
    found = read_picture(tiff([*zip(pages, kinds, strict=True)], compression=compression))
    assert found.size == pages[expected].size
    np.testing.assert_allclose(np.asarray(found), np.asarray(pages[expected]), atol=4)


def test_a_tiff_with_the_older_tag_for_copies(picture):
    small = picture.resize((48, 40))
    assert read_picture(tiff([(small, OLD_REDUCED), (picture, OLD_FULL)])).size == picture.size
    assert read_picture(tiff([(small, OLD_FULL), (picture, OLD_REDUCED)])).size == small.size


def test_a_tiff_whose_second_page_is_damaged(picture):
    data = tiff([(picture, {}), (picture, {})])
    first = struct.unpack_from("<L", data, 4)[0]
    (count,) = struct.unpack_from("<H", data, first)
    damaged = bytearray(data)
    struct.pack_into("<L", damaged, first + 2 + 12 * count, len(data) - 3)
    assert same(data, bytes(damaged))


@pytest.mark.parametrize(
    "tag, kind, count",
    [
        (282, 5, 1),
        (283, 10, 1),
        (34675, 7, 99),
        (700, 1, 99),
        (34665, 4, 1),
        (34853, 4, 1),
        (305, 99, 1),
        (33432, 2, 2**31),
        (65000, 12, 5),
    ],
)
def test_a_tiff_with_odd_tags(picture, tag, kind, count):
    """Each has its value beyond the file's end."""
    data = encoded(picture, "TIFF", compression="tiff_lzw", tiffinfo={65001: 5})
    changed = bytearray(data)
    start = struct.unpack_from("<L", data, 4)[0]
    place = changed.index(struct.pack("<H", 65001), start)
    struct.pack_into("<HHLL", changed, place, tag, kind, count, 2**31 - 9)
    assert same(data, bytes(changed))


def test_a_tiff_of_endless_tags_is_refused(picture):
    data = bytearray(encoded(picture, "TIFF"))
    struct.pack_into("<H", data, struct.unpack_from("<L", data, 4)[0], 65535)
    with pytest.raises(Unreadable, match="tags"):
        unwrap(bytes(data))
    with pytest.raises(BadPicture, match="damaged"):
        read_picture(bytes(data))


def test_a_tiff_is_turned_as_its_tag_says(picture):
    sideways = encoded(picture.transpose(Image.Transpose.ROTATE_90), "TIFF", tiffinfo={274: 6})
    photo = read_photo(sideways)
    assert photo.size == picture.size
    np.testing.assert_array_equal(np.asarray(photo.picture), np.asarray(picture))


# --- memory


def hand_made_tiff(size: tuple[int, int], tile: tuple[int, int] | None = None, **extra) -> bytes:
    """RGBA of 16 bits, deflated, in one strip or one tile of zeros."""
    width, height = tile or size
    packer = zlib.compressobj(1)
    data = b"".join(packer.compress(bytes(width * 8)) for _ in range(height)) + packer.flush()
    bits = 8 + len(data)
    place = (
        {322: width, 323: height, 324: 8, 325: len(data)}
        if tile
        else {273: 8, 278: height, 279: len(data)}
    )
    tags = {256: size[0], 257: size[1], 259: 8, 262: 2, 277: 4, 338: 2} | place
    entries = [entry(tag, 4, 1, struct.pack("<L", value)) for tag, value in tags.items()]
    entries = sorted(
        [*entries, entry(258, 3, 4, struct.pack("<L", bits)), *extra.get("entries", [])]
    )
    directory = (
        struct.pack("<H", len(entries))
        + b"".join(sorted(entries, key=lambda one: struct.unpack_from("<H", one)))
        + bytes(4)
    )
    return (
        b"II*\0"
        + struct.pack("<L", bits + 8)
        + data
        + struct.pack("<4H", 16, 16, 16, 16)
        + directory
    )


def hand_made_png(side: int) -> bytes:
    """RGBA of 16 bits, all zeros."""
    packer = zlib.compressobj(1)
    rows = b"".join(packer.compress(bytes(1 + 8 * side)) for _ in range(side)) + packer.flush()
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 16, 6, 0, 0, 0))
        + chunk(b"IDAT", rows)
        + chunk(b"IEND", b"")
    )


SIDE = 7999
"""64 megapixels in a square, which no JPEG's decoder may halve: the most that is decoded whole."""
LARGEST = {  # of 64 megapixels; the MB that reading one may add
    "square.jpg": (lambda p: encoded(p, "JPEG", quality=70), 600),
    "progressive CMYK.jpg": (
        lambda p: encoded(p.convert("CMYK"), "JPEG", quality=70, progressive=True, subsampling=0),
        900,
    ),
    "rgba.png": (lambda p: hand_made_png(SIDE), 600),
    "palette.png": (lambda p: encoded(p.quantize(8), "PNG", compress_level=1), 400),
    "film.gif": (lambda p: encoded(p.quantize(8), "GIF"), 400),
    "lossless.webp": (lambda p: encoded(p, "WEBP", lossless=True, method=0, quality=0), 1200),
    "rgba.tif": (lambda p: hand_made_tiff((SIDE, SIDE)), 900),
    "phone.heic": (lambda p: encoded(p, "HEIF", quality=20), 700),
    "phone.avif": (lambda p: encoded(p, "AVIF", quality=20, speed=10), 800),
}
MEASURE = """
import resource, sys
from ndcb.faces.images import read_photo
from ndcb.core.terms import BadPicture
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    photo = read_photo(sys.argv[1])
    print(*photo.size, *photo.picture.size)
except BadPicture as error:
    print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def megabytes_of(path: Path) -> tuple[str, int]:
    """What reading a file said, and the memory that it took, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    said, megabytes = done.stdout.splitlines()
    return said, int(megabytes)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere ru_maxrss has another unit")
@pytest.mark.parametrize("name", LARGEST)
def test_the_memory_of_the_largest_pictures_is_bounded(astronaut, tmp_path, name):
    make, most = LARGEST[name]
    (tmp_path / name).write_bytes(
        make(astronaut.quantize(8).convert("RGB").resize((SIDE, SIDE), Image.NEAREST))
    )
    said, megabytes = megabytes_of(tmp_path / name)
    assert said == f"{SIDE} {SIDE} 4096 4096" and megabytes < most


@pytest.mark.slow
def test_a_phones_photo_of_48_megapixels_is_decoded_at_half_its_size(astronaut, tmp_path):
    path = tmp_path / "phone.jpg"
    astronaut.resize((8064, 6048)).save(path, quality=90)
    said, megabytes = megabytes_of(path)
    assert said == "8064 6048 4032 3024" and (megabytes < 300 or sys.platform != "linux")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere ru_maxrss has another unit")
@pytest.mark.parametrize(
    "name",
    [
        "a tile larger than its picture",
        "a tag of 30 MB a thousand times",
        "a text that unpacks to 1 GB",
        "a HEIC that is larger than it says",
    ],
)
def test_bombs_do_not_go_off(tmp_path, name):
    path = tmp_path / "bomb"
    if name == "a tile larger than its picture":
        path.write_bytes(hand_made_tiff((500, 500), tile=(16384, 12000)))
    elif name == "a tag of 30 MB a thousand times":
        tags = [
            entry(60000 + number, 7, 30 * 10**6, struct.pack("<L", 8)) for number in range(1000)
        ]
        path.write_bytes(hand_made_tiff((500, 500), entries=tags) + bytes(31 * 10**6))
    elif name == "a text that unpacks to 1 GB":
        path.write_bytes(
            encoded(Image.new("RGB", (99, 99)), "PNG")[:33]
            + chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(10**9), 1))
        )
    else:
        data = encoded(Image.new("RGB", (9000, 7000)), "HEIF", quality=10)
        path.write_bytes(
            data.replace(struct.pack(">II", 9024, 7040), struct.pack(">II", 96, 96))
            .replace(struct.pack(">II", 9000, 7000), struct.pack(">II", 96, 96))
            .replace(b"clap", b"free")
        )
    assert path.stat().st_size < 40 * 10**6 and megabytes_of(path)[1] < 250
