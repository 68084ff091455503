import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { includeLine, sshFiles, type SshDroplet, type SshTarget } from "./sshConfig";

const names = { stack: "dev", droplet: "droplet", includes: "" };
const key = (letter: string): string => `ssh-ed25519 ${letter.repeat(68)}`;
const droplet: SshDroplet = {
  host: "127.0.0.1",
  user: "root",
  port: 2222,
  privateKeyPath: "/home/me/my keys/id",
  hostKey: key("D"),
};
const clones: SshTarget[] = [
  { name: "vm0", address: "10.0.0.2", user: "root", hostKey: key("A"), patience: 60 },
  { name: "vm1", address: "10.0.0.3", user: "alpine", hostKey: "", patience: 0 },
];

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "hornet ssh-"))));
afterEach(() => rmSync(folder, { recursive: true }));

/** The options that ssh resolves for a host. With `rest`, an operator's configuration includes the file before it. */
function resolved(config: string, host: string, rest?: string): Map<string, string> {
  const written = join(folder, "ssh_config");
  writeFileSync(written, config);
  const file = rest === undefined ? written : join(folder, "operators");
  if (rest !== undefined) writeFileSync(file, `Include "${written}"\n${rest}`);
  const text = execFileSync("ssh", ["-G", "-F", file, host], { encoding: "utf8" });
  return new Map(text.split("\n").map((line) => [line.split(" ")[0] ?? "", line.slice(line.indexOf(" ") + 1)]));
}

test("ssh resolves address, user, jump host, key and pin as declared", () => {
  const { config, knownHosts } = sshFiles(names, folder, droplet, clones);
  const vm0 = resolved(config, "vm0");
  expect(Object.fromEntries(vm0)).toMatchObject({
    hostname: "10.0.0.2",
    user: "root",
    proxyjump: "droplet",
    identityfile: "/home/me/my keys/id",
    identitiesonly: "yes",
    hostkeyalias: "vm0.dev.hornet",
    userknownhostsfile: `${folder}/known_hosts`,
    stricthostkeychecking: "true",
    batchmode: "yes",
  });
  expect(Object.fromEntries(resolved(config, "droplet"))).toMatchObject({
    hostname: "127.0.0.1",
    port: "2222",
    hostkeyalias: "droplet.dev.hornet",
    stricthostkeychecking: "true",
  });
  expect(resolved(config, "droplet").has("proxyjump")).toBe(false);
  expect(knownHosts).toBe(`droplet.dev.hornet ${key("D")}\nvm0.dev.hornet ${key("A")}\n`);
});

test("paths may hold quotes, backslashes and blanks", () => {
  const odd = join(folder, `a "b" c\\d 'e'`);
  const files = { ...droplet, privateKeyPath: join(odd, "id") };
  const vm0 = resolved(sshFiles(names, odd, files, clones).config, "vm0");
  expect(vm0.get("identityfile")).toBe(join(odd, "id"));
  expect(vm0.get("userknownhostsfile")).toBe(join(odd, "known_hosts"));
  const tried = { ...droplet, privateKeyPath: undefined, identityFiles: [join(odd, "id_%h")] };
  expect(resolved(sshFiles(names, odd, tried, clones).config, "vm0").get("identityfile")).toBe(join(odd, "id_%h"));
  mkdirSync(join(odd, "east"), { recursive: true });
  writeFileSync(join(odd, "east/ssh_config"), "Host far\n  HostName 10.9.8.7\n");
  expect(resolved(`${includeLine(odd)}\n`, "far").get("hostname")).toBe("10.9.8.7");
});

test("ConnectTimeout of a slow clone is its patience, of others 20 s", () => {
  const { config } = sshFiles(names, folder, droplet, clones);
  const limits = ["vm0", "vm1", "droplet"].map((host) => resolved(config, host).get("connecttimeout"));
  expect(limits).toEqual(["60", "20", "20"]);
});

