from __future__ import annotations

import json
import re
import socket

import pytest

from ..support.live import Live
from .conftest import Run


@pytest.mark.parametrize(
    "form",
    [
        ("--user", "u03"),
        ("--user", "nobody-we-know"),
        ("--query", "coffee"),
        ("--item", "i05", "--item", "i06"),
        ("--event", "i05", "--event", "i06"),
        ("--user", "u03", "--candidate", "i05", "--candidate", "i40"),
    ],
)
def test_every_form_of_request_is_answered_by_a_table(run: Run, server: Live, form: tuple[str, ...]) -> None:
    ended = run("rank", *form, "--limit", "2", "--address", server.address)
    assert ended.code == 0, ended.errors
    assert ended.errors == ""
    for said in ("item", "score", "sources", "reasons", "ms in the server", "ms round trip", server.version):
        assert said in ended.out


@pytest.mark.parametrize(
    ("form", "strategy"),
    [
        (("--query", "coffee"), "search"),
        (("--item", "i05"), "similar_items"),
        (("--user", "u03"), "hybrid"),
        (("--query", "coffee", "--strategy", "popular"), "popular"),
    ],
)
def test_a_form_has_the_strategy_that_fits_it(run: Run, server: Live, form: tuple[str, ...], strategy: str) -> None:
    assert f"strategy {strategy}," in run("rank", *form, "--address", server.address).out


def test_a_shopper_sees_what_they_buy_and_why(run: Run, server: Live) -> None:
    ended = run("rank", "--user", "u00", "--limit", "4", "--address", server.address)
    assert "coffee" in ended.out, "u00 buys i00, i03, i06 and i09, which are coffees"
    assert "repeat 1" in ended.out
    assert re.search(r"bought \d+ times|on \d+% of the (last )?trips|last time|number 1 of what", ended.out)


def test_the_callers_own_list_shows_where_each_item_stood(run: Run, server: Live) -> None:
    candidates = ("--candidate", "i70", "--candidate", "i00")
    ended = run("rank", "--user", "u00", *candidates, "--address", server.address)
    first, second = (line for line in ended.out.splitlines() if "the caller" in line)
    assert "the caller 2" in first, "u00 buys i00 and never i70"
    assert "the caller 1" in second


def test_what_an_item_goes_with_is_named_by_its_title(run: Run, server: Live) -> None:
    ended = run("rank", "--item", "i00", "--address", server.address)
    assert "goes with Dark roast coffee" in " ".join(ended.out.split())


def test_json_is_the_response(run: Run, server: Live) -> None:
    ended = run("rank", "--user", "u00", "--limit", "3", "--json", "--address", server.address)
    found = json.loads(ended.out)
    assert len(found["items"]) == 3
    assert found["strategy"] == "hybrid"
    assert found["items"][0]["reasons"][0]["code"].startswith("REASON_CODE_")
    assert found["degradations"] == []


def test_explain_lists_features(run: Run, server: Live) -> None:
    plain = run("rank", "--user", "u00", "--limit", "1", "--address", server.address)
    explained = run("rank", "--user", "u00", "--limit", "1", "--explain", "--address", server.address)
    assert "shopper_item.count" not in plain.out
    assert "shopper_item.count" in explained.out


def test_ids_that_the_catalog_lacks_are_named(run: Run, server: Live) -> None:
    ended = run("rank", "--user", "u00", "--item", "nothing", "--address", server.address)
    assert ended.code == 0
    assert "not in the catalog: nothing" in ended.out


def test_an_empty_slate_says_who_dropped_the_items(run: Run, server: Live) -> None:
    wanted = ("--candidate", "i33", "--filter", "price < 100")
    ended = run("rank", "--user", "u00", *wanted, "--address", server.address)
    assert ended.code == 0
    assert "available dropped 1" in ended.out, "i33 cannot be bought"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--filter", "price <"), 2, "filter"),
        (("--filter", "colour = red"), 2, "colour"),
        (("--limit", "9999"), 2, "page_size"),
        (("--limit", "-1"), 2, "page_size"),
        (("--user", "x" * 300), 2, "user_id"),
        (("--item", ""), 2, "seed_item_ids"),
        (("--strategy", "best"), 3, "hybrid"),
    ],
)
def test_what_the_server_refuses_is_one_line_and_an_exit_code(
    run: Run, server: Live, arguments: tuple[str, ...], code: int, said: str
) -> None:
    ended = run("rank", "--user", "u00", *arguments, "--address", server.address)
    assert ended.code == code
    assert ended.out == ""
    (line,) = ended.errors.splitlines()
    assert line.startswith("endcap: ")
    assert said in line


def test_nothing_to_rank_for_is_refused_before_any_call(run: Run) -> None:
    ended = run("rank", "--address", "nowhere.invalid:1")
    assert ended.code == 2
    assert "--user" in ended.errors


def test_no_server_is_said_plainly(run: Run) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        ended = run("rank", "--user", "u00", "--address", address)
    assert ended.code == 7
    assert ended.errors.strip() == f"endcap: {address}: nothing answers; `endcap serve --bundle DIR` starts a server"
