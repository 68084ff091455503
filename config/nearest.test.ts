import { editDistance, nearest } from "./nearest";

test.each([
  ["", "", 0],
  ["", "abc", 3],
  ["count", "count", 0],
  ["cuont", "count", 1],
  ["cont", "count", 1],
  ["counts", "count", 1],
  ["kitten", "sitting", 3],
])("from %j to %j: %d", (from, to, distance) => {
  expect(editDistance(from, to)).toBe(distance);
  expect(editDistance(to, from)).toBe(distance);
});

const KEYS = ["count", "startId", "maxUnavailable", "readyTimeout", "concurrency"];
test.each([
  ["cuont", "count"],
  ["STARTID", "startId"],
  ["start_id", "startId"],
  ["timeout", "readyTimeout"],
  ["xyzzy", undefined],
])("nearest to %s is %s", (name, expected) => expect(nearest(name, KEYS)).toBe(expected));

test("an empty list has no nearest name", () => expect(nearest("a", [])).toBeUndefined());
