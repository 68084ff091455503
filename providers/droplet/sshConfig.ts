import { readFile, rm, rmdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { z } from "zod";
import { isLocal } from "../../model/connection";
import { operatorsWay } from "../../host/ssh/operatorConfig";
import { expandHome } from "../../host/ssh/options";
import { writeWhole } from "../../host/wholeFile";
import { sshFiles, type SshFiles } from "../../plan/sshConfig";
import { finishMade } from "../operation/pendingClones";
import { makeProvider } from "../kit/define";
import { commonInputs, type Definition } from "../kit/definition";
import { ipv4 } from "../../model/values";

/** A word that ssh_config(5) takes as one. */
const sshWord = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, "must be letters, digits, dots, underscores and hyphens");

/** The arguments of a SshConfig. */
export const sshConfigInputs = commonInputs.extend({
  stack: z.string().min(1),
  /** The folder on the operator's machine, from the program's folder. */
  folder: z.string().min(1),
  user: z.string().default("root"),
  clones: z.array(
    z.object({
      name: sshWord,
      address: ipv4,
      /** `ssh-ed25519 AAAA…`; empty where it is not known. */
      hostKey: z
        .string()
        .regex(/^([a-z0-9@.-]+ [A-Za-z0-9+/=]+)?$/, "must be a public host key, like ssh-ed25519 AAAA…")
        .default(""),
    }),
  ),
});

const outputs = z.object({ file: z.string() });

type Inputs = z.infer<typeof sshConfigInputs>;
type Outputs = z.infer<typeof outputs>;

/** The files' paths are absolute in the files, since ssh resolves others from wherever it is called. */
async function filesOf({ stack, folder, droplet, user: guestUser, clones }: Inputs): Promise<SshFiles> {
  const where = resolve(folder);
  const targets = clones.map((clone) => ({ ...clone, user: guestUser }));
  if (isLocal(droplet)) return sshFiles(stack, where, undefined, targets);
  const { host, user, port, hostKey, privateKeyPath } = droplet;
  const key = privateKeyPath === undefined ? undefined : resolve(expandHome(privateKeyPath));
  const way = await operatorsWay(droplet);
  return sshFiles(stack, where, { host, user, port, hostKey, privateKeyPath: key, ...way }, targets);
}

async function write(wanted: Inputs): Promise<Outputs> {
  const { config, knownHosts } = await filesOf(wanted);
  writeWhole(join(wanted.folder, "known_hosts"), knownHosts);
  writeWhole(join(wanted.folder, "ssh_config"), config);
  // It is told of every clone, so the engine comes here when its state has all of them.
  await finishMade(wanted);
  return { file: join(wanted.folder, "ssh_config") };
}

async function contentOf(file: string): Promise<string> {
  return readFile(file, "utf8").catch(() => "");
}

const definition: Definition<Inputs, Outputs> = {
  kind: "SshConfig",
  here: true,
  inputs: sshConfigInputs,
  outputs,
  replaceOn: ["folder"],
  id: ({ folder }) => folder,
  create: write,
  read: async (state) => {
    const { config, knownHosts } = await filesOf(state);
    const drift: string[] = [];
    if ((await contentOf(join(state.folder, "ssh_config"))) !== config) drift.push("ssh_config differs");
    if ((await contentOf(join(state.folder, "known_hosts"))) !== knownHosts) drift.push("known_hosts differs");
    return { outputs: { file: state.file }, drift };
  },
  update: (_state, wanted) => write(wanted),
  delete: async ({ folder }) => {
    await rm(join(folder, "ssh_config"), { force: true });
    await rm(join(folder, "known_hosts"), { force: true });
    await rmdir(folder).catch(() => undefined);
  },
};

/** The ssh_config and known_hosts on the operator's machine through which a stack's clones are reached. */
export const provider = makeProvider(definition);
