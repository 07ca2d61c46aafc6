"""What each kind of statement does."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterator
from typing import Any

from tabbydoctor.source.attributes import attribute, of_module, of_object
from tabbydoctor.source.engine import STATEMENTS, Engine, EvaluatedCall, Flow
from tabbydoctor.source.guards import ALWAYS, Guard, both, common
from tabbydoctor.source.iteration import rounds
from tabbydoctor.source.operators import operate
from tabbydoctor.source.targets import assign, delete
from tabbydoctor.source.truth import arms, narrow
from tabbydoctor.source.values import (
    WHATEVER,
    Class,
    Function,
    Name,
    Object,
    Scope,
    Symbol,
    Value,
    Values,
    Yielded,
    first,
    likely,
    only,
)


def _handles(*kinds: type[ast.stmt]) -> Callable[[Any], Any]:
    def register(function: Any) -> Any:
        for kind in kinds:
            STATEMENTS[kind] = function
        return function

    return register


@_handles(ast.Expr)
def _expression(run: Engine, node: ast.Expr) -> Flow:
    if not isinstance(node.value, ast.Constant):
        run.evaluate(node.value)
    return ""


@_handles(ast.Assign)
def _assign(run: Engine, node: ast.Assign) -> Flow:
    values = run.evaluate(node.value)
    for target in node.targets:
        assign(run, target, values)
    return ""


@_handles(ast.AnnAssign)
def _annotated(run: Engine, node: ast.AnnAssign) -> Flow:
    if node.value is not None:
        assign(run, node.target, run.evaluate(node.value))
    return ""


@_handles(ast.AugAssign)
def _augmented(run: Engine, node: ast.AugAssign) -> Flow:
    before, more, operator = run.evaluate(node.target), run.evaluate(node.value), node.op
    lasting = not isinstance(node.target, ast.Name) or node.target.id in run.frame.scope.globals
    if lasting and isinstance(likely(first(more)), int):  # a count: whatever it is now
        assign(run, node.target, only(Symbol(f"count {run.code(node.target)}")))
        return ""
    assign(run, node.target, run.pairs(before, more, lambda a, b: operate(operator, a, b)))
    return ""


@_handles(ast.Return)
def _return(run: Engine, node: ast.Return) -> Flow:
    run.leave(run.evaluate(node.value), node.lineno)
    return "return"


@_handles(ast.Raise)
def _raise(run: Engine, node: ast.Raise) -> Flow:
    if node.exc is not None:
        run.evaluate(node.exc)
    return "raise"


@_handles(ast.Break, ast.Continue)
def _loop_control(run: Engine, node: ast.stmt) -> Flow:
    if run.frame.jumps:
        run.frame.jumps[-1].append(run.path)
    return "loop"


@_handles(ast.Global)
def _global(run: Engine, node: ast.Global) -> Flow:
    for name in node.names:
        run.frame.scope.globals[name] = run.frame.module.scope
    return ""


@_handles(ast.Nonlocal)
def _nonlocal(run: Engine, node: ast.Nonlocal) -> Flow:
    for name in node.names:
        scope = run.frame.scope.outer
        while scope is not None and name not in scope.slots:
            scope = scope.outer
        if scope is not None:
            run.frame.scope.globals[name] = scope
    return ""


@_handles(ast.Delete)
def _delete(run: Engine, node: ast.Delete) -> Flow:
    for target in node.targets:
        delete(run, target)
    return ""


@_handles(ast.If)
def _if(run: Engine, node: ast.If) -> Flow:
    return _choose(run, node.test, node.body, node.orelse)


@_handles(ast.Assert)
def _assert(run: Engine, node: ast.Assert) -> Flow:
    holds, _ = arms(run, node.test)
    narrow(run, node.test, True)
    if holds is not None:
        run.path = both(run.path, holds) or run.path
    return ""


def _choose(run: Engine, test: ast.expr, body: list[ast.stmt], orelse: list[ast.stmt]) -> Flow:
    holds, fails = arms(run, test)

    def follow(lines: list[ast.stmt], said: bool) -> Flow:
        narrow(run, test, said)
        return run.execute(lines)

    ways: list[tuple[Guard, Callable[[], Flow]]] = []
    if holds is not None:
        ways.append((holds, lambda: follow(body, True)))
    if fails is not None:
        ways.append((fails, lambda: follow(orelse, False)))
    if len(ways) == 1:
        guard, way = ways[0]
        if (path := both(run.path, guard)) is not None:
            run.path = path
        return way()
    return run.branch(ways)


@_handles(ast.For, ast.AsyncFor)
def _for(run: Engine, node: ast.For | ast.AsyncFor) -> Flow:
    over = run.evaluate(node.iter)
    known = not any(isinstance(value, Symbol) for _, value in over)
    for each in rounds(run, over, node.iter):
        guard = each[0][0] if len(each) == 1 else ALWAYS
        if guard:
            skipped = frozenset({(("round", str(id(each))), "true", None, False)})
            way = functools.partial(_round, run, node, each)
            run.branch([(guard, way), (skipped, lambda: "")])
        elif _round(run, node, each) and known:
            return "return"
    return run.execute(node.orelse)


def _round(run: Engine, node: ast.For | ast.AsyncFor, each: Values) -> Flow:
    """One round. What every way to its end rules out is ruled out behind it."""
    before = run.path
    jumps: list[Guard] = []
    run.frame.jumps.append(jumps)
    assign(run, node.target, each)
    flow = run.execute(node.body)
    run.frame.jumps.pop()
    ends = [*jumps] if flow else [*jumps, run.path]
    run.path = common(ends) if ends else before
    return "" if ends else flow


@_handles(ast.While)
def _while(run: Engine, node: ast.While) -> Flow:
    holds, fails = arms(run, node.test)
    before = run.path
    if holds is None:
        return run.execute(node.orelse)

    def follow() -> Flow:
        narrow(run, node.test, True)
        run.frame.jumps.append([])
        flow = run.execute(node.body)
        jumped = run.frame.jumps.pop()
        return "" if flow == "loop" or jumped else flow

    if fails is None:
        flow = follow()
        run.path = before
        return flow if flow == "return" else ""
    run.branch([(holds, follow), (fails, lambda: "")])
    run.path = before
    return run.execute(node.orelse)


@_handles(ast.With, ast.AsyncWith)
def _with(run: Engine, node: ast.With | ast.AsyncWith) -> Flow:
    for item in node.items:
        values = run.evaluate(item.context_expr)
        if item.optional_vars is not None or _is_object(values):
            entered = run.each(values, functools.partial(_entered, run, item))
            if item.optional_vars is not None:
                assign(run, item.optional_vars, entered or WHATEVER)
    return run.execute(node.body)


def _is_object(values: Values) -> bool:
    return any(isinstance(value, Object) for _, value in values)


def _entered(run: Engine, item: ast.withitem, value: Value) -> Values:
    """What `with value as …` gives."""
    if isinstance(value, Yielded):
        return value.values
    if isinstance(value, Object):
        for name in ("__aenter__", "__enter__"):
            for _, method in of_object(run, value, name, item.context_expr):
                if isinstance(method, Function):
                    return run.called(method, EvaluatedCall(run, item.context_expr, [], {}))
    return only(value)


@_handles(ast.Try, *([ast.TryStar] if hasattr(ast, "TryStar") else []))
def _try(run: Engine, node: ast.Try) -> Flow:
    if not node.handlers:
        flow = run.execute(node.body)
        flow = flow or run.execute(node.orelse)
        return run.execute(node.finalbody) or flow
    run.attempts += 1
    subject = ("exception", f"{run.frame.module.path}:{node.lineno}:{run.attempts}")
    ended: list[Flow] = []

    def body() -> Flow:
        flow = run.execute(node.body)
        ended.append(flow)
        return flow or run.execute(node.orelse)

    def ways() -> Iterator[tuple[Guard, Callable[[], Flow]]]:
        yield frozenset({(subject, "true", None, False)}), body
        raised = frozenset() if "raise" in ended else frozenset({(subject, "true", None, True)})
        for number, handler in enumerate(node.handlers):
            caught = {(subject, "==", number, True)} if len(node.handlers) > 1 else set()
            yield raised | caught, functools.partial(_handler, run, handler)

    flow = run.branch(ways())
    if node.finalbody:
        return run.execute(node.finalbody) or flow
    return flow


def _handler(run: Engine, handler: ast.ExceptHandler) -> Flow:
    if handler.name:
        place = run.place(handler)
        run.bind(handler.name, only(Symbol(f"exception {place.file}:{place.line}")))
    return run.execute(handler.body)


@_handles(ast.Match)
def _match(run: Engine, node: ast.Match) -> Flow:
    def follow(cases: list[ast.match_case]) -> Flow:
        if not cases:
            return ""
        case = cases[0]
        test = _as_test(node.subject, case)
        for name in [n for n in ast.walk(case.pattern) if isinstance(n, ast.MatchAs) and n.name]:
            run.bind(name.name or "", run.evaluate(node.subject))
        if test is None:
            return run.execute(case.body)
        ast.copy_location(test, case.pattern)
        ast.fix_missing_locations(test)
        holds, fails = arms(run, test)
        ways: list[tuple[Guard, Callable[[], Flow]]] = []
        if holds is not None:
            ways.append((holds, lambda: run.execute(case.body)))
        if fails is not None:
            ways.append((fails, lambda: follow(cases[1:])))
        return run.branch(ways)

    return follow(node.cases)


def _as_test(subject: ast.expr, case: ast.match_case) -> ast.expr | None:
    """A case's pattern as a comparison; None where it takes everything."""
    pattern, test = case.pattern, None
    if isinstance(pattern, ast.MatchAs) and pattern.pattern is None:
        return case.guard
    if isinstance(pattern, ast.MatchValue):
        test = ast.Compare(subject, [ast.Eq()], [pattern.value])
    elif isinstance(pattern, ast.MatchSingleton):
        test = ast.Compare(subject, [ast.Is()], [ast.Constant(pattern.value)])
    elif isinstance(pattern, ast.MatchOr) and all(
        isinstance(each, ast.MatchValue) for each in pattern.patterns
    ):
        values = [each.value for each in pattern.patterns if isinstance(each, ast.MatchValue)]
        test = ast.Compare(subject, [ast.In()], [ast.Tuple(values, ast.Load())])
    else:
        return ast.Call(ast.Name("isinstance", ast.Load()), [subject, ast.Name("object")], [])
    return ast.BoolOp(ast.And(), [test, case.guard]) if case.guard else test


