import type { ShownFile, ShownFirewall, ShownPackages, ShownPlan, ShownQuestions, ShownUnit } from "./shown";
import type { MachineInWords, ShownMachine } from "./shownMachines";

/** So many of a list are named; a fleet may be long. */
const mostNamed = 12;

/** What a change would do, as people read it: a section for each thing that is touched. */
export function renderShownPlan(plan: ShownPlan): string {
  const { packages, files, machines, renamed, units, firewall, asked, warnings } = plan;
  return [
    ...section("packages", packages === undefined ? [] : packageLines(packages)),
    ...section("files", files.flatMap(fileLines)),
    ...section("machines", capped(machines.map(machineLine))),
    ...section(
      "records",
      capped(renamed.map(({ from, to }) => `${from} is called ${to} from now on; what node 0 has of it stays`)),
    ),
    ...section("units", unitLines(units, silenceOf(plan))),
    ...section("firewall", firewall === undefined ? [] : firewallLines(firewall)),
    ...section("asked afterwards", questionLines(asked)),
    ...section(
      "warnings",
      warnings.map(({ id, text }) => `${id}: ${text}`),
    ),
  ].join("\n");
}

/**
 * The same in one line, of the resources with these ids:
 * `on node 0 as it is now: ~ /srv/tftp/refind.conf; isc-dhcp-server.service restarts; DHCP is silent for about 0.1 s`.
 * What happens to the host as a whole is left out where it was told before, and noted as told.
 */
export function renderPlanLine(plan: ShownPlan, ids: ReadonlySet<string>, told: Set<string>): string {
  const { packages, files, machines, units, firewall, warnings } = plan;
  const silence = silenceOf(plan);
  const own = files.filter(({ id }) => ids.has(id)).map(({ how, path }) => `${signs[how]} ${path}`);
  const named = machines.filter(({ id }) => ids.has(id)).map(({ how, hostname }) => `${signs[how]} ${hostname}`);
  const ofHost = [
    ...(packages === undefined ? [] : packageLines(packages)),
    ...(firewall?.isChanged === true ? [`the firewall (${firewall.manager})`] : []),
    ...units.map(({ unit, how }) => `${unit} ${how}`),
    ...(silence === undefined ? [] : [`DHCP is silent for ${silence}`]),
  ].filter((line) => !told.has(line));
  for (const line of ofHost) told.add(line);
  const said = [
    ...(own.length === 0 ? [] : [listed(own)]),
    ...(named.length === 0 ? [] : [`machines: ${listed(named)}`]),
    ...ofHost,
    ...warnings.filter(({ id }) => ids.has(id)).map(({ text }) => `warning: ${text}`),
  ];
  return `on node 0 as it is now: ${said.length === 0 ? "nothing changes but its records" : said.join("; ")}`;
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0
    ? []
    : [`${title}:`, ...lines.flatMap((text) => text.split("\n")).map((text) => `  ${text}`)];
}

function capped(lines: readonly string[]): readonly string[] {
  return lines.length <= mostNamed ? lines : [...lines.slice(0, mostNamed), `… and ${lines.length - mostNamed} more`];
}

function listed(names: readonly string[]): string {
  return names.length <= mostNamed
    ? names.join(", ")
    : `${names.slice(0, mostNamed).join(", ")} and ${names.length - mostNamed} more`;
}

function packageLines({
  install,
  along,
  replaced,
  masked,
  taken,
  givenBack,
  purged,
}: ShownPackages): readonly string[] {
  const goes = new Set(replaced.map((each) => each.package));
  const removed = (along?.remove ?? []).filter((name) => !goes.has(name));
  const byPackage = Map.groupBy(taken, (each) => each.package);
  return [
    ...(install.length === 0 ? [] : [`apt brings ${install.join(", ")}`]),
    ...(along === undefined || along.install.length === 0 ? [] : [`and with them ${along.install.join(", ")}`]),
    ...(install.length === 0 || along !== undefined
      ? []
      : ["what comes with them is not known: apt's lists are renewed first"]),
    ...replaced.map(({ package: name, by }) => `${name} goes for ${by}, and comes back on destroy`),
    ...(removed.length === 0 ? [] : [`apt takes away ${removed.join(", ")}`]),
    ...(masked.length === 0 ? [] : [`kept from starting until then: ${masked.join(", ")}`]),
    ...[...byPackage].map(
      ([name, files]) =>
        `taken out of a copy of ${name}, of which nothing else is installed: ${files.map(({ path }) => path).join(", ")}`,
    ),
    ...givenBack.map((each) => `${each.for} goes, and ${each.package} comes back`),
    ...(purged ? ["the packages that we brought go"] : []),
  ];
}

const signs = { comes: "+", changes: "~", goes: "-", "comes back": "<" } as const;

