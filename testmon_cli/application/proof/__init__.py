"""Checks that selection was right: on the history of a project, and in its present state."""
