from __future__ import annotations

from pathlib import Path

import pytest

from endcap.bundle.ids import IdIndex
from endcap.training.errors import TrainingInputError
from endcap.training.search.judgments import Judgments, read_judgments

CATALOG = IdIndex.of(["a1", "b2", "c3"])


def judgments(folder: Path, text: str) -> Judgments:
    path = folder / "judgments.csv"
    path.write_text(text, encoding="utf-8")
    return read_judgments(path, CATALOG)


def test_each_search_has_its_items_in_their_order_with_their_ratings(tmp_path: Path) -> None:
    found = judgments(tmp_path, "query,item_id,rating\nmouse,c3,0\nmouse,a1,3\n手表 ⌚,b2,1\n")
    assert [pool.query for pool in found.pools] == ["mouse", "手表 ⌚"]
    assert found.pools[0].items.tolist() == [0, 2]
    assert found.pools[0].ratings.tolist() == [3, 0]
    assert [pool.mixed for pool in found.pools] == [True, False]
    assert found.highest == 3


def test_unknown_items_are_counted_and_listed_each_once(tmp_path: Path) -> None:
    found = judgments(tmp_path, "query,item_id,rating\nmouse,zz,3\nmouse,a1,3\ntea,zz,1\ntea,yy,1\n")
    assert (found.unknown, found.unknown_rows, found.rows) == (("zz", "yy"), 3, 4)
    assert [pool.query for pool in found.pools] == ["mouse"]


def test_an_item_rated_twice_gets_the_mean(tmp_path: Path) -> None:
    assert judgments(tmp_path, "query,item_id,rating\nq,a1,3\nq,a1,2\n").pools[0].ratings.tolist() == [2.5]


def test_other_searches_are_told_apart_without_case_and_blanks(tmp_path: Path) -> None:
    found = judgments(tmp_path, "query,item_id,rating\nUSB  Hub,a1,3\ntea,b2,3\n")
    assert [pool.query for pool in found.without({"usb hub "}).pools] == ["tea"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("query,item,rating\nq,a1,3\n", "no column 'item_id', which Endcap reads as item_id; did you mean 'item'?"),
        ("query,item_id,rating\nq,a1,good\n", "column 'rating', row 1: found 'good', expected a number"),
        ("query,item_id,rating\nq,a1,1\nq,b2,-1\n", "column 'rating', row 2: found '-1', expected a rating from 0"),
        ("query,item_id,rating\nq,a1,100\n", "found '100', expected a rating from 0 (no answer) to 10"),
        ("query,item_id,rating\nq,a1,\n", "column 'rating', row 1: found None, expected a value in every row"),
        ("query,item_id,rating\n ,a1,2\n", "column 'query', row 1: found ' ', expected a value in every row"),
        ("query,item_id,rating\nq,zz,2\n", "none of its 1 rows names an item of the catalog, such as 'zz'"),
        ("query,item_id,rating\n", "the table is empty"),
    ],
)
def test_what_cannot_be_used_is_refused_in_words_that_help(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TrainingInputError) as caught:
        judgments(tmp_path, text)
    assert message in str(caught.value)
    assert str(tmp_path / "judgments.csv") in str(caught.value)


@pytest.mark.parametrize("name", ["missing.csv", "judgments.txt"])
def test_a_file_that_is_not_there_or_no_table_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "judgments.txt").write_text("query,item_id,rating\nq,a1,3\n")
    with pytest.raises(TrainingInputError, match=r"found no such file, expected judgments as \.csv or \.parquet"):
        read_judgments(tmp_path / name, CATALOG)
