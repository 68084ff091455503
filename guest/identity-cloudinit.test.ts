/** What a guest's own cloud-init is to run: run here by hand, in a guest that looks as cloud-init leaves one. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Identity } from "../firecracker/identity";
import { guestScript } from "../providers/vm/identityScript";
import { build, eventually, guestAddress, startGuest, type Guest } from "./testing";
import { identityFor, keyPair, ssh } from "./testing-ssh";

jest.setTimeout(240_000);

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "hornet-cloudinit-"));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const scanned = (guest: Guest): Promise<string> =>
  eventually(
    async () =>
      /ssh-ed25519 \S+/.exec((await guest.inside(["ssh-keyscan", "-t", "ed25519", guestAddress])).output)?.[0],
    () => guest.console(),
    30,
  );

test("a key in cloud-init's metadata is only the login user's, and is removed once the metadata lacks it", async () => {
  const [host, own, kept, gone] = [
    await keyPair(scratch, "host"),
    await keyPair(scratch, "own"),
    await keyPair(scratch, "kept"),
    await keyPair(scratch, "gone"),
  ];
  // As cloud-init 22.4 writes it where root is not to log in.
  const refused = `no-port-forwarding,no-agent-forwarding,no-X11-forwarding,command="echo 'Please login as the user \\"debian\\" rather than the user \\"root\\".';echo;sleep 10;exit 142" `;
  const both = [`${kept.line} it's "kept"`, gone.line];
  const first = { ...identityFor("vm7", host, own), authorizedKeys: both };
  const second = { ...first, generation: "00", authorizedKeys: both.slice(0, 1) };
  const script = (identity: Identity): string =>
    `#!/bin/sh\n${guestScript(identity, { first: true, attended: false })}`;
  const files = {
    "root/first": script(first),
    "root/second": script(second),
    "etc/passwd": `${readFileSync(join(__dirname, "image/etc/passwd"), "utf8")}debian:*:1000:1000::/home/debian:/bin/sh\n`,
    "root/.ssh/authorized_keys": [own.line, "", ...both.map((line) => refused + line), ""].join("\n"),
    "home/debian/.ssh/authorized_keys": [...both, own.line, ""].join("\n"),
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(scratch, "extra", path)), { recursive: true, mode: 0o755 });
    writeFileSync(join(scratch, "extra", path), text, { mode: path === "etc/passwd" ? 0o644 : 0o600 });
  }
  const rootfs = await build("build-image.sh", ["--add", join(scratch, "extra"), "--out", join(scratch, "r.ext4")]);
  const kernel = join(await build("build-kernel.sh"), "vmlinux");
  const guest = await startGuest({ kernel, rootfs, metadata: false, kernelArguments: "hornet.identity=none" });
  try {
    await guest.waitConsole(/not wanted/);
    const become = (which: string, login: { userKey: string; hostKey: string }): Promise<string> =>
      ssh(guest, login, `sh /root/${which}`);
    // Either starts its ssh server again, with its key.
    await become("first", { userKey: own.file, hostKey: await scanned(guest) });
    expect(await guest.waitConsole(new RegExp(`hornet-identity: ready ${first.generation}`))).not.toMatch(
      /hornet-identity: failed/,
    );
    expect(await scanned(guest)).toBe(host.line);
    const login = { userKey: own.file, hostKey: host.line };
    const root = "/root/.ssh/authorized_keys";
    const debian = "/home/debian/.ssh/authorized_keys";
    const block = (lines: readonly string[]): string => ["# hornet: begin", ...lines, "# hornet: end", ""].join("\n");
    expect(await ssh(guest, login, `cat ${root}`)).toBe(`${own.line}\n\n${block(both)}`);
    expect(await ssh(guest, login, `cat ${debian}`)).toBe(`${own.line}\n`);

    // The next boot: cloud-init finds what it is given in the block, and adds nothing.
    await become("second", login);
    expect(await guest.waitConsole(/hornet-identity: ready 00/)).not.toMatch(/hornet-identity: failed/);
    expect(await scanned(guest)).toBe(host.line);
    expect(await ssh(guest, login, `cat ${root} ${debian}`)).toBe(
      `${own.line}\n\n${block(both.slice(0, 1))}${own.line}\n`,
    );
  } finally {
    await guest.stop();
  }
});
