"""Failures that only the end of a log states: its last words, tables of jobs, a lack of data, or silence."""
