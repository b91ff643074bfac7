"""Secrets out of any text on its way out."""
