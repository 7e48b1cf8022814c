"""For whoever is on call: are requests answered, how fast, and how much room is left."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard
from parts import JOB, SERVER, THIRD, Query, Row, heat, lines, listing, number, page

RANK = f'{SERVER}, method="Rank"'
ANSWERS = f'{SERVER}, method=~"Rank|BatchRank"'


def build() -> Dashboard:
    about = "Traffic, errors, latency and saturation of Endcap's servers, and how the objectives stand."
    return page("endcap-overview", "Endcap / Overview", about, [_objectives(), _traffic(), _latency(), _saturation()])


def _objectives() -> Row:
    return Row(
        "Objectives",
        [
            number(
                "Answered, last hour",
                "Share of Rank and BatchRank requests that did not fail by the server's fault; 99.9 % should.",
                "percentunit",
                Query(f"1 - job:endcap_request_errors:ratio_rate1h{{{JOB}}}"),
                width=5,
            ),
            number(
                "Within 100 ms, last hour",
                "Share of Rank requests answered within 100 ms, queue included. The objective is 99 %.",
                "percentunit",
                Query(f"1 - job:endcap_slow_requests:ratio_rate1h{{{JOB}}}"),
                width=5,
            ),
            number(
                "Error budget burn, 1 h",
                "1 spends the month's budget in a month; from 14.4 on somebody is woken.",
                "none",
                Query(f"job:endcap_request_errors:ratio_rate1h{{{JOB}}} / 0.001"),
                (1, "orange"),
                (14.4, "red"),
                width=5,
            ),
            number(
                "Latency budget burn, 1 h",
                "1 spends the month's budget in a month; from 14.4 on somebody is woken.",
                "none",
                Query(f"job:endcap_slow_requests:ratio_rate1h{{{JOB}}} / 0.01"),
                (1, "orange"),
                (14.4, "red"),
                width=5,
            ),
            number(
                "Alerts that ring",
                "How many of Endcap's alerts fire now, of all jobs. docs/operations.md says what to do about each.",
                "none",
                Query('count(ALERTS{alertname=~"Endcap.*", alertstate="firing"}) or vector(0)'),
                (1, "red"),
            ),
            lines(
                "Burn rate of the error budget",
                "Over a long and a short window. An alert rings where both of a pair are too high.",
                "none",
                Query(f"job:endcap_request_errors:ratio_rate5m{{{JOB}}} / 0.001", "5 min"),
                Query(f"job:endcap_request_errors:ratio_rate1h{{{JOB}}} / 0.001", "1 h"),
                Query(f"job:endcap_request_errors:ratio_rate6h{{{JOB}}} / 0.001", "6 h"),
                Query(f"job:endcap_request_errors:ratio_rate3d{{{JOB}}} / 0.001", "3 d"),
                width=THIRD,
            ),
            lines(
                "Burn rate of the latency budget",
                "As beside, of requests over 100 ms.",
                "none",
                Query(f"job:endcap_slow_requests:ratio_rate5m{{{JOB}}} / 0.01", "5 min"),
                Query(f"job:endcap_slow_requests:ratio_rate1h{{{JOB}}} / 0.01", "1 h"),
                Query(f"job:endcap_slow_requests:ratio_rate6h{{{JOB}}} / 0.01", "6 h"),
                Query(f"job:endcap_slow_requests:ratio_rate3d{{{JOB}}} / 0.01", "3 d"),
                width=THIRD,
            ),
            listing(
                "Alerts, pending and firing",
                "Pending ones ring if they stay as long as their rule says.",
                Query('sum by (alertname, severity, alertstate) (ALERTS{alertname=~"Endcap.*"})'),
                width=THIRD,
            ),
        ],
    )


def _traffic() -> Row:
    return Row(
        "Traffic and errors",
        [
            lines(
                "Requests by method",
                "Answered, failed ones too; of a batch, each request counts.",
                "reqps",
                Query(f"sum by (method) (rate(endcap_requests_total{{{SERVER}}}[$__rate_interval]))", "{{method}}"),
                width=THIRD,
            ),
            lines(
                "Answers that are not OK",
                "INTERNAL is a defect; RESOURCE_EXHAUSTED and DEADLINE_EXCEEDED are overload or slowness; the rest "
                "is of the caller's making.",
                "reqps",
                Query(
                    f'sum by (code) (rate(endcap_requests_total{{{SERVER}, code!="OK"}}[$__rate_interval]))', "{{code}}"
                ),
                width=THIRD,
            ),
            lines(
                "Requests that never reached compute",
                "OVERLOADED: there was no room. DEADLINE_PASSED and CANCELLED: the caller left while they waited.",
                "reqps",
                Query(
                    f"sum by (reason) (rate(endcap_requests_rejected_total{{{SERVER}}}[$__rate_interval]))",
                    "{{reason}}",
                ),
                width=THIRD,
            ),
        ],
    )


def _latency() -> Row:
    buckets = f"endcap_request_duration_seconds_bucket{{{RANK}}}[$__rate_interval]"
    quantiles = [
        Query(f"histogram_quantile({q}, sum by (le) (rate({buckets})))", name)
        for q, name in ((0.5, "p50"), (0.9, "p90"), (0.99, "p99"))
    ]
    return Row(
        "Latency of Rank",
        [
            lines(
                "Latency", "From a request's arrival to its answer, the queue included.", "s", *quantiles, width=THIRD
            ),
            lines(
                "p99 by strategy",
                "unknown: requests that failed before their strategy was found.",
                "s",
                Query(f"histogram_quantile(0.99, sum by (strategy, le) (rate({buckets})))", "{{strategy}}"),
                width=THIRD,
            ),
            heat(
                "Distribution",
                "How many requests took how long.",
                "s",
                Query(f"sum by (le) (increase({buckets}))"),
                width=THIRD,
            ),
        ],
    )


def _saturation() -> Row:
    return Row(
        "Saturation",
        [
            lines(
                "Requests in flight, of those that there is room for",
                "At 1 requests are refused with RESOURCE_EXHAUSTED.",
                "percentunit",
                Query(
                    f"endcap_requests_in_flight{{{SERVER}}} / endcap_requests_in_flight_limit{{{SERVER}}}",
                    "{{instance}}",
                ),
                width=THIRD,
            ),
            lines(
                "Time in the queue",
                "How long requests wait for a compute thread. It grows before anything is refused.",
                "s",
                *(
                    Query(
                        f"histogram_quantile({q}, sum by (le) (rate("
                        f'endcap_stage_duration_seconds_bucket{{{SERVER}, stage="queue"}}[$__rate_interval])))',
                        name,
                    )
                    for q, name in ((0.5, "p50"), (0.99, "p99"))
                ),
                width=THIRD,
            ),
            lines(
                "Cores used by worker",
                "A worker with one compute thread can use little more than one.",
                "none",
                Query(
                    f"rate(endcap_worker_cpu_seconds_total{{{SERVER}}}[$__rate_interval])",
                    "{{instance}} worker {{worker}}",
                ),
                width=THIRD,
            ),
        ],
    )
