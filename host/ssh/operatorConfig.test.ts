import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseRoute, type OperatorRoute } from "./operatorConfig";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hornet-operator-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each<[what: string, config: string, expected: OperatorRoute]>([
  ["nothing", "", {}],
  ["what is the same for all", "Host *\n  ServerAliveInterval 30\n  IdentityFile ~/.ssh/id_ed25519\n", {}],
  ["an alias", "Host prod\n  HostName 203.0.113.10\n  User somebody\n", { hostName: "203.0.113.10" }],
  ["a key", "Host prod\n  IdentityFile ~/keys/prod\n", { identityFiles: ["~/keys/prod"] }],
  [
    "a bastion",
    "Host prod\n  HostName 10.1.1.1\n  ProxyJump me@bastion:2200\n",
    { hostName: "10.1.1.1", proxyCommand: "ssh -o BatchMode=yes -W [%h]:%p -- ssh://me@bastion:2200" },
  ],
  [
    "two of them",
    "Host prod\n  ProxyJump outer,inner\n",
    { proxyCommand: "ssh -o BatchMode=yes -J ssh://outer -W [%h]:%p -- ssh://inner" },
  ],
  ["a command", "Host prod\n  ProxyCommand nc --proxy p %h %p\n", { proxyCommand: "nc --proxy p %h %p" }],
  ["no way around", "Host prod\n  ProxyJump none\n", {}],
  ["something of another host", "Host other\n  HostName 203.0.113.11\n  ProxyJump bastion\n", {}],
])("a configuration that says %s", (_what, config, expected) => {
  const file = join(folder, "config");
  writeFileSync(file, config);
  const said = execFileSync("ssh", ["-G", "-F", file, "-l", "root", "-p", "22", "--", "prod"], { encoding: "utf8" });
  expect(parseRoute(said, "prod")).toEqual(expected);
});
