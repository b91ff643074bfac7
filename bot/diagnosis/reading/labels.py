"""What a diagnosis calls the process that wrote a line."""

Label = int | str
"""A rank, or the name of a replica where the log names no rank."""
