import type { Lab } from "../../lab/index.mts";
import { agent } from "../../provider/embedded";

/** What Perl prints on node 0 that can call the agent's functions, and does nothing else of the agent's. */
export async function inAgent(lab: Lab, perl: string): Promise<string> {
  const input = agent.replace(/\nmain\(@ARGV\);\n$/, `\nrequire POSIX;\n${perl}\n`);
  return (await lab.node0.run("perl -", { input })).stdout;
}
