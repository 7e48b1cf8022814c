"""The report's style sheet."""

STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --soft: #667085; --rule: #e3e6eb; --paper: #fff;
  --strong: #c2410c; --plain: #3b6ea5; --second: #2f855a; --warn: #fff4e5; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #9aa4b5; --rule: #333b48; --paper: #161b22;
  --strong: #fb923c; --plain: #7fb2e5; --second: #68d391; --warn: #3a2c18; } }
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 60rem; margin: 2rem auto 6rem; padding: 0 1.2rem; }
h1 { font-size: 1.7rem; margin-bottom: .2rem; } h2 { font-size: 1.25rem; margin-top: 2.6rem; } h3 { font-size: 1rem; }
p.lead { font-size: 1.1rem; } .soft { color: var(--soft); }
.warn { background: var(--warn); padding: .6rem .9rem; border-radius: .4rem; }
svg { width: 100%; min-width: 38rem; height: auto; font-size: 12px; } svg text { fill: var(--ink); }
svg .tick { fill: var(--soft); font-size: 11px; } .middle { text-anchor: middle; } .end { text-anchor: end; }
svg .halo { paint-order: stroke; stroke: var(--paper); stroke-width: 3px; stroke-linejoin: round; }
svg .lead { stroke: var(--soft); fill: none; }
svg .rule { stroke: var(--rule); fill: none; } svg .dashed { stroke-dasharray: 4 4; stroke: var(--soft); }
svg circle.plain, svg rect.plain { fill: var(--plain); } svg circle.strong, svg rect.strong { fill: var(--strong); }
svg line.plain { stroke: var(--plain); } svg line.strong { stroke: var(--strong); } svg .span { stroke-width: 2; }
svg text.strong { font-weight: 600; } svg .line { fill: none; stroke-width: 2; }
svg .series0 { stroke: var(--plain); fill: var(--plain); } svg .series1 { stroke: var(--strong); fill: var(--strong); }
svg polyline.line { fill: none; }
table { border-collapse: collapse; font-size: .875rem; margin: .8rem 0; } .wide { overflow-x: auto; }
th, td { padding: .2rem 1.1rem .2rem 0; text-align: right;
  border-bottom: 1px solid var(--rule); white-space: nowrap; }
th { font-weight: 600; color: var(--soft); } th:first-child, td:first-child, td.text, th.text { text-align: left; }
tr.strong td { font-weight: 600; } td.text { white-space: normal; } td:first-child { white-space: nowrap; }
details { margin: .8rem 0; } summary { cursor: pointer; color: var(--plain); }
dt { font-weight: 600; } dd { margin: 0 0 .4rem; }
"""
