"""Processes that are traced: pytest itself, and those that tests start."""
