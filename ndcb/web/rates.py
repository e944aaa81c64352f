"""What stands beside every threshold: whom it lets in by mistake, as it was measured.

FMR and FNMR overall, and the FMR within every group of people that was measured. To which of them a
visitor belongs is never guessed. Names of groups come from a file, and are escaped here.
"""

import html
import math

from ndcb.core.terms import UserError
from ndcb.models.kinds import is_digit
from ndcb.results import thresholds
from ndcb.results.thresholds import GroupRate, GroupRates, Rates

KEYED = "every stranger has the key of the template's owner"
UNGUESSED = "This page does not guess to which group you belong."


def beside(generator: str, threshold: float) -> str:
    """The rates of a generator's templates at a squared distance, as HTML.

    What was not measured, or cannot be read, is a sentence. Raises UnknownName.
    """
    try:
        rates = thresholds.rates(generator, threshold)
    except UserError as error:
        said, how = html.escape(str(error)), []
    else:
        said, how = _overall(rates, threshold), [_of_whom(rates)]
    if not is_digit(generator):
        within, of_groups = _groups(generator, threshold)
        said, how = f"{said} {within}", [*how, of_groups]
    more = "".join(f"<p>{text}</p>" for text in how)
    details = f"<details><summary>How that was measured</summary>{more}</details>" if more else ""
    return f'<div class="rates">{said} {details}</div>'


def percent(share: float, count: int, up: bool = False) -> str:
    """A share of `count` comparisons; none of them does not mean never. up: round up, not down."""
    return f"0 of {count:,}" if share == 0 else _percent(share, up)


def _percent(share: float, up: bool) -> str:
    """With one decimal, and of less than 1 % with two significant digits. share: not 0."""
    value = 100 * share
    rounded = float(f"{value:.1e}")
    digits = max(1, 1 - math.floor(math.log10(rounded)))
    if up:
        value = math.ceil(value * 10**digits - 1e-6) / 10**digits
    return f"{value:.{digits}f} %"


def _overall(rates: Rates, threshold: float) -> str:
    bound, who = ("at most ", " with the owner's key") if rates.keyed else ("", "")
    fmr = bound + percent(rates.fmr, rates.impostors, rates.keyed)
    fnmr = bound + percent(rates.fnmr, rates.genuines, rates.keyed)
    return (
        f"Threshold <b>{threshold:.3f}</b>, measured on {rates.whom}: strangers{who} accepted"
        f" (FMR): <b>{fmr}</b>, owners refused (FNMR): <b>{fnmr}</b>."
    )


def _of_whom(rates: Rates) -> str:
    what = f"sealed templates; {KEYED}" if rates.keyed else "templates against plain pictures"
    return (
        f"{rates.whom}: {what}. {rates.impostors:,} comparisons give the FMR, and"
        f" {rates.genuines:,} the FNMR."
    )


def _groups(generator: str, threshold: float) -> tuple[str, str]:
    """In short, and how it was measured."""
    try:
        found = thresholds.group_rates(generator, threshold)
    except UserError as error:
        return "Within groups of people: not measured.", html.escape(str(error))
    within = "; ".join(map(_within, found.of))
    return f"Strangers within a group: {within}.", _of_groups(found)


def _within(group: GroupRate) -> str:
    most = f"at most {_percent(group.fmr, up=True)}" if group.fmr else "none that was tried"
    return f"«{html.escape(group.group)}» <b>{most}</b>"


def _of_groups(found: GroupRates) -> str:
    whom = "; ".join(map(_people, found.of))
    return f"Groups: {html.escape(found.remark)}. {whom}. {UNGUESSED}"


def _people(group: GroupRate) -> str:
    learned = f", {group.trained_on:,} of whom the generator learned from"
    return f"«{html.escape(group.group)}»: {group.people:,} people{learned}"
