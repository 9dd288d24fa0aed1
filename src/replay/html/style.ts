/** The report's style sheet: light and dark, by what the reader's system asks for; contrast of text at least 4.5, of lines 3. */

/** Eight colours that differ for the colour-blind too, for light and for dark. */
const LIGHT = ['#0b62a4', '#b5490a', '#1b7d4f', '#8e2f8c', '#7a5c00', '#c01f3a', '#3f51b5', '#56606b'];
const DARK = ['#6db7f2', '#f2a065', '#66cf9a', '#dd92db', '#e0c25a', '#f58a9b', '#a5b4fc', '#b6c0cb'];
const DASHES = ['none', '9 4', '3 3', '12 3 3 3', 'none', '9 4', '3 3', '12 3 3 3'];

const colours = (list: readonly string[]): string =>
  list.map((colour, index) => `--s${index}:${colour};`).join('');

export const STYLE = `
:root{color-scheme:light dark;--text:#1c2127;--quiet:#555e68;--back:#fff;--rule:#d4d9de;--note:#fff5e0;${colours(LIGHT)}}
@media (prefers-color-scheme:dark){:root{--text:#e6e9ec;--quiet:#a9b2bb;--back:#16191d;--rule:#3a4148;--note:#3a2f14;${colours(DARK)}}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:1rem;font:16px/1.5 system-ui,sans-serif;color:var(--text);background:var(--back)}
h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2.5rem;border-top:1px solid var(--rule);padding-top:1rem}h3{font-size:1rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}dt{color:var(--quiet)}dd{margin:0;overflow-wrap:anywhere}
.scroll{overflow-x:auto}.scroll:focus-visible,summary:focus-visible{outline:2px solid var(--s0)}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .75rem .25rem 0;text-align:right;border-bottom:1px solid var(--rule);white-space:nowrap}
th:first-child,td:first-child{text-align:left}
caption{text-align:left;color:var(--quiet);padding-bottom:.25rem}
figure{margin:1rem 0}figcaption{font-weight:600}
svg{display:block;width:100%;height:auto}.scroll>svg{min-width:34rem}
.grid{stroke:var(--rule);stroke-width:1}.tick{fill:var(--quiet);font-size:12px}
.line{fill:none;stroke-width:2}
${DASHES.map((dash, index) => `.s${index}{stroke:var(--s${index});stroke-dasharray:${dash}}`).join('')}
.legend{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;list-style:none;padding:0;margin:.25rem 0}
.legend svg{display:inline-block;width:28px;height:8px;margin-right:.4rem}
.note{background:var(--note);padding:.5rem .75rem;margin:.5rem 0}
summary{cursor:pointer;color:var(--quiet)}
`;
