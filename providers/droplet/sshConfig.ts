import { existsSync, readFileSync, readdirSync, rmSync, rmdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { isLocal, type Connection } from "../../model/connection";
import { expandHome } from "../../host/ssh/options";
import { asProxyCommand } from "../../host/ssh/proxyCommand";
import { writeWhole } from "../../host/wholeFile";
import { includeLine, sshFiles, targetsIn, type SshFiles, type SshTarget } from "../../plan/sshConfig";
import { commonInputs, type Definition } from "../kit/definition";
import type { Droplet } from "../operation/droplet";
import { vmArguments } from "../../model/arguments/vm";
import { readFiles, removeFiles, writeFiles } from "./sshFiles";
import { DROPLET_ALIAS } from "../../model/names";
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
  /** The droplet's name in the ssh_config, and its clones' way through it. */
  alias: sshWord.default(DROPLET_ALIAS),
  /** An ssh_config that includes those of all folders beside this one: written where it is missing. */
  index: plainText.min(1).optional(),
  /** A folder: this ssh_config includes those of all folders in it. */
  includes: plainText.min(1).optional(),
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

/** The files of a folder, for a droplet as the operator reaches it now. */
export interface SshFolder {
  readonly stack: string;
  /** From the program's folder. */
  readonly folder: string;
  readonly alias?: string | undefined;
  /** The line that includes other files. Default: none */
  readonly includes?: string;
}

/** The files contain absolute paths, since ssh resolves relative ones from its working directory. */
export async function rendererOf(
  droplet: Droplet,
  { stack, folder, alias = DROPLET_ALIAS, includes = "" }: SshFolder,
  connection: Connection,
): Promise<(targets: readonly SshTarget[]) => SshFiles> {
  const where = resolve(folder);
  const names = { stack, droplet: alias, includes };
  if (isLocal(connection)) return (targets) => sshFiles(names, where, undefined, targets);
  const { host, user, port, hostKey, privateKeyPath } = connection;
  const key = privateKeyPath === undefined ? undefined : resolve(expandHome(privateKeyPath));
  const route = await droplet.operatorRoute();
  const jump = { host, user, port, hostKey, privateKeyPath: key, ...route, ...jumpFrom(where, alias) };
  return (targets) => sshFiles(names, where, jump, targets);
}

function placeOf({ stack, folder, alias, includes }: Inputs): SshFolder {
  return { stack, folder, alias, includes: includes === undefined ? "" : includeLine(resolve(includes)) };
}

/** The content of an index: it includes the files of the folders beside it. */
function indexText(index: string): string {
  return `${includeLine(resolve(dirname(index)))}\n`;
}

function isIndex(index: string): boolean {
  return existsSync(index) && readFileSync(index, "utf8") === indexText(index);
}

/** Removes an index, and its folder, once no fleet of the stack has an ssh_config. */
function removeIndex(index: string): void {
  const folder = dirname(index);
  const entries = existsSync(folder) ? readdirSync(folder, { withFileTypes: true }) : [];
  if (entries.some((entry) => entry.isDirectory() && existsSync(join(folder, entry.name, "ssh_config")))) return;
  rmSync(index, { force: true });
  try {
    rmdirSync(folder);
  } catch {
    // It has other files, or is gone.
  }
}

function targetsOf({ user, readyTimeout, clones }: Inputs): SshTarget[] {
  return clones.map((clone) => ({ ...clone, user, patience: readyTimeout }));
}

/** For ProxyJump ssh runs itself with the path of this file, and takes a percent sign in it for a token. */
function jumpFrom(folder: string, alias: string): { readonly jumpCommand?: string } {
  if (!folder.includes("%")) return {};
  return { jumpCommand: asProxyCommand(["ssh", "-F", join(folder, "ssh_config"), "-W", "[%h]:%p", "--", alias]) };
}

async function write(droplet: Droplet, desired: Inputs): Promise<Outputs> {
  const render = await rendererOf(droplet, placeOf(desired), desired.droplet);
  writeFiles(desired.folder, render(targetsOf(desired)));
  const { index } = desired;
  if (index !== undefined && !isIndex(index)) writeWhole(index, indexText(index));
  return { file: join(desired.folder, "ssh_config") };
}

/**
 * Compares the files with the state. Clones that the state does not know may be there: an `up` of targets, or one that failed,
 * has listed them (vm/listed.ts), and no later one has written the files.
 */
async function driftOf(droplet: Droplet, state: Inputs): Promise<string[]> {
  const render = await rendererOf(droplet, placeOf(state), state.droplet);
  const actual = readFiles(state.folder);
  const known = targetsOf(state);
  const listed = targetsIn({ stack: state.stack, droplet: state.alias }, actual).filter(({ name }) =>
    known.every((clone) => clone.name !== name),
  );
  const { config, knownHosts } = render([...known, ...listed]);
  return [
    ...(actual.config === config ? [] : ["ssh_config differs"]),
    ...(actual.knownHosts === knownHosts ? [] : ["known_hosts differs"]),
    ...(state.index === undefined || isIndex(state.index) ? [] : [`${state.index} differs`]),
  ];
}

/** The ssh_config and known_hosts on the operator's machine that lead to a stack's clones. */
export const definition: Definition<Inputs, Outputs> = {
  kind: "SshConfig",
  here: true,
  completesClones: true,
  inputs: sshConfigInputs,
  outputs,
  awaited: ["clones"],
  replaceOn: ["folder"],
  id: ({ folder }) => folder,
  create: write,
  read: async (droplet, state) => ({ outputs: { file: state.file }, drift: await driftOf(droplet, state) }),
  update: (droplet, _state, desired) => write(droplet, desired),
  delete: (_droplet, { folder, index }) => {
    removeFiles(folder);
    if (index !== undefined) removeIndex(index);
    return Promise.resolve();
  },
};
