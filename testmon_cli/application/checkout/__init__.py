"""Reading what is there today: sources, git, pytest's configuration, and where tests run."""
