import { forgetMade } from "./begun";
import { forgetViews } from "./droplet";
import { forgetSaid } from "./saidOnce";

/** Begins another operation in a process that serves one after another, as no provider of Pulumi's does. */
export function beginOperation(): void {
  forgetViews();
  forgetSaid();
  forgetMade();
}
