import { cloudInitArgs, CLOUD_INIT_DONE, templateMetadata } from "./cloudInit";

const SOURCE = "ds=nocloud-net;s=http://169.254.169.254/nocloud/";

test.each([
  ["console=ttyS0 ip=a::b", `console=ttyS0 ip=a::b ${SOURCE} network-config=disabled`],
  // What an image or its user says of its source stands.
  ["quiet ds=nocloud;s=file:///seed/", "quiet ds=nocloud;s=file:///seed/ network-config=disabled"],
  ["quiet ci.ds=Ec2", "quiet ci.ds=Ec2 network-config=disabled"],
  ["ci.datasource.ec2.strict_id=false", "ci.datasource.ec2.strict_id=false network-config=disabled"],
  ["cloud-init=disabled network-config=e30=", "cloud-init=disabled network-config=e30="],
  ["rootds=1", `rootds=1 ${SOURCE} network-config=disabled`],
])("a command line for cloud-init: %s", (before, after) => {
  expect(cloudInitArgs(before)).toBe(after);
  expect(cloudInitArgs(after)).toBe(after);
});

test("a template's metadata names no clone, and makes the template report when cloud-init has written to its disk", () => {
  const { hornet, nocloud, latest } = templateMetadata() as {
    hornet: { script: string };
    nocloud: Record<string, string>;
    latest: Record<string, unknown>;
  };
  expect(hornet.script.split("\n")).toEqual([
    "#!/bin/sh",
    "sync",
    `echo 'hornet-identity: ${CLOUD_INIT_DONE}' >/dev/console`,
    "",
  ]);
  const lead = "#include\nhttp://169.254.169.254/hornet/script\n";
  expect(nocloud["user-data"]).toBe(lead);
  expect(JSON.parse(nocloud["meta-data"] ?? "")).toMatchObject({ "instance-id": "i-template", "public-keys": [] });
  expect(latest).toMatchObject({ "user-data": lead, "meta-data": { "instance-id": "i-template", "public-keys": {} } });
});
