"""From what differs since a run to the traces that this can affect, and why."""
