"""What the page does otherwise than Gradio: values, uploads, and the sessions that it keeps."""

import math
import secrets

import gradio as gr
from gradio import route_utils
from gradio.state_holder import StateHolder

from ndcb.web.messages import NOT_UNDERSTOOD

EMPTY_SESSIONS = 32
"""Sessions without a visit that are kept, so that those at work now are among them."""
MOST_VISITS = 500
"""Visitors who are remembered at once; for one more the visit that rested longest ends."""


class Page(gr.Blocks):
    """A page that answers values of the wrong shape with one sentence, and logs no traceback."""

    def queue(self, *arguments, **options) -> gr.Blocks:
        """Gradio's own queue, without the sums over its last 10,000 events.

        It makes them after each event, for a monitor that is switched off here.
        """
        super().queue(*arguments, **options)
        self._queue.ANAYLTICS_CACHE_FREQUENCY = math.inf  # in Gradio's spelling
        return self

    async def preprocess_data(self, block_fn, inputs, *given, **options) -> list:
        try:
            inputs = _completed(block_fn, inputs)
            values = await super().preprocess_data(block_fn, inputs, *given, **options)
        except Exception as error:
            is_own = isinstance(error, gr.Error) and not error.print_exception
            # what Gradio says itself repeats what was sent
            raise (error if is_own else _not_understood()) from None
        values = [
            _filled(component, value)
            for component, value in zip(block_fn.inputs, values, strict=True)
        ]
        if not all(map(_is_usable, block_fn.inputs, values)):
            raise _not_understood()
        return values


def _completed(block_fn, inputs: list) -> list:
    """The values, with the first ones of text fields that a program has left out at the end.

    Gradio's client does so, too; who sends a list may know fewer parameters than there are now.
    """
    missing = block_fn.inputs[len(inputs) :]
    are_texts = all(isinstance(component, gr.Textbox) for component in missing)
    if block_fn.api_visibility != "public" or not are_texts:
        return inputs
    return [*inputs, *(component.value for component in missing)]


def _filled(component: gr.components.Component, value):
    """A text field that was never on screen is empty."""
    return "" if value is None and isinstance(component, gr.Textbox) else value


def _not_understood() -> gr.Error:
    return gr.Error(NOT_UNDERSTOOD, print_exception=False)


def _is_usable(component: gr.components.Component, value) -> bool:
    """Gradio lets None, NaN, and a list in place of a choice through."""
    if isinstance(component, gr.Slider):
        return isinstance(value, (int, float)) and math.isfinite(value)
    if isinstance(component, (gr.Radio, gr.Dropdown, gr.Textbox)):
        return isinstance(value, str)
    return value is not None or not isinstance(component, gr.CheckboxGroup)


def forget_empty_sessions(holder: StateHolder) -> None:
    """Keep a few of the sessions that have no visit.

    Gradio keeps half a megabyte of each of 10,000, and each call of an endpoint is one.
    """
    sessions = list(holder.session_data.items())
    empty = [name for name, session in sessions if not any(session.state_data.values())]
    for name in empty[:-EMPTY_SESSIONS]:
        holder.session_data.pop(name, None)
        holder.time_last_used.pop(name, None)


class Unguessable(route_utils.GradioUploadFile):
    """An upload in a folder of a random name.

    Gradio's is a hash of the bytes: two visitors with the same picture would share the file.
    """

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.sha.update(secrets.token_bytes(32))


route_utils.GradioUploadFile = Unguessable
