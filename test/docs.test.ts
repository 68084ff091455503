import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { bridgeTable } from "../plan/network/bridge";
import { natTable } from "../plan/network/nat";
import { renderTable, type NftTable } from "../plan/network/nft";
import type { Condition } from "./support/conditions";
import { firewalls } from "./support/firewallConditions";
import { addresses, uplinks } from "./support/networkConditions";
import { driftRows } from "./drift/docs";
import { drifts } from "./drift/table";

const owner = "hornet:STACK";

/** A table as the documentation shows it: without the lines that take an older one away. */
function shown(table: NftTable): string {
  return renderTable(table).split("\n").slice(2).join("\n");
}

test("docs/network.md shows the real rules", () => {
  const text = readFileSync(join(__dirname, "../docs/network.md"), "utf8");
  const blocks = [...text.matchAll(/```nft\n([^`]*)```/g)].map(([, block]) => block);
  const clone = { address: "10.0.0.2", guestAddress: "192.168.241.2", nsVeth: "veth0", tap: "tap0", owner };
  const bridgeAddress = "10.0.0.1/24";
  const rules = { publish: [], egress: ["internet"], services: ["8080/tcp"], isolated: true, nameservers: [] };
  const limits = { connections: 4096, newConnections: 1000 };
  const bridge = { name: "br0", address: bridgeAddress, network: "10.0.0.0/24", uplink: "auto", owner };
  expect(blocks).toEqual([
    shown(natTable({ ...clone, ...rules, ...limits, bridgeAddress })),
    shown(bridgeTable({ ...bridge, closed: true, forwards: [] })),
  ]);
});

test("docs/network.md lists every condition of a droplet that is tried, with its test", () => {
  const text = readFileSync(join(__dirname, "../docs/network.md"), "utf8");
  const rows = text.split("\n").filter((line) => / \| (?:network|firewall)Conditions +\|$/.test(line));
  const named = rows.map((row) => row.split("|").flatMap((cell) => cell.trim() || []));
  const does = ({ refused, warned }: Condition): string =>
    refused !== undefined ? "refuses" : warned !== undefined ? "warns" : "works";
  const expected = [
    ...Object.entries({ ...addresses, ...uplinks }).map(([name, one]) => [name, does(one), "networkConditions"]),
    ...Object.entries(firewalls).map(([name, one]) => [name, does(one), "firewallConditions"]),
  ];
  expect(named.map(([name, what = "", file]) => [name, what.replace(/[,:].*/, ""), file])).toEqual(expected);
});

test("every script that the README names is in package.json, and the other way round", () => {
  const readme = readFileSync(join(__dirname, "../README.md"), "utf8");
  const { scripts } = JSON.parse(readFileSync(join(__dirname, "../package.json"), "utf8")) as { scripts: object };
  const named = [...readme.matchAll(/npm (?:run (?:--silent )?([a-z:]+)|(test))/g)].map(([, run, test]) => run ?? test);
  expect([...new Set(named)].sort()).toEqual(Object.keys(scripts).sort());
});

test("docs/drift.md lists every tested kind of drift, with its message and repair", () => {
  const text = readFileSync(join(__dirname, "../docs/drift.md"), "utf8");
  const rows = text.split("\n").filter((line) => / \| (?:lives on|restarted).* \|$/.test(line));
  expect(rows.map((row) => row.replaceAll(/ +/g, " "))).toEqual(driftRows(drifts));
});

test.each([
  "README.md",
  ...["automation", "drift", "metrics", "network", "promotion", "security", "steps", "troubleshooting", "watch"].map(
    (name) => `docs/${name}.md`,
  ),
])("the files that %s links to exist", (name) => {
  const file = join(__dirname, "..", name);
  const links = [...readFileSync(file, "utf8").matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, to = ""]) => to);
  for (const to of links) expect({ to, there: existsSync(join(dirname(file), to)) }).toEqual({ to, there: true });
});

test("every file of the repository that the documentation names exists", () => {
  const checkout = join(__dirname, "..");
  const folders = readdirSync(checkout, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const top = folders.map(({ name }) => name.replaceAll(".", "\\.")).join("|");
  const path = new RegExp(`^(?:\\./)?(?:${top})/[\\w./-]+$`);
  const named = [
    "README.md",
    ...readdirSync(join(checkout, "docs"))
      .filter((name) => name.endsWith(".md"))
      .map((name) => `docs/${name}`),
  ].flatMap((file) =>
    [...readFileSync(join(checkout, file), "utf8").matchAll(/`([^`\s]+)`/g)]
      .map(([, word = ""]) => ({ file, word }))
      .filter(({ word }) => path.test(word) && !word.startsWith(".hornet/")),
  );
  expect(named.length).toBeGreaterThan(40);
  expect(named.filter(({ word }) => !existsSync(join(checkout, word)))).toEqual([]);
});

const hasSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0;

(hasSystemd ? test : test.skip)("systemd accepts the units that docs/watch.md installs", () => {
  const folder = mkdtempSync(join(tmpdir(), "hornet-units-"));
  try {
    cpSync(join(__dirname, "../examples/systemd"), folder, { recursive: true });
    const service = join(folder, "hornet-watch@.service");
    const text = readFileSync(service, "utf8");
    expect(text).toContain("ExecStart=/usr/bin/node scripts/hornet.mjs watch ");
    // This machine may have node elsewhere.
    writeFileSync(service, text.replace("/usr/bin/node", process.execPath));
    const timer = join(folder, "hornet-watch@prod.timer");
    const verified = spawnSync("systemd-analyze", ["verify", "--man=no", timer], { encoding: "utf8" });
    expect({ code: verified.status, said: verified.stdout + verified.stderr }).toEqual({ code: 0, said: "" });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("every test that docs/security.md cites is a test", () => {
  const text = readFileSync(join(__dirname, "../docs/security.md"), "utf8");
  const rows = text.split("\n").filter((line) => line.startsWith("| ") && line.includes("`"));
  const cited = rows.map((row) => row.split(" | ").at(-1) ?? "");
  expect(cited.length).toBeGreaterThan(20);
  expect(cited.filter((cell) => !/`[\w./-]+\.test\.ts`/.test(cell))).toEqual([]);
});
