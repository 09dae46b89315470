import { readFileSync } from "node:fs";
import { whyNotRouted } from "../../provider/admitted/whyNotRouted";
import type { HostAnswers, Ran } from "../../provider/facts/question";
import { routing } from "../../provider/facts/routing";
import { labPath } from "./firewallCases";
import { ways } from "./ways";

export const releases = ["bullseye", "bookworm", "trixie"] as const;

/** What is said of each way that was made on a host of this release (captureWayCases.mts). */
export function saidOfWays(release: (typeof releases)[number]): readonly (readonly [name: string, said: string])[] {
  const cases = JSON.parse(readFileSync(`test/cases/routing/${release}.json`, "utf8")) as Record<
    string,
    Record<string, Ran>
  >;
  return ways.map(([name]) => {
    const answers = { ran: (key: string) => cases[name]?.[key] } as HostAnswers;
    const found = routing.read(answers);
    const why = found && whyNotRouted(found, labPath)();
    const words = why === undefined ? "admitted" : `${why.sure ? "kept out" : "in doubt"}: ${why.text}`;
    return [name, found === undefined ? "unread" : words] as const;
  });
}
