import { type Daemon, type Daemons, daemonFacts, type Override } from "../facts/daemons";
import { daemonUserFacts } from "../facts/daemonUsers";
import { type NextStart, nextStartFacts } from "../facts/nextStart";
import type { Answers, Fact, Question } from "../facts/question";
import { holdersKey, servers } from "../facts/servers";
import { commandOf } from "../formats/systemd/command";
import type { Declaration, Want } from "../kinds/want";
import { daemonUsers } from "../os/daemonUsers";
import { unitFile } from "../os/paths";
import type { Change } from "./change";
import type { Refusal } from "./refusal";

type Listen = Extract<Want, { readonly want: "listen" }>;

/** A unit whose text is ours, and what is known of its daemon by that. */
interface Own {
  readonly id: string;
  readonly unit: string;
  /** The words that it is to be started with. */
  readonly words: readonly string[];
  /** Whether some of them come out of an environment file. */
  readonly hasVariables: boolean;
  readonly sockets: readonly Listen["on"][];
  /** The files that it reads when it is started. */
  readonly files: readonly string[];
}

/**
 * The units whose daemons are looked at. A unit that is not ours, chrony's, may be started as its host has it.
 *
 * @param named - a text with the interface's name in the place of `@interface@`
 */
function ownUnits(
  { id, wants }: Pick<Declaration, "id" | "wants">,
  named: (text: string) => string = (text) => text,
): readonly Own[] {
  const textAt = (path: string): string | undefined => {
    const file = wants.find((want) => want.want === "file" && want.path === path);
    return file?.want === "file" && typeof file.content === "string" ? named(file.content) : undefined;
  };
  const socketsOf = (unit: string): Own["sockets"] =>
    wants.flatMap((want) => (want.want === "listen" && want.unit === unit ? [nameSocket(want.on, named)] : []));
  return wants.flatMap((want): readonly Own[] => {
    if (want.want !== "unit") return [];
    const text = textAt(unitFile(want.name));
    const words = text === undefined ? undefined : commandOf(text, textAt);
    return words === undefined
      ? []
      : [
          {
            id,
            unit: want.name,
            words,
            hasVariables: /^ExecStart=.*\$/m.test(text ?? ""),
            sockets: socketsOf(want.name),
            files: filesOf(want),
          },
        ];
  });
}

function nameSocket(on: Listen["on"], named: (text: string) => string): Listen["on"] {
  return on.kind === "packet" ? { ...on, interface: named(on.interface) } : on;
}

function filesOf({ name, restartedBy }: Extract<Want, { readonly want: "unit" }>): readonly string[] {
  return restartedBy.filter((path) => path !== unitFile(name));
}

function factOf(puts: readonly Declaration[]): Fact<Daemons> {
  return daemonFacts(puts.flatMap((put) => ownUnits(put).map(({ unit }) => unit)));
}

function nextStartOf(puts: readonly Declaration[]): Fact<NextStart> {
  return nextStartFacts(puts.flatMap((put) => ownUnits(put).map(({ unit }) => unit)));
}

/** Also of units that are not ours, as chrony's. */
function usersOf(puts: readonly Declaration[]): Fact<ReadonlySet<string>> {
  return daemonUserFacts(
    puts.flatMap(({ wants }) => wants.flatMap((want) => (want.want === "unit" ? [want.name] : []))),
  );
}

function readKey(path: string): string {
  return `daemons read ${path}`;
}

/** What is asked of the daemons of these resources. */
export function daemonQuestions(puts: readonly Declaration[]): Readonly<Record<string, Question>> {
  const units = puts.flatMap((put) => ownUnits(put));
  const paths = units.flatMap(({ files }) => files);
  return {
    ...factOf(puts).questions,
    ...nextStartOf(puts).questions,
    ...usersOf(puts).questions,
    ...(units.some(({ sockets }) => sockets.length > 0) ? { [holdersKey]: servers.questions[holdersKey] } : {}),
    ...Object.fromEntries(paths.map((path) => [readKey(path), { ask: "path", path }] as const)),
  };
}

/** What a unit runs as. */
export interface Otherwise {
  readonly text: string;
  /** A drop-in of somebody's has it so, which no `up` overrides. */
  readonly isByDropIn: boolean;
}

/** What runs in another way than lies there, of each unit of a resource. */
export function whyNotAsDeclared(
  put: Declaration,
  answers: Answers,
  named?: (text: string) => string,
): ReadonlyMap<string, Otherwise> {
  const { running, overrides } = factOf([put]).read(answers);
  return new Map(
    ownUnits(put, named).flatMap((own) => {
      const daemon = running.get(own.unit);
      if (daemon === undefined) return [];
      const by = overrides.filter((each) => each.unit === own.unit && isAnother(own, each)).map(({ path }) => path);
      const started = whyStartedSo(own, daemon);
      if (started !== undefined) {
        const text =
          by.length === 0 ? started : `${started}, by ${[...new Set(by)].join(" and ")}: take its lines away`;
        return [[own.unit, { text, isByDropIn: by.length > 0 }] as const];
      }
      const text = whyOutdated(own, daemon, answers);
      return text === undefined ? [] : [[own.unit, { text, isByDropIn: false }] as const];
    }),
  );
}

