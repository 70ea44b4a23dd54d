"""The plugin that tells which test or fixture runs."""
