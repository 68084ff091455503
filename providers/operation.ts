import { forgetMade } from "./begun";
import { forgetViews } from "./droplet";
import { forgetLineages } from "./lineage";
import { forgetSaid } from "./saidOnce";
import { forgetPrograms } from "./vmmPrograms";

/** Begins another operation in a process that serves one after another, as no provider of Pulumi's does. */
export function beginOperation(): void {
  forgetViews();
  forgetLineages();
  forgetSaid();
  forgetMade();
  forgetPrograms();
}
