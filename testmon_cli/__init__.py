"""Test impact analysis for pytest: which tests can a change affect?"""

__version__ = "0.1.0"
