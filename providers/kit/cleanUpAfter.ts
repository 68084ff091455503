import { HornetError, messageOf } from "../../host/errors";

/**
 * Runs a work and, where it fails, what takes its half-made work away. Both failures are reported where the second fails
 * too.
 *
 * @param cleanUp gets the failure
 * @param cleaning what `cleanUp` does, in words that "failed too" can follow
 */
export async function cleanUpAfter<T>(
  work: () => Promise<T>,
  cleanUp: (failure: unknown) => Promise<unknown>,
  cleaning = "taking away what was made",
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    try {
      await cleanUp(error);
    } catch (second) {
      throw new HornetError(messageOf(error), { details: [`and ${cleaning} failed too:`, messageOf(second)] });
    }
    throw error;
  }
}