@_handles(ast.FunctionDef, ast.AsyncFunctionDef)
def _function(run: Engine, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Flow:
    function = Function(node, run.frame.scope, run.frame.module)
    if node not in run.seen.functions:
        run.seen.functions[node] = function
        run.enclosing.add(function.scope)
    run.memory.write(run.frame.scope, node.name, only(_decorated(run, function)))
    return ""


def _decorated(run: Engine, function: Function) -> Value:
    """The function as its decorators leave it: those of the program are followed."""
    result: Value = function
    for each in reversed(function.node.decorator_list):  # type: ignore[union-attr]
        made = run.one(each)
        if isinstance(made, Function):
            given = run.called(made, EvaluatedCall(run, each, [only(result)], {}))
            inner = next((value for _, value in given if isinstance(value, Function)), None)
            result = inner if inner is not None and not _is_class(run) else result
    return result


def _is_class(run: Engine) -> bool:
    return isinstance(run.frame.scope.node, ast.ClassDef)


@_handles(ast.ClassDef)
def _class(run: Engine, node: ast.ClassDef) -> Flow:
    decorators_ = [run.one(each) for each in reversed(node.decorator_list)]
    bases = tuple(value for base in node.bases for _, value in run.evaluate(base)[:2])
    made = Class(node, bases, run.frame.scope, run.frame.module)
    frame = run.frame
    outer, frame.scope = frame.scope, Scope(frame.scope, node)
    frame.scope.slots = made.slots
    for part in node.body:
        handler = STATEMENTS.get(type(part))
        if handler is not None:
            handler(run, part)
    frame.scope = outer
    for values in made.slots.values():
        for _, value in values:
            if isinstance(value, Function) and value.klass is None and value.node in node.body:
                value.klass = made
                value.scope = outer
    run.memory.write(outer, node.name, only(made))
    for each in decorators_:
        if isinstance(each, Function):
            run.called(each, EvaluatedCall(run, node, [only(made)], {}))
    return ""


@_handles(ast.Import)
def _import(run: Engine, node: ast.Import) -> Flow:
    for alias in node.names:
        top = alias.name.partition(".")[0]
        found = run.importing(run, run.frame.module.path, 0, alias.name)
        outer = run.importing(run, run.frame.module.path, 0, top) if found else None
        value: Value = Name(alias.name if alias.asname else top)
        if found is not None:
            value = found if alias.asname else outer or found
            if value is found and not alias.asname and "." in alias.name:
                value = Name(top)
        run.bind(alias.asname or top, only(value))
    return ""


@_handles(ast.ImportFrom)
def _import_from(run: Engine, node: ast.ImportFrom) -> Flow:
    importer = run.frame.module.path
    module = run.importing(run, importer, node.level, node.module or "")
    for alias in node.names:
        if alias.name == "*":
            if module is not None:
                for name, values in list(module.slots.items()):
                    if not str(name).startswith("_"):
                        run.bind(name, values)
            continue
        stem = f"{node.module}." if node.module else ""
        inner = run.importing(run, importer, node.level, f"{stem}{alias.name}")
        if module is not None and (module.slots.get(alias.name) or inner is None):
            values = of_module(run, module, alias.name)
        else:
            library = Name(f"{'.' * node.level}{node.module or ''}")
            values = only(inner) if inner else attribute(run, library, alias.name, node)
        run.bind(alias.asname or alias.name, values)
    return ""
