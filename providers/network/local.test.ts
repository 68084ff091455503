import { resolve } from "node:path";
import { dropletExec } from "../../sandbox/droplet";
import { checkout } from "../../sandbox/droplet/paths";
import { changes, scratchDroplet } from "../../test/support/scratchDroplet";

jest.setTimeout(120_000);

test("on the droplet itself the providers do the same without ssh", async () => {
  const droplet = await scratchDroplet();
  try {
    const before = await droplet.observe();
    // The cache of swc and the operator's record of the lineage are outside of what the test observes.
    const argv = [
      "env",
      "XDG_CACHE_HOME=/var/tmp",
      "XDG_STATE_HOME=/var/tmp",
      process.execPath,
      "-r",
      resolve(checkout, "register.cjs"),
      resolve(checkout, "test/support/scratchLocal.ts"),
    ];
    const { stdout, stderr, exitCode } = await dropletExec("scratch", argv);
    // The diagnostics of a preview, and nothing else.
    const diagnostics = stderr.split("\n").map((line) => line.split(";")[0]);
    expect({ diagnostics, exitCode }).toEqual({
      diagnostics: [
        "Bridge br0: br0 down",
        "CloneNamespace vm7: tap0 down",
        "NatRuleSet vm7: nft rule DNAT missing",
        "",
      ],
      exitCode: 0,
    });
    const declared = ["as declared", "as declared", "as declared"];
    expect(JSON.parse(stdout)).toEqual({
      created: declared,
      drifted: [
        "br0 down",
        "tap0 down",
        "nft rule DNAT missing; nft rule SNAT missing; nft rule established missing; nft rule no host metadata missing; " +
          "nft rule new connections missing; nft rule connections missing; nft rule private networks missing; nft rule egress to internet missing; nft rule egress elsewhere missing; nft rule ingress missing",
      ],
      repaired: declared,
      ids: ["", "", ""],
    });
    expect(changes(before, await droplet.observe())).toEqual([]);
  } finally {
    await droplet.end();
  }
});
