"""What is between the name of a secret and its value: regular expressions for the notations in which logs show both.

All repetitions are bounded, so that no position of a text is read more often than a constant number of times.
"""

_SIGN = r"(?:={1,2}>?+|[-~]>|<[-=]|\u2192|\u21d2|\uff1a|\uff1d)"
"""Between a name and its value. A colon is not here because prose may follow it."""
COLOUR = r"(?:\x1b\[[\d;]{0,12}m){0,3}+"
LINE_PREFIX = (
    r"(?:\[?\d{4}-\d\d-\d\d[Tt ][\d:.,+Zz-]{5,20}\]?[ \t]{1,2}(?:\[?[A-Za-z]{4,8}\]?:?[ \t]{1,2})?)?"
    r"(?:(?:\[[\w.-]{1,24}\]:?|\([A-Za-z][^()\n]{0,48}\)|\d{1,4}:|[\w.-]{1,40} {1,4}\|)[ \t]{1,2})?[ \t]{0,40}"
)
"""What loggers, launchers (`[rank0]:`, `3:`, `app-1  |`) and indentation put before the rest of a text on a line."""
_QUOTE = r"(?:\\{0,3}[\"'])?"
_LINE_END = r"[ \t]{0,2}(?:\n\x01\n|\r?\n)"
_BREAK = _LINE_END + LINE_PREFIX
_PLACEHOLDER = r"(?!\[hidden\]|\[redacted|none\b|null\b|true\b|false\b|\*(?:[*\s\"',;)]|\Z)|<|\$|os\.|env\b|\.\.\.|xxx)"
_HAS_DIGIT = r"(?=[^\s\"']{0,64}\d)"
_LIKE_VALUE = r"(?=[^\s\"']{0,64}(?:\d|=[\s\"']|=\Z))"
"""It has a digit or ends like base64, as words of prose do not."""
_UNQUOTED = r"[^\s\"'&,;)}\]]"
_WRAPPER = r"(?:\$|[bur]{1,2}|''(?=')|\"\"(?=\")|(?:some|secretstr|secret|str|bytes)\((?:b(?=[\"']))?)?"
"""`$'…'` of a shell, `b'…'` of Python, `Some(…)` of Rust, two of three quotes."""
_ESCAPED_QUOTE = r"(?:&quot;|&#3[49];|\\{1,2}u0022|%(?:25)?22)"

PAIRED = (
    rf"[\"']?[ \t]{{0,2}}[,;:{{]?"
    rf"(?:(?:{_BREAK}(?:desc|type|description|sensitive)[ \t]?[:=][^\n]{{0,64}}){{0,3}}{_BREAK}|[ \t]{{0,2}})"
    rf"[\"']?(?:value|default)[\"']?[ \t]{{0,2}}[:=]"
    rf"[ \t]{{0,2}}[\"']?{_PLACEHOLDER}"
)
"""Between the members of `{"name": "API_TOKEN", "value": "…"}` and its relatives in YAML, HTML and Terraform."""
ASSIGNED = rf"{COLOUR}{_QUOTE}{COLOUR}\s{{0,2}}(?:{_SIGN}|:)\s{{0,3}}{COLOUR}{_WRAPPER}{_QUOTE}"
NEXT_LINE = (
    rf"[\"']?(?:[ \t]{{0,2}}[=:][ \t]{{0,3}}(?:[>|][+-]?\d?|\"\"\"|''')?\\?{_BREAK}"
    rf"|{_BREAK}[=:][ \t]{{0,3}}(?:{_BREAK})?)"
    r"[\"']?"
)

