"""Sources written to cost the reader time or memory: each a few lines, or one line without end."""

from __future__ import annotations

from collections.abc import Mapping

HEAD = 'import httpx\nTABBY = "http://127.0.0.1:5000"\nx = "0123456789"\n'
TAIL = (
    "\n\nasync def ready():\n    async with httpx.AsyncClient() as c:\n"
    '        return (await c.get(f"{TABBY}/v1/models")).status_code == 200\n'
)
_TEN = "{0}" * 10
_LOOP = "for a in range(9):\n    for b in range(9):\n        {}\n"


def _around(lines: str) -> str:
    return f"{HEAD}{lines}{TAIL}"


def _repeated(line: str, times: int) -> str:
    return _around("\n".join([line] * times))


GROWING: Mapping[str, str] = {
    "added to itself": _repeated("x = x + x", 28),
    "added in place": _repeated("x += x", 60),
    "format": _repeated(f"x = '{_TEN}'.format(x)", 30),
    "format of many fields": _repeated(f"x = '{'{0}' * 50_000}'.format(x)", 4),
    "percent": _repeated(f"x = '{'%s' * 10}' % (x, x, x, x, x, x, x, x, x, x)", 30),
    "f-string": _repeated("x = f'{x}{x}{x}{x}{x}{x}{x}{x}{x}{x}'", 30),
    "replace": _repeated("x = x.replace('0', x)", 30),
    "replace of nothing": _repeated("x = x.replace('', x)", 30),
    "join": _repeated("x = x.join([x, x, x, x, x])", 30),
    "multiplied": _around("x = x * 10**9\ny = 'a' * 10**9\nz = 10**9 * [x]\nw = b'a' * 10**9"),
    "padded": _around("x = x.ljust(10**9)\ny = x.zfill(10**9)\nz = f'{x:>1000000000}'"),
    "power": _around("x = 9 ** 9 ** 9\ny = 2 << 10**9\nz = 10 ** 10 ** 10"),
    "sum of numbers": _around("n = 1\n" + "n = n + n\n" * 5_000 + "s = f'{n}'"),
    "unknown pieces": _around(
        "import os\nx = os.environ['A']\n" + "x = f'{x}-{x}'\n" * 40 + "y = x.upper()"
    ),
    "a list in itself": _around("x = [x]\n" + "x = [x, x]\n" * 60 + "y = x == x\nz = x in [x]"),
    "a list added": _around("x = [1, 2]\n" + "x = x + x\n" * 40),
    "a list extended": _around("x = [1, 2]\n" + "x.extend(x)\n" * 40),
    "a list spread": _around("x = [1, 2]\n" + "x = [*x, *x]\n" * 40),
    "a dictionary in itself": _around("x = {}\n" + "x = {'a': x, 'b': x}\n" * 60),
    "a dictionary put": _around("x = {}\n" + "x[str(x)] = x\n" * 60),
    "an object in itself": _around(
        "class A:\n    pass\na = A()\n" + "a.x = a\na.y = a\n" * 60 + "b = a == a"
    ),
    "bound in itself": _around(
        "from functools import partial\nf = print\n" + "f = partial(f, f, f)\n" * 60
    ),
    "a loop that doubles": _around(_LOOP.format("x = x + x")),
    "json": _around("import json\nx = json.loads('" + "[" * 90_000 + "')"),
    "json of numbers": _around(f"import json\nx = json.loads('{'9' * 90_000}')"),
}
"""Values that grow beyond all measure."""

