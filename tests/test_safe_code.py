"""No stored object is ever run: no pickle, no eval, no YAML objects, no model type that is not listed."""

import ast

import pytest

from tests.handmade import ROOT

MODULES = sorted((ROOT / "src").rglob("*.py"))
UNSAFE_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__"}
UNSAFE_YAML = {
    "load",
    "load_all",
    "full_load",
    "unsafe_load",
    "Loader",
    "UnsafeLoader",
    "FullLoader",
}


def names_of(call):
    """Return what is called: `f` of f(...), `("yaml", "load")` of yaml.load(...)."""
    function = call.func
    if isinstance(function, ast.Name):
        return ("", function.id)
    is_dotted = isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name)
    return (function.value.id, function.attr) if is_dotted else ("", "")


def unsafe(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            yield from (m for m in modules if m.split(".")[0] in UNSAFE_MODULES)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield from [node.attr] if node.value.id == "yaml" and node.attr in UNSAFE_YAML else []
            yield from [node.attr] if node.attr in ("read_pickle", "to_pickle") else []
        if isinstance(node, ast.Call):
            module, name = names_of(node)
            yield from [name] if not module and name in UNSAFE_CALLS else []
            for keyword in node.keywords:
                value = getattr(keyword.value, "value", None)
                if keyword.arg == "allow_pickle" and value is not False:
                    yield "allow_pickle"
                if keyword.arg == "shell" and value is not False:
                    yield "shell"


@pytest.mark.parametrize("module", MODULES, ids=[str(m.relative_to(ROOT)) for m in MODULES])
def test_no_module_runs_what_it_reads(module):
    assert list(unsafe(ast.parse(module.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle", "from joblib import load", "eval('1')", "yaml.load(text)",
        "yaml.unsafe_load(text)", "np.load(f, allow_pickle=True)", "pd.read_pickle(f)",
        "subprocess.run(c, shell=True)",
    ],
)  # fmt: skip
def test_what_is_unsafe_is_found(line):
    assert list(unsafe(ast.parse(line)))


def test_models_are_loaded_with_an_explicit_list_of_types():
    text = (ROOT / "src/analysis/model/stored.py").read_text(encoding="utf-8")
    loads = [line.strip() for line in text.splitlines() if "skops.io.load(" in line]
    assert loads == ["return skops.io.load(path, trusted=list(TRUSTED_TYPES))"]
    others = [m for m in MODULES if "skops" in m.read_text() and "skops.io.load" in m.read_text()]
    assert [m.name for m in others] == ["stored.py"]
