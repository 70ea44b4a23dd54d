"""What sees the code run: probes that are written into it, or coverage.py."""
