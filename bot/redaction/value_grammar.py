"""What is between the name of a secret and its value: regular expressions for the notations in which logs show both.

All repetitions are bounded, so that no position of a text is read more often than a constant number of times.
"""

_SIGN = (
    r"(?:(?::?[ \t]{0,2}(?:none|null|unset|''|\"\")[ \t]{1,2}(?=[-=]>|\u2192))?"
    r"(?:={1,2}>?+|[-~]>|<[-=]|\u2192|\u21d2|\uff1a|\uff1d)|<<<)"
)
"""Between a name and its value, also after `None` for what it was before. A colon is not here: prose may follow it."""
NAME_END = (
    r"(?:[_.-]?(?:value|val|backup|bak|old|new|prod|production|staging|stage|dev|test|live|raw|plain|base64|b64"
    r"|v?\d{1,2})(?![a-z0-9])){0,2}+"
)
"""What people add to a name: `API_KEY_BACKUP`, `passwordProd`, `token_v2`."""
COLOUR = r"(?:\x1b\[[\d;]{0,12}m){0,3}+"
_TIME = r"\[?\d{4}-\d\d-\d\d[Tt ][\d:.,+Zz-]{5,20}\]?(?: - |[ \t]{1,2})(?:\[?[A-Za-z]{4,8}\]?:?(?: - |[ \t]{1,2})"
_PROCESS = r"(?:(?:\[[\w.-]{1,24}\]:?|\([A-Za-z][^()\n]{0,48}\)|\d{1,4}:|[\w.-]{1,40} {1,4}\|)[ \t]{1,2})?[ \t]{0,40}"
LINE_PREFIX = rf"(?:{_TIME})?)?{_PROCESS}"
"""What loggers, launchers (`[rank0]:`, `3:`, `app-1  |`) and indentation put before the rest of a text on a line."""
LOGGED_PREFIX = rf"(?:{_TIME}(?:[\w.]{{1,40}}(?::\d{{1,5}})?(?::| -)[ \t]{{1,2}})?)?)?{_PROCESS}"
"""The same, also with the name of the logger after the time and the level."""
BAR = r"[|\u2502\u2503\u2551]"
"""Between the cells of a table."""
FRAME = r"[|\u00a6\u2500-\u259f#*!]"
"""Left and right of the text in a panel."""
_QUOTE = r"(?:\\{0,3}[\"'])?"
_LINE_END = r"[ \t]{0,2}(?:\n\x01\n|\r?\n)"
_BREAK = _LINE_END + LOGGED_PREFIX
_PLACEHOLDER = r"(?!\[hidden\]|\[redacted|none\b|null\b|true\b|false\b|\*(?:[*\s\"',;)]|\Z)|<|\$|os\.|env\b|\.\.\.|xxx)"
_HAS_DIGIT = r"(?=[^\s\"']{0,64}\d)"
_LIKE_VALUE = r"(?=[^\s\"']{0,64}(?:[\d!#$%^&*+]|=[\s\"']|=\Z))"
"""It has a digit or a special character or ends like base64, as words of prose do not."""
_UNQUOTED = r"[^\s\"'&,;)}\]]"
_NOT_NAMED = r"(?![\w.%-]{1,40}[=:])[^\s\"'&,;)}\]]"
_WHOLE = (
    rf"(?:{_UNQUOTED}{{4,}}|{_UNQUOTED}{{1,3}}(?=[&,;)}}\]]{{1,3}}{_NOT_NAMED}))"
    rf"(?:[&,;)}}\]]{{1,3}}{_NOT_NAMED}{{1,64}}){{0,8}}"
)
"""A value that may have separators in it, up to one that a name and its value follow."""
_WRAPPER = (
    r"(?:\$|[bufrn]{1,2}(?=[\"'])|''(?=')|\"\"(?=\")"
    r"|(?:(?:some|ok|just|string|optional|secretstr|str|bytes)[(\[ ]|secret[(\[])(?:b(?=[\"']))?)?"
)
"""`$'…'` of a shell, `b'…'` of Python, `Some(…)` of Rust, two of three quotes."""
_ESCAPED_QUOTE = r"(?:&quot;|&#3[49];|\\{1,2}u0022|%(?:25)?22)"

