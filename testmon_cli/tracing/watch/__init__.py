"""The watchers of everything beside code: files, variables, imports."""
