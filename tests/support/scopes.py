"""The Slack scopes that tests grant: all that manifest.yml asks for."""

GRANTED = (
    "app_mentions:read",
    "channels:read",
    "chat:write",
    "commands",
    "files:write",
    "groups:read",
    "usergroups:read",
    "users:read",
    "users:read.email",
)
