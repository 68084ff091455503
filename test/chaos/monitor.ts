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

/** The outputs of the registered resource. */
export interface Made {
  readonly id: string;
  readonly outputs: Bag;
}

/** The prefix of the types of Hornet's own resources. */
const DYNAMIC = "pulumi-nodejs:dynamic/hornet:";

type Answer<T> = (error: null, response: T) => void;

/**
 * Plays the engine's side of Pulumi's resource monitor: the real program declares its resources, in
 * the order that their inputs and dependencies require, and receives their outputs.
 *
 * @param make creates or updates a resource; undefined where that failed: its dependents then wait for ever
 */
export async function useMonitor(make: (declared: Declared) => Promise<Made | undefined>): Promise<void> {
  // The SDK's mock monitor answers which features exist, but does not pass dependencies on.
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
        // The engine deletes children before their parent, and dependents before their dependencies.
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

/** Removes the provider's text, and unwraps secrets, which providers see as plain values. */
function plain(props: Bag): Bag {
  return Object.fromEntries(
    Object.entries(props)
      .filter(([key]) => key !== "__provider")
      .map(([key, value]) => [key, pulumi.runtime.unwrapRpcSecret(value) as unknown]),
  );
}
