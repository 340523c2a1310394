"""The style of the page: light or dark as the reader has it, one column on a narrow screen, and on paper."""

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #f6f7f9; --card: #ffffff; --ink: #1d2430; --soft: #5b6675; --line: #dfe3e9; --accent: #2b5f95;
  --track: #e8ebf0; --good: #1c7a3a; --bad: #b03a48; --warn: #fff6dd; --warn-line: #e3c46a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #12161c; --card: #1a2028; --ink: #e6eaf0; --soft: #9aa5b4; --line: #2d3642; --accent: #8fbbe8;
    --track: #2a323d; --good: #6ccb86; --bad: #f08a94; --warn: #2b2718; --warn-line: #6f6130;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", Arial, sans-serif;
}
main { max-width: 1120px; margin: 0 auto; padding: 40px 24px 64px; }
header { margin-bottom: 28px; }
h1 { font-size: 28px; line-height: 1.2; letter-spacing: -.015em; margin: 0 0 10px; text-wrap: balance; }
h2 { font-size: 18px; letter-spacing: -.005em; margin: 0 0 4px; }
h3 { font-size: 14px; margin: 0 0 6px; font-weight: 600; }
p { margin: 0 0 12px; max-width: 80ch; }
.finding { font-size: 17px; line-height: 1.5; max-width: 68ch; }
.soft, figcaption { color: var(--soft); font-size: 13px; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 22px 24px;
  margin: 0 0 18px; }
section > .soft:last-child { margin-bottom: 0; }
p.soft { max-width: 110ch; }
.facts { display: flex; flex-wrap: wrap; gap: 1px; background: var(--line);
  border: 1px solid var(--line); border-radius: 12px; overflow: hidden; margin: 0 0 18px; }
.facts div { background: var(--card); padding: 13px 18px; flex: 1 1 130px; }
.facts dt { color: var(--soft); font-size: 12.5px; }
.facts dd { margin: 0; font-size: 19px; font-weight: 600; font-variant-numeric: tabular-nums; }
.warnings { background: var(--warn); border-color: var(--warn-line); }
.warnings ul { margin: 6px 0 0; padding-left: 20px; }
.warnings li { overflow-wrap: anywhere; }
.wide { overflow-x: auto; margin: 12px -24px 12px; padding: 0 24px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 14px; }
th, td { text-align: right; padding: 9px 0 9px 22px; border-bottom: 1px solid var(--line); vertical-align: top;
  white-space: nowrap; }
thead th { color: var(--soft); font-weight: 600; font-size: 12.5px; vertical-align: bottom; }
th:first-child, td:first-child, td.name { text-align: left; padding-left: 0; }
tbody tr:last-child > * { border-bottom: 0; }
tbody th { font-weight: 600; max-width: 260px; white-space: normal; overflow-wrap: anywhere; min-width: 120px; }
tbody th small { display: block; font-weight: 400; color: var(--soft); font-size: 12px; }
td.name { padding-left: 22px; }
td small { display: block; color: var(--soft); font-size: 11.5px; }
td.best b { font-weight: 700; }
td b { font-weight: 500; }
td.best b { text-decoration: underline 2px var(--accent); text-underline-offset: 3px; }
.up { color: var(--good); } .down { color: var(--bad); }
.up, .down { font-size: 11px; margin-right: 5px; }
.range { display: block; position: relative; height: 5px; margin: 9px 0 3px auto; width: 104px; border-radius: 3px;
  background: var(--track); }
.range i { position: absolute; top: 0; bottom: 0; left: calc(var(--a) * 1%); width: calc(var(--w) * 1%);
  min-width: 2px;
  border-radius: 3px; background: var(--c); opacity: .55; }
.range u { position: absolute; top: -2px; bottom: -2px; left: calc(var(--v) * 1% - 1px); width: 2px;
  background: var(--ink); }
.mark { width: 22px; height: 14px; vertical-align: -2px; margin-right: 8px; flex: none; }
.key { display: flex; flex-wrap: wrap; gap: 4px 22px; list-style: none; margin: 10px 0 6px; padding: 0;
  font-size: 13.5px; }
.key li { overflow-wrap: anywhere; display: flex; align-items: center; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr));
  gap: 26px 34px; margin-top: 14px; }
figure { margin: 0; min-width: 0; }
.chart { overflow-x: auto; }
.chart > svg { display: block; width: 100%; min-width: 460px; height: auto;
  stroke-linejoin: round; font-family: inherit; }
figcaption { margin-top: 4px; }
details > summary { cursor: pointer; font-size: 18px; font-weight: 600; }
details[open] > summary { margin-bottom: 10px; }
summary::marker { color: var(--soft); }
.pairs { display: grid; grid-template-columns: max-content 1fr; gap: 6px 20px; margin: 10px 0 0; font-size: 14px; }
.pairs dt { color: var(--soft); } .pairs dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }
code { font: 12.5px ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
footer { color: var(--soft); font-size: 12.5px; margin-top: 24px; }
@media (max-width: 640px) {
  main { padding: 24px 14px 40px; }
  section { padding: 18px 16px; } .wide { margin-inline: -16px; padding: 0 16px; }
  h1 { font-size: 23px; } .finding { font-size: 16px; }
  tbody th { max-width: 150px; } .pictures { grid-template-columns: minmax(0, 1fr); }
  .wide th:first-child { position: sticky; left: 0; background: var(--card); z-index: 1; padding-right: 8px; }
  .pairs { grid-template-columns: 1fr; gap: 0; } .pairs dd { margin-bottom: 8px; }
}
@media print {
  :root { --paper: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #ccc; --track: #eee; }
  main { max-width: none; padding: 0; } .chart > svg { min-width: 0; }
  section { break-inside: avoid; border: 0; padding: 8px 0; }
}
""".strip()
