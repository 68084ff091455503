import { HornetError, messageOf } from "../../host/errors";

/**
 * Runs `work` and, if it fails, `cleanUp`. If both fail, the error reports both.
 *
 * @param cleanUp gets the failure
 * @param cleaning what `cleanUp` does, for the message "and … failed too"
 */
export async function cleanUpAfter<T>(
  work: () => Promise<T>,
  cleanUp: (failure: unknown) => Promise<unknown>,
  cleaning = "removing what was made",
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
