"""The engines that see code run: probes that are written into it, or coverage.py."""
