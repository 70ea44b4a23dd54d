"""Hubs: where bundles of many machines meet. Only `push`, `pull`, `hub` and `ci` talk to one."""
