"""Code that runs inside pytest and its children: engines, attribution, resources.

Standard library, coverage and pytest only: these processes stay lean.
"""
