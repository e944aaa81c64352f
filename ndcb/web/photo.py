"""Inputs that hand over files as they were uploaded: `ndcb.faces.images` alone decides what can be
read.

Each path passes `private_files.admit` once more here, also where a request came another way than
through the page's gate.
"""

import base64
import binascii

import gradio as gr
from gradio.components.base import server
from gradio.components.image_editor import EditorData
from PIL import Image

from ndcb.core.terms import UserError
from ndcb.faces.drawings import read_drawing
from ndcb.faces.images import read_picture
from ndcb.web.private_files import admit, save, save_beside

BLOCKED = "Camera blocked? Use the sample or upload a photo."
NO_DATA = "This picture was not sent whole. Give it once more."
NOT_SHOWN = ("HEIF", "TIFF")
LARGEST_PREVIEW = 2560
"""Pixels of a side: faces in it are as large as they need be."""
ONE_AT_A_TIME = {"concurrency_id": "previews", "concurrency_limit": 1}
"""A large photo takes much memory while it is read."""
DRAWINGS = 50
"""Drawings that wait to be read, of all visitors; the oldest is dropped for a newer one."""
LARGEST_DRAWING = 2**20
"""Bytes. What the pad sends has some thousand."""


def refusal(text: str) -> gr.Error:
    """What the visitor reads; the log stays empty."""
    return gr.Error(text, print_exception=False)


def own_file(file) -> str:
    """Gradio's word for a file -> its real path. Raises gr.Error."""
    try:
        if not file.path and str(file.url).startswith("data:"):
            return save(_bytes_of(file.url), "photo")
        return admit(file.path)
    except UserError as error:
        raise refusal(str(error)) from None


def _bytes_of(data_url: str) -> bytes:
    try:
        return base64.b64decode(data_url.partition(",")[2], validate=True)
    except binascii.Error:
        raise UserError(NO_DATA) from None


class _Photo(gr.Image):
    is_template = True  # to the browser it is a gr.Image

    def preprocess(self, payload) -> str | None:
        return own_file(payload) if payload else None


def Photo(label: str, **options) -> gr.Image:
    """gr.Image whose handler gets the path of the untouched file, or None.

    What no browser shows, HEIC and TIFF, is replaced on screen by a JPEG, and later handlers get
    that.
    """
    camera = gr.WebcamOptions(constraints={"video": {"facingMode": "user"}})
    photo = _Photo(
        label=label,
        type="filepath",
        image_mode=None,
        sources=["upload", "webcam", "clipboard"],
        webcam_options=camera,
        **options,
    )
    if options.get("visible", True):
        photo.upload(
            preview,
            photo,
            photo,
            api_visibility="private",
            show_progress="hidden",
            trigger_mode="always_last",
            **ONE_AT_A_TIME,
        )
    return photo


def preview(path: str | None):
    """The path of a JPEG where the file is one that browsers do not show; else nothing changes."""
    try:
        with Image.open(path, formats=NOT_SHOWN):
            picture = read_picture(path)
    except Exception:  # browsers show it, or it is no picture: then the other handlers say so
        return gr.skip()
    picture.thumbnail((LARGEST_PREVIEW, LARGEST_PREVIEW))
    return save_beside(path, picture, "preview.jpg")


class Photos(gr.File):
    """Files whose handler gets their paths. gr.File would write an empty file at each look."""

    is_template = True

    def preprocess(self, payload) -> list[str]:
        return [own_file(file) for file in payload.root] if payload else []


class _Pad(gr.ImageEditor):
    """A pad whose handler gets the drawing alone, RGBA, or None: no layers and no ground."""

    is_template = True

    @server
    def accept_blobs(self, data) -> None:
        """Keep a drawing until it is read. Gradio would keep any number of them, of any size."""
        if data.data.get("type") != "composite" or len(data.files[0][1]) > LARGEST_DRAWING:
            return
        while len(self.blob_storage) >= DRAWINGS:
            self.blob_storage.pop(next(iter(self.blob_storage)), None)
        super().accept_blobs(data)

    def preprocess(self, payload: EditorData | None) -> Image.Image | None:
        sent = self.blob_storage.pop(payload.id, None) if payload and payload.id else payload
        if sent is None or sent.composite is None:
            return None
        try:
            return read_drawing(
                sent.composite if isinstance(sent.composite, bytes) else own_file(sent.composite)
            )
        except UserError as error:
            raise refusal(str(error)) from None


def Pad(elem_id: str) -> gr.ImageEditor:
    """A square to draw one digit in, black on nothing."""
    brush = gr.Brush(default_size=22, colors=["#000000"], color_mode="fixed")
    return _Pad(
        label="Draw one digit",
        sources=(),
        canvas_size=(280, 280),
        fixed_canvas=True,
        type="pil",
        image_mode="RGBA",
        layers=False,
        brush=brush,
        format="png",
        elem_id=elem_id,
    )
