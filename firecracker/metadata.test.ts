import { parse } from "yaml";
import { hostKeyOf, newHostKeySeed } from "./hostkey";
import type { Identity } from "./identity";
import { clearedDocument, metadataDocument, type MetadataMethod } from "./metadata";

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

const document = (way: MetadataMethod): Document => metadataDocument(identity, way) as Document;

test("cloud-init's paths hold no secret, and only the method service has a text for the service", () => {
  for (const way of ["service", "cloud-init"] as const) {
    const { hornet, ...cloud } = document(way);
    // Every process in the guest may read what is there for cloud-init, and what that is to run.
    expect(JSON.stringify([cloud, hornet.script])).not.toMatch(/PRIVATE|secret/);
    const { latest, nocloud, ...rest } = (
      way === "cloud-init" ? clearedDocument(identity, way) : document(way)
    ) as Document;
    expect(rest).toMatchObject({ "2009-04-04": latest });
    expect(Object.keys(hornet)).toEqual(way === "service" ? ["identity"] : ["script"]);
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

test("cloud-init gets a script that runs the drive's content, and cleared metadata keep only the guest's name", () => {
  const { hornet, latest, nocloud, ...rest } = document("cloud-init");
  expect(hornet.script).toContain('exec sh <"$disk"');
  const cleared = clearedDocument(identity, "cloud-init") as Document;
  const lead = { "user-data": "#include\nhttp://169.254.169.254/hornet/script\n" };
  expect({ latest, nocloud }).toEqual({
    latest: { ...cleared.latest, ...lead },
    nocloud: { ...cleared.nocloud, ...lead },
  });
  expect(rest).toEqual({ "2009-04-04": latest });
  expect(cleared.hornet).toEqual({});
});
