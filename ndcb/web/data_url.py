"""A picture inside the page itself: nothing is written for it, and nothing has to be deleted."""

import base64
import io

from PIL import Image


def as_data_url(picture: Image.Image) -> str:
    """A lossless PNG inside its own address. It is packed for speed rather than for size."""
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
