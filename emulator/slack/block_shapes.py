"""The shape of each Block Kit block, element and view, as data.

What spans several blocks (duplicate ids, one table, the total length) is in `blocks`.

Sources: docs.slack.dev/reference/block-kit (documented, read 2026-11-20), the @slack/types 3.2.0 definitions and
the limits registry of slackblocks 3.0.0 (third party). Unknown properties are refused, as Slack does (observed).
"""

from emulator.slack.json_shapes import Anything, Fields, Flag, Items, Num, Obj, Shape, Str, Typed

ID = Str(high=255)
URL = Str(high=3000, low=1)


def plain(high: int, low: int = 1) -> Typed:
    """A text object that must be `plain_text`."""
    return Typed({"plain_text": Obj({"text": Str(high, low)}, {"emoji": Flag()})})


def text(high: int, low: int = 1) -> Typed:
    """A text object of either kind."""
    marked = Obj({"text": Str(high, low)}, {"verbatim": Flag()})
    return Typed({"plain_text": plain(high, low).kinds["plain_text"], "mrkdwn": marked})


CONFIRM = Obj(
    {"title": plain(100), "text": text(300), "confirm": plain(30), "deny": plain(30)},
    {"style": Str(choices=("primary", "danger"))},
)
OPTION = Obj({"text": text(75), "value": Str(150)}, {"description": text(75), "url": URL})
OPTIONS = Items(OPTION, 100)
GROUPS = Items(Obj({"label": plain(75), "options": OPTIONS}), 100)
FOCUS: Fields = {"focus_on_load": Flag()}
COMMON: Fields = {"action_id": ID, "confirm": CONFIRM, **FOCUS}
PLACEHOLDER: Fields = {"placeholder": plain(150), **COMMON}
DISPATCH = Obj(
    {"trigger_actions_on": Items(Str(choices=("on_enter_pressed", "on_character_entered")), 2)},
)
FILTER = Obj(
    {},
    {
        "include": Items(Str(choices=("im", "mpim", "private", "public")), 4),
        "exclude_external_shared_channels": Flag(),
        "exclude_bot_users": Flag(),
    },
    any_of=("include", "exclude_external_shared_channels", "exclude_bot_users"),
)
MANY: Fields = {"max_selected_items": Num(1, whole=True)}
STATIC: Fields = {"options": OPTIONS, "option_groups": GROUPS}
CONVERSATIONS: Fields = {"default_to_current_conversation": Flag(), "filter": FILTER}


def _typed_input(**optional: Shape) -> Obj:
    return Obj({}, {"initial_value": Str(3000), "dispatch_action_config": DISPATCH, **optional, **PLACEHOLDER})


BUTTON = Obj(
    {"text": plain(75)},
    {
        "action_id": ID,
        "url": URL,
        "value": Str(2000),
        "style": Str(choices=("primary", "danger")),
        "confirm": CONFIRM,
        "accessibility_label": Str(75),
    },
)
IMAGE_SOURCE: Fields = {"image_url": URL, "slack_file": Obj({}, {"id": Str(), "url": Str()}, any_of=("id", "url"))}
IMAGE_ELEMENT = Obj({"alt_text": Str(2000)}, IMAGE_SOURCE, any_of=("image_url", "slack_file"))

