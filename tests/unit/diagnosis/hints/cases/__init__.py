"""Excerpts of logs with the words that their hints must and must not contain."""
