"""`testmon report`: the suite in numbers, its line coverage, and a page to browse."""
