"""What each server has loaded, and how its processes fare."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard
from parts import SERVER, THIRD, Query, Row, lines, listing, page


def build() -> Dashboard:
    about = "Bundles, their age and size; workers, restarts, memory and processor time."
    return page("endcap-processes", "Endcap / Bundles and processes", about, [_bundles(), _workers(), _memory()])


def _bundles() -> Row:
    return Row(
        "Bundles",
        [
            listing(
                "Bundles served",
                "Every server of a job should serve the same one, save during a rollout.",
                Query(f"endcap_bundle_info{{{SERVER}}}"),
                width=THIRD,
            ),
            listing(
                "Entries",
                "What the bundle holds.",
                Query(f"endcap_bundle_entries{{{SERVER}}}"),
                width=THIRD,
            ),
            lines(
                "Age",
                "Since training, and since the end of the data. Past the horizon the server's clock stands still at "
                "the end of the data.",
                "s",
                Query(f"endcap_bundle_age_seconds{{{SERVER}}}", "{{instance}} trained"),
                Query(f"time() - endcap_bundle_data_end_timestamp_seconds{{{SERVER}}}", "{{instance}} data"),
                Query(f"endcap_bundle_horizon_seconds{{{SERVER}}}", "{{instance}} horizon"),
                width=THIRD,
            ),
        ],
    )


def _workers() -> Row:
    return Row(
        "Workers",
        [
            lines(
                "Workers that serve",
                "And how many there should be. One that died is missing until its replacement has loaded the bundle.",
                "none",
                Query(f"endcap_workers_serving{{{SERVER}}}", "{{instance}} serving"),
                Query(f"endcap_workers_configured{{{SERVER}}}", "{{instance}} configured"),
                width=THIRD,
            ),
            lines(
                "Workers that died and were replaced",
                "In the last hour. The log says how each ended.",
                "none",
                Query(f"increase(endcap_worker_restarts_total{{{SERVER}}}[1h])", "{{instance}} worker {{worker}}"),
                width=THIRD,
            ),
            lines(
                "Up for",
                "Age of the supervisor, which a restart of the container ends; and the version of Endcap that runs.",
                "s",
                Query(
                    f"(time() - process_start_time_seconds{{{SERVER}}}) "
                    f"* on (job, instance) group_left (version) endcap_build_info{{{SERVER}}}",
                    "{{instance}} {{version}}",
                ),
                width=THIRD,
            ),
        ],
    )


def _memory() -> Row:
    return Row(
        "Memory, processor and certificate",
        [
            lines(
                "Resident memory",
                "Pages of the bundle that workers share count for each of them, so the sum says too much.",
                "bytes",
                Query(f"endcap_worker_resident_memory_bytes{{{SERVER}}}", "{{instance}} worker {{worker}}"),
                Query(f"process_resident_memory_bytes{{{SERVER}}}", "{{instance}} supervisor"),
                width=THIRD,
            ),
            lines(
                "Cores used",
                "By each worker, and by the supervisor, which starts workers and answers Prometheus.",
                "none",
                Query(
                    f"rate(endcap_worker_cpu_seconds_total{{{SERVER}}}[$__rate_interval])",
                    "{{instance}} worker {{worker}}",
                ),
                Query(f"rate(process_cpu_seconds_total{{{SERVER}}}[$__rate_interval])", "{{instance}} supervisor"),
                width=THIRD,
            ),
            lines(
                "Left to the TLS certificate",
                "Only of servers with TLS. Files that are renewed in place are read anew without a restart.",
                "s",
                Query(f"endcap_certificate_expiry_timestamp_seconds{{{SERVER}}} - time()", "{{instance}}"),
                width=THIRD,
                signed=True,
            ),
        ],
    )
