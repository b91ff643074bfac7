"""Which blocks exist, what each holds, and on which surfaces it is allowed; and the shape of a view.

Built from the element shapes of `block_shapes`; used by `blocks` only.

Source: docs.slack.dev/reference/block-kit/blocks (documented, read 2026-11-20). Where sources differ on a surface
(table, chart and container on Home), the narrower reading is taken: what passes here passes there.
"""

from emulator.slack.block_shapes import (
    BUTTON,
    BUTTONS,
    CELL,
    CHART,
    CHOICES,
    COLUMN,
    ID,
    IMAGE_ELEMENT,
    IMAGE_SOURCE,
    OVERFLOW,
    RAW,
    RICH_TEXT,
    SELECTS,
    TYPED,
    URL,
    plain,
    text,
)
from emulator.slack.json_shapes import Anything, Fields, Flag, Items, Num, Obj, Str, Typed

_BLOCK: Fields = {"block_id": ID}
_IMAGE: dict[str, Obj] = {"image": IMAGE_ELEMENT}
_DATES: dict[str, Obj] = {name: CHOICES[name] for name in ("datepicker", "timepicker")}
_IN_SECTION: dict[str, Obj] = {**BUTTONS, **OVERFLOW, **SELECTS, **_DATES, **_IMAGE}
_IN_SECTION |= {name: CHOICES[name] for name in ("checkboxes", "radio_buttons")}
_IN_ACTIONS: dict[str, Obj] = {**BUTTONS, **OVERFLOW, **SELECTS, **CHOICES, "rich_text_input": TYPED["rich_text_input"]}
_CARD = Obj(
    {},
    {
        "title": text(150),
        "subtitle": text(150),
        "body": text(200),
        "subtext": text(200),
        "hero_image": Typed(_IMAGE),
        "icon": Typed(_IMAGE),
        "slack_icon": Anything(),
        "actions": Items(Typed({"button": BUTTON}), 3),
        **_BLOCK,
    },
    any_of=("hero_image", "title", "actions", "body"),
    not_both=("icon", "slack_icon"),
)
_TASK: Fields = {"task_id": Str(low=1), "title": Str(low=1)}
_TASK_MORE: Fields = {"details": Anything(), "output": Anything(), "sources": Anything()}
_STATUSES = ("pending", "in_progress", "complete", "error")
_LABEL: Fields = {"text": plain(75), "value": Str(2000)}
_FEEDBACK = Obj(_LABEL, {"accessibility_label": Str(75)})

_EVERYWHERE: dict[str, Obj] = {
    "divider": Obj({}, _BLOCK),
    "header": Obj({"text": plain(150)}, {**_BLOCK, "level": Num(1, 4, whole=True)}),
    "section": Obj(
        {},
        {
            "text": text(3000),
            "fields": Items(text(2000), 10),
            "accessory": Typed(_IN_SECTION),
            "expand": Flag(),
            **_BLOCK,
        },
        any_of=("text", "fields"),
    ),
    "context": Obj({"elements": Items(Typed({**text(3000).kinds, **_IMAGE}), 10)}, _BLOCK),
    "actions": Obj({"elements": Items(Typed(_IN_ACTIONS), 25)}, _BLOCK),
    "image": Obj(
        {"alt_text": Str(2000)},
        {**IMAGE_SOURCE, "title": plain(2000), **_BLOCK},
        any_of=("image_url", "slack_file"),
    ),
    "input": Obj(
        {"label": plain(2000), "element": Typed({**SELECTS, **CHOICES, **TYPED})},
        {"hint": plain(2000), "optional": Flag(), "dispatch_action": Flag(), **_BLOCK},
    ),
    "rich_text": RICH_TEXT,
    "card": _CARD,
    "video": Obj(
        {"alt_text": Str(2000), "title": plain(200), "thumbnail_url": URL, "video_url": URL},
        {
            "author_name": Str(50),
            "description": plain(200),
            "provider_name": Str(50),
            "provider_icon_url": Str(2000),
            "title_url": Str(2000),
            **_BLOCK,
        },
    ),
}
_IN_MESSAGES: dict[str, Obj] = {
    "markdown": Obj({"text": Str(12000, 1)}, _BLOCK),
    "table": Obj({"rows": Items(Items(CELL, 20), 100)}, {"column_settings": Items(COLUMN, 20, low=0), **_BLOCK}),
    "data_table": Obj(
        {"rows": Items(Items(Typed({**RAW, "rich_text": RICH_TEXT}), 20), 201, low=2), "caption": Str(low=1)},
        {
            "page_size": Num(1, 100, whole=True),
            "row_header_column_index": Num(0, 19, whole=True),
            **_BLOCK,
        },
    ),
    "data_visualization": Obj({"title": Str(50, 1), "chart": CHART}, _BLOCK),
    "file": Obj({"external_id": Str(), "source": Str(choices=("remote",))}, _BLOCK),
    "carousel": Obj({"elements": Items(Typed({"card": _CARD}), 10)}, _BLOCK),
    "context_actions": Obj(
        {
            "elements": Items(
                Typed(
                    {
                        "feedback_buttons": Obj(
                            {"positive_button": _FEEDBACK, "negative_button": _FEEDBACK}, {"action_id": ID}
                        ),
                        "icon_button": Obj(
                            {"icon": Str(), "text": plain(75)},
                            {
                                "action_id": ID,
                                "value": Str(2000),
                                "accessibility_label": Str(75),
                                "visible_to_user_ids": Items(Str(), 10),
                            },
                        ),
                    }
                ),
                5,
            )
        },
        _BLOCK,
    ),
    "task_card": Obj(
        {**_TASK, "status": Str(choices=_STATUSES[1:])},
        {**_TASK_MORE, **_BLOCK},
    ),
    "plan": Obj(
        {"title": Str(low=1)},
        {"tasks": Items(Obj({**_TASK, "status": Str(choices=_STATUSES)}, _TASK_MORE), 50), **_BLOCK},
    ),
}
_CONTAINER = Obj(
    {"title": text(150), "child_blocks": Items(Typed({**_EVERYWHERE, **_IN_MESSAGES}), 10)},
    {"subtitle": text(150), "is_collapsible": Flag(), "default_collapsed": Flag(), "icon": Anything(), **_BLOCK},
)
_ALERT = Obj({"text": text(200)}, {"level": Str(choices=("default", "info", "warning", "error", "success")), **_BLOCK})

SURFACES = {
    "message": Typed({**_EVERYWHERE, **_IN_MESSAGES, "container": _CONTAINER}),
    "modal": Typed({**_EVERYWHERE, "alert": _ALERT}),
    "home": Typed(_EVERYWHERE),
}

_VIEW: Fields = {"private_metadata": Str(3000), "callback_id": ID, "external_id": ID}
VIEWS: dict[str, Obj] = {
    "modal": Obj(
        {"title": plain(24), "blocks": Items(SURFACES["modal"], 100, low=0)},
        {
            "submit": plain(24),
            "close": plain(24),
            "clear_on_close": Flag(),
            "notify_on_close": Flag(),
            "submit_disabled": Flag(),
            **_VIEW,
        },
    ),
    "home": Obj({"blocks": Items(SURFACES["home"], 100, low=0)}, _VIEW),
}
