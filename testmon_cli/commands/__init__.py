"""One ordinary annotated function per subcommand."""
