import { askedAs } from "../plan/expectations";
import { renderHeads } from "../plan/firewallHeads";
import type { FirewallPart } from "../plan/firewallPart";
import type { Expectation, Plan } from "../plan/plan";
import { recoveryUnit } from "../plan/recoveryUnit";
import { type Line, line, renderHeld, renderMachineLine } from "./protocol";

/** A plan as node 0 reads it. */
export function renderPlan(plan: Plan): readonly Line[] {
  return [
    ...plan.records.map(({ id, held }) => line("record", { id, head: held.map(renderHeld).join("\n") })),
    ...plan.stripped.map(({ id, held }) => line("strip", { id, head: held.map(renderHeld).join("\n") })),
    ...plan.machines.map(({ id, machines }) => line("nodes", { id }, machines.map(renderMachineLine).join("\n"))),
    ...plan.folders.map((folder) => line("dir", { ...folder })),
    ...plan.paths.map(({ path, id, to, isOurs, had, recorded }) => {
      const { content, ...where } = { content: undefined, ...to };
      return line("path", { path, id, ...where, ours: isOurs, had, recorded }, content);
    }),
    ...plan.joins.map(({ between, ...join }) =>
      line("join", {
        ...join,
        // In a file of somebody else's nothing is kept of what was there: around our block every byte stays.
        ours: true,
        keep: between === undefined,
        ...between,
      }),
    ),
    ...plan.units.map(({ isPut, isStale, ...unit }) => line("unit", { ...unit, put: isPut, stale: isStale })),
    ...plan.stops.map((stop) => line("stop", { ...stop })),
    ...plan.checks.map(({ argv, if: paths, candidate }, n) =>
      line("validate", {
        n,
        argv,
        if: paths,
        candidate: candidate?.path,
        file: candidate?.file,
        includes: candidate?.includes,
        before: candidate?.before,
      }),
    ),
    ...renderExpectations(plan.expectations),
    ...(plan.proves === undefined ? [] : [line("proves", { ...plan.proves })]),
    ...plan.log.map(({ path, text }) =>
      line("log", { if: [path], argv: ["logger", "-t", "pulumi-netboot", "-p", "daemon.info", "--", text] }),
    ),
    ...plan.socketsBefore.map(({ unit, sockets }) => line("ran", { unit, sockets })),
    line("tell", { ids: plan.tell }),
  ];
}

/** What node 0 keeps of the firewall's heads before anything is done, where it has kept nothing. */
export function renderHeadsBefore(heads: string | undefined): readonly Line[] {
  return heads === undefined ? [] : [line("heads", {}, heads)];
}

/** What undoes a transaction at boot that a power cut has cut short. */
export function renderRecovery(): readonly Line[] {
  return [line("recovery", {}, recoveryUnit)];
}

/** The firewall's part of a plan, whose files and questions are among the others. */
export function renderFirewall({ plan, puts }: FirewallPart): readonly Line[] {
  const { manager, heads, commands, written, undoing, differs } = plan;
  const words =
    manager === "none" ? "no firewall is there; one that comes is opened" : `opening the firewall (${manager})`;
  return [
    line("firewall", { words, ids: puts, heads: renderHeads(heads), differs, written }),
    ...commands.map((command) => line("firewallCommand", { ...command })),
    ...undoing.map((argv) => line("firewallUndoing", { argv })),
  ];
}

/** What must be seen, each with its number, by which a wrong answer is told. */
export function renderExpectations(expectations: readonly Expectation[]): readonly Line[] {
  return expectations.map(renderExpectation);
}

function renderExpectation(expectation: Expectation, n: number): Line {
  const { id, if: concerned, undoIf, ask } = expectation;
  // An empty list is not the same as none.
  const common = { n, ask, if: concerned, undoIf: undoIf?.length === 0 ? "" : undoIf };
  switch (ask) {
    case "unit":
      return line("expect", { ...common, unit: expectation.unit, sockets: expectation.sockets });
    case "tftp": {
      const { address, name, sha256, chain } = expectation;
      return line("expect", { ...common, address, name, sha256, chain });
    }
    case "ntp":
      return line("expect", { ...common, address: expectation.address, unit: expectation.unit });
    case "dns": {
      const { server, name, type, how, has, lacks } = expectation;
      return line("expect", { ...common, server, name, type, how, has, lacks });
    }
    case "heads":
      return line("expect", { ...common, heads: expectation.heads });
    case "run":
      return line("expect", { ...common, argv: expectation.argv, matches: expectation.matches });
    case "dhcp": {
      const { loaders, puts, every, stands, stranger, othersAllowed, peers = [], script, next } = expectation;
      return line("expect", {
        ...common,
        id,
        interface: expectation.interface,
        next,
        script,
        x64: loaders["x64"],
        ia32: loaders["ia32"],
        x64Arch: askedAs("x64"),
        ia32Arch: askedAs("ia32"),
        puts,
        every,
        seconds: every ? 50 : undefined,
        stranger,
        othersAllowed,
        peers: peers.length === 0 ? undefined : peers.flatMap(({ address, next: where }) => [address, where]),
        control: expectation.partner?.controlSocket,
        partner: expectation.partner && `${expectation.partner.address}:${expectation.partner.port}`,
        stands: stands
          .map(({ id: whose, machine, undoIf: when }) =>
            [whose, when.join("\t"), renderMachineLine({ ...machine, blocks: "" })].join("\0"),
          )
          .join("\n"),
      });
    }
  }
}
