"""Cells and tables, by hand."""

from ndcb.report import cells

DROP = {"mean": 0.0112, "ci95": [-0.0002, 0.0154]}


def test_tables():
    rows = [["x", "1"], ["y", "2"]]
    assert cells.table(["a", "b"], rows) == "| a | b |\n| --- | --- |\n| x | 1 |\n| y | 2 |"
    assert cells.numbers_table(["a", "b"], []) == "| a | b |\n| --- | ---: |"
    folded = "<details><summary>More</summary>\n\ntext\n\n</details>"
    assert cells.details("More", "text") == folded


def test_numbers_and_rates():
    assert (cells.number(0.12345), cells.number(2, 1), cells.number(None)) == ("0.123", "2.0", "-")
    assert cells.rate(0.021) == "2.10%" and cells.interval([0.01, 0.2]) == "[1.00%, 20.00%]"
    assert cells.small_interval([0.01, 0.2]) == "<small>[1.00, 20.00]</small>"
    assert cells.small_counts([880.4, 1320.2]) == "<small>[880, 1,320]</small>"
    over = cells.rate_over_interval(0.02, [0.01, 0.2])
    assert over == "2.00%<br><small>[1.00, 20.00]</small>"


def test_points_lost():
    assert cells.points(DROP) == "1.12 <small>[-0.02, 1.54]</small>"
    assert cells.points(DROP, "<br>") == "1.12<br><small>[-0.02, 1.54]</small>"
    assert cells.plain_points(DROP, " points") == "1.12 points [-0.02, 1.54]"
