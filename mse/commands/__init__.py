"""The commands, one file for each part of the flow: one library call per command, no arithmetic."""