PRINTED = (
    rf"{_BREAK}(?:out\[\d{{1,4}}\]:[ \t])?(?:b?[\"']{_PLACEHOLDER}([^\"'\n]{{4,}})[\"']"
    rf"|(?![^\s@]{{1,64}}@[^\s]{{1,64}}[#$%>]\s){_PLACEHOLDER}([^\s\"'\x01]{{4,}}))[ \t]{{0,8}}(?=\r?\n|\Z)"
)
"""After a command that prints a value: the line that consists of it, and is not the next prompt."""
PAIRED = (
    rf"[\"']?[ \t]{{0,2}}[,;:{{]?"
    rf"(?:(?:{_BREAK}(?:desc|type|description|sensitive)[ \t]?[:=][^\n]{{0,64}}){{0,3}}{_BREAK}|[ \t]{{0,2}})"
    rf"(?:[\"']?(?:type|desc|description|sensitive|secure|kind)[\"']?\s?[:=]\s?[\"']?[\w.-]{{0,32}}[\"']?,\s?){{0,3}}"
    rf"[\"']?(?:(?:parameter|new|old)?[_-]?value|default)[\"']?[ \t]{{0,2}}[:=]"
    rf"[ \t]{{0,2}}[\"']?{_PLACEHOLDER}"
)
"""Between the members of `{"name": "API_TOKEN", "value": "…"}` and its relatives in YAML, HTML and Terraform."""
ASSIGNED = rf"{COLOUR}{_QUOTE}\]?{COLOUR}\s{{0,2}}(?:{_SIGN}|:)\s{{0,3}}{COLOUR}{_WRAPPER}{_QUOTE}"
NEXT_LINE = (
    rf"[\"']?(?:[ \t]{{0,2}}[=:][ \t]{{0,3}}(?:[>|][+-]?\d?|\"\"\"|''')?\\?{_BREAK}"
    rf"|{_BREAK}[=:][ \t]{{0,3}}(?:{_BREAK})?)"
    r"[\"']?"
)