VALUE_AFTER_NAME = (
    rf"{COLOUR}{_QUOTE}{COLOUR}(?:"
    # A quoted value, up to its closing quote or the end of the line.
    rf"[ \t]{{0,16}}(?:{_SIGN}|:(?:[ \t]?[a-z]{{1,16}}(?:\[[^\[\]\n]{{1,32}}\])?[ \t]?=|=?+))"
    rf"[ \t]{{0,8}}{COLOUR}{_WRAPPER}(?:"
    rf"\\{{1,3}}[\"']{_PLACEHOLDER}([^\"'\\\n]{{4,}})"
    rf"|\"{_PLACEHOLDER}(?=[^\"\n]{{4}})([^\"\\\n]*+(?:\\[^\n][^\"\\\n]*+)*+)"
    rf"|'{_PLACEHOLDER}(?=[^'\n]{{4}})([^'\\\n]*+(?:\\[^\n][^'\\\n]*+)*+))"
    rf"|[ \t]{{0,16}}(?:{_SIGN}|:=)[ \t]{{0,8}}{COLOUR}'?{_PLACEHOLDER}({_UNQUOTED}{{4,}})"
    # Dots up to the value, as Megatron-LM prints arguments.
    rf"|[ ]?\.{{3,64}}[ ]?{_PLACEHOLDER}({_UNQUOTED}{{4,}})"
    # After a colon, prose may follow instead of a value.
    rf"|[ \t]{{0,40}}[:|\u2502\u2503\u2551][ \t]{{0,8}}{COLOUR}{_PLACEHOLDER}{_LIKE_VALUE}({_UNQUOTED}{{6,}})"
    # A value on the next line: a block of YAML, a quoted value, or a line that consists of a value with a digit.
    rf"|(?:[ \t]{{0,2}}[=:][ \t]{{0,3}}(?P<block>[>|][+-]?\d?|\"\"\"|''')?[\\(]?{_BREAK}"
    rf"|{_BREAK}[=:][ \t]{{0,3}}(?:{_BREAK})?)(?:- )?{_PLACEHOLDER}(?:"
    rf"\"([^\"\n]{{4,}})\"|'([^'\n]{{4,}})'|(?(block)([^\s\x01\"'][^\n\x01\"']{{3,}})|(?!))"
    rf"|(?![/~]|[a-z_.-]{{1,40}}=[^=]|[\w.]{{1,30}}\(|[^\s]{{0,20}}://)"
    rf"{_HAS_DIGIT}([^\s\"'\\:\x01]{{6,}})[,;]?[ \t]{{0,2}}(?=\n|\Z))"
    # A tuple of name and value; an argument and its value in a list.
    rf"|(?<=[\"'])\s?,(?:{_BREAK}|\s{{0,2}})b?\\{{0,3}}[\"']{_PLACEHOLDER}"
    rf"(?:{_HAS_DIGIT}([^\s\"'\\]{{7,}})|(?(flag)(?!-)([^\"'\\\n]{{4,}})|(?!)))"
    # An object with the members name and value; an element of XML.
    rf"|(?<![ \t]){PAIRED}([^\"'<>,;\s]{{4,}})"
    rf"|>{_PLACEHOLDER}([^<>\n]{{4,}})</"
    rf"|</\w{{1,16}}>\s{{0,8}}<value>{_PLACEHOLDER}([^<>\n]{{4,}})<"
    # Escaped for a URL, HTML or JSON.
    rf"|{_ESCAPED_QUOTE}(?:\s?[:=]|%(?:25)?3[ad])(?:\s|%(?:25)?20)?{_ESCAPED_QUOTE}{_PLACEHOLDER}([^&%\\\s\"']{{4,}})"
    rf"|%(?:25)?3d{_PLACEHOLDER}([^&%\\\s\"']{{4,}})"
    # A column of a table, at its end.
    rf"|(?:\t|[ ]{{2,40}}){_PLACEHOLDER}{_HAS_DIGIT}([^\s\"'=:]{{7,}}={{0,2}})[ \t]{{0,8}}(?=\n|\Z)"
    # --api-key value
    rf"|(?(flag)(?<![\"'])(?:\s|[ \t]?\\{_BREAK}|{_BREAK}- |\n\x01\n{_HAS_DIGIT})(?!-)"
    rf"{_PLACEHOLDER}[\"']?([^\s\"']{{6,}})|(?!))"
    # --wandb_api_key value
    rf"|(?(joined)(?<![\"'])\s(?!-){_PLACEHOLDER}{_HAS_DIGIT}[\"']?([^\s\"']{{12,}})|(?!)))"
)
"""Between a name that announces a secret and its value. In lower-cased text, as everything here; the groups `flag` and
`joined` have matched if the name ends an argument such as `--api-key` or `--wandb_api_key`."""
