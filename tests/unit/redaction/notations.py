"""Further notations in which a log may show a name and its secret value."""

from __future__ import annotations

from collections.abc import Callable


def _camel(name: str) -> str:
    return name.title().replace("_", "")


def _flag(name: str) -> str:
    return "--" + name.lower().replace("_", "-")


NOTATIONS: dict[str, Callable[[str, str], list[str]]] = {
    "XML": lambda name, value: [f"<{name.lower()}>{value}</{name.lower()}>"],
    "attributes of XML": lambda name, value: [f'<add key="{name}" value="{value}" />'],
    "a property of XML": lambda name, value: [
        f"<property><name>{name.lower()}</name><value>{value}</value></property>"
    ],
    "a variable of Kubernetes": lambda name, value: [f"- name: {name}", f"  value: {value}"],
    "a quoted variable of Kubernetes": lambda name, value: [f"    - name: {name}", f'      value: "{value}"'],
    "a variable in JSON": lambda name, value: [f'{{"name": "{name}", "value": "{value}"}}'],
    "a capitalized variable in JSON": lambda name, value: [f'{{"Name":"{name}","Value":"{value}"}}'],
    "a variable in lines of JSON": lambda name, value: ["{", f'  "name": "{name}",', f'  "value": "{value}"', "}"],
    "docker inspect": lambda name, value: [f'"Env": ["PATH=/bin", "{name}={value}"]'],
    "systemd": lambda name, value: [f'Environment="{name}={value}"'],
    "PowerShell": lambda name, value: [f'$env:{name} = "{value}"'],
    "cmd": lambda name, value: [f"set {name}={value}"],
    "three lines": lambda name, value: [name, "=", value],
    "a sign on the next line": lambda name, value: [name, f"= {value}"],
    "columns": lambda name, value: [f"{name.lower():<40} {value}  "],
    "a table": lambda name, value: [f"| {name.lower()} | {value} |"],
    "a framed table": lambda name, value: [f"│ {name.lower():<30} │ {value} │"],
    "HTML": lambda name, value: [f"&quot;{name.lower()}&quot;: &quot;{value}&quot;"],
    "JSON in a URL": lambda name, value: [f"%7B%22{name.lower()}%22%3A%20%22{value}%22%7D"],
    "a query": lambda name, value: [f"GET /x?a=1&{name.lower()}={value}&b=2 HTTP/1.1"],
    "the first of a query": lambda name, value: [f"GET /x?{name.lower()}={value} HTTP/1.1"],
    "a query in a URL": lambda name, value: [f"next=%2Fx%3F{name.lower()}%3D{value}%26b%3D2"],
    "a form": lambda name, value: [f"a=1&{name.lower()}={value}"],
    "arguments in JSON": lambda name, value: [f'["train.py", "{_flag(name)}", "{value}", "--lr", "1"]'],
    "sys.argv": lambda name, value: [f"['train.py', '--{name.lower()}', '{value}']"],
    "arguments on lines": lambda name, value: ["[", f'  "{_flag(name)}",', f'  "{value}",', '  "--lr"'],
    "an argument in a list": lambda name, value: [f"['train.py', '--{name.lower()}={value}']"],
    "an argument after a space": lambda name, value: [f"train.py {_flag(name)} '{value}' --x"],
    "dotted TOML": lambda name, value: [f'auth.{name.lower()} = "{value}"'],
    "TOML over lines": lambda name, value: [f'{name.lower()} = """', f'{value}"""'],
    "INI": lambda name, value: [f"{name.lower()}={value} ; comment"],
    "Ruby": lambda name, value: [f":{name.lower()} => '{value}'"],
    "Rust": lambda name, value: [f'Config {{ {name.lower()}: Some("{value}"), x: 1 }}'],
    "Go": lambda name, value: [f"{{{_camel(name)}:{value} Host:x}}"],
    "camel case": lambda name, value: [f'"{_camel(name)}": "{value}"'],
    "a header": lambda name, value: [f"X-{name.title().replace('_', '-')}: {value}"],
    "a tuple": lambda name, value: [f"dict_items([('a', 'b'), ('{name}', '{value}')])"],
    "bytes": lambda name, value: [f"{{b'{name.lower()}': b'{value}'}}"],
    "SecretStr": lambda name, value: [f"{name.lower()}=SecretStr('{value}')"],
    "JSON in JSON in JSON": lambda name, value: [rf'"{{\\\"{name.lower()}\\\": \\\"{value}\\\"}}"'],
    "escaped quotes": lambda name, value: [rf"\u0022{name.lower()}\u0022:\u0022{value}\u0022"],
    "YAML with a comment": lambda name, value: [f"  {name.lower()}: {value}  # rotate"],
    "logfmt": lambda name, value: [f"time=2026 level=info {name.lower()}={value} msg=x"],
    "colours": lambda name, value: [f"\x1b[1m{name.lower()}\x1b[0m: \x1b[32m{value}\x1b[0m"],
    "NUL bytes": lambda name, value: [f"HOME=/root\0{name}={value}\0PATH=/bin"],
    "a trace of bash": lambda name, value: [f"+ {name}={value}"],
}
ESCAPED = ("JSON in a URL", "a query in a URL", "three lines", "a sign on the next line")
"""Notations that would change a value with special characters."""
