import { settings } from "./settings";

/**
 * A story that takes minutes of a core, because its guests boot whole distributions or again and again under emulation, and
 * whose kind a shorter one samples. `HORNET_LONG=1 npm test` runs these too, and so does `npm run test:kvm`, where a guest
 * boots in seconds.
 */
export const longTest: typeof test =
  process.env.HORNET_LONG === "1" || settings().firecracker !== undefined ? test : test.skip;
