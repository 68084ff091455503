/**
 * Another operator's process: `node -r register.cjs scratchOperator.ts CONNECTION CODE` runs a piece of shell on a droplet
 * under its lock, says "done" and waits to be killed.
 */
import { connectionSchema } from "../../model/connection";
import { Session } from "../../host/session/session";

const [connection = "", run = ""] = process.argv.slice(2);

new Session(connectionSchema.parse(JSON.parse(connection))).perform({ what: "work", run }).then(
  () => {
    console.log("done");
    setInterval(() => undefined, 1000);
  },
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
