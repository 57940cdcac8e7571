"""Requests and answers held against a provider's OpenAPI document."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from openapi_schema_validator import OAS30Validator

_METHODS = ("get", "post", "put", "patch", "delete")


class Spec:
    """One OpenAPI 3.0 document; paths are asked for without the server's own."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document

    @classmethod
    def of(cls, path: Path) -> Spec:
        words = path.read_text()
        return cls(json.loads(words) if path.suffix == ".json" else yaml.safe_load(words))

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], str]]:
        """Paths with fewer names in braces come first: they say more closely what is meant."""
        paths = sorted(self.document["paths"], key=lambda it: it.count("{"))
        return [(re.compile(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(path))), path) for path in paths]

    def operation(self, method: str, path: str) -> dict[str, Any]:
        """What the document says of it; fails where it knows no such path or method."""
        for pattern, template in self._patterns:
            if pattern.fullmatch(path) and method.lower() in self.document["paths"][template]:
                shared = self.document["paths"][template].get("parameters", [])
                told = self.document["paths"][template][method.lower()]
                return {**told, "parameters": [self._resolved(it) for it in [*shared, *told.get("parameters", [])]]}
        raise AssertionError(f"the document knows no {method} {path}")

    def problems_of_request(self, method: str, path: str, query: Mapping[str, str], body: Any = None) -> list[str]:
        """Parameters that are not declared, lack or do not fit, and what is wrong with the body."""
        operation = self.operation(method, path)
        declared = {it["name"]: it for it in operation["parameters"] if it["in"] == "query"}
        problems = [f"{name} is not declared" for name in query if name not in declared]
        for name, parameter in declared.items():
            if name in query:
                schema = parameter.get("schema", {})
                problems += [
                    f"{name}: {it}" for it in self.problems(_typed(query[name], self._resolved(schema)), schema)
                ]
            elif parameter.get("required"):
                problems.append(f"{name} is missing")
        content = self._resolved(operation.get("requestBody", {})).get("content", {})
        for media in list(content.values())[:1]:
            problems += self.problems(body, media.get("schema", {}))
        return problems

    def problems_of_answer(self, method: str, path: str, status: int, body: Any, *, nulls: bool = True) -> list[str]:
        """What is wrong with an answer; not `nulls`: a null counts as "not there"."""
        answers = self.operation(method, path)["responses"]
        told = answers.get(str(status)) or answers.get("default")
        if told is None:
            return [f"status {status} is not declared"]
        content = self._resolved(told).get("content", {})
        media = next((it for name, it in content.items() if "json" in name or name == "*/*"), None)
        if media is None:
            return []
        return self.problems(body if nulls else without_nulls(body), media.get("schema", {}))

    def problems_of(self, name: str, value: Any, *, nulls: bool = True) -> list[str]:
        """What is wrong with a value of the schema of that name."""
        return self.problems(value if nulls else without_nulls(value), {"$ref": f"#/components/schemas/{name}"})

    def problems(self, value: Any, schema: Mapping[str, Any]) -> list[str]:
        whole = {"allOf": [schema], "components": self.document.get("components", {})}
        return [f"{'/'.join(map(str, it.path))}: {it.message}" for it in OAS30Validator(whole).iter_errors(value)]

    def _resolved(self, told: Mapping[str, Any]) -> dict[str, Any]:
        reference = told.get("$ref")
        if not reference:
            return dict(told)
        found: Any = self.document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        return self._resolved(found)


def without_nulls(value: Any) -> Any:
    """The value without the keys that hold null."""
    if isinstance(value, dict):
        return {key: without_nulls(it) for key, it in value.items() if it is not None}
    return [without_nulls(it) for it in value] if isinstance(value, list) else value


def _typed(value: str, schema: Mapping[str, Any]) -> Any:
    """What a query's text stands for."""
    kind = schema.get("type")
    try:
        if kind == "integer":
            return int(value)
        if kind == "number":
            return float(value)
    except ValueError:
        return value
    return value == "true" if kind == "boolean" and value in ("true", "false") else value
