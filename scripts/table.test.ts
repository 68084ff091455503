import { changeLine, cloneTable } from "./table";

test("changeLine counts the changed resources", () => {
  expect(changeLine({ same: 17 })).toBe("Nothing to change: the droplet is as declared.");
  expect(changeLine({})).toBe("Nothing to change: the droplet is as declared.");
  expect(changeLine({ same: 3, create: 2, update: 1, delete: 0 })).toBe("Resources: 2 created, 1 updated.");
});

test("cloneTable has a line for each clone, and one for the droplet", () => {
  const clones = [
    { name: "vm9", address: "10.0.0.11", ready: true, disk: "reflink" },
    { name: "vm10", address: "10.0.0.12", ready: false, disk: "sparse" },
  ];
  expect(cloneTable(clones)).toBe(
    [
      "CLONE    ADDRESS    READY           DISK     HOW TO GET IN",
      "vm9      10.0.0.11  yes             reflink  npm run ssh -- vm9",
      "vm10     10.0.0.12  not waited for  sparse   npm run ssh -- vm10",
      "droplet                                      npm run ssh -- droplet",
      "",
    ].join("\n"),
  );
  expect(cloneTable([])).toBe(
    "CLONE    ADDRESS  READY  DISK  HOW TO GET IN\ndroplet                        npm run ssh -- droplet\n",
  );
});
