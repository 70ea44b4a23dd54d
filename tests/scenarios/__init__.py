"""Small projects with one edit each: is the selection safe, and is what it holds beyond need the known rest?"""
