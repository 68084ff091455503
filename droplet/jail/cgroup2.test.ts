/** The limits of a clone on a kernel that has cgroups of version 2 alone, as Debian's has: Debian's own kernel, in QEMU. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readLibrary } from "../../host/session/library";
import { limitsSchema } from "../../model/arguments/limits";
import { limitLines } from "../../plan/vm/limits";
import { cpio } from "../../test/support/cpio";
import { longTest } from "../../test/support/longTest";

jest.setTimeout(400_000);

const PROGRAMS =
  "bash cat chmod cp dirname find flock grep head kill ln ls mkdir mktemp mount mv perl prlimit readlink realpath rm rmdir sed sleep stat tail touch tr";

const sh = (command: string, cwd: string): string => execFileSync("bash", ["-c", command], { cwd, encoding: "utf8" });

/** Copies programs of this machine, and the libraries that they need. */
function putPrograms(folder: string): void {
  mkdirSync(join(folder, "bin"), { recursive: true });
  for (const name of PROGRAMS.split(" ")) {
    const file = sh(`readlink -f "$(type -P ${name})"`, folder).trim();
    copyFileSync(file, join(folder, "bin", name));
    const needed = sh(`ldd ${file} | grep -o '/[^ ]*' || :`, folder);
    for (const library of needed.split("\n").filter((line) => line !== "")) {
      mkdirSync(join(folder, dirname(library)), { recursive: true });
      copyFileSync(library, join(folder, library));
    }
  }
}

/** What the machine said, by name. */
function bootAndListen(folder: string): Map<string, string> {
  const root = join(folder, "root");
  for (const name of ["proc", "sys", "dev", "run", "tmp"]) mkdirSync(join(root, name), { recursive: true });
  putPrograms(root);
  const lines = (limits: object): string => limitLines(limitsSchema.parse(limits), { memory: 16 });
  writeFileSync(join(root, "lib.sh"), readLibrary());
  writeFileSync(join(root, "limits"), lines({ cpus: 0.5, memory: 32, pids: 64 }));
  writeFileSync(join(root, "other-limits"), lines({ cpus: 0.25, memory: 24, pids: 32 }));
  writeFileSync(join(root, "no-limits"), lines({}));
  writeFileSync(join(root, "init"), readFileSync(join(__dirname, "../../test/support/cgroup2.sh")), { mode: 0o755 });
  writeFileSync(join(folder, "initramfs"), cpio(root));
  const [, kernel = ""] = /Depends: (\S+)/.exec(sh("apt-cache depends linux-image-cloud-amd64", folder)) ?? [];
  sh(
    `apt-get download -qq -o APT::Sandbox::User=root ${kernel} && dpkg-deb -x ./*.deb package && mv package/boot/vmlinuz-* kernel`,
    folder,
  );
  sh(
    `timeout 300 qemu-system-x86_64 -accel tcg -m 512 -display none -nodefaults -no-reboot -serial file:console \
      -kernel kernel -initrd initramfs -append "console=ttyS0 panic=-1 quiet"`,
    folder,
  );
  const said = readFileSync(join(folder, "console"), "utf8").matchAll(/^said (\w+): *(.*?)\s*$/gm);
  return new Map([...said].map(([, name = "", text = ""]) => [name, text]));
}

longTest("a clone's limits hold, drift, come back and go, with cgroups of version 2 alone", () => {
  const folder = mkdtempSync(join(tmpdir(), "hornet-cgroup2-"));
  try {
    const files = (cpu: string, memory: string, swap: string, pids: string): string =>
      `cgroup.cpu.max=${cpu} cgroup.memory.max=${memory} cgroup.memory.swap.max=${swap} cgroup.pids.max=${pids}`;
    const seen = "cgroup=2 cpu memory pids";
    const all = `${seen} inside=cpu memory pids`;
    const declared = files("50000 100000", "33554432", "0", "64");
    expect(Object.fromEntries(bootAndListen(folder))).toEqual({
      before: "",
      given: "cpu memory pids",
      made: `${all} ${declared}`,
      changed: `${seen} inside= ${files("50000 100000", "max", "0", "64")}`,
      repaired: `${all} ${declared}`,
      other: `${all} ${files("25000 100000", "25165824", "0", "32")}`,
      free: `${all} ${files("max 100000", "max", "max", "256")}`,
      dropped: "",
      memory: "137 met.memory=33554432",
      forked: "63",
      pids: "met.memory=33554432 met.pids=64",
      swept: "memory",
      delegated: "33554432",
      busy: "0",
      end: "",
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
