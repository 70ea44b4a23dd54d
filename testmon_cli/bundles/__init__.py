"""Bundles: files that carry evidence from one machine to another. Data only, read strictly."""
