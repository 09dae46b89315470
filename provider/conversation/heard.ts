import { renderUndone, type Wrong } from "../plan/outcome";
import type { BringReport } from "../plan/packages";
import type { Expectation } from "../plan/plan";
import type { refuseGivenBack } from "../plan/timeDaemon";
import type { Conversation } from "./conversation";
import { parseMachineLine, partsOf, type Said } from "./protocol";
import { valuesOf } from "./rows";

/** What became of node 0, if a change had begun; its own words tell it where nothing was put back. */
export function undoneIn({ said, failure }: Conversation): string | undefined {
  const [undone] = valuesOf(said, "undone");
  if (undone !== undefined) return renderUndone(undone);
  return failure?.swapped === true ? "" : undefined;
}

export function wrongsIn(said: readonly Said[]): readonly Wrong[] {
  return valuesOf(said, "wrong").map((seen) => ({ n: Number(seen["n"]), undoes: seen["undoes"] === "1", seen }));
}

/** Whether another node 0 told a machine what was right before this change, which its own change has yet to follow. */
export function isAsBefore(expectation: Expectation, { seen }: Wrong): boolean {
  if (expectation.ask !== "dhcp" || seen["is"] !== "peer" || seen["was"] === undefined) return false;
  const { loaders, peers = [] } = expectation;
  const { address, firmware, loader = loaders[firmware] } = parseMachineLine(seen["was"]);
  const file = seen["ipxe"] === "1" ? loaders["script"] : loader;
  const next = peers.find((peer) => peer.address === seen["server"])?.next;
  return (address === undefined || address === seen["address"]) && file === seen["file"] && next === seen["next"];
}

export function givenBack(said: readonly Said[]): Parameters<typeof refuseGivenBack>[0] {
  return valuesOf(said, "given").map(({ package: name = "", lost, status, said: words = "", stays, remains }) => ({
    package: name,
    lost: partsOf(lost),
    status: Number(status ?? 0),
    said: words,
    stays: stays === "1",
    ...(remains === undefined ? {} : { remains }),
  }));
}

export function bringReportOf(said: readonly Said[]): BringReport {
  const [apt] = valuesOf(said, "apt");
  const [unfetched] = valuesOf(said, "unfetched");
  return {
    ...(apt === undefined ? {} : { apt: { status: Number(apt["status"]), said: apt["said"] ?? "" } }),
    brought: valuesOf(said, "brought").flatMap(({ packages }) => partsOf(packages)),
    ...(unfetched === undefined
      ? {}
      : {
          unfetched: {
            package: unfetched["package"] ?? "",
            status: Number(unfetched["status"]),
            said: unfetched["said"] ?? "",
          },
        }),
    taken: valuesOf(said, "taken").map(({ path = "", from, sha256: sum, bytes }) => ({
      path,
      ...(from === undefined ? {} : { from }),
      ...(sum === undefined ? {} : { sha256: sum }),
      ...(bytes === undefined ? {} : { bytes: Number(bytes) }),
    })),
  };
}
