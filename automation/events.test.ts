/** What a reading says of a droplet that it could not reach. */
import { splitDrift, type Drift } from "./events";

const of = (resource: string, message: string): Drift => ({ clone: "", resource, urn: `urn:${resource}`, message });

test("a droplet that cannot be reached is one line, with the reason, and no drift", () => {
  const gone = of("FirecrackerVM vm1", "VMM exited with 137 at 2026-11-27T21:49:21Z (pid 498)");
  const reason = "cannot use root@203.0.113.20:22: no shell answered within 60 s\\n  next: look";
  const found = splitDrift([
    of("DropletClaim west-droplet", "cannot use root@203.0.113.20:22; another resource reports the reason"),
    gone,
    of("DropletCheck west-preflight", reason),
    of("Bridge north-br0", "cannot use root@[2001:db8::1]:22; another resource reports the reason"),
  ]);
  expect(found.drift).toEqual([gone]);
  expect(found.unreachable).toEqual([reason, "cannot use root@[2001:db8::1]:22; another resource reports the reason"]);
  expect([...found.urns]).toEqual([
    "urn:DropletClaim west-droplet",
    "urn:DropletCheck west-preflight",
    "urn:Bridge north-br0",
  ]);
});