VALUE_AFTER_NAME = (
    rf"{COLOUR}{_QUOTE}\]?{COLOUR}(?:"
    # A quoted value, up to its closing quote or the end of the line.
    rf"[ \t]{{0,16}}(?:{_SIGN}|:(?:[ \t]?&?[a-z]{{1,16}}(?:\[[^\[\]\n]{{1,32}}\])?[ \t]?=|=?+))"
    rf"[ \t]{{0,8}}\(?{COLOUR}{_WRAPPER}(?:"
    rf"\\{{1,3}}[\"']{_PLACEHOLDER}([^\"'\\\n]{{4,}})"
    rf"|\"{_PLACEHOLDER}(?=[^\"\n]{{3}})([^\"\\\n]*+(?:\\[^\n][^\"\\\n]*+)*+)"
    rf"|'{_PLACEHOLDER}(?=[^'\n]{{4}})([^'\\\n]*+(?:\\[^\n][^'\\\n]*+)*+))"
    # The first value of a list.
    rf"|[ \t]{{0,16}}(?:{_SIGN}|:(?:[ \t]?[a-z]{{1,16}}(?:\[[a-z]{{1,16}}\])?[ \t]?=)?)[ \t]{{0,8}}"
    rf"\[(?:[ \t]{{0,2}}|{_BREAK})b?\\{{0,3}}[\"']{_PLACEHOLDER}"
    r"(?P<listed>[^\"'\\\n]{4,})"
    rf"|[ \t]{{0,16}}(?:{_SIGN}|:=)[ \t]{{0,8}}{COLOUR}'?{_PLACEHOLDER}({_WHOLE})"
    # Dots up to the value, as Megatron-LM prints arguments.
    rf"|[ ]?\.{{3,64}}[ ]?{_PLACEHOLDER}({_UNQUOTED}{{4,}})"
    # After a colon, prose may follow instead of a value.
    rf"|(?:[ \t]\[[^\[\]\n]{{0,40}}\])?[ \t]{{0,40}}(?::|{BAR})[ \t]{{0,40}}{COLOUR}"
    rf"{_PLACEHOLDER}{_LIKE_VALUE}({_UNQUOTED}{{6,}})"
    # A value on the next line: a block of YAML, a quoted value, or a line that consists of a value with a digit.
    r"|(?:(?::[ \t]?[a-z]{1,16}(?=[ \t]?=))?"
    rf"[ \t]{{0,2}}[=:][ \t]{{0,3}}(?P<block>[>|][+-]?\d?|\"\"\"|''')?(?:\(|(?P<continued>\\))?{_BREAK}"
    rf"|{_BREAK}[=:][ \t]{{0,3}}(?:{_BREAK})?)(?:- )?{_PLACEHOLDER}(?:"
    rf"\"([^\"\n]{{4,}})\"|'([^'\n]{{4,}})'|(?(block)([^\s\x01\"'][^\n\x01\"']{{3,}})|(?!))"
    rf"|(?(continued)([^\s\"'\x01]{{4,}})|(?!))"
    rf"|(?![a-z_.-]{{1,40}}=[^=]|[\w.]{{1,30}}\(|[^\s]{{0,20}}://)"
    rf"{_HAS_DIGIT}(?P<line>[^\s\"'\\:\x01]{{6,}})[,;]?[ \t]{{0,2}}(?=\n|\Z))"
    # A tuple of name and value.
    rf"|(?<=[\"'])\s?,(?:{_BREAK}|\s{{0,2}})b?\\{{0,3}}[\"']{_PLACEHOLDER}"
    rf"{_HAS_DIGIT}([^\s\"'\\]{{7,}})"
    # An object with the members name and value; an element of XML.
    rf"|(?<![ \t]){PAIRED}([^\"'<>,;\s]{{4,}})"
    rf"|>{_PLACEHOLDER}([^<>\n]{{4,}})</"
    rf"|</\w{{1,16}}>\s{{0,8}}<value>{_PLACEHOLDER}([^<>\n]{{4,}})<"
    # Escaped for a URL, HTML or JSON.
    rf"|{_ESCAPED_QUOTE}(?:\s?[:=]|%(?:25)?3[ad])(?:\s|%(?:25)?20)?{_ESCAPED_QUOTE}{_PLACEHOLDER}([^&%\\\s\"']{{4,}})"
    rf"|%(?:25)?3d{_PLACEHOLDER}([^&%\\\s\"']{{4,}})"
    # A column of a table, at its end.
    rf"|(?:\t|[ ]{{2,40}}){_PLACEHOLDER}{_HAS_DIGIT}([^\s\"'=:]{{7,}}={{0,2}})[ \t]{{0,8}}(?=\n|\Z)"
    # A quoted value after a name in brackets; the input that pydantic rejected, on the line after its name.
    rf"|(?<=\])[ \t]{{1,2}}(?:\"{_PLACEHOLDER}([^\"\n]{{4,}})\"|'{_PLACEHOLDER}([^'\n]{{4,}})')"
    rf"|\n(?:\x01\n)?[^\n]{{1,160}}input_value=[\"']{_PLACEHOLDER}([^\"'\n]{{4,}})"
    # The next row of a panel.
    rf"|[ \t]{{0,2}}[=:][ \t]{{0,200}}{FRAME}[ \t]{{0,4}}{_BREAK}{FRAME}[ \t]{{1,8}}{_PLACEHOLDER}"
    rf"(?![\w.-]{{1,40}}[:=][^=\s]){_LIKE_VALUE}([^\s\"'|\u2502]{{6,}})[ \t]{{0,200}}{FRAME}"
    # A cell of a boxed table.
    rf"|[`*]{{0,2}}[ \t]{{0,40}}{BAR}[ \t]{{0,8}}`?{_PLACEHOLDER}"
    rf"(?P<boxed>[^\s`\u2502\u2503\u2551|]{{6,}})`?[ \t]{{0,99}}{BAR}"
    # A row of CSV that begins with the name.
    rf"|[ \t]?[,;][ \t]?[\"']?{_PLACEHOLDER}{_HAS_DIGIT}(?P<cell>[^\s\"',;]{{6,}})[\"']?[ \t]{{0,8}}(?=\n|\Z)"
    # An argument and its value in a list, a tuple without a digit in its value.
    rf"|(?<=[\"'])\s?,(?:{_BREAK}|\s{{0,2}})b?\\{{0,3}}[\"']{_PLACEHOLDER}(?!-)(?P<element>[^\"'\\\n]{{4,}})"
    # --api-key value
    rf"|(?<![\"'])(?:\s|[ \t]?\\{_BREAK}|{_BREAK}- |\r?\n[ \t]{{2,40}}|\n\x01\n(?:[ \t]{{2,40}}|{_HAS_DIGIT}))(?!-)"
    rf"{_PLACEHOLDER}"
    rf"(?P<argument>\"[^\"\n]{{4,}}\"|'[^'\n]{{4,}}'|[^\s\"'`(:=][^\s\"']{{4,}}[^\s\"':])"
    # In prose: the token is `…`, the key (…) leaked.
    rf"|(?=[\s:=(`\"'])(?:\s(?:for|on|of|from|to|in)\s[^\n:=`]{{1,40}}?)?(?:\s(?:is|was|are)\b)?\s{{0,2}}[:=]?\s{{0,2}}"
    rf"[\"'`(<\[]{{0,2}}{_PLACEHOLDER}(?P<prose>[^\s\"'`()<>,;]{{16,}}))"
)
"""Between a name that announces a secret and its value. In lower-cased text, as everything here. What the named groups
match is a value only in some contexts, see `value_checks.fits_context`."""
