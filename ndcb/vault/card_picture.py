"""The picture of a key card: a QR code, and above it what a person wants to read."""

from pathlib import Path

import numpy as np
import zxingcpp
from PIL import Image, ImageDraw, ImageFont

from ndcb.vault.names import INVISIBLE

FONT = Path(__file__).with_name("fonts") / "DejaVuSans-names.ttf"
"""It has the letters of European names; Pillow's own has those of English."""
TITLE_HEIGHT, LEFT = 70, 24
"""Pixels: room above the code, and the texts' left edge."""
SECRET = "This is your key: keep it secret, and apart from the vault."


def draw_card(name: str, version: int, text: str) -> Image.Image:
    """A card to print, grey, 8 bits. text: what the QR code holds."""
    barcode = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="Q")
    code = Image.fromarray(np.array(barcode.to_image(scale=6)))
    card = Image.new("L", (code.width, code.height + TITLE_HEIGHT), 255)
    card.paste(code, (0, TITLE_HEIGHT))

    draw = ImageDraw.Draw(card)
    large, small = _font(22), _font(11)
    title = f"Key card {version}: "
    room = card.width - 2 * LEFT - large.getlength(title)
    draw.text((LEFT, 16), title + _printed(name, large, room), 0, large)
    draw.text((LEFT, 50), SECRET, 0, small)
    return card


def _font(points: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(FONT), points, layout_engine=ImageFont.Layout.BASIC)


def _printed(name: str, font: ImageFont.FreeTypeFont, room: float) -> str:
    """The name as the font can show it in so many pixels, or a line to write it on.

    Where a letter is missing, the font would draw boxes.
    """
    name = " ".join(INVISIBLE.sub("", name).split())
    missing = bytes(font.getmask("\uffff"))
    if any(bytes(font.getmask(letter)) == missing for letter in name):
        return "_" * 18

    shown = name
    while font.getlength(shown) > room:
        shown = shown.removesuffix("…")[:-1] + "…"
    return shown
