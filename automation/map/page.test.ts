import { reportOf, type FleetReport } from "../report";
import type { FleetClone } from "../state";
import { barsOf } from "./histogram";
import { fleetPage } from "./page";

const droplet = "root@203.0.113.10:22";

function clone(id: number, more: Partial<FleetClone> = {}): FleetClone {
  return {
    ...{ name: `vm${id}`, namespace: `vm${id}`, droplet, address: `10.0.0.${id + 2}`, user: "root" },
    ...{ sshHostKey: "ssh-ed25519 AAAA", ready: true, condition: "as declared", identityMethod: "service" },
    ...{ generation: "g", snapshot: "sha256:aa", vmm: "", timings: { load: 40, ready: 900 + id }, urn: `urn${id}` },
    ...more,
  };
}

function report(clones: readonly FleetClone[], words: string): FleetReport {
  const usage = { alive: true, pid: 1, privateKib: 20_480, sharedKib: 40_960, cpuMs: 500, ageMs: 10_000 };
  const seen = new Map(clones.map(({ name }, at) => [name, { ...usage, alive: at !== 1 }]));
  return reportOf(
    "prod",
    {
      clones,
      resources: [],
      droplets: [
        {
          ...{
            name: droplet,
            alias: "droplet",
            connection: { local: true },
            owners: [],
            snapshot: "sha256:aa",
            sshConfig: "",
          },
          generations: ["sha256:aa", "sha256:bb"],
        },
      ],
    },
    [{ name: droplet, error: "", lock: "", usage: seen, restarts: new Map([["vm2", "restarted 2 times"]]) }],
    { drift: [{ clone: "vm1", resource: "FirecrackerVM vm1", urn: "urn1", message: words }], compared: true },
  );
}

test("a page shows every clone with its state and drift, and text from a droplet as text", () => {
  const page = fleetPage(
    report(
      [0, 1, 2].map((id) => clone(id)),
      `<script>alert("x")</script> & 'more'`,
    ),
    15,
  );
  expect(page).toContain("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; &#39;more&#39;");
  expect(page).not.toContain("<script");
  const rows = page.replaceAll(/\s+/g, " ");
  expect(rows).toMatch(/<tr id="d0-vm1">[^]*?10\.0\.0\.3<[^]*?✗ ended/);
  expect(rows).toMatch(/<tr id="d0-vm2">[^]*?✓ running[^]*?20 MiB [^]*?40 MiB[^]*?5\.0 %[^]*?restarted 2 times/);
  expect(page).toContain("✗ 1 things are not as declared");
  expect(page).toContain('http-equiv="refresh" content="15"');
});

test("a page of 250 clones needs no other file, and every tile leads to its row", () => {
  const page = fleetPage(
    report(
      Array.from({ length: 250 }, (_, id) => clone(id)),
      "gone",
    ),
  );
  expect(page).not.toMatch(/\s(?:src|srcset)=|@import|url\(|href="(?!#)/);
  const targets = [...page.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id);
  expect(targets).toHaveLength(251);
  for (const id of targets) expect(page).toContain(`id="${id ?? ""}"`);
});

test("bars have round bounds, and hold every value", () => {
  const values = [0, 0.2, 1.1, 2.49, 2.5];
  const bars = barsOf(values);
  expect(bars.reduce((sum, { count }) => sum + count, 0)).toBe(values.length);
  expect(bars[0]).toEqual({ from: 0, to: 0.2, count: 1 });
  expect(barsOf([])).toEqual([]);
  expect(barsOf([0])).toHaveLength(1);
});
