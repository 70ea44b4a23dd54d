"""`testmon collect`: run pytest once, follow it, and store what every test relied on."""
