/**
 * A sample of `npm run chaos`, which tries every point: an operation is cut off at an effect on the droplet, or hit from
 * outside; one up converges and one destroy leaves nothing. Another seed is another sample.
 */
import { disturbances } from "./disturb";
import { allPoints } from "./faults";
import { keeperPoints, tryKeeperPoint } from "./keeper";
import { operations, severalOperations } from "./operations";
import { describePoint, effectsOfAll, tryPoint, type Point } from "./points";
import { Random } from "./random";
import { Stage, type Place } from "./stage";
import { Walk } from "./walk";

const SEED = Number(process.env.HORNET_CHAOS_SEED ?? "1");
/** Of each operation so many fault points, so many disturbances, so many steps. Four points took as long as all of the drifts. */
const POINTS = 3;
/** So many operations on two droplets, each cut off at one point. Two took 50 s. */
const SEVERAL = 1;
const DISTURBANCES = 4;
const STEPS = 10;

jest.setTimeout(300_000);

let stage: Stage;

/** The tests of a group have one stage. */
function onStage(place: Place): void {
  beforeAll(async () => {
    stage = await Stage.open(place);
  });
  afterAll(() => stage.close());
}

async function wrongAt(points: readonly Point[]): Promise<Record<string, readonly string[]>> {
  const failed: Record<string, readonly string[]> = {};
  for (const point of points) {
    const wrong = await tryPoint(stage, point);
    if (wrong.length > 0) failed[describePoint(point)] = wrong;
  }
  return failed;
}

describe("cut off at an effect", () => {
  onStage("inside");

  test.each(operations)("$name", async (operation) => {
    const random = new Random(SEED);
    const points = await allPoints(stage, operation);
    expect(points.length).toBeGreaterThan(POINTS);
    expect(await wrongAt(Array.from({ length: POINTS }, () => random.pick(points)))).toEqual({});
  });
});

describe("the recovery keeper", () => {
  onStage("inside");

  test("cut off at an effect of a restart", async () => {
    const point = new Random(SEED).pick(await keeperPoints(stage));
    expect({ point, wrong: await tryKeeperPoint(stage, point) }).toEqual({ point, wrong: [] });
  });
});

describe("two droplets in one stack", () => {
  onStage("several");

  test("cut off at an effect", async () => {
    const random = new Random(SEED);
    const points: Point[] = [];
    for (let at = 0; at < SEVERAL; at += 1)
      points.push(random.pick(await allPoints(stage, random.pick(severalOperations))));
    expect(await wrongAt(points)).toEqual({});
  });
});

describe("hit from outside", () => {
  onStage("outside");

  test("operator, ssh, VMMs and power", async () => {
    expect(await wrongAt(await disturbances(stage, DISTURBANCES, new Random(SEED)))).toEqual({});
  });

  test(`a walk of ${STEPS} steps`, async () => {
    const way: string[] = [];
    const effects = await effectsOfAll(
      stage,
      operations.filter(({ name }) => name === "change"),
    );
    const walk = new Walk(stage, new Random(SEED), effects, (line) => way.push(line));
    const { steps, wrong } = await walk.go(STEPS);
    expect({ steps, wrong, way: wrong.length === 0 ? [] : way }).toEqual({ steps: STEPS, wrong: [], way: [] });
  });
});