_MAYBE = "import os\nq = os.environ['Q']\n"
BRANCHING: Mapping[str, str] = {
    "comprehensions in each other": _around(
        "r = [1,2,3,4,5,6,7,8,9]\ny = ["
        + "a0 "
        + " ".join(f"for a{i} in r" for i in range(12))
        + "]"
    ),
    "a product of alternatives": _around(
        _MAYBE
        + "\n".join(f"if q == '{i}':\n    x = '{i}'" for i in range(60))
        + "\ny = ("
        + ",".join(["x"] * 40)
        + ")"
    ),
    "conditions one after another": _around(
        "import os\n" + "\n".join(f"v{i} = 1 if os.environ.get('A{i}') else 2" for i in range(400))
    ),
    "conditions in one expression": _around(
        "import os\ny = ("
        + ",".join(f"1 if os.environ.get('A{i}') else 2" for i in range(200))
        + ")"
    ),
    "calls of each other": _around(
        "\n".join(
            f"def f{i}(x):\n    f{i + 1}(x + 'a'); f{i + 1}(x + 'b'); return f{i + 1}(x)"
            for i in range(200)
        )
    ),
    "loops in each other": _around(
        "r = list('0123456789' * 10) or [1,2,3,4,5,6,7,8,9]\n"
        + "\n".join("    " * i + f"for a{i} in [1,2,3,4,5,6,7,8,9]:" for i in range(15))
        + "\n"
        + "    " * 15
        + "x = x + 'a'"
    ),
    "handlers in each other": _around(
        "\n".join("    " * i + "try:" for i in range(18))
        + "\n"
        + "    " * 18
        + "x = 1\n"
        + "\n".join(
            "    " * i + "except ValueError:\n" + "    " * (i + 1) + f"x = {i}"
            for i in reversed(range(18))
        )
    ),
    "many names": _around("\n".join(f"n{i} = {i}" for i in range(6_000))),
    "many functions": _around("\n".join(f"def f{i}(a): return a" for i in range(8_000))),
    "many closures": _around(
        "def outer():\n" + "\n".join(f"    n{i} = lambda: {i}" for i in range(4_000))
    ),
    "many calls": _around("c = httpx.Client()\nu = TABBY + '/v1/models'\n" + "c.get(u)\n" * 5_000),
    "many calls in a function": _around(
        "c = httpx.Client()\nu = TABBY + '/v1/models'\ndef f(k):\n" + "    c.get(u)\n" * 5_000
    ),
}
"""Ways through the code that are too many to be followed."""

REFUSED: Mapping[str, str] = {
    "not": _around("y = " + "not " * 50_000 + "x"),
    "minus": _around("y = " + "-" * 50_000 + "1"),
    "brackets": _around("y = " + "[" * 50_000 + "]" * 50_000),
    "parentheses": _around("y = " + "(" * 150 + "1" + ")" * 150 + "\nz = " + "(" * 50_000),
    "lambdas": _around("y = " + "lambda: " * 50_000 + "1"),
    "attributes": _around("y = x" + ".a" * 50_000),
    "calls": _around("y = x" + "()" * 50_000),
    "subscripts": _around("y = x" + "[0]" * 50_000),
    "sum": _around("y = " + "1 + " * 50_000 + "1"),
    "choices": _around("y = " + "1 if x else " * 50_000 + "2"),
    "elif": _around("if x: pass\n" + "elif x: pass\n" * 50_000),
    "blocks": _around("\n".join(" " * i + "if x:" for i in range(99)) + "\n" + " " * 99 + "y = 1"),
    "an integer": _around("y = " + "9" * 500_000),
    "a hexadecimal integer": _around("y = 0x" + "f" * 500_000 + "\nz = f'{y}'"),
    "a NUL": _around("y = 1\0"),
    "one line of names": _around("y = [" + "a," * 500_000 + "]"),
    "f-strings in each other": _around("y = " + "f'{" * 90 + "x" + "}'" * 90),
    "decorators": _around("@x\n" * 50_000 + "def f(): pass"),
    "an annotation": _around("def f(a: " + "x[" * 5_000 + "]" * 5_000 + "): pass"),
    "surrogates": _around("y = '\ud800'"),
}
"""Sources that a parser cannot take, or takes only at a price."""

HOSTILE: Mapping[str, str] = {**GROWING, **BRANCHING, **REFUSED}
