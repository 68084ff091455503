import * as addresses from "./addresses";

const { cidrOf } = addresses;

describe("parseAddress", () => {
  test.each([
    ["0.0.0.0", 0],
    ["10.0.0.1", 0x0a000001],
    ["192.168.241.2", 0xc0a8f102],
    ["255.255.255.255", 0xffffffff],
  ])("%s, and back", (text, number) => {
    expect(addresses.parseAddress(text)).toBe(number);
    expect(addresses.formatAddress(number)).toBe(text);
  });

  test.each(["", "10.0.0", "10.0.0.0.1", "10.0.0.256", "010.0.0.1", "10.0.0.-1", "10.0.0.1 ", "a.b.c.d", "1e1.0.0.0"])(
    "refuses %j",
    (text) => expect(addresses.parseAddress(text)).toBeUndefined(),
  );

  test.each([-1, 2 ** 32, 1.5, NaN])("formatAddress refuses %p", (number) => {
    expect(() => addresses.formatAddress(number)).toThrow(RangeError);
  });
});

describe("parseCidr", () => {
  test.each(["10.0.0.1", "10.0.0.1/", "10.0.0.1/33", "10.0.0.1/024", "10.0.0.1/-1", "10.0.0.1/24/24", "/24", "10.0/8"])(
    "refuses %j",
    (text) => {
      expect(addresses.parseCidr(text)).toBeUndefined();
      expect(() => cidrOf(text)).toThrow(RangeError);
    },
  );

  test("keeps host bits", () =>
    expect(addresses.parseCidr("10.0.0.9/24")).toEqual({ address: 0x0a000009, prefix: 24 }));
});

test.each([
  ["10.0.0.9/24", "10.0.0.0", "10.0.0.255", "255.255.255.0", 254],
  ["192.168.241.1/29", "192.168.241.0", "192.168.241.7", "255.255.255.248", 6],
  ["10.1.2.3/8", "10.0.0.0", "10.255.255.255", "255.0.0.0", 16777214],
  ["255.255.255.255/0", "0.0.0.0", "255.255.255.255", "0.0.0.0", 4294967294],
  ["192.0.2.130/25", "192.0.2.128", "192.0.2.255", "255.255.255.128", 126],
  ["192.0.2.1/31", "192.0.2.0", "192.0.2.1", "255.255.255.254", 0],
  ["192.0.2.1/32", "192.0.2.1", "192.0.2.1", "255.255.255.255", -1],
])("%s: network %s, broadcast %s, netmask %s, %d hosts", (text, network, broadcast, mask, hosts) => {
  const cidr = cidrOf(text);
  expect(addresses.networkAddress(cidr)).toBe(network);
  expect(addresses.broadcastAddress(cidr)).toBe(broadcast);
  expect(addresses.networkText(cidr)).toBe(`${network}/${cidr.prefix}`);
  expect(addresses.netmask(cidr.prefix)).toBe(mask);
  expect(addresses.lastHost(cidr.prefix)).toBe(hosts);
});

test.each([
  ["10.0.0.1/24", "10.0.0.0/24", true],
  ["10.0.0.1/24", "10.0.1.1/24", false],
  ["10.0.0.1/8", "10.200.0.1/29", true],
  ["192.168.241.1/29", "192.168.241.8/29", false],
  ["192.168.241.1/29", "192.168.241.7/32", true],
  ["0.0.0.0/0", "255.255.255.255/32", true],
])("%s overlaps %s: %p, either way round", (a, b, expected) => {
  expect(addresses.overlaps(cidrOf(a), cidrOf(b))).toBe(expected);
  expect(addresses.overlaps(cidrOf(b), cidrOf(a))).toBe(expected);
});

test.each([
  ["192.168.241.1/29", "192.168.241.0", true, false],
  ["192.168.241.1/29", "192.168.241.1", true, true],
  ["192.168.241.1/29", "192.168.241.6", true, true],
  ["192.168.241.1/29", "192.168.241.7", true, false],
  ["192.168.241.1/29", "192.168.241.8", false, false],
  ["192.168.0.0/16", "192.168.7.0", true, true],
])("%s, %s: contained %p, host %p", (network, text, contained, host) => {
  const address = addresses.parseAddress(text) ?? NaN;
  expect(addresses.contains(cidrOf(network), address)).toBe(contained);
  expect(addresses.isHost(cidrOf(network), address)).toBe(host);
});

describe("nthHost", () => {
  test.each([
    ["10.0.0.1/24", 1, "10.0.0.1"],
    ["10.0.0.1/24", 254, "10.0.0.254"],
    ["10.0.5.1/23", 257, "10.0.5.1"],
    ["192.168.241.1/30", 2, "192.168.241.2"],
  ])("of %s, number %d is %s", (network, n, expected) => expect(addresses.nthHost(cidrOf(network), n)).toBe(expected));

  test.each([
    ["10.0.0.1/24", 255],
    ["10.0.0.1/24", 0],
    ["10.0.0.1/24", 1.5],
    ["10.0.0.1/31", 1],
  ])("of %s, there is no number %d", (network, n) => {
    expect(() => addresses.nthHost(cidrOf(network), n)).toThrow(/has no host number/);
  });
});
