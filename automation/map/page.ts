/** A fleet as one HTML page that needs nothing else: no network, no script, no second file. */
import {
  dropletTitle,
  isAsDeclared,
  readyTime,
  type FleetReport,
  type ReportedClone,
  type ReportedDroplet,
} from "../report";
import { histogram } from "./histogram";
import { html, Markup, type Content } from "./html";
import { STYLE } from "./style";

const MIB = 1024;

/**
 * Renders a report.
 *
 * @param refresh seconds after which a browser reads the file again; 0: never
 */
export function fleetPage(report: FleetReport, refresh = 0): string {
  const { stack, at, droplets, compared } = report;
  const clones = droplets.flatMap((droplet) => droplet.clones);
  const wrong =
    clones.filter(isWrong).length + droplets.filter(({ error, drift }) => error !== "" || drift.length > 0).length;
  const verdict =
    wrong > 0
      ? html`<p class="bad"><strong>✗ ${wrong} things are not as declared.</strong></p>`
      : html`<p class="good">
          <strong
            >✓
            ${isAsDeclared(report) && compared ? "All is as declared." : "Nothing is wrong; drift was not looked for."}</strong
          >
        </p>`;
  const head = html`<meta charset="utf-8" /><meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />${
      refresh > 0 ? html` <meta http-equiv="refresh" content="${refresh}" />` : ""
    } <title>${stack}: ${clones.length} clones${wrong > 0 ? `, ${wrong} wrong` : ""}</title
    ><style>
      ${new Markup(STYLE)}
    </style>`;
  const times = clones.flatMap((clone) => readyTime(clone) ?? []);
  const { p50, p95, p99 } = report.ready;
  const ready =
    times.length === 0
      ? html`<p class="dim">The stack does not wait until clones are ready.</p>`
      : html`<p>
            Half of the clones were ready after ${seconds(p50)}, 95 % after ${seconds(p95)}, 99 % after ${seconds(p99)}.
          </p>
          ${histogram(times)}`;
  return `<!doctype html>\n${
    html`<html lang="en">
      <head>
        ${head}
      </head>
      <body>
        <a class="skip" href="#main">To the clones</a>
        <header>
          <h1>${stack}</h1>
          <p class="dim">As of <time datetime="${at}">${at}</time></p>
          ${verdict}
        </header>
        <main id="main">
          ${droplets.map(section)}
          <h2>Readiness</h2>
          ${ready}
        </main>
      </body>
    </html>`.text
  }\n`;
}

function section(droplet: ReportedDroplet, at: number): Markup {
  const { name, error, operation, snapshot, generations, drift, clones } = droplet;
  const memory = clones.reduce((sum, { usage }) => sum + (usage?.privateKib ?? 0), 0);
  const facts: [string, Content][] = [
    ["Clones", clones.length],
    ["Running", clones.filter(({ state }) => state === "running").length],
    ["Private memory", `${Math.round(memory / MIB)} MiB`],
    ["Now", operation === "" ? "no operation runs" : operation],
    ["Snapshot", html`<code>${short(snapshot)}</code>`],
    [
      "Earlier snapshots kept",
      generations.filter((one) => one !== snapshot).map((one) => html`<code>${short(one)}</code> `),
    ],
  ];
  const wrong = [...(error === "" ? [] : [error]), ...drift].map((words) => html`<p class="bad">✗ ${words}</p>`);
  return html`<section aria-labelledby="droplet${at}">
    <h2 id="droplet${at}">${dropletTitle(droplet)}</h2>
    ${wrong}
    <dl>
      ${facts.map(
        ([term, value]) =>
          html`<div>
            <dt>${term}</dt>
            <dd>${value}</dd>
          </div>`,
      )}
    </dl>
    <h3>Clones</h3>
    <ul class="tiles">
      ${clones.map((clone) => html`<li class="${lookOf(clone)}"><a href="#d${at}-${clone.name}">${signOf(clone)} ${clone.name}</a></li>`)}
    </ul>
    <div class="scroll" tabindex="0" role="region" aria-label="Clones of ${name}, in detail">${table(droplet, at)}</div>
  </section>`;
}

function table({ name, clones, snapshot }: ReportedDroplet, at: number): Markup {
  const highest = Math.max(1, ...clones.map(({ usage }) => usage?.privateKib ?? 0));
  const rows = clones.map((clone) => {
    const { usage } = clone;
    const cpu = usage === undefined || usage.ageMs === 0 ? 0 : (100 * usage.cpuMs) / usage.ageMs;
    const time = readyTime(clone);
    const costs =
      usage === undefined
        ? html`<td></td>
            <td></td>
            <td></td>`
        : html`<td class="number">
              ${Math.round(usage.privateKib / MIB)} MiB
              <meter min="0" max="${highest}" value="${usage.privateKib}" aria-hidden="true"></meter>
            </td>
            <td class="number">${Math.round(usage.sharedKib / MIB)} MiB</td>
            <td class="number">${cpu.toFixed(1)} %</td>`;
    const other = clone.snapshot === snapshot ? "" : html` <span class="bad">moves</span>`;
    return html`<tr id="d${at}-${clone.name}">
      <th scope="row">${clone.name}</th>
      <td>${clone.address}</td>
      <td class="${lookOf(clone)}">${signOf(clone)} ${clone.state}</td>
      <td class="number">${time === undefined ? "" : seconds(time)}</td>
      ${costs}
      <td><code>${short(clone.snapshot)}</code>${other}</td>
      <td class="words">${[...clone.drift, ...(clone.restarts === "" ? [] : [clone.restarts])].join("; ")}</td>
    </tr>`;
  });
  return html`<table>
    <caption>
      Clones on ${name}: CPU is the share of one core since the VMM's start; shared memory is mostly the snapshot's,
      which all have in common.
    </caption>
    <thead>
      <tr>
        <th scope="col">Clone</th>
        <th scope="col">Address</th>
        <th scope="col">State</th>
        <th scope="col" class="number">Ready after</th>
        <th scope="col" class="number">Private memory</th>
        <th scope="col" class="number">Shared</th>
        <th scope="col" class="number">CPU</th>
        <th scope="col">Snapshot</th>
        <th scope="col">Drift</th>
      </tr>
    </thead>
    <tbody>
      ${rows}
    </tbody>
  </table>`;
}

function isWrong({ state, drift }: ReportedClone): boolean {
  return state === "ended" || drift.length > 0;
}

function lookOf(clone: ReportedClone): string {
  if (isWrong(clone)) return "bad";
  return clone.state === "unknown" ? "dim" : "good";
}

function signOf(clone: ReportedClone): string {
  if (isWrong(clone)) return "✗";
  return clone.state === "unknown" ? "?" : "✓";
}

function short(digest: string): string {
  return digest === "" ? "none" : digest.replace(/^sha256:/, "").slice(0, 12);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