const hostile = `Host *
  GlobalKnownHostsFile /tmp/known
  UserKnownHostsFile /tmp/known
  KnownHostsCommand /bin/echo
  HostKeyAlias another
  VerifyHostKeyDNS yes
  CheckHostIP yes
  CanonicalizeHostname always
  CanonicalDomains example.org
  NoHostAuthenticationForLocalhost yes
  StrictHostKeyChecking no
  HostbasedAuthentication yes
  UpdateHostKeys yes
  ForwardAgent yes
  ForwardX11 yes
  ForwardX11Trusted yes
  GSSAPIDelegateCredentials yes
  AddKeysToAgent yes
  Tunnel yes
  GatewayPorts yes
  PermitLocalCommand yes
  LocalCommand touch /tmp/ran
  RemoteCommand false
  SetEnv LENT=1
  ControlMaster auto
  ControlPath /tmp/theirs
  ProxyCommand nc %h %p
`;

test("a hostile configuration around the file neither weakens the pin nor forwards anything to a clone", () => {
  const { config } = sshFiles(names, folder, droplet, clones.slice(0, 1));
  for (const [host, rest] of [["vm0"], ["droplet"], ["vm0", hostile], ["droplet", hostile]] as [string, string?][]) {
    const options = resolved(config, host, rest);
    expect({ host, ...Object.fromEntries(options) }).toMatchObject({
      host,
      globalknownhostsfile: "/dev/null",
      userknownhostsfile: `${folder}/known_hosts`,
      hostkeyalias: `${host}.dev.hornet`,
      verifyhostkeydns: "false",
      checkhostip: "no",
      canonicalizehostname: "false",
      nohostauthenticationforlocalhost: "no",
      stricthostkeychecking: "true",
      hostbasedauthentication: "no",
      updatehostkeys: "false",
      forwardagent: "no",
      forwardx11: "no",
      forwardx11trusted: "no",
      gssapidelegatecredentials: "no",
      addkeystoagent: "false",
      tunnel: "false",
      gatewayports: "no",
      permitlocalcommand: "no",
      setenv: "HORNET_SSH=1",
      controlmaster: "false",
    });
    for (const key of ["knownhostscommand", "remotecommand", "localcommand", "controlpath"]) {
      expect([key, options.get(key) ?? "none"]).toEqual([key, "none"]);
    }
    expect(options.get("proxyjump")).toBe(host === "vm0" ? "droplet" : undefined);
    expect(options.has("sendenv")).toBe(false);
  }
  // The options of the operator's other hosts do not change.
  expect(resolved(config, "elsewhere", hostile).get("forwardagent")).toBe("yes");
});

test("an unknown host key is not pinned, and checking stays strict", () => {
  const vm1 = resolved(sshFiles(names, folder, droplet, clones).config, "vm1");
  expect(vm1.get("user")).toBe("alpine");
  expect(vm1.has("hostkeyalias")).toBe(false);
  expect(vm1.get("stricthostkeychecking")).toBe("true");
});

test("on the droplet itself there is no jump host", () => {
  const { config, knownHosts } = sshFiles(names, folder, undefined, clones);
  expect(config).not.toContain("Host droplet");
  expect(resolved(config, "vm0").has("proxyjump")).toBe(false);
  expect(knownHosts).toBe(`vm0.dev.hornet ${key("A")}\n`);
});

test("a key and a host key that the connection lacks are absent from the file", () => {
  const keyless = { ...droplet, privateKeyPath: undefined, hostKey: undefined };
  const { config, knownHosts } = sshFiles(names, folder, keyless, []);
  expect(config).not.toMatch(/IdentityFile|HostKeyAlias|UserKnownHostsFile/);
  expect(knownHosts).toBe("");
});

test("a file without clones is valid", () => {
  expect(resolved(sshFiles(names, folder, droplet, []).config, "droplet").get("port")).toBe("2222");
});
