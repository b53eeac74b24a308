"""YAML for people: every plain value is the text that stands in the file, and no key may stand twice.

What may surprise: `true`, `1` and `007` stay text. A badge number, a column named 1 or `keep: {granted: [true]}` then
mean what they look like, where YAML's own rules would make them a truth value, a number, or the octal number 7.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

NULL_TAG = "tag:yaml.org,2002:null"


class WrittenMapping(dict[str, Any]):
    """A mapping that knows on which line each of its keys stands."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, int] = {}


def line_of(mapping: object, key: str) -> int | None:
    """The line of a key, 1 for the first; None where the mapping does not know."""
    return mapping.lines.get(key) if isinstance(mapping, WrittenMapping) else None


class _TextLoader(yaml.SafeLoader):
    """PyYAML's safe loader without its guesses at types; only nothing, `~` and `null` are still None."""


_TextLoader.yaml_implicit_resolvers = {
    first: kept
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    if (kept := [(tag, pattern) for tag, pattern in resolvers if tag == NULL_TAG])
}


def _mapping_without_doubles(loader: _TextLoader, node: yaml.MappingNode) -> dict[str, Any]:
    found = WrittenMapping()
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            raise yaml.constructor.ConstructorError(None, None, "a key must be a text", key_node.start_mark)
        if key in found:
            raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} stands twice", key_node.start_mark)
        found[key] = loader.construct_object(value_node, deep=True)
        found.lines[key] = key_node.start_mark.line + 1
    return found


_TextLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping_without_doubles)


def read_yaml_text(path: Path) -> object:
    """The mappings, lists and texts of a YAML file; raises `ValueError` with one line that says what and where."""
    try:
        return yaml.load(path.read_bytes().decode("utf-8-sig"), Loader=_TextLoader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}: " if mark else ""
        raise ValueError(f"{where}{error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise ValueError(str(error).splitlines()[0]) from error
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8: save it as UTF-8") from error
    except RecursionError as error:
        raise ValueError("it refers to itself, or is nested too deep") from error
    except OSError as error:
        raise ValueError(f"{error.strerror or error}") from error
