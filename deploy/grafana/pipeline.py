"""Where a request's time goes, what each source finds, what filters take away and what fails."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard
from parts import SERVER, THIRD, WHOLE, Query, Row, lines, page

RANKED = f'sum(rate(endcap_stage_duration_seconds_count{{{SERVER}, stage="merge"}}[$__rate_interval]))'
"""Requests that went through the pipeline: those that were refused, or answered from the cache, did not."""


def build() -> Dashboard:
    about = "Stage by stage: queue, decode, recall, merge, hydrate, filter, score, select, explain, encode."
    return page("endcap-pipeline", "Endcap / Pipeline", about, [_time(), _recall(), _losses()])


def _stage(quantile: float, by: str, stages: str) -> str:
    selected = f'endcap_stage_duration_seconds_bucket{{{SERVER}, stage=~"{stages}"}}[$__rate_interval]'
    return f"histogram_quantile({quantile}, sum by ({by}, le) (rate({selected})))"


def _time() -> Row:
    spent = f"sum by (stage) (rate(endcap_stage_duration_seconds_sum{{{SERVER}}}[$__rate_interval]))"
    return Row(
        "Time",
        [
            lines(
                "Mean time of a request, by stage",
                "What all requests spent in a stage, divided by the requests that were ranked.",
                "s",
                Query(f"{spent} / scalar({RANKED})", "{{stage}}"),
                stacked=True,
                width=WHOLE,
            ),
            *(
                lines(title, about, "s", Query(_stage(0.99, by, stages), legend))
                for title, about, by, stages, legend in (
                    (
                        "p99 of recall, by source",
                        "Sources run one after the other.",
                        "component",
                        "recall",
                        "{{component}}",
                    ),
                    (
                        "p99 of features, by hydrator",
                        "Each reads its own columns.",
                        "component",
                        "hydrate",
                        "{{component}}",
                    ),
                    (
                        "p99 of score, select and explain",
                        "rescore: the second look of a BERT ranker, where a strategy has one.",
                        "stage, component",
                        "score|rescore|select|explain",
                        "{{stage}} {{component}}",
                    ),
                    (
                        "p99 of the rest",
                        "queue: waiting for a thread. decode and encode: between bytes and numbers.",
                        "stage",
                        "queue|decode|cache|merge|filter|encode",
                        "{{stage}}",
                    ),
                )
            ),
        ],
    )


def _recall() -> Row:
    proposed = f"sum by (source) (rate(endcap_recalled_candidates_sum{{{SERVER}}}[$__rate_interval]))"
    asked = f"sum by (source) (rate(endcap_recalled_candidates_count{{{SERVER}}}[$__rate_interval]))"
    nothing = f'sum by (source) (rate(endcap_recalled_candidates_bucket{{{SERVER}, le="0.0"}}[$__rate_interval]))'
    return Row(
        "Recall",
        [
            lines(
                "Candidates by source",
                "How many items a source proposes for a request that asks it, on average.",
                "none",
                Query(f"{proposed} / {asked}", "{{source}}"),
            ),
            lines(
                "Requests for which a source finds nothing",
                "Much is normal for repeat (new shoppers) and text (without a query); a jump to 1 is a broken source.",
                "percentunit",
                Query(f"{nothing} / {asked}", "{{source}}"),
            ),
        ],
    )


def _cached(result: str) -> str:
    selected = f'endcap_slate_cache_requests_total{{{SERVER}, result="{result}"}}[$__rate_interval]'
    return f"sum by (strategy) (rate({selected}))"


def _losses() -> Row:
    dropped = f"sum by (filter) (rate(endcap_filtered_candidates_total{{{SERVER}}}[$__rate_interval]))"
    failed = f"sum by (stage, component) (rate(endcap_degradations_total{{{SERVER}}}[$__rate_interval]))"
    return Row(
        "Filters, degradations and the cache",
        [
            lines(
                "Candidates dropped, a slate",
                "By filter, on average. request_filter drops what a source proposed against the request's own filter.",
                "none",
                Query(f"{dropped} / scalar({RANKED})", "{{filter}}"),
                width=THIRD,
            ),
            lines(
                "Slates that lack a component",
                "Each names in its answer what failed; the server's log has the reason.",
                "percentunit",
                Query(f"{failed} / scalar({RANKED})", "{{stage}} {{component}}"),
                width=THIRD,
            ),
            lines(
                "Answers from the cache",
                "Of the requests of strategies that keep slates (`cache` in their tables).",
                "percentunit",
                Query(f"{_cached('hit')} / ({_cached('hit')} + {_cached('miss')})", "{{strategy}}"),
                width=THIRD,
            ),
        ],
    )
