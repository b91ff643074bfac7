"""The Slack scopes that tests grant: all that manifest.yml asks for."""

GRANTED = (
    "app_mentions:read",
    "channels:history",
    "channels:read",
    "chat:write",
    "commands",
    "files:write",
    "groups:history",
    "groups:read",
    "reactions:read",
    "usergroups:read",
    "users:read",
    "users:read.email",
)