SELECTS: dict[str, Obj] = {
    "static_select": Obj({}, {**STATIC, "initial_option": OPTION, **PLACEHOLDER}, any_of=("options", "option_groups")),
    "multi_static_select": Obj(
        {}, {**STATIC, "initial_options": OPTIONS, **MANY, **PLACEHOLDER}, any_of=("options", "option_groups")
    ),
    "external_select": Obj({}, {"initial_option": OPTION, "min_query_length": Num(0, whole=True), **PLACEHOLDER}),
    "multi_external_select": Obj(
        {}, {"initial_options": OPTIONS, "min_query_length": Num(0, whole=True), **MANY, **PLACEHOLDER}
    ),
    "users_select": Obj({}, {"initial_user": Str(), **PLACEHOLDER}),
    "multi_users_select": Obj({}, {"initial_users": Items(Str()), **MANY, **PLACEHOLDER}),
    "conversations_select": Obj(
        {}, {"initial_conversation": Str(), "response_url_enabled": Flag(), **CONVERSATIONS, **PLACEHOLDER}
    ),
    "multi_conversations_select": Obj(
        {}, {"initial_conversations": Items(Str()), **MANY, **CONVERSATIONS, **PLACEHOLDER}
    ),
    "channels_select": Obj({}, {"initial_channel": Str(), "response_url_enabled": Flag(), **PLACEHOLDER}),
    "multi_channels_select": Obj({}, {"initial_channels": Items(Str()), **MANY, **PLACEHOLDER}),
}
CHOICES: dict[str, Obj] = {
    "checkboxes": Obj({"options": Items(OPTION, 10)}, {"initial_options": Items(OPTION, 10), **COMMON}),
    "radio_buttons": Obj({"options": Items(OPTION, 10)}, {"initial_option": OPTION, **COMMON}),
    "datepicker": Obj({}, {"initial_date": Str(10), **PLACEHOLDER}),
    "timepicker": Obj({}, {"initial_time": Str(5), "timezone": Str(), **PLACEHOLDER}),
    "datetimepicker": Obj({}, {"initial_date_time": Num(0, whole=True), **COMMON}),
}
LENGTHS: Fields = {"min_length": Num(0, 3000, whole=True), "max_length": Num(1, 3000, whole=True)}
TYPED: dict[str, Obj] = {
    "plain_text_input": Obj({}, {**_typed_input(**LENGTHS).optional, "multiline": Flag()}),
    "number_input": Obj({"is_decimal_allowed": Flag()}, {**_typed_input(min_value=Str(), max_value=Str()).optional}),
    "email_text_input": _typed_input(),
    "url_text_input": _typed_input(),
    "rich_text_input": Obj({}, {"initial_value": Anything(), "dispatch_action_config": DISPATCH, **PLACEHOLDER}),
    "file_input": Obj({}, {"filetypes": Items(Str()), "max_files": Num(1, 10, whole=True), "action_id": ID}),
}
OVERFLOW: dict[str, Obj] = {"overflow": Obj({"options": Items(OPTION, 5)}, {"action_id": ID, "confirm": CONFIRM})}
BUTTONS: dict[str, Obj] = {
    "button": BUTTON,
    "workflow_button": Obj({"text": plain(75), "workflow": Anything()}, BUTTON.optional),
}

# ----- rich text
STYLE = Obj({}, {name: Flag() for name in ("bold", "italic", "strike", "code", "underline", "highlight", "unlink")})
INLINE = Typed(
    {
        "text": Obj({"text": Str(low=1)}, {"style": STYLE}),
        "link": Obj({"url": Str(low=1)}, {"text": Str(), "unsafe": Flag(), "style": STYLE}),
        "emoji": Obj({"name": Str()}, {"unicode": Str(), "style": STYLE, "skin_tone": Num()}),
        "user": Obj({"user_id": Str()}, {"style": STYLE}),
        "channel": Obj({"channel_id": Str()}, {"style": STYLE}),
        "usergroup": Obj({"usergroup_id": Str()}, {"style": STYLE}),
        "broadcast": Obj({"range": Str(choices=("here", "channel", "everyone"))}, {"style": STYLE}),
        "date": Obj({"timestamp": Num(), "format": Str()}, {"url": Str(), "fallback": Str(), "style": STYLE}),
        "color": Obj({"value": Str()}),
    }
)
BORDER: Fields = {"border": Num(0, 1, whole=True)}
SECTION = Obj({"elements": Items(INLINE, low=0)})
RICH_TEXT = Obj(
    {
        "elements": Items(
            Typed(
                {
                    "rich_text_section": SECTION,
                    "rich_text_preformatted": Obj({"elements": Items(INLINE, low=0)}, {"language": Str(), **BORDER}),
                    "rich_text_quote": Obj({"elements": Items(INLINE, low=0)}, BORDER),
                    "rich_text_list": Obj(
                        {
                            "style": Str(choices=("bullet", "ordered")),
                            "elements": Items(Typed({"rich_text_section": SECTION})),
                        },
                        {"indent": Num(0, 8, whole=True), "offset": Num(0, whole=True), **BORDER},
                    ),
                }
            )
        )
    },
    {"block_id": ID},
)

# ----- tables and charts
RAW: dict[str, Obj] = {"raw_text": Obj({"text": Str(low=1)}), "raw_number": Obj({"value": Num()}, {"text": Str(low=1)})}
CELL = Typed({**RAW, "rich_text": Obj(RICH_TEXT.required)})
COLUMN = Obj({}, {"align": Str(choices=("left", "center", "right")), "is_wrapped": Flag()})
POINT = Obj({"label": Str(20, 1), "value": Num()})
AXIS = Obj({"categories": Items(Str(20, 1), 20)}, {"x_label": Str(50), "y_label": Str(50)})
SERIES = Items(Obj({"name": Str(20, 1), "data": Items(POINT, 20)}), 6)
PLOT = Obj({"series": SERIES, "axis_config": AXIS})
SEGMENTS = Items(Obj({"label": Str(20, 1), "value": Num(1e-12)}), 6)
CHART = Typed({"pie": Obj({"segments": SEGMENTS}), "line": PLOT, "bar": PLOT, "area": PLOT})
