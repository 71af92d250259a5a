"""What must run, running it, the manifest and the command line."""
