"""What is pluggable; found by entry point, named in a profile."""
