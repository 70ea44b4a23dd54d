"""`testmon select`: from affected traces to tests, reasons, and arguments for pytest."""
