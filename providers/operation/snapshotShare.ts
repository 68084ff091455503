import type { Connection } from "../../model/connection";
import { Limit } from "./limit";

/** A snapshot on a droplet of the stack. */
export interface Offer {
  readonly droplet: Connection;
  readonly folder: string;
  /** undefined for a folder that has no manifest yet. */
  readonly digest: string | undefined;
  readonly cpuFeatures: readonly string[] | undefined;
}

/**
 * The droplets of a stack that want one snapshot in one operation: the first makes it, and the others take it from those that
 * have it.
 */
export class SnapshotShare<Offered> {
  private readonly offers: Offered[] = [];
  /** One droplet at a time looks for the snapshot and makes it. */
  private readonly turns = new Limit(1);
  /** The snapshots that droplets are making from a folder that they have themselves. */
  private readonly coming = new Set<Promise<unknown>>();

  /**
   * Makes the snapshot on a droplet that needs no other one for it. Those that ask meanwhile wait for it, and do not examine its
   * folder a second time.
   */
  async own<Found>(make: () => Promise<{ found: Found; offer: Offered }>): Promise<Found> {
    const making = make();
    this.coming.add(making);
    try {
      const { found, offer } = await making;
      this.offers.push(offer);
      return found;
    } finally {
      this.coming.delete(making);
    }
  }

  /**
   * @param fits whether this droplet can use an offer
   * @param find looks for an offer elsewhere, while no droplet of the operation has one
   * @param make makes the snapshot; after a failure the next droplet tries it
   * @returns what this droplet made, or an offer of another one
   */
  firstOrOffer<Found>(
    fits: (offer: Offered) => boolean,
    find: () => Promise<Offered | undefined>,
    make: () => Promise<{ found: Found; offer: Offered }>,
  ): Promise<{ found: Found } | { offer: Offered }> {
    return this.turns.run(async () => {
      await Promise.allSettled(this.coming);
      const known = this.offers.find(fits) ?? (await find());
      if (known !== undefined) {
        if (!this.offers.includes(known)) this.offers.push(known);
        return { offer: known };
      }
      const { found, offer } = await make();
      this.offers.push(offer);
      return { found };
    });
  }
}
