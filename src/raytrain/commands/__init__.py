"""The commands that the command line is made of, in groups; no logic."""
