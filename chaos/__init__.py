"""Kill the real bot and break its connections while alerts fire, and count what was lost, doubled or left stale."""
