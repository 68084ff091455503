import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { manifestSchema, type Manifest } from "../../firecracker/manifest";
import { cipherOptions } from "../../host/ssh/ciphers";
import { connectionSchema, type SshConnection } from "../../model/connection";
import { quote } from "../../host/quote";
import { Sessions } from "../../host/session/sessions";
import { knownHostsLine } from "../../host/ssh/options";
import { hashFiles } from "../../providers/artifact/files";
import { transfer as bring } from "../../providers/artifact/transfer";
import { dropletExec } from "../../sandbox/droplet";
import { plainStage, type Part } from "../support/context";
import { settle, SNAPSHOT, type Stage } from "../support/stage";

const FILES = ["vm.mem", "vm.snapshot"];
const TARGET = "/opt/swarm/bench-target";

/**
 * A snapshot from one droplet to another, from the first connection to verified files: Hornet, and a manual copy,
 * a tar through two ssh, which verifies nothing, with ssh's default cipher and with the one that Hornet chooses.
 */
export const transfer: Part = async (context, run) => {
  const { results, stages, paths } = context;
  const from = await plainStage(context);
  const to = await stages.get({ name: "target", firecracker: paths.firecrackerStub, reflink: false });
  context.say("a snapshot from droplet to droplet");
  const sides = [
    async () => {
      const { ms, sent } = await byHornet(from, to);
      results.add("transfer.hornet", "ms", ms);
      results.add("transfer.sent", "bytes", sent);
    },
    async () => results.add("transfer.hand", "ms", await byHand(from, to)),
    async () => results.add("transfer.handSameCipher", "ms", await byHand(from, to, fastCipher)),
  ];
  // Each is the first in every third run.
  for (const side of [...sides.slice(run % sides.length), ...sides.slice(0, run % sides.length)]) {
    await side();
    await dropletExec(to.name, ["rm", "-rf", TARGET]);
    await settle();
  }
};

async function byHornet(from: Stage, to: Stage): Promise<{ ms: number; sent: number }> {
  const manifest = await manifestOf(from);
  const sessions = new Sessions();
  const [source, target] = [from, to].map(({ connection }) => sessions.of(connectionSchema.parse(connection)));
  if (source === undefined || target === undefined) throw new Error("there are no two droplets");
  const digest = "0".repeat(64);
  const vars = { namespace: "hornet-bench", owner: "hornet:bench/in:be0c4be0c4bd", dir_of_artifacts: TARGET, digest };
  const begun = performance.now();
  try {
    const { sent } = await bring({ source, folder: SNAPSHOT, target, vars, manifest });
    return { ms: performance.now() - begun, sent };
  } finally {
    await sessions.close();
  }
}

/** The manifest that the provider has for a transfer, made with the snapshot. */
async function manifestOf({ connection }: Stage): Promise<Manifest> {
  const paths = FILES.map((name) => `${SNAPSHOT}/${name}`);
  const sessions = new Sessions();
  const hashes = await hashFiles(sessions.of(connectionSchema.parse(connection)), paths).finally(() =>
    sessions.close(),
  );
  const files = Object.fromEntries([...hashes].map(([path, digest]) => [path.slice(SNAPSHOT.length + 1), digest]));
  return manifestSchema.parse({
    format: 1,
    files,
    firecracker: "",
    snapshotFormat: "",
    cpu: "",
    hostKernel: "",
    guest: { address: "", mac: "", tap: "" },
    diskPath: "",
    tap: "",
    iface: "",
    memory: 0,
    vcpus: 0,
    identity: "ssh",
    bootArgs: "",
    made: { at: "", from: "", key: "" },
  });
}

/** The option for the cipher that Hornet chooses. */
function fastCipher(host: string): string[] {
  return cipherOptions([], host);
}

async function byHand(from: Stage, to: Stage, more: (host: string) => string[] = () => []): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "hornet-hand-"));
  try {
    const login = (name: string, connection: SshConnection): string => {
      const known = join(folder, name);
      writeFileSync(known, knownHostsLine(connection) ?? "");
      const options = [
        "-i",
        connection.privateKeyPath ?? "",
        "-o",
        `UserKnownHostsFile=${known}`,
        "-o",
        "BatchMode=yes",
        ...more(connection.host),
      ];
      return ["ssh", ...options, "-p", String(connection.port), `${connection.user}@${connection.host}`].join(" ");
    };
    const [there, here] = [from, to].map(({ name, connection }) => login(name, connection as SshConnection));
    const pack = `tar -C ${SNAPSHOT} -S -c ${FILES.join(" ")} | zstd -q -c -1`;
    const unpack = `mkdir -p ${TARGET} && zstd -q -d -c | tar -C ${TARGET} -x`;
    const script = `${there ?? ""} ${quote(pack)} | ${here ?? ""} ${quote(unpack)}`;
    const begun = performance.now();
    await promisify(execFile)("bash", ["-o", "pipefail", "-c", script]);
    return performance.now() - begun;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
