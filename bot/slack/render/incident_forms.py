"""Forms about one alert: add a note, stop watching its job. Pure."""

from bot.domain.alerts import Incident
from bot.rules.lead import lead_alert
from bot.slack.render.alert_text import TITLE_LIMIT, incident_icon
from bot.slack.render.blocks import NOTE_MODAL, STOP_MODAL, section
from bot.slack.render.jobs import job_link
from bot.slack.render.message import Block
from bot.slack.render.modal import Field, Modal, text_input
from bot.slack.render.text import code, one_line

NOTE_FIELD = "note"
MAX_NOTE = 500
"""Characters of a note."""


def incident_line(incident: Incident) -> Block:
    """What broke, and on which job."""
    lead = lead_alert(incident)
    title = one_line(lead.title, TITLE_LIMIT) if lead else "Alert"
    return section(f"{incident_icon(incident)} *{title}* · {job_link(incident.job)}")


def note_form(incident: Incident) -> Modal:
    """Ask for a note; without an owner, the one who writes it becomes the owner."""
    is_free = incident.is_open and incident.acknowledgement is None
    hint = "The channel sees it on the alert and in its thread. Secrets are hidden."
    field = Field(NOTE_FIELD, "Note", "What you found, or what you do about it", hint, is_optional=False)
    submit = "Acknowledge" if is_free else "Add note"
    return Modal(
        NOTE_MODAL,
        "Acknowledge with a note" if is_free else "Add a note",
        (incident_line(incident), text_input(field, is_long=True)),
        incident.id,
        submit,
        close="Cancel",
    )


def stop_form(about: str, job: str, name: str = "") -> Modal:
    """Say what happens when a channel stops watching a job."""
    named = f"*{one_line(name, 200)}* ({code(job)})" if name else code(job)
    text = f"This channel gets no more alerts for {named}. *Undo* watches it again with the same settings."
    return Modal(STOP_MODAL, "Stop watching?", (section(text),), about, "Stop watching", close="Keep watching")
