"""`endcap rank`: ask a server for one slate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from endcap.cli._errors import refuse
from endcap.cli._tls import Ca, Certificate, Key, ServerName, UseTls, tls_of

if TYPE_CHECKING:
    from endcap.client import RankArgs, Tls


def command(
    user: Annotated[str, typer.Option(help="A shopper's id; one that nobody knows is a cold start.")] = "",
    query: Annotated[str, typer.Option(help="A search, as typed.")] = "",
    item: Annotated[list[str] | None, typer.Option(help="An item that the slate should go with; repeatable.")] = None,
    candidate: Annotated[list[str] | None, typer.Option(help="Rank this item, and only such; repeatable.")] = None,
    event: Annotated[list[str] | None, typer.Option(help="An item that was just viewed; repeatable.")] = None,
    strategy: Annotated[str, typer.Option(help="See `endcap strategies`; default: what fits the request.")] = "",
    keep: Annotated[str, typer.Option("--filter", help="Only items for which this holds: 'price < 5'.")] = "",
    limit: Annotated[int, typer.Option(help="How many items to show.")] = 10,
    address: Annotated[str, typer.Option(help="Where the server listens.")] = "localhost:50051",
    as_json: Annotated[bool, typer.Option("--json", help="Print the response as JSON.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show the features of each item, too.")] = False,
    tls: UseTls = False,
    ca: Ca = None,
    certificate: Certificate = None,
    key: Key = None,
    server_name: ServerName = "",
) -> None:
    """Rank for a shopper, a search, a product page, a guest's session or a list, and show why.

    Exit codes: 0; 2 invalid request; 3 unknown strategy; 4 denied; 5 not served; 6 overloaded; 7 no server;
    8 no answer in time; 1 any other failure.
    """
    if not (user or query or item or candidate or event):
        refuse("nothing to rank for; give --user, --query, --item, --candidate or --event (see endcap rank --help)")
    from endcap.client import event as viewed

    args: RankArgs = {
        "user_id": user,
        "query": query,
        "seed_item_ids": item or [],
        "candidate_item_ids": candidate or [],
        "recent_events": [viewed(item_id) for item_id in event or []],
        "strategy": strategy,
        "filter": keep,
        "page_size": limit,
        "explain": explain,
    }
    _show(args, address, tls_of(tls, ca, certificate, key, server_name), as_json)


def _show(args: RankArgs, address: str, tls: Tls | None, as_json: bool) -> None:
    from google.protobuf.json_format import MessageToJson

    from endcap.cli._calls import calling, timed, titles
    from endcap.cli._console import results
    from endcap.cli._slate import features_of, print_slate

    with calling(address, tls) as client:
        slate, milliseconds = timed(client, **args)
        if as_json:
            print(MessageToJson(slate, preserving_proto_field_name=True, always_print_fields_with_no_presence=True))
            return
        console = results()
        given = list(args.get("candidate_item_ids", []))
        print_slate(console, slate, titles(client, [slate]), milliseconds, given)
        if args.get("explain"):
            console.print(features_of(slate))
