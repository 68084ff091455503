import { readFile, rm, rmdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { z } from "zod";
import { isLocal } from "../../model/connection";
import { expandHome } from "../../host/ssh/options";
import { asProxyCommand } from "../../host/ssh/proxyCommand";
import { writeWhole } from "../../host/wholeFile";
import { sshFiles, type SshFiles } from "../../plan/sshConfig";
import { commonInputs, type Definition } from "../kit/definition";
import type { Droplet } from "../operation/droplet";
import { vmArguments } from "../../model/arguments/vm";
import { hostKey, ipv4, MOST_CLONES, plainText } from "../../model/values";

/** A word that ssh_config(5) takes as one. */
const sshWord = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, "must be letters, digits, dots, underscores and hyphens");

/** The arguments of a SshConfig. */
export const sshConfigInputs = commonInputs.extend({
  stack: plainText.min(1),
  /** The folder on the operator's machine, from the program's folder. */
  folder: plainText.min(1),
  user: vmArguments.user,
  /** Seconds in which a clone's ssh server must answer, as when the clone starts; at least 20. */
  readyTimeout: vmArguments.readyTimeout,
  clones: z
    .array(
      z.strictObject({
        name: sshWord,
        address: ipv4,
        /** `ssh-ed25519 AAAA…`; empty if unknown. */
        hostKey: z.union([z.literal(""), hostKey]).default(""),
      }),
    )
    .max(MOST_CLONES),
});

const outputs = z.object({ file: z.string() });

type Inputs = z.infer<typeof sshConfigInputs>;
type Outputs = z.infer<typeof outputs>;

/** The files contain absolute paths, since ssh resolves relative ones from its working directory. */
async function filesOf(
  droplet: Droplet,
  { stack, folder, droplet: connection, user: guestUser, readyTimeout, clones }: Inputs,
): Promise<SshFiles> {
  const where = resolve(folder);
  const targets = clones.map((clone) => ({ ...clone, user: guestUser, patience: readyTimeout }));
  if (isLocal(connection)) return sshFiles(stack, where, undefined, targets);
  const { host, user, port, hostKey, privateKeyPath } = connection;
  const key = privateKeyPath === undefined ? undefined : resolve(expandHome(privateKeyPath));
  const route = await droplet.operatorRoute();
  return sshFiles(
    stack,
    where,
    { host, user, port, hostKey, privateKeyPath: key, ...route, ...jumpFrom(where) },
    targets,
  );
}

/** For ProxyJump ssh runs itself with the path of this file, and takes a percent sign in it for a token. */
function jumpFrom(folder: string): { readonly jumpCommand?: string } {
  if (!folder.includes("%")) return {};
  return { jumpCommand: asProxyCommand(["ssh", "-F", join(folder, "ssh_config"), "-W", "[%h]:%p", "--", "droplet"]) };
}

async function write(droplet: Droplet, desired: Inputs): Promise<Outputs> {
  const { config, knownHosts } = await filesOf(droplet, desired);
  writeWhole(join(desired.folder, "known_hosts"), knownHosts);
  writeWhole(join(desired.folder, "ssh_config"), config);
  return { file: join(desired.folder, "ssh_config") };
}

async function contentOf(file: string): Promise<string> {
  return readFile(file, "utf8").catch(() => "");
}

/** The ssh_config and known_hosts on the operator's machine that lead to a stack's clones. */
export const definition: Definition<Inputs, Outputs> = {
  kind: "SshConfig",
  here: true,
  completesClones: true,
  inputs: sshConfigInputs,
  outputs,
  replaceOn: ["folder"],
  id: ({ folder }) => folder,
  create: write,
  read: async (droplet, state) => {
    const { config, knownHosts } = await filesOf(droplet, state);
    const drift: string[] = [];
    if ((await contentOf(join(state.folder, "ssh_config"))) !== config) drift.push("ssh_config differs");
    if ((await contentOf(join(state.folder, "known_hosts"))) !== knownHosts) drift.push("known_hosts differs");
    return { outputs: { file: state.file }, drift };
  },
  update: (droplet, _state, desired) => write(droplet, desired),
  delete: async (_droplet, { folder }) => {
    await rm(join(folder, "ssh_config"), { force: true });
    await rm(join(folder, "known_hosts"), { force: true });
    await rmdir(folder).catch(() => undefined);
  },
};
