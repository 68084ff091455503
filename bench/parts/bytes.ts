import { plainStage, reflinkStage, type Context, type Part } from "../support/context";
import { drive } from "../support/drives";
import { SNAPSHOT, type Stage } from "../support/stage";

const CLONES = 4;

/** Prints the sum of the KiB that `find` prints. */
const SUM = "2>/dev/null | { sum=0; while read -r kib; do sum=$((sum + kib)); done; echo $sum; }";

/**
 * KiB: used in the file system of /opt/swarm, then in the clones' folders, then in copies of
 * the memory file, wherever a clone could have put one. A jail has hard links of both, which take no space. Only a
 * separate file system shows the first figure exactly.
 */
const LOOK = `sync -f /opt/swarm
  blocks=$(stat -f -c '(%b - %f) * %S / 1024' /opt/swarm); echo $((blocks))
  find /opt/swarm/runtime -type f \\( -links 1 -o ! -path '*/jail/*' \\) -printf '%k\n' ${SUM}
  find /opt/swarm/runtime /tmp /run /dev/shm /var/tmp -xdev -type f -size "$(stat -c %s ${SNAPSHOT}/vm.mem)c" \
    -links 1 ! -name rootfs.ext4 -printf '%k\n' ${SUM}
  :`;

/** Measures the bytes written for a clone, once, because they are always the same. */
export const bytes: Part = async (context, run) => {
  if (run > 0) return;
  context.say("blocks written for one clone");
  const plain = await plainStage(context);
  const { files, memory, kinds } = await look(plain);
  if (kinds !== "reflink") context.results.add("bytes.hornet.plain", "bytes", files);
  context.results.add("bytes.hornet.memory", "bytes", memory);
  await ownFileSystem(context);
};

async function ownFileSystem(context: Context): Promise<void> {
  const { taken, memory } = await look(await reflinkStage(context));
  context.results.add("bytes.hornet.reflink", "bytes", taken);
  if (memory > 0) throw new Error(`there is a copy of the memory file for a clone: ${memory} bytes each`);
}

interface Written {
  readonly taken: number;
  readonly files: number;
  readonly memory: number;
  readonly kinds: string;
}

async function look(stage: Stage): Promise<Written> {
  const { inspected, clones } = await drive({
    droplet: stage.connection,
    count: CLONES,
    source: { path: SNAPSHOT },
    firecracker: "/usr/bin/firecracker",
    readyTimeout: 0,
    inspect: LOOK,
  });
  const [before, after] = inspected.map((text) => text.trim().split("\n").map(Number));
  const perClone = (at: number): number => (((after?.[at] ?? NaN) - (before?.[at] ?? NaN)) * 1024) / CLONES;
  const kinds = [...new Set(clones.map(({ disk }) => disk))].join(" and ");
  return { taken: perClone(0), files: perClone(1), memory: perClone(2), kinds };
}
