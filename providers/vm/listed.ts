import { isDeepStrictEqual } from "node:util";
import { join } from "node:path";
import { includesIn, targetsIn, type SshFiles, type SshTarget } from "../../plan/sshConfig";
import { rendererOf, type SshFolder } from "../droplet/sshConfig";
import { DROPLET_ALIAS } from "../../model/names";
import { readFiles, removeFiles, writeFiles } from "../droplet/sshFiles";
import type { Definition } from "../kit/definition";
import type { Droplet } from "../operation/droplet";
import type { VmInputs, VmOutputs } from "./inputs";
import { filesFolder } from "../../operator/simulatedDroplet";

/**
 * Adds to a clone's life cycle its entry in the stack's ssh_config. The SshConfig, which depends on all clones, writes the whole
 * file; but an `up` of targets leaves it out, and an `up` that fails does not come to it: then ssh found no clone that it had
 * made ("Could not resolve hostname vm3").
 */
export function listed(definition: Definition<VmInputs, VmOutputs>): Definition<VmInputs, VmOutputs> {
  const enter = async (droplet: Droplet, inputs: VmInputs, outputs: VmOutputs): Promise<VmOutputs> => {
    const { name, address, user, readyTimeout: patience } = inputs;
    const target = { name, address, user, patience, hostKey: outputs.sshHostKey };
    await change(droplet, inputs, (targets) =>
      targets.some((one) => one.name === name)
        ? targets.map((one) => (one.name === name ? target : one))
        : [...targets, target],
    );
    return outputs;
  };
  return {
    ...definition,
    create: async (droplet, inputs) => enter(droplet, inputs, await definition.create(droplet, inputs)),
    update: async (droplet, state, inputs) => enter(droplet, inputs, await definition.update(droplet, state, inputs)),
    delete: async (droplet, state, replaced) => {
      await definition.delete(droplet, state, replaced);
      await change(droplet, state, (targets) => targets.filter(({ name }) => name !== state.name));
    },
  };
}

async function change(
  droplet: Droplet,
  { sshConfig, droplet: connection }: VmInputs,
  edit: (targets: readonly SshTarget[]) => readonly SshTarget[],
): Promise<void> {
  if (sshConfig === undefined) return;
  const place = { ...sshConfig, folder: folderOf(sshConfig), includes: includesIn(readFiles(folderOf(sshConfig))) };
  const render = await rendererOf(droplet, place, connection);
  // Without a pause from here on: other clones change the files too.
  const before = readFiles(place.folder);
  const known = targetsIn({ stack: place.stack, droplet: place.alias ?? DROPLET_ALIAS }, before);
  const targets = edit(known);
  const after = render(targets);
  // An operator's own edits are drift of the SshConfig, which repairs them.
  if (isDeepStrictEqual(targets, known) || sameFiles(before, after)) return;
  if (targets.length === 0) removeFiles(place.folder);
  // A power cut loses what the next up writes anyway; waiting for the disk for each of 250 clones takes seconds.
  else writeFiles(place.folder, after, false);
}

function sameFiles(one: SshFiles, other: SshFiles): boolean {
  return one.config === other.config && one.knownHosts === other.knownHosts;
}

/** With an alias, the folder is below the stack's. Otherwise a bare name is a folder below `.hornet`, or below the one that HORNET_STATE names on this operator's machine. */
function folderOf({ stack, folder, alias }: SshFolder): string {
  const all = filesFolder();
  if (alias !== undefined) return join(all, stack, folder);
  return folder.includes("/") ? folder : join(all, folder);
}
