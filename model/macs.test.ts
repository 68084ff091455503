import { vethMacs } from "./macs";

test.each([
  ["10.0.0.9/24", "0a:fc:0a:00:00:09", "06:fc:0a:00:00:09"],
  ["192.168.255.1/16", "0a:fc:c0:a8:ff:01", "06:fc:c0:a8:ff:01"],
  ["0.0.0.1/8", "0a:fc:00:00:00:01", "06:fc:00:00:00:01"],
])("%s", (address, host, inside) => expect(vethMacs(address)).toEqual({ host, inside }));

test("250 clones of two networks have 1000 addresses, all local and unicast", () => {
  const all = ["10.0.0", "10.0.1"].flatMap((network) =>
    Array.from({ length: 250 }, (_unused, at) => Object.values(vethMacs(`${network}.${at + 2}/24`))).flat(),
  );
  expect(new Set(all).size).toBe(1000);
  for (const mac of all) expect(Number.parseInt(mac.slice(0, 2), 16) & 3).toBe(2);
});

test("anything but an address is refused", () => expect(() => vethMacs("10.0.0.9")).toThrow(RangeError));
