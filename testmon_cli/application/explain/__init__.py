"""`testmon explain`: what one test relies on, and which tests reach a place in the code."""
