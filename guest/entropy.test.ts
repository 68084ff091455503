/** A guest that has no source of random numbers but what the droplet hands over, or but VMGenID. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { limitMs } from "../test/support/settings";
import { build, startGuest } from "./testing";
import { identityFor, keyPair, ssh, tell } from "./testing-ssh";

jest.setTimeout(limitMs(600));

let scratch: string;
let kernel: string;
let rootfs: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "hornet-entropy-"));
  kernel = join(await build("build-kernel.sh"), "vmlinux");
  rootfs = await build("build-image.sh", ["--out", join(scratch, "rootfs.ext4")]);
}, 1_500_000);
afterAll(() => rm(scratch, { recursive: true, force: true }));

test("a guest without RDRAND and without an entropy device is seeded with its identity, and its ssh answers", async () => {
  const [host, user] = [await keyPair(scratch, "host"), await keyPair(scratch, "user")];
  const guest = await startGuest({
    ...{ kernel, rootfs, cpu: "qemu64,-rdrand" },
    kernelArguments: "random.trust_cpu=off random.trust_bootloader=off loglevel=6",
  });
  try {
    const before = await guest.waitConsole(/hornet-identity: waiting/);
    expect(before).not.toContain("crng init done");
    const console = await tell(guest, identityFor("poor", host, user));
    expect(console).toContain("crng init done");
    expect(console).not.toContain("failed");
    expect(await ssh(guest, { userKey: user.file, hostKey: host.line }, "hostname")).toBe("poor\n");
  } finally {
    await guest.stop();
  }
});

test("VMGenID replaces a seed that the guest cannot credit, and without VMGenID the guest reports it", () => {
  const drivers = join(scratch, "sys/bus/acpi/drivers/vmgenid");
  mkdirSync(drivers, { recursive: true });
  for (const name of ["bind", "unbind", "uevent"]) writeFileSync(join(drivers, name), "");
  // No perl or python3 is found.
  const script = `. "${join(__dirname, "identity/apply.sh")}"; say() { echo "$*"; }
    perl() { false; }; python3() { false; }; settled=1 new_clock= new_seed=; apply_seed_and_clock`;
  const said = (): string =>
    execFileSync("/bin/sh", ["-c", script], { env: { SYSFS: join(scratch, "sys") }, encoding: "utf8" });
  expect(said()).toBe("failed seed the random generator may go on for a minute as its template did\n");
  mkdirSync(join(drivers, "VMGENCTR:00"));
  expect(said()).toBe("");
});