function fileLines({ path, how, diff, sha256, notes }: ShownFile): readonly string[] {
  // What is new is in the program, and `pulumi preview --diff` shows it.
  const isNew = how === "comes" && diff !== undefined;
  const lines = (diff ?? "").split("\n").filter((text) => text.startsWith("+")).length;
  const hashes = [shortened(sha256?.before), shortened(sha256?.after)].filter((each) => each !== "");
  if (sha256?.before !== undefined && sha256.after === undefined) hashes.push("?");
  const said = [
    ...(isNew ? [`${lines} ${lines === 1 ? "line" : "lines"}`] : []),
    ...(hashes.length === 0 ? [] : [`sha256 ${hashes.join(" → ")}`]),
    ...notes,
  ];
  const head = `${signs[how]} ${path}${said.length === 0 ? "" : `  (${said.join("; ")})`}`;
  return isNew || diff === undefined
    ? [head]
    : [
        head,
        ...diff
          .trimEnd()
          .split("\n")
          .map((text) => `    ${text}`),
      ];
}

function shortened(sha256: string | undefined): string {
  return sha256 === undefined ? "" : `${sha256.slice(0, 10)}…`;
}

function machineLine(machine: ShownMachine): string {
  const { hostname, id, how, before, after } = machine;
  const now = after ?? before;
  const words =
    how === "changes" && before !== undefined && after !== undefined
      ? changesIn(machine, before, after)
      : now === undefined
        ? ""
        : `${now.address}, ${now.macs}`;
  return `${signs[how]} ${hostname}  ${words}  (${id})`;
}

function changesIn(
  { hostname, hostnameBefore, idBefore, found, staysAsTold }: ShownMachine,
  before: MachineInWords,
  after: MachineInWords,
): string {
  const keys = ["address", "macs", "firmware", "loader"] as const;
  const changed = [
    ...(hostnameBefore === undefined ? [] : [`host name ${hostnameBefore} → ${hostname}`]),
    ...keys.filter((key) => before[key] !== after[key]).map((key) => `${before[key]} → ${after[key]}`),
  ];
  const told = staysAsTold !== true ? ["what DHCP tells it"] : idBefore === undefined && !found ? ["its comment"] : [];
  return [
    ...(changed.length === 0 ? told : changed),
    ...(found === undefined
      ? []
      : [`somebody ${found === "missing" ? "took it out" : "changed it"} on node 0; it is put back as declared`]),
    ...(idBefore === undefined
      ? []
      : [`declared by ${idBefore} until now${staysAsTold === true ? ", and told the same by DHCP" : ""}`]),
  ].join(", ");
}

/** `about 0.1 s`; of one that hears another one, what the change costs while that is down as well. */
function silenceOf({ dhcpIsSilentForSeconds: seconds, hasPartner }: ShownPlan): string | undefined {
  if (seconds === undefined) return undefined;
  return hasPartner === true ? "up to 2 s, or 3 to 4 s while the other node 0 is down" : `about ${seconds} s`;
}

function unitLines(units: readonly ShownUnit[], silence: string | undefined): readonly string[] {
  return [
    ...units.map(({ unit, how }) => `${unit} ${how}`),
    ...(silence === undefined
      ? []
      : [`DHCP is silent for ${silence} at each restart; a machine that asks then asks again by itself`]),
  ];
}

function firewallLines({ manager, chains, commands, comes, goes, isChanged }: ShownFirewall): readonly string[] {
  if (manager === "none") {
    return ["nothing of it decides about what comes in now; rules that somebody loads later are opened then"];
  }
  const rules = [...comes.map((rule) => `+ ${rule}`), ...goes.map((rule) => `- ${rule}`)];
  if (!isChanged) return [`managed by ${manager}`, "all rules are as they should be"];
  return [
    `managed by ${manager}`,
    ...(rules.length > 0 ? rules : ["rules of ours that are not there are put back"]),
    ...chains.map((chain) => `at the head of ${chain}`),
    ...commands.map((command) => `by \`${command}\``),
  ];
}

function questionLines({
  sockets,
  machines,
  standing,
  stranger,
  others,
  files,
  names,
  time,
  firewall,
}: ShownQuestions): readonly string[] {
  return [
    ...sockets.map(({ unit, on }) => `whether ${unit} ${on.length > 0 ? `listens on ${on.join(" and ")}` : "runs"}`),
    ...(machines.length === 0 ? [] : [`DHCP, as firmware and as iPXE from each MAC: ${listed(machines)}`]),
    ...(standing.length === 0 ? [] : [`DHCP for all with the same chain: ${listed(standing)}`]),
    ...(stranger ? ["DHCP from a MAC that nobody declared, which must get nothing"] : []),
    ...(others ? ["whether another DHCP server answers"] : []),
    ...(files.length === 0 ? [] : [`by TFTP: ${listed(files)}`]),
    ...(time.length === 0 ? [] : [`the time, of ${time.join(", ")}`]),
    ...(names.length === 0 ? [] : [`names, by DNS: ${listed(names)}`]),
    ...(firewall ? ["whether the rules are in the firewall"] : []),
  ];
}
