"""From what differs since a run to the traces that the differences can affect, with a cause for each."""
