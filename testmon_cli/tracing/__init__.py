"""What runs inside pytest and the processes it starts: engines, attribution, resources.

Standard library, coverage and pytest only: these processes stay lean.
"""
