"""Small projects with one edit each.

Is the selection safe, and is what it holds beyond need the known rest?
"""
