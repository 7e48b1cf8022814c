"""What the dashboards are made of: panels of a few kinds, each with a description, and the variables they share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import NamedTuple, Protocol, Self

from grafana_foundation_sdk.builders import common, dashboard, heatmap, prometheus, stat, table, timeseries
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = models.DataSourceRef(type_val="prometheus", uid="$datasource")
SERVER = 'job="$job", instance=~"$instance"'
"""What every query that reads a server's metrics is narrowed to."""
JOB = 'job="$job"'
"""The same for recorded series, which are of a job as a whole."""
HEIGHT, HALF, THIRD, WHOLE = 8, 12, 8, 24


class Query(NamedTuple):
    expr: str
    legend: str = ""


class Panel(Protocol):
    """Any of the SDK's panel builders."""

    def id(self, id_val: int) -> Self: ...

    def build(self) -> models.Panel: ...


class Row(NamedTuple):
    title: str
    panels: Sequence[Panel]


def lines(
    title: str, about: str, unit: str, *queries: Query, width: int = HALF, stacked: bool = False, signed: bool = False
) -> Panel:
    """Values over time, ``signed`` where they may lie below 0; ``unit`` is one of Grafana's, such as s or reqps."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(about)
        .datasource(SOURCE)
        .unit(unit)
        .span(width)
        .height(HEIGHT)
        .line_width(1.0)
        .show_points(common_models.VisibilityMode.NEVER)
        .fill_opacity(60.0 if stacked else 5.0)
        .legend(
            common.VizLegendOptions()
            .display_mode(common_models.LegendDisplayMode.LIST)
            .placement(common_models.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI))
    )
    if not signed:
        panel.min(0.0)
    if stacked:
        panel.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL).group("A"))
    for name, query in zip("ABCDEFGH", queries, strict=False):
        panel.with_target(_target(name, query))
    return panel


def number(title: str, about: str, unit: str, query: Query, *steps: tuple[float, str], width: int = 4) -> Panel:
    """The last value, large. ``steps``: from so much on, this colour; green below the first."""
    colours = [models.Threshold(value=None, color="green"), *(models.Threshold(value=v, color=c) for v, c in steps)]
    return (
        stat.Panel()
        .title(title)
        .description(about)
        .datasource(SOURCE)
        .unit(unit)
        .span(width)
        .height(4)
        .thresholds(dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(colours))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .graph_mode(common_models.BigValueGraphMode.AREA)
        .color_mode(common_models.BigValueColorMode.VALUE)
        .with_target(_target("A", query))
    )


def listing(title: str, about: str, query: Query, unit: str = "none", width: int = HALF) -> Panel:
    """The present values as a table, a row a series, labels as columns."""
    hidden: dict[str, object] = {"excludeByName": {"Time": True, "__name__": True, "job": True}}
    return (
        table.Panel()
        .title(title)
        .description(about)
        .datasource(SOURCE)
        .unit(unit)
        .span(width)
        .height(HEIGHT)
        .show_header(True)
        .with_transformation(models.DataTransformerConfig(id_val="organize", options=hidden))
        .with_target(_target("A", query).format(PromQueryFormat.TABLE).instant())
    )


def heat(title: str, about: str, unit: str, query: Query, width: int = HALF) -> Panel:
    """A histogram over time; ``query`` gives increases by ``le``."""
    return (
        heatmap.Panel()
        .title(title)
        .description(about)
        .datasource(SOURCE)
        .span(width)
        .height(HEIGHT)
        .calculate(False)
        .color(heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Spectral").steps(64).reverse(True))
        .y_axis(heatmap.YAxisConfig().unit(unit))
        .show_tooltip()
        .with_target(_target("A", query._replace(legend="{{le}}")).format(PromQueryFormat.HEATMAP))
    )


def page(
    uid: str, title: str, about: str, rows: Sequence[Row], variables: Sequence[dashboard.QueryVariable] = ()
) -> models.Dashboard:
    """A whole dashboard, with links to the others of its tag."""
    built = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(about)
        .tags(["endcap"])
        .readonly()
        .time("now-3h", "now")
        .refresh("30s")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .link(
            dashboard.DashboardLink("Endcap")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags(["endcap"])
            .as_dropdown(False)
            .include_vars(True)
            .keep_time(True)
        )
        .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .with_variable(_labels("job", "endcap_build_info", "job", several=False))
        .with_variable(_labels("instance", 'endcap_build_info{job="$job"}', "instance"))
    )
    for variable in variables:
        built.with_variable(variable)
    ids = count(1)
    for row in rows:
        built.with_row(dashboard.Row(row.title).id(next(ids)))
        for panel in row.panels:
            built.with_panel(panel.id(next(ids)))
    return built.build()


def strategies() -> dashboard.QueryVariable:
    return _labels("strategy", 'endcap_slates_total{job="$job"}', "strategy")


def choice(name: str, label: str, first: str, *others: str) -> dashboard.CustomVariable:
    """One of a few values; the first is chosen until somebody chooses another."""
    return (
        dashboard.CustomVariable(name)
        .label(label)
        .values(",".join((first, *others)))
        .current(models.VariableOption(selected=True, text=first, value=first))
        .options([models.VariableOption(selected=v == first, text=v, value=v) for v in (first, *others)])
    )


def _labels(name: str, series: str, label: str, several: bool = True) -> dashboard.QueryVariable:
    """The values of a label; where several may be chosen, all are until then."""
    query: dict[str, object] = {"query": f"label_values({series}, {label})", "refId": name}
    variable = (
        dashboard.QueryVariable(name)
        .label(name.capitalize())
        .datasource(SOURCE)
        .query(query)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
    )
    if several:
        every = models.VariableOption(selected=True, text=["All"], value=["$__all"])
        variable.multi(True).include_all(True).all_value(".*").current(every)
    return variable


def _target(name: str, query: Query) -> prometheus.Dataquery:
    target = prometheus.Dataquery().ref_id(name).expr(query.expr).datasource(SOURCE)
    return target.legend_format(query.legend) if query.legend else target
