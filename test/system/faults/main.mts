/**
 * Rounds of faults on a lab's node 0: in each, a random change of a random kind, one fault at a random moment, and then
 * the question whether node 0 serves one whole state, and whether the next up reaches the goal. Appends to a report.
 *
 *     npm run test:faults -- --rounds 50 --seed 1
 *     npm run test:faults -- --rounds 5 --fault "power cut"
 *     npm run test:faults -- --rounds 5 --machine
 *     npm run test:faults -- --rounds 50 --inhabited --release trixie
 *     npm run test:faults -- --rounds 50 --kea
 *     npm run test:faults -- --rounds 50 --pair
 *     npm run test:faults -- --rounds 50 --standby
 *
 * With --machine node 0 is an emulated machine, whose power can be cut for real. With --inhabited it has somebody's own
 * servers, firewall, mounts and files on it, which must live on, and be as they were after a destroy. With --kea Kea serves at first, and the one DHCP server may take the other's place.
 * With --pair a change rolls over two node 0s, and one machine asks for its boot all the while. With --standby these are two Kea, of
 * which one stands by.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Release } from "../../../lab/rootFileSystem.mts";
import { runInherited } from "../../../tools/command.mts";
import { faults, faultsOf } from "./faults.mts";
import { pairArena, pairFaults } from "./pair.mts";
import { appendRound, summarise } from "./report.mts";
import { arena } from "./round.mts";

const repository = join(import.meta.dirname, "../../..");
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "20" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    fault: { type: "string" },
    machine: { type: "boolean", default: false },
    inhabited: { type: "boolean", default: false },
    kea: { type: "boolean", default: false },
    pair: { type: "boolean", default: false },
    standby: { type: "boolean", default: false },
    release: { type: "string", default: "bookworm" },
  },
});
const [rounds, seed] = [Number(values.rounds), Number(values.seed)];
if (!(rounds > 0) || !Number.isInteger(seed)) throw new Error("--rounds and --seed are whole numbers");
const node0 = values.machine || faults[values.fault ?? ""]?.node0 === "machine" ? "machine" : "container";
const isPair = values.pair || values.standby;
const known = isPair ? Object.keys(pairFaults) : faultsOf(node0);
if (values.fault !== undefined && !known.includes(values.fault)) {
  throw new Error(
    `there is no fault "${values.fault}" of ${isPair ? "two" : `a ${node0}`}; there are: ${known.join(", ")}`,
  );
}
if (runInherited(["npm", "run", "--silent", "build"], { cwd: repository }) !== 0) process.exit(1);
const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: repository, encoding: "utf8" }).trim();

console.log(`${rounds} rounds from seed ${seed}`);
const one = { node0, release: values.release as Release } as const;
const place = isPair
  ? await pairArena(values.standby ? "standby" : "both")
  : await arena(one, values.inhabited, values.kea);
const where = values.standby
  ? "standby"
  : values.pair
    ? "pair"
    : values.inhabited
      ? "inhabited"
      : values.kea
        ? "kea"
        : node0;
let bad = 0;
let stopped = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => (stopped = true));
try {
  for (let number = 0; number < rounds && !stopped; number++) {
    const round = await place.round(seed + number, values.fault);
    if (round.violations.length > 0) bad++;
    const { fault, change, afterMs, run, host, violations, output } = round;
    console.log(
      `${round.seed}  ${fault} (${change}, ${afterMs} ms): run ${run}, node 0 ${host}${violations.length > 0 ? "  VIOLATED" : ""}`,
    );
    for (const violation of violations) console.log(`    ${violation}`);
    if (violations.length > 0) console.log(output.replaceAll(/^/gm, "    | "));
    appendRound(repository, { commit, ...round, place: where });
  }
  const lost = await place.leave();
  if (lost.length > 0) bad++;
  console.log(lost.length === 0 ? "destroyed: all as it was before" : "destroyed, and not as it was before:");
  for (const line of lost) console.log(`    ${line}`);
} finally {
  await place.remove();
}
summarise(repository);
console.log(`${bad} of them violated`);
process.exitCode = bad === 0 ? 0 : 1;
