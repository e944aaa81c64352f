"""A picture input that hands over the file as it was uploaded, so that `ndcb.images` alone decides what can be read."""

import gradio as gr


class Photo(gr.Image):
    """gr.Image whose handler gets the path of the untouched file, or None."""

    is_template = True  # to the browser it is a gr.Image

    def __init__(self, label: str, **options):
        super().__init__(label=label, type="filepath", image_mode=None, sources=["upload", "webcam", "clipboard"],
                         webcam_options=gr.WebcamOptions(constraints={"video": {"facingMode": "user"}}), **options)

    def preprocess(self, payload) -> str | None:
        return payload.path if payload else None
