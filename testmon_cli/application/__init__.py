"""Use cases: collect, diff, select, report, gc. Each reads as a list of steps."""
