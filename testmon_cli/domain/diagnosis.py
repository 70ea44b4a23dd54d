"""Findings of `testmon doctor`, each with what to do about it."""

from typing import Final, NamedTuple

WRONG: Final = "wrong"  # answers cannot be trusted, or say nothing
SLOW: Final = "slow"  # more is selected than must be, or answers take long
FINE: Final = "fine"


class Finding(NamedTuple):
    """One thing that was looked at."""

    level: str  # WRONG, SLOW or FINE
    topic: str  # a word or two
    text: str  # what is the matter
    advice: str = ""  # what to do; "" where nothing is to be done
