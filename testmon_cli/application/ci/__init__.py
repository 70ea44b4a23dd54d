"""`testmon ci`: what one job of CI runs, and what it exchanges with a hub."""
