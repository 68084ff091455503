import { pulumiEnvironment, type Paths } from "./cli";

const paths: Paths = { pulumi: "/usr/bin", path: ["/usr/bin"] };
const names = ["no_grpc_proxy", "no_proxy"] as const;
const before = names.map((name) => process.env[name]);

afterEach(() => {
  for (const [index, name] of names.entries()) set(name, before[index]);
});

function set(name: string, value: string | undefined): void {
  if (value === undefined) Reflect.deleteProperty(process.env, name);
  else process.env[name] = value;
}

test.each([
  [undefined, undefined, "127.0.0.1,localhost"],
  [undefined, "example.org,.corp", "example.org,.corp,127.0.0.1,localhost"],
  ["", "example.org", "example.org,127.0.0.1,localhost"],
  ["own", "example.org", "own,127.0.0.1,localhost"],
])("gRPC on this machine uses no proxy: no_grpc_proxy %s, no_proxy %s", (grpc, all, expected) => {
  set("no_grpc_proxy", grpc);
  set("no_proxy", all);
  expect(pulumiEnvironment(paths, "dev").no_grpc_proxy).toBe(expected);
});
