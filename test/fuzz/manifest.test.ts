import fc from "fast-check";
import { manifestDigest, manifestText } from "../../firecracker/manifest";
import { manifestIn, parseManifest } from "../../providers/artifact/manifests";
import { accepted, fuzz } from "./harness";

const word = fc.oneof(
  fc.constantFrom("vm.mem", "vm.snapshot", "rootfs.ext4", "__proto__", "constructor", "..", "a/b", "manifest.json", ""),
  fc.string({ unit: "binary", maxLength: 20 }),
);
const count = fc.oneof(fc.nat(), fc.constantFrom(-1, 0.5, 1e300, Number.MAX_SAFE_INTEGER));
const file = fc.record({ sha256: fc.oneof(fc.constant("a".repeat(64)), word), size: count });
const files = fc
  .tuple(fc.dictionary(word, file, { maxKeys: 3 }), fc.boolean())
  .map(([some, sound]) => (sound ? { ...some, "vm.mem": sample, "vm.snapshot": sample } : some));
const sample = { sha256: "a".repeat(64), size: 1 };
const manifest = fc.record(
  {
    format: fc.constantFrom(1, 2),
    files,
    firecracker: word,
    snapshotFormat: word,
    cpu: word,
    hostKernel: word,
    guest: fc.record({ address: word, mac: word, tap: word }),
    diskPath: fc.oneof(word, fc.constantFrom("/a/b", "/../b")),
    drives: fc.array(fc.record({ id: word, path: word }), { maxLength: 2 }),
    tap: word,
    iface: word,
    memory: count,
    vcpus: count,
    identity: fc.constantFrom("service", "ssh", "none"),
    bootArgs: word,
    made: fc.record({ at: word, from: word, key: word }),
  },
  { requiredKeys: ["format", "files"] },
);
const sound = {
  format: 1,
  files: { "vm.mem": sample, "vm.snapshot": sample },
  firecracker: "",
  snapshotFormat: "",
  cpu: "",
  hostKernel: "",
  guest: { address: "", mac: "", tap: "" },
  diskPath: "",
  tap: "",
  iface: "",
  memory: 1,
  vcpus: 1,
  identity: "ssh",
  bootArgs: "",
  made: { at: "", from: "", key: "" },
};
const text = fc.oneof(
  manifest.map((one) => JSON.stringify(one)),
  // One part at a time is wrong: most of what is wrong altogether is refused for its first fault.
  manifest.chain((one) =>
    fc
      .constantFrom(...(Object.keys(one) as (keyof typeof one)[]))
      .map((key) => JSON.stringify({ ...sound, [key]: one[key] })),
  ),
  fc.json(),
  fc.string({ unit: "binary", maxLength: 100 }),
);

test("manifest: any text is a safe manifest or refused", async () => {
  await fuzz({
    name: "manifest",
    inputs: text,
    check: (input) => {
      const found = accepted(() => parseManifest(input, "/folder"));
      if ((found === undefined) !== (manifestIn(input) === undefined)) throw new Error("the two readers disagree");
      if (found === undefined) return;
      for (const [name, { size }] of Object.entries(found.files)) {
        if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name) || name.startsWith("manifest.json")) throw new Error(name);
        if (!Number.isSafeInteger(size) || size < 0) throw new Error(String(size));
      }
      if (found.files["vm.mem"] === undefined) throw new Error("there is no memory");
      if (found.diskPath !== "" && !found.diskPath.startsWith("/")) throw new Error(found.diskPath);
      if (found.diskPath.includes("/..")) throw new Error(found.diskPath);
      // eslint-disable-next-line no-control-regex
      if (/[\x00-\x1f\x7f-\x9f]/.test(JSON.stringify(found).replaceAll(/\\u00/g, "\x01"))) throw new Error("control");
      const again = manifestText(found);
      if (manifestDigest(manifestText(parseManifest(again, "/folder"))) !== manifestDigest(again))
        throw new Error(again);
    },
  });
});
