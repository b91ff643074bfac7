"""Execute statements of SQLAlchemy on SQLite without its engine, which takes longer than SQLite does.

SQLAlchemy compiles each form of a statement once and converts parameters and results. Only the way between is short.
"""

from __future__ import annotations

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import BindParameter
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.sql.cache_key import CacheKey
from sqlalchemy.sql.compiler import SQLCompiler

Parameters = Mapping[str, Any]
_Source = tuple[str, int | None, Any]
"""A parameter's key, its position among the values of a statement itself, and its default."""
_Place = tuple[_Source, int | None, Callable[[Any], Any] | None]
"""Of a question mark: the parameter, the index of the value in its list, and the conversion."""


class Rows:
    """The result of a statement: the methods of a Result that the store calls."""

    def __init__(self, rows: Sequence[Any], rowcount: int = -1) -> None:
        self._rows, self.rowcount = rows, rowcount

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def all(self) -> Sequence[Any]:
        return self._rows

    def one(self) -> Any:
        (row,) = self._rows
        return row

    def one_or_none(self) -> Any:
        return self.one() if self._rows else None

    def scalar(self) -> Any:
        return self._rows[0][0] if self._rows else None

    def scalar_one(self) -> Any:
        return self.one()[0]

    def scalars(self) -> Rows:
        return Rows([row[0] for row in self._rows])

    def mappings(self) -> Rows:
        return Rows([row._asdict() for row in self._rows])


class StatementRunner:
    """Executes statements on one connection. Compiled statements are kept."""

    def __init__(self, disk: sqlite3.Connection) -> None:
        self._disk, self._dialect = disk, SQLiteDialect_pysqlite()
        self._compiled: dict[object, _Compiled] = {}
        self._keys: WeakKeyDictionary[Any, CacheKey | None] = WeakKeyDictionary()

    def execute(self, statement: Any, parameters: Parameters | Sequence[Parameters] = ()) -> Rows:
        """Execute a statement once, or with each of several sets of parameters."""
        several = [parameters] if isinstance(parameters, Mapping) else parameters or [{}]
        compiled, key = self._compile(statement, tuple(several[0]))
        rowcount, rows = 0, []
        for one in several:
            cursor = self._disk.execute(*compiled.bind(one, key))
            rows += compiled.read(cursor)
            rowcount += cursor.rowcount
        return Rows(rows, rowcount)

    def _compile(self, statement: Any, names: tuple[str, ...]) -> tuple[_Compiled, CacheKey | None]:
        try:
            key = self._keys[statement]
        except KeyError:
            key = self._keys[statement] = statement._generate_cache_key()
        if key is None:  # its form depends on its values
            return _Compiled(statement, names, None, self._dialect), None
        known = self._compiled.get((key.key, names))
        if known is None:
            known = self._compiled[key.key, names] = _Compiled(statement, names, key, self._dialect)
        return known, key


class _Compiled:
    """The SQL of all statements of one form."""

    def __init__(
        self, statement: Any, names: Sequence[str], key: CacheKey | None, dialect: SQLiteDialect_pysqlite
    ) -> None:
        self._sql: SQLCompiler = statement._compiler(dialect, cache_key=key, column_keys=list(names))
        prefetched = (*self._sql.insert_prefetch, *self._sql.update_prefetch)
        self._defaults = {str(one.key): one.default.arg for one in prefetched}
        positions = {} if key is None else self._positions_in(key)
        binds = [(name, self._sql.binds[name]) for name in dict.fromkeys(self._sql.positiontup or ())]
        self._sources = {name: self._source(bind, positions) for name, bind in binds}
        self._lists = [self._sources[name] for name, bind in binds if bind in self._sql.post_compile_params]
        self._expanded: dict[tuple[int, ...], tuple[str, Sequence[_Place]]] = {}
        columns = self._sql._result_columns
        self._row: Any = namedtuple("Row", [one.keyname for one in columns], rename=True)  # type: ignore[misc]
        converts = [one.type._cached_result_processor(dialect, None) for one in columns]
        self._converts = [(index, convert) for index, convert in enumerate(converts) if convert is not None]

    def _positions_in(self, key: CacheKey) -> dict[BindParameter[Any], int]:
        """Where the value of each parameter is in the key of a statement of this form."""
        copies = (self._sql._cache_key_bind_match or ({}, {}))[0]
        return {copy: index for index, bind in enumerate(key.bindparams) for copy in copies[bind]}

    def _source(self, bind: BindParameter[Any], positions: Mapping[BindParameter[Any], int]) -> _Source:
        return bind.key, positions.get(bind), self._defaults.get(bind.key, bind.effective_value)

    def bind(self, given: Parameters, key: CacheKey | None) -> tuple[str, list[Any]]:
        """Return SQL and the values of its question marks."""
        own = () if key is None else key.bindparams
        lengths = tuple([len(_value(one, given, own)) for one in self._lists])
        if lengths not in self._expanded:
            self._expanded[lengths] = self._expand(
                {name: _value(one, given, own) for name, one in self._sources.items()}
            )
        sql, places = self._expanded[lengths]
        values = []
        for source, index, convert in places:
            value = _value(source, given, own)
            if index is not None:
                value = value[index]
            values.append(value if convert is None else convert(value))
        return sql, values

    def _expand(self, values: Mapping[str, Any]) -> tuple[str, Sequence[_Place]]:
        """Return SQL with a question mark for each value of a list, and where its values are."""
        state = self._sql._process_parameters_for_postcompile(dict(values))
        converts: Mapping[str, Any] = self._sql._bind_processors
        found = {one: (name, i) for name, names in state.parameter_expansion.items() for i, one in enumerate(names)}
        places = [found.get(one, (one, None)) for one in state.positiontup or ()]
        return state.statement, [(self._sources[name], index, converts.get(name)) for name, index in places]

    def read(self, cursor: sqlite3.Cursor) -> list[Any]:
        """Return the rows."""
        rows, converts = cursor.fetchall(), self._converts
        if not converts:
            return [self._row._make(one) for one in rows]
        found = []
        for raw in rows:
            values = list(raw)
            for index, convert in converts:
                values[index] = convert(values[index])
            found.append(self._row._make(values))
        return found


def _value(source: _Source, given: Parameters, own: Sequence[BindParameter[Any]]) -> Any:
    """Return the value of a parameter: as given, of the statement itself, or the default."""
    key, position, default = source
    if key in given:
        return given[key]
    return default if position is None else own[position].value