function whyStartedSo({ words }: Own, daemon: Daemon): string | undefined {
  if (daemon.words.join(" ") !== words.join(" ")) {
    return `it runs as \`${daemon.words.join(" ")}\`, not as \`${words.join(" ")}\``;
  }
  return daemon.root === "/" ? undefined : `it runs in ${daemon.root} as its root, and reads no file outside`;
}

function whyOutdated({ sockets, files }: Own, daemon: Daemon, answers: Answers): string | undefined {
  const halted = whyHalted(daemon);
  if (halted !== undefined) return `it ${halted}`;
  const changed = files.find((path) => (answers.path(readKey(path))?.ctime ?? 0) > daemon.started);
  if (changed !== undefined) return `it reads ${changed} when it is started, and that was changed since`;
  const closed = sockets.find((socket) => !isOpen(socket, daemon, answers));
  if (closed !== undefined) return `it runs and does not listen on ${shownSocket(closed)} any more`;
  if (daemon.needsReload)
    return "a file of it, or a drop-in, was changed since systemd read it; the next start may be another";
  return undefined;
}

/** That a daemon runs and does nothing, and what lets it go on. */
export function whyHalted({ unit, pid, halted }: Daemon): string | undefined {
  if (halted === undefined) return undefined;
  return halted === "frozen"
    ? `is frozen, and answers nobody until \`systemctl thaw ${unit}\``
    : `was halted by a signal, and answers nobody until \`kill -CONT ${pid}\``;
}

/** A raw socket goes with its interface, and nothing tells dhcpd of it: it runs on, deaf. */
function isOpen(socket: Listen["on"], { pid }: Daemon, answers: Answers): boolean {
  if (socket.kind === "packet") {
    const raw = answers.packetSockets(holdersKey);
    return raw === undefined || raw.some((each) => each.pid === pid && each.interface === socket.interface);
  }
  const { kind, address, port } = socket;
  const holders = answers.holders(holdersKey);
  return (
    holders === undefined ||
    holders.some((each) => each.pid === pid && each.protocol === kind && each.address === address && each.port === port)
  );
}

function shownSocket(socket: Listen["on"]): string {
  return socket.kind === "packet" ? socket.interface : `${socket.address}:${socket.port} (${socket.kind})`;
}

/** Units that run with what was there when they were started, and not with what is. */
export function staleUnits({ puts }: Change, answers: Answers): readonly string[] {
  return [...puts.values()].flatMap((put) => [...whyNotAsDeclared(put, answers).keys()]);
}

/** A drop-in that starts one of our daemons in another way: it would serve what nobody has looked at, on who knows which side. */
export function whyStartedOtherwise({ puts }: Change, answers: Answers): Refusal | undefined {
  for (const put of puts.values()) {
    const { overrides } = factOf([put]).read(answers);
    for (const own of ownUnits(put)) {
      const override = overrides.find((each) => each.unit === own.unit && isAnother(own, each));
      if (override === undefined) continue;
      const { path, setting, value } = override;
      return {
        code: "NOT_SERVING",
        id: own.id,
        message: `${path} has ${own.unit} started in another way than this program declares (${setting}=${value}), so that what is declared here would not be what runs. Take its lines with ${setting} away, and say what is meant in the program; its other settings may stay`,
      };
    }
  }
  return undefined;
}

/** A condition that somebody gave one of our units, and that does not hold: a restart would stop it, and start nothing. */
export function whyPassedOver({ puts }: Change, answers: Answers): Refusal | undefined {
  for (const put of puts.values()) {
    const { unmet } = nextStartOf([put]).read(answers);
    for (const { id, unit } of ownUnits(put)) {
      const conditions = unmet.get(unit);
      if (conditions !== undefined) return { code: "NOT_SERVING", id, message: shownUnmet(unit, conditions) };
    }
  }
  return undefined;
}

/** The user of a daemon was deleted: it runs on, a restart would stop it, and start nothing. */
export function whyUserIsGone({ puts }: Change, answers: Answers): Refusal | undefined {
  const declarations = [...puts.values()];
  const gone = usersOf(declarations).read(answers);
  for (const { id, wants } of declarations) {
    const unit = wants.find((want) => want.want === "unit" && gone.has(want.name));
    if (unit?.want === "unit") return { code: "NOT_SERVING", id, message: shownGoneUser(unit.name) };
  }
  return undefined;
}

/** That a start of a unit would fail, and what makes its user again. */
export function shownGoneUser(unit: string): string {
  const { user, package: name } = daemonUsers[unit] ?? { user: "", package: "" };
  return `somebody has deleted the user ${user}, as whom ${unit} runs, so that it would not start again: \`dpkg-reconfigure -f noninteractive ${name}\` there makes that user anew`;
}

/** What a start of a unit would come to, and where that is set. */
export function shownUnmet(unit: string, conditions: readonly string[]): string {
  return `systemd would not start ${unit} now, for this does not hold: ${conditions.join(", ")}; \`systemctl cat ${unit}\` there shows where it is set: mend what it asks for, or take its lines away`;
}

function isAnother({ words, hasVariables }: Own, { setting, value }: Override): boolean {
  if (setting === "ExecStart") return value !== words.join(" ");
  return setting === "EnvironmentFile" ? hasVariables : value !== "/";
}
