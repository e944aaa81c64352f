"""The tab where templates are used: enrol, log in, revoke, and what a thief can do with them.

A skin of `ndcb.web.session` and `ndcb.web.theft`.
"""

import gradio as gr

from ndcb.core.terms import DEFAULT_FACES, UserError
from ndcb.models.operating_points import DEFAULT
from ndcb.models.pipeline import Models
from ndcb.web import private_files, session
from ndcb.web.choices import known_fmr, operating_point_field
from ndcb.web.photo import Photo, refusal
from ndcb.web.static_files import static
from ndcb.web.tabs.login import actions, form, results, thief
from ndcb.web.visits import visit_state
from ndcb.web.wiring import QUEUE

CSS = static("login.css")


def build(models: Models) -> None:
    """Lay out the tab inside the page that is being built."""
    with gr.Row():
        with gr.Column(scale=5, min_width=320):
            parts = form.layout()
        with gr.Column(scale=6, min_width=320):
            parts |= results.layout()
            parts |= thief.layout()
    parts["visit"] = visit_state(lambda: actions.FRESH, actions.close)
    # paths alone, for as long as the window is open
    parts["kept"] = gr.State((), delete_callback=private_files.delete)

    actions.wire(models, parts)
    thief.wire(models, parts)
    form.wire(parts)
    results.wire(parts)
    _api(models)


def _api(models: Models) -> None:
    """The public endpoint, on components that the page does not show.

    It never tells the distance: who may ask for it as often as they like can climb towards a
    picture that is accepted.
    """
    reference, probe = Photo("reference", visible=False), Photo("probe", visible=False)
    generator = gr.Textbox(DEFAULT_FACES, label="generator", visible=False)
    operating_point = operating_point_field()
    result = gr.JSON(label="result", visible=False)

    def answer_login(
        reference: str | None, probe: str | None, generator: str, fmr: str = DEFAULT
    ) -> dict:
        """Does this photo log in with this template? `reference`: the template as it was stored
        (PNG of the generator's size); `probe`: a plain photo, the largest face counts; `generator`:
        what made the template; `fmr`: the threshold is the one at which so many strangers are
        accepted, "1%", "0.1%" or "0.01%"; "0.1%" unless told otherwise. Answers {"accepted": true
        or false}.
        """
        try:
            limit = known_fmr(fmr)
            return {"accepted": session.accepts(models, reference, probe, generator, limit)}
        except UserError as error:
            raise refusal(str(error)) from None

    gr.Button(visible=False).click(
        answer_login,
        [reference, probe, generator, operating_point],
        result,
        api_name="login",
        **QUEUE,
    )
