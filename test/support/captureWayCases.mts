/**
 * Captures what real hosts answer about their routes, rules and IPsec, into test/cases/routing: `node
 * test/support/captureWayCases.mts [release …]`.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { labUp, type Release } from "../../lab/index.mts";
import { ask } from "./captureFirewallCases.mts";
import { fromSource } from "./fromSource.mts";
import { ways } from "./ways.ts";

const { routingQuestions } = fromSource(
  "../../provider/facts/routing",
) as typeof import("../../provider/facts/routing.ts");
const folder = new URL("../cases/routing/", import.meta.url);
const given = process.argv.slice(2) as readonly Release[];

mkdirSync(folder, { recursive: true });
for (const release of given.length > 0 ? given : (["bullseye", "bookworm", "trixie"] as const)) {
  const lab = await labUp({ release });
  try {
    const cases: Record<string, unknown> = {};
    for (const [name, setUp, mend] of ways) {
      await lab.node0.run(`set -e\n${setUp}`);
      cases[name] = await ask(lab, routingQuestions(lab.node0.privateCidr));
      await lab.node0.run(mend);
    }
    writeFileSync(new URL(`${release}.json`, folder), `${JSON.stringify(cases, null, 2)}\n`);
  } finally {
    await lab.down();
  }
}
