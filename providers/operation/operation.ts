import { forgetMade } from "./pendingClones";
import { forgetViews } from "./droplet";
import { forgetLineages } from "./lineage";
import { forgetSaid } from "./reportOnce";
import { forgetPrograms } from "../vm/programs";

/** Begins another operation in a process that serves one after another, as no provider of Pulumi's does. */
export function beginOperation(): void {
  forgetViews();
  forgetLineages();
  forgetSaid();
  forgetMade();
  forgetPrograms();
}
