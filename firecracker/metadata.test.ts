import { parse } from "yaml";
import { hostKeyOf, newHostKeySeed } from "./hostkey";
import type { Identity, IdentityWay } from "./identity";
import { clearedDocument, metadataDocument } from "./metadata";

const identity: Identity = {
  generation: "00112233aabbccdd",
  hostname: "vm7",
  machineId: "0123456789abcdef0123456789abcdef",
  hostKey: hostKeyOf(newHostKeySeed(), "vm7").privateKey,
  authorizedKeys: ["ssh-ed25519 AAAA one", "ssh-ed25519 BBBB two"],
  user: "root",
  env: { AGENT_ID: "vm7", TOKEN: "secret" },
};

interface Cloud {
  readonly "meta-data": Record<string, unknown>;
  readonly "user-data"?: string;
}

interface Document {
  readonly hornet: { readonly identity?: string; readonly script?: string };
  readonly latest: Cloud;
  readonly "2009-04-04": Cloud;
  readonly nocloud: Record<string, string>;
}

const document = (way: IdentityWay, userData?: string): Document =>
  metadataDocument(identity, way, userData) as Document;

test("cloud-init's paths hold no secret, and no way but the service's has a text for the service", () => {
  for (const way of ["service", "ssh", "cloud-init"] as const) {
    const { hornet, latest, nocloud, ...rest } = document(way);
    expect(rest).toEqual({ "2009-04-04": latest });
    expect(Object.keys(hornet)).toEqual(way === "service" ? ["identity"] : []);
    const instance =
      way === "cloud-init"
        ? "i-0123456789abcdef0123456789abcdef-00112233aabbccdd"
        : "i-0123456789abcdef0123456789abcdef";
    expect(latest).toEqual({
      "meta-data": {
        "instance-id": instance,
        hostname: "vm7",
        "local-hostname": "vm7",
        // Where Hornet sees to the keys itself, a cloud-init would add them for good.
        "public-keys":
          way === "cloud-init"
            ? {
                "0": { "openssh-key": "ssh-ed25519 AAAA one" },
                "0=key-0": "",
                "1": { "openssh-key": "ssh-ed25519 BBBB two" },
                "1=key-1": "",
              }
            : {},
      },
    });
    expect(parse(nocloud["meta-data"] ?? "")).toEqual({
      "instance-id": instance,
      "local-hostname": "vm7",
      "public-keys": way === "cloud-init" ? ["ssh-ed25519 AAAA one", "ssh-ed25519 BBBB two"] : [],
    });
    expect(JSON.stringify([latest, nocloud])).not.toMatch(/PRIVATE|secret/);
  }
});

test("cloud-init is led to what it is to run; what is cleared keeps who the guest is and nothing else", () => {
  const { latest, nocloud } = document("cloud-init");
  const full = document("cloud-init", "#!/bin/sh\nsecret\n");
  const lead = { "user-data": "#include\nhttp://169.254.169.254/hornet/script\n" };
  expect(full).toEqual({
    hornet: { script: "#!/bin/sh\nsecret\n" },
    latest: { ...latest, ...lead },
    "2009-04-04": { ...latest, ...lead },
    nocloud: { ...nocloud, ...lead },
  });
  expect(clearedDocument(identity, "cloud-init")).toEqual({ hornet: {}, latest, "2009-04-04": latest, nocloud });
});
