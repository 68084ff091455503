import { execFileSync } from "node:child_process";
import { cipherOptions, fastFirst } from "./ciphers";

test.each<[what: string, offer: string, expected: string]>([
  [
    "the fast ones go first",
    "chacha20-poly1305@openssh.com,aes128-ctr,aes128-gcm@openssh.com,aes256-gcm@openssh.com",
    "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes128-ctr",
  ],
  ["what is not allowed is not offered", "aes256-gcm@openssh.com,aes256-ctr", "aes256-gcm@openssh.com,aes256-ctr"],
  [
    "without any of them the order stays",
    "chacha20-poly1305@openssh.com,aes128-ctr",
    "chacha20-poly1305@openssh.com,aes128-ctr",
  ],
])("%s", (_what, offer, expected) => {
  expect(fastFirst(offer)).toBe(expected);
});

test("a connection offers the ciphers of ssh's configuration in another order", () => {
  const said = (options: string[]): string =>
    /^ciphers (\S+)$/m.exec(
      execFileSync("ssh", ["-T", "-G", ...options, "--", "203.0.113.1"], { encoding: "utf8" }),
    )?.[1] ?? "";
  const options = ["-o", "Ciphers=aes128-ctr,aes128-gcm@openssh.com"];
  expect(cipherOptions(options, "203.0.113.1")).toEqual(["-o", "Ciphers=aes128-gcm@openssh.com,aes128-ctr"]);
  const [, offered = ""] = cipherOptions([], "203.0.113.1");
  expect(offered.replace("Ciphers=", "").split(",").sort()).toEqual(said([]).split(",").sort());
});
