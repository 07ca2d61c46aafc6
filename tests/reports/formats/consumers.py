"""What each format is for: programs of others that read it, and what they make of a report."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
from junitparser import JUnitXml
from markdown_it import MarkdownIt
from prometheus_client.parser import text_string_to_metric_families
from tap.parser import Parser  # type: ignore[import-untyped]
from tinyhtml5.parser import HTMLParser  # type: ignore[import-untyped]

from tabbydoctor.reports.schema import json_schema

Read = Callable[[str], Any]
_COMMAND = re.compile(r"::(error|warning|notice) ([^:\n]*)::([^\n]*)")
_STATUS = re.compile(r"TABBYDOCTOR (OK|WARNING|CRITICAL|UNKNOWN) - ([^|\n]*)(?:\| ([^|\n]*))?")
_DATUM = re.compile(r"([^\s=']+)=(-?[\d.]+)(|s|%);([\d.]*);([\d.]*);([\d.]*)(?:;([\d.]*))?")


def jsonl(text: str) -> list[dict[str, Any]]:
    """Each line by the schema of what it holds."""
    lines = [json.loads(line) for line in text.splitlines()]
    parts = json_schema()["$defs"]
    for line in lines:
        if line["type"] == "run":
            part = parts["check"] | {"required": [*line.keys() - {"type"}]}
            assert parts["check"]["required"] == [
                *(name for name in parts["check"]["required"] if name in line or name in _SPLIT)
            ]
        else:
            part = parts[{"check": "result", "root": "root", "error": "error"}[line["type"]]]
        jsonschema.Draft202012Validator({**part, "$defs": parts}).validate(line)
    return lines


_SPLIT = ("checks", "diagnosis")


def junit(text: str) -> JUnitXml:
    """By the library that CI tools use; the counts are those of its own counting."""
    found = JUnitXml.fromstring(text.encode())
    told = (found.tests, found.failures, found.errors, found.skipped)
    found.update_statistics()  # type: ignore[no-untyped-call]
    assert told == (found.tests, found.failures, found.errors, found.skipped)
    return found


def sarif(text: str) -> dict[str, Any]:
    """By the rules that GitHub's code scanning has beyond the schema."""
    log: dict[str, Any] = json.loads(text)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"]
        assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    return log


def tap(text: str) -> list[Any]:
    """By tap.py, with the diagnostics parsed."""
    assert text.startswith("TAP version 14\n")
    as_13 = text.replace("TAP version 14", "TAP version 13", 1)
    lines = list(Parser().parse_text(as_13))
    assert [str(one) for one in lines if one.category == "unknown"] == []
    assert all(one.yaml_block for one in lines if one.category == "test" and not one.ok)
    return lines


def nagios(text: str) -> tuple[str, str, dict[str, float]]:
    """Word, text and performance data, by the plugin guidelines."""
    first, *others = text.splitlines()
    found = _STATUS.fullmatch(first)
    assert found is not None, first
    assert "|" not in "".join(others)
    data = {}
    for datum in (found[3] or "").split():
        one = _DATUM.fullmatch(datum)
        assert one is not None, datum
        data[one[1]] = float(one[2])
    return found[1], found[2].strip(), data


def prometheus(text: str) -> dict[tuple[str, ...], float]:
    """By the client library; name and labels -> value."""
    families = list(text_string_to_metric_families(text))
    assert all(family.documentation for family in families)
    samples = [sample for family in families for sample in family.samples]
    return {(one.name, *one.labels.values()): one.value for one in samples}


def github(text: str) -> list[tuple[str, dict[str, str], str]]:
    """Every line as the runner takes it: a command, its properties, its message."""
    found = []
    for line in text.splitlines():
        command = _COMMAND.fullmatch(line)
        assert command is not None, line
        properties = dict(one.split("=", 1) for one in command[2].split(","))
        decoded = {name: _decoded(value) for name, value in properties.items()}
        found.append((command[1], decoded, _decoded(command[3])))
    return found


def _decoded(text: str) -> str:
    for code, char in (("%0A", "\n"), ("%0D", "\r"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, char)
    return text


def markdown(text: str) -> list[Any]:
    """By CommonMark with tables: no HTML but the fold, no link, no person, no issue."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    inner = [child for token in tokens for child in token.children or ()]
    html = [one.content for one in (*tokens, *inner) if one.type.startswith("html")]
    assert all(re.fullmatch(r"(</?details>|<summary>[\w ]+</summary>|\s)*", one) for one in html)
    assert not [one for one in inner if one.type in ("link_open", "image")]
    said = "".join(one.content for one in inner if one.type == "text")
    assert not re.search(r"(?<!\w)@\w|#\d", said)
    return tokens


def html(text: str) -> ElementTree.Element:
    """By the parsing rules of HTML without an error: no script, nothing that is fetched or acts."""
    parser = HTMLParser(namespace_html_elements=False)
    page: ElementTree.Element = parser.parse(text)
    assert parser.errors == []
    tags = {one.tag.rpartition("}")[2] for one in page.iter() if isinstance(one.tag, str)}
    assert not tags & {"script", "iframe", "img", "object", "form", "base", "image", "use", "link"}
    for one in page.iter():
        for name, value in one.attrib.items():
            assert not name.startswith("on")
            assert name not in ("src", "style", "action", "xlink:href")
            assert name != "href" or value.startswith("#")
    ids = [one.attrib["id"] for one in page.iter() if "id" in one.attrib]
    assert len(ids) == len(set(ids))
    linked = {one.attrib["href"][1:] for one in page.iter("a")}
    assert linked <= set(ids)
    levels = [int(str(one.tag)[1]) for one in page.iter() if re.fullmatch(r"h\d", str(one.tag))]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    return page


CONSUMERS: Mapping[str, Read] = {
    "jsonl": jsonl,
    "junit": junit,
    "sarif": sarif,
    "tap": tap,
    "nagios": nagios,
    "prometheus": prometheus,
    "github": github,
    "markdown": markdown,
    "html": html,
}


def run_consumer(argv: list[str], text: str, suffix: str) -> subprocess.CompletedProcess[str]:
    """A program of the format's own, given the text as a file behind its arguments."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, f"report{suffix}")
        file.write_text(text)
        return subprocess.run([*argv, str(file)], capture_output=True, text=True, check=False)
