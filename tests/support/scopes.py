"""The Slack scopes that tests grant: all that manifest.yml asks for."""

GRANTED = (
    "app_mentions:read",
    "channels:history",
    "channels:read",
    "chat:write",
    "commands",
    "files:read",
    "files:write",
    "groups:history",
    "groups:read",
    "im:history",
    "links:read",
    "links:write",
    "reactions:read",
    "usergroups:read",
    "users:read",
    "users:read.email",
)
