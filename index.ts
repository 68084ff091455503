import { declareStack } from "./components/fleet/stack";
import { loadStack } from "./config";

export = declareStack(loadStack());
