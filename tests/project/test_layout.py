"""Who may import whom, and what may be committed."""

import ast
import re
import subprocess

import pytest

from tests.conftest import ROOT

MEGABYTE = 10**6
SOURCES = sorted(
    path for place in ("ndcb", "training") for path in (ROOT / place).rglob("*.py")
) + list(ROOT.glob("*.py"))


def imports(path) -> set[str]:
    """The full names of all modules that a file imports anywhere in it; relative ones are made
    absolute.
    """
    package = path.relative_to(ROOT).parent.parts
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            found |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return found


def roots(path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


def named(path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_the_parser_sees_imports():
    """So that the tests below cannot pass because nothing was found."""
    assert len(SOURCES) > 15
    assert {
        "torch",
        "facenet_pytorch",
        "ndcb.core.compat",
        "ndcb.core.terms.NoFaceFound",
    } <= imports(ROOT / "ndcb" / "faces" / "detectors.py")
    assert "ndcb.models.checkpoints" in imports(ROOT / "ndcb" / "models" / "recognisers.py")
    assert "ndcb.faces.detectors.MARGIN" in imports(ROOT / "training" / "data" / "datasets.py")


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_imports_point_one_way(path):
    name = named(path)
    in_tabs = name.startswith("ndcb/web/tabs/")
    if name != "app.py" and not name.startswith("ndcb/web/"):
        assert "gradio" not in roots(path), "only app.py and ndcb/web may import gradio"
    if name != "ndcb/web/page.py" and not in_tabs:
        assert not any(found.startswith("ndcb.web.tabs") for found in imports(path)), (
            "only ndcb/web/page.py and ndcb/web/tabs may import ndcb.web.tabs"
        )
    if name.startswith("ndcb/"):
        assert not roots(path) & {"training", "app"}
        assert "matplotlib" not in roots(path), "it wants a home folder; it is for training alone"
    if in_tabs:
        assert not roots(path) & {"torch", "torchvision", "facenet_pytorch", "kornia"}


TABS = [path for path in SOURCES if named(path).startswith("ndcb/web/tabs/")]


def tab_of(module: str) -> str:
    """ndcb.web.tabs.live, ndcb.web.tabs.live.texts and ndcb.web.tabs.live_texts -> live."""
    return module.removeprefix("ndcb.web.tabs.").split(".")[0].split("_")[0]


def test_a_tab_is_told_by_its_file_or_its_folder():
    assert len(TABS) > 8
    for module in ("live", "live.texts", "live_texts"):
        assert tab_of(f"ndcb.web.tabs.{module}") == "live"


@pytest.mark.parametrize("path", TABS, ids=named)
def test_no_tab_imports_another(path):
    """What several tabs share lies in ndcb/web."""
    own = tab_of(named(path).removesuffix(".py").replace("/", "."))
    used = {name for name in imports(path) if name.startswith("ndcb.web.tabs.")}
    assert {name for name in used if tab_of(name) != own} == set()


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_facenet_pytorch_comes_after_compat(path):
    """Without compat first, it cannot be imported beside a CPU-only torch."""
    if path.name == "compat.py":
        return
    places = {}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for name in {getattr(node, "module", None), *(alias.name for alias in node.names)} - {
                None
            }:
                places.setdefault(name.split(".")[0], node.lineno)
    for library in ("facenet_pytorch", "torchvision"):
        if library in places:
            assert places.get("compat", 10**9) < places[library], (
                f"import ndcb.core.compat before {library}"
            )


def is_write(call: ast.Call) -> bool:
    """Does it write a file by itself, so that a fault leaves half of it, or no older one?"""
    if not isinstance(call.func, (ast.Attribute, ast.Name)):
        return False
    name = getattr(call.func, "attr", None) or call.func.id
    if name == "open":
        return _opens_for_writing(call) and "devnull" not in ast.unparse(call)
    if name in ("save", "savefig", "savez"):
        return any(
            isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) for node in call.args
        )
    if name in ("replace", "rename") and isinstance(call.func, ast.Attribute):
        of_os = getattr(call.func.value, "id", "") == "os"
        return of_os or (len(call.args) == 1 and not call.keywords)
    return name in ("write_text", "write_bytes", "save_file")


def _opens_for_writing(call: ast.Call) -> bool:
    given = call.args + [word.value for word in call.keywords]
    modes = [node.value for node in given if isinstance(node, ast.Constant)]
    return any(re.fullmatch("[rbt+]*[wax+][bt+]*", str(mode)) for mode in modes)


def writes(text: str) -> list[str]:
    return [
        ast.unparse(node)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and is_write(node)
    ]


WRITES = (
    'open(p, "w")',
    'p.open("xb")',
    'open(p, mode="r+")',
    "p.write_text(t)",
    "g.save(folder / n)",
    "new.replace(path)",
    "os.replace(a, b)",
)
READS = (
    'open(p, "rb")',
    "open(p)",
    'picture.save(file, "PNG")',
    '"a".replace("b", "c")',
    'open(os.devnull, "w")',
)


def test_the_parser_sees_writes():
    for text in WRITES:
        assert writes(text) == [text.replace('"', "'")]
    for text in READS:
        assert writes(text) == []


FOR_ITSELF = ("ndcb/core/files.py", "ndcb/web/private_files.py", "training/benchmark/page.py")
"""The module that knows how; and the page's and its benchmark's files, in a temporary folder."""


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_files_are_written_by_one_function(path):
    if named(path) not in FOR_ITSELF:
        assert writes(path.read_text()) == [], "write it with ndcb.core.files"


@pytest.fixture(scope="module")
def tracked():
    """(path, first bytes, size) of every tracked file; of a file deleted from the working tree
    nothing.
    """
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True)
    if done.returncode or not done.stdout:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in done.stdout.decode().split("\0") if name]
    files = []
    for path in paths:
        if path.is_file():
            with open(path, "rb") as file:
                files.append((named(path), file.read(4), path.stat().st_size))
    return files


def test_no_jpeg_is_committed(tracked):
    """Photos of data sets are JPEGs; none of them may be in the repository under any name."""
    assert len(tracked) > 20
    assert [
        name
        for name, head, _ in tracked
        if head[:3] == b"\xff\xd8\xff" or name.lower().endswith((".jpg", ".jpeg"))
    ] == []


def test_checkpoints_stay_small(tracked):
    sizes = {name: size for name, _, size in tracked if name.startswith("checkpoints/")}
    assert sum(sizes.values()) <= 64 * MEGABYTE
    assert {
        name: size
        for name, size in sizes.items()
        if name.endswith(".safetensors") and size > 8 * MEGABYTE
    } == {}
    assert not any(name.endswith((".pt", ".pth", ".pkl", ".npy")) for name in sizes)


def test_functions_are_short():
    lengths = [
        node.end_lineno - node.lineno + 1
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    lengths.sort()
    assert len(lengths) > 1000
    assert lengths[len(lengths) // 2] <= 10
    assert lengths[len(lengths) * 9 // 10] <= 25 and lengths[-1] <= 60
