import { declareStack } from "./components/fleet/stack";
import { withoutPromiseTraces } from "./components/withoutStackTraces";
import { loadStack } from "./config";

withoutPromiseTraces();

export = declareStack(loadStack());
