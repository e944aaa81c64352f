"""What the page remembers of a visitor: for ten minutes, and never longer than the screen says.

A state that expires while the page is open would fall back to its first value, the sample, while
the screen still shows the visitor's photos. So the first value is None, which means "ended", and
opening the page begins a visit.
"""

from collections.abc import Callable, Sequence

import gradio as gr
from gradio.context import Context

from ndcb.web import private_files

KEEP_SECONDS = 600
ENDED = "Your visit ended after ten minutes, and your pictures were deleted. Give them once more."
NOTHING_KEPT = "Your data is deleted: the photo, the crops and the templates."
NOT_THERE = "This tile is not there any more. Click one that is."


def visit_state(
    first: Callable[[], object], forget: Callable[[object], None] | None = None
) -> gr.State:
    """A state that is `first()` when the page opens, and None once the visit has ended.

    forget: deletes what a visit left.
    """

    def end(visit) -> None:
        if visit is not None and forget is not None:
            forget(visit)

    state = gr.State(None, time_to_live=KEEP_SECONDS, delete_callback=end)
    Context.root_block.load(
        first, None, state, api_visibility="private", show_progress="hidden", queue=False
    )
    return state


def files_of(visit) -> tuple[str, ...]:
    """The files that a visit left in the cache; none where it has ended."""
    return visit.files if visit else ()


def delete_files(visit) -> None:
    """Delete every file of the visit now. None: it has ended, and its files are gone."""
    private_files.delete(files_of(visit))


def chosen(things: Sequence, event: gr.SelectData):
    """The one that was clicked. Raises gr.Error: a browser can send any number, or no number."""
    if type(event.index) is not int or not 0 <= event.index < len(things):
        raise gr.Error(NOT_THERE, print_exception=False)
    return things[event.index]
