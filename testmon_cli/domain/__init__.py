"""Frozen values that every other layer speaks in; no I/O."""
