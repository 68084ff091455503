import { homedir } from "node:os";
import { join } from "node:path";
import { cacheFolder } from "./cacheFolder";

test.each([
  [{ HORNET_CACHE: "/a", XDG_CACHE_HOME: "/b" }, "/a"],
  [{ HORNET_CACHE: "", XDG_CACHE_HOME: "/b" }, "/b/hornet"],
  [{ XDG_CACHE_HOME: "/b" }, "/b/hornet"],
  // A variable that is set and empty is none, as for the set-up's shell scripts.
  [{ HORNET_CACHE: "", XDG_CACHE_HOME: "" }, join(homedir(), ".cache/hornet")],
  [{}, join(homedir(), ".cache/hornet")],
])("with %j the cache is %s", (env, folder) => {
  expect(cacheFolder(env)).toBe(folder);
});
