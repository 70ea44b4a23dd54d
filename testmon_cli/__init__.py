"""Test impact analysis for pytest: tells which tests a change can affect."""

__version__ = "0.1.0"
