import * as pulumi from "@pulumi/pulumi";
import { RegisterResourceResponse, type RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";

type Bag = Record<string, unknown>;

/** A resource that the program declares, all of its inputs known. */
export interface Declared {
  readonly urn: string;
  readonly kind: string;
  readonly name: string;
  readonly inputs: Bag;
  readonly dependencies: readonly string[];
  readonly deletedWith: string;
}

/** What became of it: its outputs for those who use them. */
export interface Made {
  readonly id: string;
  readonly outputs: Bag;
}

/** The prefix of the types of Hornet's own resources. */
const DYNAMIC = "pulumi-nodejs:dynamic/hornet:";

type Answer<T> = (error: null, response: T) => void;

/**
 * Takes the engine's side of Pulumi's resource monitor, without the engine: the real program declares its resources, in
 * the order that their inputs and dependencies ask for, and gets their outputs back.
 *
 * @param make makes a resource what is declared; undefined where that failed: who waits for it is never told
 */
export async function useMonitor(make: (declared: Declared) => Promise<Made | undefined>): Promise<void> {
  // The SDK's own one for tests tells it which features there are, but does not hand dependencies on.
  const mocks = { call: () => ({}), newResource: () => ({ id: undefined, state: {} }) };
  await pulumi.runtime.setMocks(mocks, "hornet", "chaos", false, "organization");
  const register = async (
    request: RegisterResourceRequest,
    answer: Answer<RegisterResourceResponse>,
  ): Promise<void> => {
    const urn = `urn:pulumi:chaos::hornet::${request.getType()}::${request.getName()}`;
    const response = new RegisterResourceResponse();
    response.setUrn(urn);
    if (request.getCustom()) {
      const inputs = plain(pulumi.runtime.deserializeProperties(request.getObject() as never));
      const made = await make({
        urn,
        kind: request.getType().slice(DYNAMIC.length),
        name: request.getName(),
        inputs,
        // The engine deletes children before their parent, as it deletes dependents before what they depend on.
        dependencies: [...request.getDependenciesList(), request.getParent()],
        deletedWith: request.getDeletedwith(),
      });
      if (made === undefined) return;
      response.setId(made.id);
      response.setObject(Struct.fromJavaScript(made.outputs as never));
    }
    answer(null, response);
  };
  Object.assign(pulumi.runtime.getMonitor() ?? {}, {
    registerResource: register,
    registerResourceOutputs: (_request: unknown, answer: Answer<object>) => answer(null, {}),
  });
}

/** Without the provider's text, and without the envelopes of secrets: providers see them open. */
function plain(props: Bag): Bag {
  return Object.fromEntries(
    Object.entries(props)
      .filter(([key]) => key !== "__provider")
      .map(([key, value]) => [key, pulumi.runtime.unwrapRpcSecret(value) as unknown]),
  );
}
