"""What each event of the tab shows next: values by the names of the components."""

from dataclasses import replace

from ndcb.core.terms import UserError
from ndcb.faces import samples
from ndcb.models.pipeline import Models
from ndcb.web.tabs.compare.visit import (
    SIDES,
    Visit,
    cleared,
    find_side,
    first_visit,
    sample_side,
    show,
    show_photo,
    show_picture,
    with_files,
    with_side,
)
from ndcb.web.visits import ENDED, NOTHING_KEPT, delete_files
from ndcb.web.wiring import Answer

OTHER_ENDED = (
    "Your visit ended after ten minutes: the other photo was deleted, and the sample stands in its"
    " place."
)


class SideHandlers:
    """The events of one side."""

    def __init__(self, models: Models, side: str):
        self.models = models
        self.side = side

    def on_photo(self, path: str | None, generator: str, seen: Visit | None) -> Answer:
        if path is None:  # the photo was cleared
            return {}
        if seen is None:
            return begin_again(self.models, self.side, path, generator)
        return show_photo(self.models, self.side, path, generator, seen)

    def on_same(self, generator: str, seen: Visit | None) -> Answer:
        if seen is None:
            return end()
        visit = with_side(seen, self.side, sample_side())
        return {**show(self.models, generator, visit), f"photo {self.side}": None}

    def on_other(self, generator: str, seen: Visit | None) -> Answer:
        if seen is None:
            return end()
        other = samples.other_portrait()
        answer = show_picture(self.models, self.side, other, generator, seen)
        return {**answer, f"photo {self.side}": None}


class Handlers:
    """The events of both sides."""

    def __init__(self, models: Models):
        self.models = models

    def on_generator(self, generator: str, seen: Visit | None) -> Answer:
        return end() if seen is None else show(self.models, generator, seen)

    def on_fmr(self, fmr: str, generator: str, seen: Visit | None) -> Answer:
        return end() if seen is None else show(self.models, generator, replace(seen, fmr=fmr))

    def on_forget(self, seen: Visit | None) -> Answer:
        delete_files(seen)
        return cleared(first_visit(), NOTHING_KEPT)


def end() -> Answer:
    """The visit has ended: no old photo stays beside new numbers."""
    return cleared(first_visit(), ENDED)


def begin_again(models: Models, side: str, path: str, generator: str) -> Answer:
    """The same where a photo is given, which is compared with the sample.

    The other photo is gone from the screen.
    """
    visit = with_files(first_visit(), path)
    try:
        face = find_side(models, side, path)
    except UserError as error:
        return cleared(visit, f"{error} {OTHER_ENDED}")
    answer = show(models, generator, with_side(visit, side, face), OTHER_ENDED)
    [other] = set(SIDES) - {side}
    return {**answer, f"photo {other}": None}
