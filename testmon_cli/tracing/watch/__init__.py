"""What sees everything else that tests rely on: files, variables, imports."""
