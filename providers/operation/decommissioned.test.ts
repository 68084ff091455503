import { isDecommissioned } from "./decommissioned";

const droplet = { host: "203.0.113.10", port: 22, user: "root" };
const six = { host: "2001:db8::1", port: 2222, user: "root" };

test.each<[string, object, boolean]>([
  ["", droplet, false],
  ["203.0.113.10", droplet, true],
  ["203.0.113.10:22", droplet, true],
  ["203.0.113.10:2222", droplet, false],
  ["203.0.113.1", droplet, false],
  ["203.0.113.11, 203.0.113.10", droplet, true],
  ["2001:db8::1", six, true],
  ["[2001:db8::1]:2222", six, true],
  ["[2001:db8::1]:22", six, false],
  ["this machine", { local: true }, false],
])("HORNET_GONE=%s and %j", (named, connection, gone) =>
  expect(isDecommissioned(connection as Parameters<typeof isDecommissioned>[0], named)).toBe(gone),
);
