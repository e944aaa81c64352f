"""Folders: the data's, the cache's, and where the checkpoints are in a checkout and installed."""

from ndcb.core import paths
from tests.conftest import ROOT


def test_the_data_folder_is_the_option_then_the_variable_then_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("NDCB_DATA", str(tmp_path / "variable"))
    assert paths.data_root(str(tmp_path / "option")) == tmp_path / "option"
    assert paths.data_root() == tmp_path / "variable"
    monkeypatch.delenv("NDCB_DATA")
    assert paths.data_root().parts[-3:] == (".cache", "ndcb", "data")


def test_the_cache_is_the_variables_or_the_users(monkeypatch, tmp_path):
    monkeypatch.setenv("NDCB_CACHE", str(tmp_path))
    assert paths.cache_root() == tmp_path
    monkeypatch.delenv("NDCB_CACHE")
    assert paths.cache_root().parts[-2:] == (".cache", "ndcb")


def test_what_is_shipped_lies_beside_the_package_or_inside_it(monkeypatch, tmp_path):
    assert paths.checkpoints_folder() == ROOT / "checkpoints"
    assert paths.readme() == ROOT / "README.md"

    monkeypatch.setattr(paths, "PACKAGE", tmp_path / "site-packages" / "ndcb")
    for place in (tmp_path / "site-packages", paths.PACKAGE):
        (place / "checkpoints").mkdir(parents=True)
    assert paths.checkpoints_folder() == paths.PACKAGE / "checkpoints"
