/**
 * A fleet of Hornet's in a program of one's own, and steps that follow each clone: in the clone, on its droplet, and on
 * this machine. A clone's generation is another one each time that it was told who it is, so its steps run again exactly
 * then. Configured like Hornet's own program, by `hornet:` keys in Pulumi.STACK.yaml.
 */
import { readFileSync } from "node:fs";
import { local, remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { CloneFleet, loadConfig, resolveDroplet } from "hornet";

const spec = loadConfig();
const { droplet, operatorKeys } = resolveDroplet(spec.droplet, { stack: pulumi.getStack() });
if ("local" in droplet || droplet.privateKeyPath === undefined) {
  throw new Error("hornet:droplet must be reached over ssh, with a privateKeyPath.");
}
const fleet = new CloneFleet("fleet", { spec, droplet, operatorKeys });

const { host, user, port, hostKey } = droplet;
const privateKey = pulumi.secret(readFileSync(droplet.privateKeyPath, "utf8"));
const onDroplet = { host, user, port, privateKey, ...(hostKey !== undefined && { hostKey }) };

for (let at = 0; at < spec.fleet.count; at++) {
  const name = `vm${spec.fleet.startId + at}`;
  const clone = fleet.clones.apply((clones) => {
    const found = clones[at];
    if (found === undefined) throw new Error(`there is no clone ${name}`);
    return found;
  });
  const triggers = [clone.generation];
  const inClone = {
    host: clone.address,
    user: spec.guest.user,
    hostKey: clone.sshHostKey,
    privateKey,
    proxy: onDroplet,
  };

  const warm = new remote.Command(`warm-${name}`, {
    connection: inClone,
    create: 'echo "$(hostname) is warm" | tee -a /root/steps',
    triggers,
  });
  new remote.Command(
    `enter-${name}`,
    {
      connection: onDroplet,
      create: pulumi.interpolate`echo ${clone.generation} >/opt/known-${name}`,
      delete: `rm -f /opt/known-${name}`,
      triggers,
    },
    // Else the old step's delete would follow the new one's create, and undo it.
    { deleteBeforeReplace: true },
  );
  new local.Command(`tell-${name}`, {
    create: 'cat >>"$LOG"',
    environment: { LOG: process.env.STEPS_LOG ?? "/dev/null" },
    stdin: pulumi.interpolate`${warm.stdout}\n`,
    triggers,
  });
}

export const clones = fleet.clones;
