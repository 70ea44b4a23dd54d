"""Types of what pytest's hooks take and give."""

from collections.abc import Generator

Wrapper = Generator[None, object, object]  # around the other implementations of a hook
