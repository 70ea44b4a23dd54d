"""Errors about bundles."""

from testmon_cli.domain.errors import DatafileError


class BundleError(DatafileError):
    """A bundle that cannot be read. Nothing of it was taken."""
