/** The page's style: light and dark, for 3 clones and for 250. Colour never carries a meaning alone. */
export const STYLE = `
:root { color-scheme: light dark; --line: #c8ccd2; --soft: #f3f4f6; --good: #1a6b37; --bad: #a4161a; --dim: #565d66; --bar: #3b6ea5; --back: #fff; --text: #16191d; }
@media (prefers-color-scheme: dark) {
  :root { --line: #3a4048; --soft: #1e2227; --good: #7bd694; --bad: #ff9a94; --dim: #a3acb7; --bar: #7fb2e5; --back: #121417; --text: #e8eaed; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 90rem; padding: 1.5rem; font: 15px/1.5 system-ui, sans-serif; background: var(--back); color: var(--text); }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; } h3 { font-size: 1rem; margin: 1.25rem 0 .4rem; }
p { margin: .35rem 0; } a { color: inherit; }
a:focus-visible, .scroll:focus-visible { outline: 3px solid var(--bar); outline-offset: 2px; }
.skip { position: absolute; left: -99rem; } .skip:focus { position: static; }
.dim { color: var(--dim); } .bad { color: var(--bad); } .good { color: var(--good); }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(12rem, 1fr)); gap: .5rem 1.5rem; margin: .75rem 0; }
dt { color: var(--dim); font-size: .85rem; } dd { margin: 0; overflow-wrap: anywhere; }
.tiles { list-style: none; display: grid; grid-template-columns: repeat(auto-fill, minmax(6.5rem, 1fr)); gap: .35rem; padding: 0; margin: .5rem 0; }
.tiles a { display: block; padding: .3rem .5rem; border: 1px solid var(--line); border-left: .3rem solid var(--good); border-radius: .25rem; background: var(--soft); text-decoration: none; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.tiles .bad a { border-left-color: var(--bad); } .tiles .dim a { border-left-color: var(--dim); border-left-style: dotted; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--dim); padding-bottom: .3rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
td.words { white-space: normal; min-width: 14rem; } td.number, th.number { text-align: right; }
tr:target { background: var(--soft); outline: 2px solid var(--bar); }
meter { width: 4rem; } code { font: .92em ui-monospace, monospace; } svg { max-width: 100%; height: auto; } svg text { fill: var(--text); font-size: 11px; } svg rect { fill: var(--bar); }
`;
