"""Shell completion for bash, zsh and fish, generated from the command table. Pure.

It completes subcommands, options, help topics and files. Jobs are not completed: that would ask the platforms at each
press of Tab.
"""

from collections.abc import Callable, Mapping

from bot.commands.subcommands.shell import SHELLS_WITH_COMPLETION
from bot.commands.subcommands.spec import Frontend, Option
from bot.commands.subcommands.table import subcommands
from bot.terminal.colour_option import COLOUR
from bot.terminal.topics import TOPICS

_TAKES_FILES = ("scan", "rules")
_UNQUOTED = str.maketrans(":[]", " ()", "'`\\")
_WORDS_OF = {"rules": ("test",), "db": ("upgrade",), "completion": SHELLS_WITH_COMPLETION}
"""What follows a subcommand, where it is fixed."""


def completion_script(shell: str) -> str:
    """Return the script of one of `SHELLS_WITH_COMPLETION`."""
    return _SCRIPTS[shell]()


def _options() -> dict[str, tuple[Option, ...]]:
    help_option = Option("--help", "Show help.", short="-h")
    return {one.name: (*one.options_of(Frontend.SHELL), COLOUR, help_option) for one in subcommands(Frontend.SHELL)}


def _words(name: str) -> tuple[str, ...]:
    if name == "help":
        return (*_options(), *TOPICS)
    return _WORDS_OF.get(name, ())


def _plain(text: str) -> str:
    """Text that needs no quoting inside single quotes, in any of the shells."""
    return text.translate(_UNQUOTED)


def _bash() -> str:
    cases = []
    for name, options in _options().items():
        flags = " ".join(word for option in options for word in (option.name, option.short) if word)
        cases.append(f"    {name}) options='{flags}'; words='{' '.join(_words(name))}' ;;")
    return f"""# bash completion of trainwatch. Load it with: source <(trainwatch completion bash)
_trainwatch() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} options='' words=''
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '{" ".join(_options())} --help --version' -- "$current"))
    return
  fi
  case ${{COMP_WORDS[1]}} in
{chr(10).join(cases)}
  esac
  case $current in
    -*) COMPREPLY=($(compgen -W "$options" -- "$current")) ;;
    *) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
  esac
}}
complete -o default -F _trainwatch trainwatch
"""


def _zsh() -> str:
    named = "\n".join(f"    '{one.name}:{_plain(one.help)}'" for one in subcommands(Frontend.SHELL))
    cases = []
    for name, options in _options().items():
        rows = " ".join(f"'{option.name}:{_plain(option.help)}'" for option in options)
        cases.append(f"    {name}) options=({rows}); words_of=({' '.join(_words(name))}) ;;")
    return f"""#compdef trainwatch
# zsh completion of trainwatch. Save it as _trainwatch in a folder of $fpath, or: source <(trainwatch completion zsh)
_trainwatch() {{
  local -a subcommands options words_of
  subcommands=(
{named}
  )
  if (( CURRENT == 2 )); then
    _describe subcommand subcommands
    return
  fi
  case $words[2] in
{chr(10).join(cases)}
  esac
  if [[ $PREFIX == -* ]]; then
    _describe option options
  elif (( $#words_of )); then
    compadd -- $words_of
  else
    _files
  fi
}}
if [[ $funcstack[1] == _trainwatch ]]; then _trainwatch "$@"; else compdef _trainwatch trainwatch; fi
"""


def _fish() -> str:
    lines = [
        "# fish completion of trainwatch. Load it with: trainwatch completion fish | source",
        "complete -c trainwatch -f",
    ]
    for one in subcommands(Frontend.SHELL):
        lines.append(f"complete -c trainwatch -n __fish_use_subcommand -a {one.name} -d '{_plain(one.help)}'")
        seen = f"complete -c trainwatch -n '__fish_seen_subcommand_from {one.name}'"
        if one.name in _TAKES_FILES:
            lines.append(f"{seen} -F")
        if _words(one.name):
            lines.append(f"{seen} -a '{' '.join(_words(one.name))}'")
        for option in _options()[one.name]:
            short = f" -s {option.short[1:]}" if option.short else ""
            value = (" -r -F" if option.value == "FILE" else " -x") if option.value else ""
            lines.append(f"{seen} -l {option.name[2:]}{short}{value} -d '{_plain(option.help)}'")
    return "\n".join(lines) + "\n"


_SCRIPTS: Mapping[str, Callable[[], str]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
