/** Schema of an environment. */
import { z } from "zod";
import * as formats from "../../model/formats";
import { text } from "./parts";

/** Names to text; YAML's numbers and booleans become text. */
export const env = z
  .record(
    text(formats.envNameProblem),
    z.unknown().transform((value, context) => {
      const result = formats.envText(value);
      if ("text" in result) return result.text;
      context.addIssue({ code: "custom", message: result.problem });
      return z.NEVER;
    }),
  )
  .prefault({});

export const ENV_TYPE = "mapping of names to text (numbers and booleans become text)";
